"""Cyclic redundancy check CRC24C of 3GPP TS 38.212 (5.1), the checksum of all that a polar code carries."""

import numba
import numpy as np
from numpy.typing import NDArray

BitArray = NDArray[np.uint8]

CRC_BITS = 24
_POLYNOMIAL = 0xB2B117  # D^24 + D^23 + D^21 + D^20 + D^17 + D^15 + D^13 + D^12 + D^8 + D^4 + D^2 + D + 1, D^24 left out
_TOP = 1 << (CRC_BITS - 1)
_MASK = (1 << CRC_BITS) - 1


@numba.njit(cache=True)
def remainder(bits: BitArray, register: int) -> int:  # pragma: no cover (compiled)
    """The 24-bit shift register after `bits` (any length, uint8 0/1, first bit first) went in, `register` before."""
    for bit in bits:
        feedback = ((register & _TOP) != 0) != (bit != 0)
        register = (register << 1) & _MASK
        if feedback:
            register ^= _POLYNOMIAL
    return register


PRESET = int(remainder(np.ones(CRC_BITS, np.uint8), 0))
"""Register after 24 leading ones. TS 38.212, 7.3.2 begins so: an all-zero word (silence) then fails its checksum."""


def crc24(bits: BitArray) -> BitArray:
    """Parity bits of CRC24C, computed over 24 ones followed by `bits`, as for downlink control in TS 38.212, 7.3.2.

    Args:
        bits: (K,) uint8, zeros and ones, K >= 0.

    Returns:
        (24,) uint8, most significant first.
    """
    register = remainder(np.ascontiguousarray(bits, np.uint8), PRESET)
    return ((register >> np.arange(CRC_BITS - 1, -1, -1)) & 1).astype(np.uint8)
