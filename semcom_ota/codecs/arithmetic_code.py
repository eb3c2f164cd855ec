"""Arithmetic coding over tables of integer frequencies: bits are a number in the interval that the symbols leave.

Witten, Neal and Cleary, "Arithmetic Coding for Data Compression", Communications of the ACM 30(6), 1987, with carries
in place of their underflow counter. The frequencies may be others for every symbol; both ends must use the same ones.

Whoever reads is told how many bits there are (in this project by the frame header), and they mean the binary fraction
0.bits1: the last one bit of a number of finite length is always there, and not sent. The number is the shortest
inside the interval. So the bits are fewer than -sum log2 p of the symbols, by nearly two on average, and a message's
end costs none.
"""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_TOTAL = 2**24
"""The largest sum of a table's frequencies."""
_WINDOW = 48  # bits of the interval that are worked on; rounding costs less than 2**-22 bits a symbol
_AHEAD = 64  # the interval may be narrower than the number is long by this many bits; hardly ever happens

Bits = NDArray[np.uint8]
Cumulative = Sequence[int]
"""(n + 1,) cumulative frequencies of n symbols: 0 first, then growing; the last is the sum, at most MAX_TOTAL."""


class Encoder:
    """Symbols to bits."""

    def __init__(self) -> None:
        """An interval that is everything."""
        self._low, self._range = 0, 1 << _WINDOW
        self._settled = bytearray()  # bits above the window, one each; a carry may still change them

    def encode(self, cumulative: Cumulative, symbol: int) -> None:
        """Narrow the interval to a symbol's share.

        Raises:
            ValueError: the symbol has a frequency of 0, or the table is none (see `Cumulative`).
        """
        total = cumulative[-1]
        if not cumulative[symbol] < cumulative[symbol + 1] <= total <= MAX_TOTAL:
            raise ValueError(f"symbol {symbol} has no share of {total} (a table's sum is at most {MAX_TOTAL})")
        lower = self._range * cumulative[symbol] // total
        self._low += lower
        self._range = self._range * cumulative[symbol + 1] // total - lower
        if self._low >> _WINDOW:
            self._carry()
        shift = _shift(self._range)
        if shift:
            self._settled += bytes(self._low >> (_WINDOW - 1 - i) & 1 for i in range(shift))
            self._low = self._low << shift & (1 << _WINDOW) - 1
            self._range <<= shift

    def finish(self) -> Bits:
        """The bits of what was encoded so far, at least one: (n,) uint8, zeros and ones."""
        size = len(self._settled) + _WINDOW
        settled = int(bytes(self._settled).translate(_DIGITS) or b"0", 2)
        first = (settled << _WINDOW | self._low) or 1  # in units of 2**-size
        last = (settled << _WINDOW | self._low) + self._range - 1
        zeros = (first - 1 ^ last).bit_length() - 1  # below the last one bit of the number in between with the most
        n = max(size - zeros - 1, len(self._settled) - _AHEAD, 1)
        while True:
            finer = max(0, n + 1 - size)
            unit = size + finer - n - 1
            number = -(-(first << finer) >> unit) | 1  # the first odd multiple of the unit, if it is inside
            if number << unit < last + 1 << finer:
                return np.frombuffer(f"{number >> 1:0{n}b}".encode(), np.uint8) & np.uint8(1)
            n += 1

    def _carry(self) -> None:
        self._low &= (1 << _WINDOW) - 1
        place = self._settled.rindex(0)  # there is one: the number is less than 1
        self._settled[place:] = b"\1" + bytes(len(self._settled) - place - 1)


class Decoder:
    """Bits to symbols. Any bits can be read, and any symbols come out; whether they make sense is for others to say."""

    def __init__(self, bits: Bits, *, cut: bool = False):
        """Begin to read.

        Args:
            bits: (n,) uint8, zeros and ones, from `Encoder.finish`.
            cut: these are only the first bits; the others are not known.
        """
        self._bits = bits.tobytes() + (b"" if cut else b"\1")
        self._size = bits.size
        self._fill = 1 if cut else 0
        self._range = 1 << _WINDOW
        self._lowest = self._highest = 0  # the number less the interval's lower end, with zeros and with `_fill` behind
        self._read = 0
        self._shift_in(_WINDOW)

    @property
    def exhausted(self) -> bool:
        """More has been decoded than any encoder puts into so few bits."""
        return self._read - _WINDOW > self._size + _AHEAD

    def decode(self, cumulative: Cumulative) -> int | None:
        """The next symbol; None if the bits are cut and do not tell."""
        total = cumulative[-1]
        symbol = bisect_right(cumulative, ((self._lowest + 1) * total - 1) // self._range, 1, len(cumulative) - 1) - 1
        lower = self._range * cumulative[symbol] // total
        width = self._range * cumulative[symbol + 1] // total - lower
        if self._highest >= lower + width:
            return None
        self._lowest -= lower
        self._highest -= lower
        self._range = width << _shift(width)
        self._shift_in(_shift(width))
        return symbol

    def _shift_in(self, count: int) -> None:
        for place in range(self._read, self._read + count):
            known = place < len(self._bits)
            self._lowest = self._lowest << 1 | (self._bits[place] if known else 0)
            self._highest = self._highest << 1 | (self._bits[place] if known else self._fill)
        self._read += count


_DIGITS = bytes.maketrans(b"\0\1", b"01")


def _shift(width: int) -> int:
    return max(0, _WINDOW - width.bit_length())
