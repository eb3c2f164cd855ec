"""Polar code of 3GPP TS 38.212 with CRC-aided successive-cancellation list decoding."""

import math

import numpy as np

from semcom_ota.coding.crc import POLYNOMIALS, BitArray, preset
from semcom_ota.coding.list_decoder import FREE, FROZEN, PARITY, REPETITION, IntArray, decode, encode
from semcom_ota.coding.polar_sequence import RELIABILITY
from semcom_ota.types import FloatArray

MAX_MOTHER_BITS = 1024
# fmt: off
_SUB_BLOCKS = np.array([  # table 5.4.1.1-1
    0, 1, 2, 4, 3, 5, 6, 7, 8, 16, 9, 17, 10, 18, 11, 19, 12, 20, 13, 21, 14, 22, 15, 23, 24, 25, 26, 28, 27, 29, 30, 31
])
# fmt: on


class PolarCode:
    """A block code that takes `information_bits` to `coded_bits`, with a checksum inside.

    As uplink control of 3GPP TS 38.212: mother code of up to 1024 bits (5.3.1, n_max = 10), sub-block interleaving,
    puncturing, shortening or repetition (5.4.1) and the triangular interleaver of coded bits (5.4.1.3), which spreads
    them over the unequal bits of a QAM symbol. Unlike there, the checksum is CRC24C of 7.3.2, CRC16 or CRC11, and there
    are no parity check bits. Objects are immutable and may be shared between threads.
    """

    def __init__(
        self, information_bits: int, coded_bits: int, list_size: int = 8, crc_bits: int = 24, withheld_bits: int = 0
    ):
        """Lay out the code.

        Args:
            information_bits: K, at least 1; K + crc_bits - withheld_bits must not exceed 1024 nor `coded_bits`.
            coded_bits: E.
            list_size: paths the decoder follows, 1..64. Twice as many cost twice the time.
            crc_bits: 24, 16 or 11. Of the words received wrongly, up to 9 / 2**crc_bits go unnoticed.
            withheld_bits: the last so many of these are not sent: whoever decodes is told them.

        Raises:
            ValueError: no such code.
        """
        inner = information_bits + crc_bits - withheld_bits
        if information_bits < 1 or inner > min(coded_bits, MAX_MOTHER_BITS):
            raise ValueError(
                f"no polar code takes {information_bits} bits and {inner - information_bits} of checksum to"
                f" {coded_bits} bits (mother code: {MAX_MOTHER_BITS} at most)"
            )
        if crc_bits not in POLYNOMIALS:
            raise ValueError(f"a checksum of {crc_bits} bits: must be one of {tuple(POLYNOMIALS)}")
        if not 0 <= withheld_bits <= crc_bits:
            raise ValueError(f"{withheld_bits} bits of a checksum withheld: it has {crc_bits}")
        if not 1 <= list_size <= 64:
            raise ValueError(f"a list of {list_size} paths: must be 1..64")
        self.information_bits = information_bits
        self.coded_bits = coded_bits
        self.list_size = list_size
        self.crc_bits = crc_bits
        self.withheld_bits = withheld_bits
        self.mother_bits = _mother_bits(inner, coded_bits)
        self.information_set = _information_set(inner, coded_bits, self.mother_bits)
        self.positions = _coded_positions(inner, coded_bits, self.mother_bits)
        shortened = coded_bits < self.mother_bits and 16 * inner > 7 * coded_bits
        self._known_zero = _sub_block_interleaver(self.mother_bits)[coded_bits:] if shortened else self.positions[:0]
        self._crc = (crc_bits, POLYNOMIALS[crc_bits], preset(crc_bits))
        self._alone = _schedule(self.information_set, self.mother_bits, (FROZEN, REPETITION, FREE, PARITY))
        self._listed = _schedule(self.information_set, self.mother_bits, (FROZEN, REPETITION))

    def encode(self, bits: BitArray) -> BitArray:
        """Information bits to coded bits.

        Args:
            bits: (K,) uint8, zeros and ones.

        Returns:
            (E,) uint8, zeros and ones, in the order in which they are sent.

        Raises:
            ValueError: `bits` is not of that shape.
        """
        if bits.shape != (self.information_bits,):
            raise ValueError(f"expected {self.information_bits} bits, not an array of shape {bits.shape}")
        return encode(
            np.ascontiguousarray(bits, np.uint8), self.positions, self.information_set, self.mother_bits, self._crc
        )

    def decode(self, llr: FloatArray, withheld: int = 0) -> tuple[BitArray, bool]:
        """Soft coded bits to information bits.

        A list of one path is tried first and the whole list only when its checksum fails (adaptive list decoding: Li,
        Shen and Tse, IEEE Communications Letters 16(12), 2012).

        Args:
            llr: (E,) float32, ln P(bit = 0) / P(bit = 1) up to a common factor; 0 where nothing is known; a value that
                is not a number counts as 0.
            withheld: the `withheld_bits` of the checksum that were not sent.

        Returns:
            (K,) uint8 and whether the checksum holds. If it does not, the bits are those of the likeliest path.

        Raises:
            ValueError: `llr` is not of that shape.
        """
        if llr.shape != (self.coded_bits,):
            raise ValueError(f"expected {self.coded_bits} LLRs, not an array of shape {llr.shape}")
        return decode(
            np.ascontiguousarray(llr, np.float32),
            self.positions,
            self._known_zero,
            self.information_set,
            self._alone,
            self._listed,
            self.mother_bits,
            self._crc,
            self.crc_bits - self.withheld_bits,
            withheld,
            self.list_size,
        )


def _mother_bits(inner: int, coded_bits: int) -> int:
    """Length N of the mother code (TS 38.212, 5.3.1) for `inner` bits, checksum included."""
    log_e = (coded_bits - 1).bit_length()
    if 8 * coded_bits <= 9 * 2 ** (log_e - 1) and 16 * inner < 9 * coded_bits:
        log_e -= 1
    log_lowest_rate = (8 * inner - 1).bit_length()
    return 2 ** max(min(log_e, log_lowest_rate, 10), 5)


def _sub_block_interleaver(mother_bits: int) -> IntArray:
    """J(n), n = 0..N-1 (5.4.1.1): the mother code's bit that stands at place n of the circular buffer."""
    return (_SUB_BLOCKS[:, None] * (mother_bits // 32) + np.arange(mother_bits // 32)).ravel()


def _information_set(inner: int, coded_bits: int, mother_bits: int) -> IntArray:
    """Bit channels that carry information, ascending (5.3.1.2, with the ones that 5.4.1.1 freezes)."""
    usable = np.ones(mother_bits, bool)
    if coded_bits < mother_bits:
        order = _sub_block_interleaver(mother_bits)
        if 16 * inner <= 7 * coded_bits:  # puncturing
            usable[order[: mother_bits - coded_bits]] = False
            if 4 * coded_bits >= 3 * mother_bits:
                usable[: math.ceil(3 * mother_bits / 4 - coded_bits / 2)] = False
            else:
                usable[: math.ceil(9 * mother_bits / 16 - coded_bits / 4)] = False
        else:  # shortening
            usable[order[coded_bits:]] = False
    own = [channel for channel in RELIABILITY if channel < mother_bits and usable[channel]]
    return np.sort(own[-inner:])


def _coded_positions(inner: int, coded_bits: int, mother_bits: int) -> IntArray:
    """(E,) the mother code's bit that is sent at each place: bit selection (5.4.1.2), then interleaving (5.4.1.3)."""
    order = _sub_block_interleaver(mother_bits)
    if coded_bits >= mother_bits:  # repetition
        selected = order[np.arange(coded_bits) % mother_bits]
    elif 16 * inner <= 7 * coded_bits:  # puncturing
        selected = order[mother_bits - coded_bits :]
    else:  # shortening
        selected = order[:coded_bits]
    side = math.ceil((math.sqrt(8 * coded_bits + 1) - 1) / 2)
    rows, columns = np.divmod(np.arange(side * side), side)
    inside = rows + columns < side
    triangle = np.full((side, side), coded_bits)
    triangle[rows[inside], columns[inside]] = np.arange(inside.sum())
    by_column = triangle.T.ravel()
    return selected[by_column[by_column < coded_bits]]


def _schedule(
    information_set: IntArray, mother_bits: int, shortcuts: tuple[int, ...]
) -> tuple[IntArray, IntArray, IntArray]:
    """The decoding tree's nodes that are decided at one go, in order: first bit channel, log2 of the length, kind.

    A node with frozen bits alone and one whose last bit alone is free have exact shortcuts for any list (Hashemi, Condo
    and Gross, IEEE Transactions on Circuits and Systems I 63(12), 2016); for the rest see `list_decoder.py`.
    """
    free = np.zeros(mother_bits, bool)
    free[information_set] = True
    nodes: list[tuple[int, int, int]] = []

    def visit(start: int, stage: int) -> None:
        inside = free[start : start + 2**stage]
        fits = {
            FROZEN: not inside.any(),
            REPETITION: bool(inside[-1]) and not inside[:-1].any(),
            FREE: inside.all(),
            PARITY: not inside[0] and inside[1:].all(),
        }
        kind = next((kind for kind in shortcuts if fits[kind]), None)
        if kind is not None:
            nodes.append((start, stage, kind))
        else:
            visit(start, stage - 1)
            visit(start + 2 ** (stage - 1), stage - 1)

    visit(0, mother_bits.bit_length() - 1)
    starts, stages, kinds = np.array(nodes, np.int64).T.copy()
    return starts, stages, kinds
