"""Fixed sequences that both ends know: pseudo-random QPSK and the interleaver's permutation. Part of the air format."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from semcom_ota.types import ComplexArray

_GOLD_DISCARD = 1600
NEIGHBOURS = 8


def gold(seed: int, length: int) -> NDArray[np.uint8]:
    """Length-31 Gold sequence of 3GPP TS 38.211, 5.2.1.

    Args:
        seed: c_init, 0..2**31-1.
        length: bits to return.

    Returns:
        (length,) uint8, zeros and ones.
    """
    total = _GOLD_DISCARD + length
    x1 = np.zeros(total + 31, np.uint8)
    x2 = np.zeros(total + 31, np.uint8)
    x1[0] = 1
    x2[:31] = seed >> np.arange(31) & 1
    for start in range(0, total, 28):  # 28 bits at a time do not yet depend on each other
        block = slice(start + 31, min(start + 59, total + 31))
        count = block.stop - block.start
        a, b, c, d = (np.s_[start + shift : start + shift + count] for shift in (0, 1, 2, 3))
        x1[block] = x1[d] ^ x1[a]
        x2[block] = x2[d] ^ x2[c] ^ x2[b] ^ x2[a]
    return (x1 ^ x2)[_GOLD_DISCARD:total]


def qpsk(seed: int, length: int) -> ComplexArray:
    """(length,) complex64 of modulus 1, the QPSK symbols (TS 38.211, 5.1.3) of a Gold sequence with c_init `seed`."""
    signs = 1 - 2 * gold(seed, 2 * length).astype(np.float32)
    return ((signs[0::2] + 1j * signs[1::2]) / math.sqrt(2)).astype(np.complex64)


@lru_cache(maxsize=256)
def interleaver(cells: int, row_cells: int) -> NDArray[np.intp]:
    """A permutation of `cells` grid cells that takes neighbours far apart in time and in frequency.

    Step i goes to cell i * stride mod `cells`, a rank-1 lattice. Of all strides that reach every cell it is the one for
    which the closest two of nine consecutive steps are farthest apart, in time or in frequency, whichever is less.

    Args:
        cells: number of cells, listed row after row.
        row_cells: cells in one row, on average.

    Returns:
        (cells,) each of 0..cells-1 once; read-only.
    """
    strides = np.arange(1, cells + 1)
    strides = strides[np.gcd(strides, cells) == 1]
    steps = strides * np.arange(1, NEIGHBOURS + 1)[:, None]
    in_time = np.minimum(steps % cells, -steps % cells) * row_cells  # both in units of 1 / (cells * row_cells)
    in_frequency = np.minimum(steps % row_cells, -steps % row_cells) * cells
    stride = strides[np.minimum(in_time, in_frequency).min(axis=0).argmax()]
    permutation = np.arange(cells) * stride % cells
    permutation.flags.writeable = False
    return permutation
