"""The known samples that start a frame: one full-band OFDM symbol, sent six times with a cover of signs.

Because the rows repeat, the receiver finds them without knowing the channel or the CFO; because the signs of
neighbouring rows multiply to a Barker sequence, it finds them at one place only; because they are ordinary OFDM symbols
on every carrier, they give the first channel estimate.

Carrier -k sends (-1)**k times the conjugate of what carrier k sends. The products of the two alternate in sign, so that
their sum vanishes behind any channel whose paths lie within the cyclic prefix: the preamble is proper, E[x**2] = 0, as
noise and payload are, and the front end does not take it for the image of a mixer. In time, x[n + N/2] = conj(x[n]).
"""

import numpy as np

from semcom_ota.phy.sequences import qpsk
from semcom_ota.types import ComplexArray

COVER = np.array([1, 1, 1, 1, -1, -1], np.float32)
STEPS = COVER[:-1] * COVER[1:]
"""From each row to the next: Barker's sequence of length 5."""
ROWS = COVER.size
_SEED = 10475  # of the first 20,000, the one with the lowest peak on 52 carriers (3.6 dB above the mean, interpolated)


def reference(carriers: int) -> ComplexArray:
    """(carriers,) complex64 of modulus 1: what each carrier sends in a row whose cover is +1."""
    upper = qpsk(_SEED, carriers // 2)
    signs = (-1.0) ** np.arange(1, upper.size + 1, dtype=np.float32)
    return np.concatenate([(signs * upper.conj())[::-1], upper])


def grid(carriers: int) -> ComplexArray:
    """(ROWS, carriers) complex64 of modulus 1: the preamble, carriers in ascending frequency."""
    return COVER[:, None] * reference(carriers)
