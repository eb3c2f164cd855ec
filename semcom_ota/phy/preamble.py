"""The known samples that start a frame: one full-band OFDM symbol, sent six times with a cover of signs.

Because the rows repeat, the receiver finds them without knowing the channel or the CFO; because the signs of
neighbouring rows multiply to a Barker sequence, it finds them at one place only; because they are ordinary OFDM symbols
on every carrier, they give the first channel estimate.
"""

import numpy as np

from semcom_ota.phy.sequences import qpsk
from semcom_ota.types import ComplexArray

COVER = np.array([1, 1, 1, 1, -1, -1], np.float32)
STEPS = COVER[:-1] * COVER[1:]
"""From each row to the next: Barker's sequence of length 5."""
ROWS = COVER.size
_SEED = 2510  # of the first 4,000, the one with the lowest peak power on 52 carriers (3.8 dB above the mean)


def reference(carriers: int) -> ComplexArray:
    """(carriers,) complex64 of modulus 1: what each carrier sends in a row whose cover is +1."""
    return qpsk(_SEED, carriers)


def grid(carriers: int) -> ComplexArray:
    """(ROWS, carriers) complex64 of modulus 1: the preamble, carriers in ascending frequency."""
    return COVER[:, None] * reference(carriers)
