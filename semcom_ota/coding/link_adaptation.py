"""Which QAM order, and how many symbols: by the predicted block error rate."""

import functools
from collections.abc import Callable

import numpy as np

from semcom_ota.coding.coded_modulation import CRC_BITS, Checksum, segments
from semcom_ota.coding.constellation import ORDERS, bits_per_symbol
from semcom_ota.coding.finite_blocklength import bicm_moments, log_block_success

CrcBits = tuple[int, int, int, int]
"""Bits of checksum sent with a segment, by order."""
_ALIKE: CrcBits = (CRC_BITS,) * 4


def sent_bits(check: Callable[[int], Checksum]) -> CrcBits:
    """Of the checksum that each order has."""
    qpsk, qam16, qam64, qam256 = (check(order).sent for order in ORDERS)
    return qpsk, qam16, qam64, qam256


_RATES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
LOSS_DB = {
    4: (-0.35, 0.0, 0.1, 0.1, 0.0, -0.2),
    16: (0.15, 0.45, 0.65, 0.35, 0.15, -0.1),
    64: (0.6, 0.95, 1.15, 0.9, 0.45, -0.05),
    256: (1.05, 1.85, 1.5, 1.2, 0.65, 0.0),
}
"""By order and code rate (checksum included): what a block needs more than the normal approximation says that an ideal
code needs over the same bit-interleaved channel, in dB at a block error rate of 0.01 and 95 symbols. Measured by
`benchmarks/channel_code.py`. The approximation itself is good to some tenths of a dB only, hence the negative ones. The
losses in the middle of the higher orders are the price of a code that does not know that the bits of a symbol are
unequal; there, mostly, another order is the best."""


def log_success(n_bits: int, n_symbols: int, order: int, snr_db: float, crc_bits: int = CRC_BITS) -> float | None:
    """Natural logarithm of the predicted probability that every segment of a message arrives.

    Each segment is taken for an ideal code for its bits and their checksum over the order's own bit-interleaved channel
    (`finite_blocklength`), `LOSS_DB` below the true SNR.

    Args:
        n_bits: bits of the message.
        n_symbols: symbols they are sent in.
        order: 4, 16, 64 or 256.
        snr_db: Es/N0 in dB.
        crc_bits: sent with each segment.

    Returns:
        The logarithm, at most 0; None if the bits do not fit or, but for the highest order, leave too little redundancy
        (a code rate above the table's last, where theory says little).
    """
    layout = segments(n_bits, n_symbols, order, crc_bits)
    if layout is None:
        return None
    information_bits, coded_bits = layout[0].sizes
    rate = (information_bits + crc_bits) / coded_bits
    if rate > _RATES[-1] and order != ORDERS[-1]:
        return None
    moments = bicm_moments(order, snr_db - float(np.interp(rate, _RATES, LOSS_DB[order])))
    return len(layout) * log_block_success(coded_bits / bits_per_symbol(order), information_bits + crc_bits, moments)


def best_order(n_bits: int, n_symbols: int, snr_db: float, crc_bits: CrcBits = _ALIKE) -> int | None:
    """The order with the highest `log_success`, the smaller of equal ones; None if none can carry the bits."""
    chances = [
        (log_success(n_bits, n_symbols, order, snr_db, crc), -order)
        for order, crc in zip(ORDERS, crc_bits, strict=True)
    ]
    possible = [(chance, order) for chance, order in chances if chance is not None]
    return -max(possible)[1] if possible else None


@functools.lru_cache(maxsize=4096)
def symbols_needed(n_bits: int, snr_db: float, block_error: float, crc_bits: CrcBits = _ALIKE) -> int:
    """The fewest symbols (found by bisection) over which the best order is predicted to lose at most `block_error`."""

    def enough(n_symbols: int) -> bool:
        order = best_order(n_bits, n_symbols, snr_db, crc_bits)
        if order is None:
            return False
        crc = crc_bits[ORDERS.index(order)]
        return -(log_success(n_bits, n_symbols, order, snr_db, crc) or 0.0) <= block_error

    high = 1
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
