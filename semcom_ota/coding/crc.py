"""Cyclic redundancy checks CRC24C, CRC16 and CRC11 of 3GPP TS 38.212 (5.1), the checksums inside the polar code."""

import numba
import numpy as np
from numpy.typing import NDArray

BitArray = NDArray[np.uint8]

POLYNOMIALS = {  # without the leading term
    24: 0xB2B117,  # D^24 + D^23 + D^21 + D^20 + D^17 + D^15 + D^13 + D^12 + D^8 + D^4 + D^2 + D + 1
    16: 0x1021,  # D^16 + D^12 + D^5 + 1
    11: 0x621,  # D^11 + D^10 + D^9 + D^5 + 1
}


@numba.njit(cache=True)
def remainder(bits: BitArray, register: int, polynomial: int, width: int) -> int:
    """Shift `bits` (any length, uint8 0/1, first bit first) into the register of a checksum of `width` bits."""
    top = 1 << (width - 1)
    for bit in bits:
        feedback = ((register & top) != 0) != (bit != 0)
        register = (register << 1) & (2 * top - 1)
        if feedback:
            register ^= polynomial
    return register


def preset(width: int) -> int:
    """The register after `width` leading ones.

    TS 38.212, 7.3.2 begins CRC24C of downlink control so: an all-zero word (silence) then fails its checksum.
    """
    return int(remainder(np.ones(width, np.uint8), 0, POLYNOMIALS[width], width))


def checksum(bits: BitArray, width: int) -> BitArray:
    """Parity bits over `width` ones followed by `bits`.

    Args:
        bits: (K,) uint8, zeros and ones, K >= 0.
        width: 24 for CRC24C (as TS 38.212, 7.3.2), 16 for CRC16, 11 for CRC11.

    Returns:
        (width,) uint8, most significant first.

    Raises:
        KeyError: another width.
    """
    register = remainder(np.ascontiguousarray(bits, np.uint8), preset(width), POLYNOMIALS[width], width)
    return ((register >> np.arange(width - 1, -1, -1)) & 1).astype(np.uint8)
