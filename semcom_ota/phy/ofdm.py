"""OFDM: a grid of carriers to samples and back, with a unitary FFT: white noise keeps its variance on every carrier."""

import math

import numba
import numpy as np
from scipy import fft

from semcom_ota.phy.numerology import Numerology
from semcom_ota.types import ComplexArray


def modulate(grid: ComplexArray, numerology: Numerology) -> ComplexArray:
    """Rows of carriers to samples, each row behind its cyclic prefix.

    Args:
        grid: (rows, used carriers) complex64, carriers in ascending frequency.
        numerology: of the link.

    Returns:
        (rows * row_samples,) complex64. Carriers of unit power give a power of used_carriers / fft_size per sample.
    """
    size, prefix = numerology.phy.fft_size, numerology.phy.cp_length
    bins = np.zeros((len(grid), size), np.complex64)
    bins[:, numerology.carriers] = grid
    samples = np.empty((len(grid), prefix + size), np.complex64)
    samples[:, prefix:] = fft.ifft(bins, axis=1, norm="ortho")
    samples[:, :prefix] = samples[:, size:]
    return samples.ravel()


def demodulate(samples: ComplexArray, cfo: float, numerology: Numerology, first_row: int = 0) -> ComplexArray:
    """Samples to rows of carriers, with the carrier frequency offset taken out.

    Args:
        samples: (rows * row_samples,) complex64; each row's FFT takes the *first* fft_size samples of its share, so the
            caller begins where the first row's FFT window is to begin.
        cfo: radians a sample.
        numerology: of the link.
        first_row: rows of the frame that are before these samples.

    Returns:
        (rows, used carriers) complex64. The phase that the CFO has turned since row 0 began is taken out too.
    """
    bins = fft.fft(
        _windows(samples, numerology.row_samples, numerology.phy.fft_size, cfo, first_row), axis=1, norm="ortho"
    )
    half = numerology.carriers.size // 2
    return np.concatenate([bins[:, -half:], bins[:, 1 : half + 1]], axis=1)


@numba.njit(cache=True)
def _windows(samples, row, size, cfo, first_row):  # type: ignore[no-untyped-def]
    """(rows, size) complex64: the first `size` samples of each row, turned back by `cfo` radians a sample."""
    within = np.empty(size, np.complex64)
    for n in range(size):
        within[n] = complex(math.cos(cfo * n), -math.sin(cfo * n))
    windows = np.empty((samples.size // row, size), np.complex64)
    for k in range(len(windows)):
        angle = cfo * row * (first_row + k)
        turn = np.complex64(complex(math.cos(angle), -math.sin(angle)))
        window, received = windows[k], samples[k * row : k * row + size]
        for n in range(size):
            window[n] = received[n] * (within[n] * turn)
    return windows
