"""The way of bits in `lam-jscc`: text that is not for the LAM, byte for byte; and the LAM's own bits, if it was trained
to write bits and not symbols (the separate design).

The former is `huffman`'s, its parameters are those of `to_plain` with bit 17 set. Of the latter's 24 parameter bits,
from the top: 2 for the order, 4 for the scale that brought the symbols to unit mean power (1.03**(value - 8); for QPSK,
which needs none, 4 of the checksum), a 0, 10 for the number of tokens less one, 6 for the rate (pairs of bits a token,
in quarters, less one), 1 if the text that these bits make is the one that was meant: the transmitter has tried.
"""

import math

import numpy as np
from numpy.typing import NDArray

from semcom_ota.codecs.base import Decoded, DoesNotFit, Encoded
from semcom_ota.codecs.conventional import OWN_SNR_DB, Header, Huffman, from_plain, scale_of, to_plain, to_unit_power
from semcom_ota.coding.coded_modulation import CRC16, ONE_SEGMENT_BITS, Checksum, demodulate_message, modulate_message
from semcom_ota.coding.constellation import ORDERS, QPSK
from semcom_ota.coding.link_adaptation import CrcBits, best_order, log_success, sent_bits
from semcom_ota.config import CodecConfig, DeviceConfig
from semcom_ota.types import ComplexArray, FloatArray

LITERAL = 1 << 17
MAX_TOKENS = 1 << 10
RATES = 1 << 6
BLOCK_ERROR = 0.01
"""As many of the LAM's bits are sent as arrive but for this share of messages: a lost block costs all of a message,
more bits only sharpen it."""
ERROR_FREE = 1e-3
"""Noise variance that stands for a symbol whose bits are known for sure."""

Bits = NDArray[np.uint8]


class Literal:
    """Text byte for byte."""

    def __init__(self) -> None:
        """Needs no configuration."""
        self._huffman = Huffman(CodecConfig(), DeviceConfig(), short_form=False)

    def symbol_count(self, text: str) -> int:
        """See `Codec.symbol_count`."""
        return self._huffman.symbol_count(text)

    def encode(self, text: str, n_symbols: int | None, snr_db: float | None) -> Encoded:
        """See `Codec.encode`."""
        encoded = self._huffman.encode(text, n_symbols=n_symbols, snr_db=snr_db)
        return Encoded(encoded.symbols, to_plain(encoded.parameters) | LITERAL)

    def decode(self, symbols: ComplexArray, noise_variance: FloatArray, parameters: int) -> Decoded:
        """See `Codec.decode`."""
        return self._huffman.decode(symbols, noise_variance, from_plain(parameters))

    def arrives(self, text: str, n_symbols: int, snr_db: float | None) -> bool:
        """Whether a text is likelier than not to arrive."""
        try:
            parameters = self.encode(text, n_symbols, snr_db).parameters
        except DoesNotFit:
            return False
        return _chance(Header.read(from_plain(parameters)).n_bits, n_symbols, snr_db) > math.log(0.5)


def pairs(tokens: int, rate: int) -> int:
    """Pairs of bits that so many tokens are given."""
    return -(-tokens * (rate + 1) // 4)


def best_rate(tokens: int, n_symbols: int, snr_db: float | None, layers: int) -> int:
    """The rate with the most bits that arrive, but for BLOCK_ERROR of all messages; else the likeliest to arrive.

    Raises:
        DoesNotFit: even the fewest bits are too many.
    """
    chances = [_chance(2 * pairs(tokens, rate), n_symbols, snr_db) for rate in range(min(RATES, 4 * layers))]
    if max(chances) == -math.inf:
        raise DoesNotFit(f"{n_symbols} symbols cannot carry {tokens} tokens and a checksum")
    good = [rate for rate, chance in enumerate(chances) if chance >= math.log1p(-BLOCK_ERROR)]
    return max(good, default=int(np.argmax(chances)))


def modulated(bits: Bits, tokens: int, rate: int, exact: bool, n_symbols: int, snr_db: float | None) -> Encoded:
    """The LAM's bits, `2 * pairs(tokens, rate)` of them, in so many symbols; raises DoesNotFit if they cannot be."""
    order = best_order(bits.size, n_symbols, OWN_SNR_DB if snr_db is None else snr_db, _sent_checksum(bits.size))
    if order is None:
        raise DoesNotFit(f"{bits.size} bits and their checksum do not fit {n_symbols} symbols")
    check = _checksum(bits.size, order)
    symbols, step = to_unit_power(modulate_message(bits, n_symbols, order, check))
    four = check.withheld_of(bits) if check.withheld else step
    return Encoded(symbols, (ORDERS.index(order) << 4 | four) << 18 | (tokens - 1) << 7 | rate << 1 | exact)


def demodulated(
    symbols: ComplexArray, noise_variance: FloatArray, parameters: int
) -> tuple[Bits, NDArray[np.bool_], int, bool]:
    """The LAM's bits, whether each is right, the number of tokens, and whether the text is right if all bits are."""
    tokens, rate = (parameters >> 7 & MAX_TOKENS - 1) + 1, parameters >> 1 & RATES - 1
    order, four, n_bits = ORDERS[parameters >> 22 & 3], parameters >> 18 & 15, 2 * pairs(tokens, rate)
    check = _checksum(n_bits, order)
    scale, withheld = (np.float32(1), four) if check.withheld else (scale_of(four), 0)
    bits, right = demodulate_message(symbols / scale, noise_variance / scale**2, n_bits, order, check, withheld)
    return bits, right, tokens, bool(parameters & 1)


def _checksum(n_bits: int, order: int) -> Checksum:
    if n_bits > ONE_SEGMENT_BITS:
        return CRC16
    return Checksum(11, 4 if order == QPSK else 0)


def _sent_checksum(n_bits: int) -> CrcBits:
    return sent_bits(lambda order: _checksum(n_bits, order))


def _chance(n_bits: int, n_symbols: int, snr_db: float | None) -> float:
    """Natural logarithm of the predicted probability that these bits arrive; minus infinity if they do not fit."""
    given = OWN_SNR_DB if snr_db is None else snr_db
    checks = zip(ORDERS, _sent_checksum(n_bits), strict=True)
    chances = [log_success(n_bits, n_symbols, order, given, crc_bits) for order, crc_bits in checks]
    return max((chance for chance in chances if chance is not None), default=-math.inf)
