"""Which QAM order, and how many symbols: by the predicted block error rate."""

import functools

from semcom_ota.coding.coded_modulation import CRC_BITS, segments
from semcom_ota.coding.constellation import ORDERS, bits_per_symbol
from semcom_ota.coding.finite_blocklength import bicm_moments, log_block_success

LOSS_DB = {4: 0.6, 16: 0.6, 64: 0.9, 256: 0.9}


def log_success(n_bits: int, n_symbols: int, order: int, snr_db: float) -> float | None:
    """Natural logarithm of the predicted probability that every segment of a message arrives, or None if it cannot fit.

    Each segment is taken for an ideal code for its bits and their checksum over the order's own bit-interleaved channel
    (`finite_blocklength`), `LOSS_DB` below the true SNR.
    """
    layout = segments(n_bits, n_symbols, order)
    if layout is None:
        return None
    moments = bicm_moments(order, snr_db - LOSS_DB[order])
    width = bits_per_symbol(order)
    sizes = [part.sizes for part in layout]
    return sum(log_block_success(coded / width, bits + CRC_BITS, moments) for bits, coded in sizes)


def best_order(n_bits: int, n_symbols: int, snr_db: float) -> int | None:
    """The order with the highest `log_success` (the smaller of equal ones), or None if none can carry the bits."""
    chances = [(log_success(n_bits, n_symbols, order, snr_db), order) for order in ORDERS]
    possible = [(chance, -order) for chance, order in chances if chance is not None]
    return -max(possible)[1] if possible else None


@functools.lru_cache(maxsize=4096)
def symbols_needed(n_bits: int, snr_db: float, block_error: float) -> int:
    """The fewest symbols (found by bisection) over which the best order is predicted to lose at most `block_error`."""

    def enough(n_symbols: int) -> bool:
        order = best_order(n_bits, n_symbols, snr_db)
        return order is not None and -(log_success(n_bits, n_symbols, order, snr_db) or 0.0) <= block_error

    high = 1
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
