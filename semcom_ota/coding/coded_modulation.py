"""Any number of bits to exactly the wanted number of QAM symbols, and back: segments, polar codes, scrambling, QAM.

The chain follows 3GPP: each segment with its own CRC16 (the checksum that TS 38.212, 7.2.1 gives to transport blocks of
up to 3824 bits) or another `Checksum`, polar coded, the coded bits scrambled with the Gold sequence of TS 38.211,
5.2.1.
"""

import functools
import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from semcom_ota.coding.channel_code import MAX_MOTHER_BITS, PolarCode
from semcom_ota.coding.constellation import bits_per_symbol, llrs, modulate
from semcom_ota.coding.crc import BitArray, checksum
from semcom_ota.types import ComplexArray, FloatArray, fragment_range

CRC_BITS = 16
LIST_SIZE = 32
ONE_SEGMENT_BITS = 360
"""A message of so many bits is never split."""
_SPLIT_CODED_BITS = 1088  # a block that holds more bits than that in more than this is split (TS 38.212, 6.3.1.2.1)


@dataclass(frozen=True, slots=True)
class Checksum:
    """What every segment is checked by."""

    bits: int = CRC_BITS
    withheld: int = 0
    """So many of them, the last ones, are not sent here but by other means. Of one segment only."""

    @property
    def sent(self) -> int:
        """Bits that share the symbols with the message."""
        return self.bits - self.withheld

    def withheld_of(self, message: BitArray) -> int:
        """What has to be sent by other means."""
        return int("".join(map(str, checksum(message, self.bits)[self.sent :])) or "0", 2)


CRC16 = Checksum()


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the bits that has a code and a checksum of its own."""

    information: tuple[int, int]  # first and past-the-end bit of the message
    coded: tuple[int, int]  # first and past-the-end bit on the channel

    @property
    def sizes(self) -> tuple[int, int]:
        """Information bits and coded bits."""
        return self.information[1] - self.information[0], self.coded[1] - self.coded[0]


def segments(n_bits: int, n_symbols: int, order: int, crc_bits: int = CRC_BITS) -> list[Segment] | None:
    """Equal segments (to a bit), as few as the mother code of 1024 bits carries well.

    Args:
        n_bits: bits of the message, at least 1.
        n_symbols: QAM symbols to fill.
        order: 4, 16, 64 or 256.
        crc_bits: sent with each segment.

    Returns:
        The segments in order, or None if they cannot carry the message.
    """
    coded_bits = n_symbols * bits_per_symbol(order)
    count = max(
        math.ceil(n_bits / (MAX_MOTHER_BITS - crc_bits)),
        min(math.ceil(coded_bits / _SPLIT_CODED_BITS), math.ceil(n_bits / ONE_SEGMENT_BITS)),
    )
    if n_bits < 1 or n_bits + count * (crc_bits + 1) > coded_bits:
        return None
    return [
        Segment(fragment_range(n_bits, count, index), fragment_range(coded_bits, count, index))
        for index in range(count)
    ]


def modulate_message(bits: BitArray, n_symbols: int, order: int, check: Checksum = CRC16) -> ComplexArray:
    """Message bits to symbols.

    Args:
        bits: (n_bits,) uint8, zeros and ones.
        n_symbols: how many symbols to fill.
        order: 4, 16, 64 or 256.
        check: see `Checksum`.

    Returns:
        (n_symbols,) complex64, points of the constellation of unit mean power.

    Raises:
        ValueError: that many bits do not go into that many symbols.
    """
    layout = segments(bits.size, n_symbols, order, check.sent)
    if layout is None:
        raise ValueError(f"{bits.size} bits do not go into {n_symbols} symbols of {order}-QAM")
    coded = np.concatenate([_code(*part.sizes, check).encode(bits[slice(*part.information)]) for part in layout])
    return modulate(coded ^ _gold_sequence(coded.size), order)


def demodulate_message(
    symbols: ComplexArray,
    noise_variance: FloatArray,
    n_bits: int,
    order: int,
    check: Checksum = CRC16,
    withheld: int = 0,
) -> tuple[BitArray, NDArray[np.bool_]]:
    """Symbols to message bits.

    Args:
        symbols: (n,) complex64, what `modulate_message` returned plus noise.
        noise_variance: (n,) float32, E|noise|**2 of each; inf where nothing was received.
        n_bits: bits of the message, at least 1.
        order: 4, 16, 64 or 256.
        check: see `Checksum`.
        withheld: what `Checksum.withheld_of` said.

    Returns:
        (n_bits,) uint8, and (n_bits,) bool: whether the checksum over that bit held; none does if
        the symbols cannot carry that many bits.
    """
    bits = np.zeros(n_bits, np.uint8)
    right = np.zeros(n_bits, np.bool_)
    layout = segments(n_bits, symbols.size, order, check.sent)
    if layout is None:
        return bits, right
    scrambling = 1 - 2 * _gold_sequence(symbols.size * bits_per_symbol(order)).astype(np.float32)
    soft = llrs(symbols, noise_variance, order) * scrambling
    for part in layout:
        inside = slice(*part.information)
        bits[inside], right[inside] = _code(*part.sizes, check).decode(soft[slice(*part.coded)], withheld)
    return bits, right


@functools.lru_cache(maxsize=256)
def _code(information_bits: int, coded_bits: int, check: Checksum) -> PolarCode:
    return PolarCode(information_bits, coded_bits, LIST_SIZE, check.bits, check.withheld)


@numba.njit(cache=True)
def _gold_sequence(length: int) -> BitArray:
    """(length,) uint8, c(n) of TS 38.211, 5.2.1, for c_init = 1.

    Without it a regular text could meet one corner of the constellation again and again.
    """
    skipped = 1600
    first = np.zeros(skipped + length + 31, np.uint8)
    second = np.zeros(skipped + length + 31, np.uint8)
    first[0] = second[0] = 1
    for n in range(skipped + length):
        first[n + 31] = first[n + 3] ^ first[n]
        second[n + 31] = second[n + 3] ^ second[n + 2] ^ second[n + 1] ^ second[n]
    return first[skipped : skipped + length] ^ second[skipped : skipped + length]
