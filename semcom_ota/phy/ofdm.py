"""OFDM: a grid of carriers to samples and back, with a unitary FFT: white noise keeps its variance on every carrier."""

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


def demodulate(samples: ComplexArray, cfo: float, numerology: Numerology) -> ComplexArray:
    """Samples to rows of carriers, with the carrier frequency offset taken out.

    Args:
        samples: (rows * row_samples,) complex64; each row's FFT takes the *first* fft_size samples of its share, so the
            caller begins where the first row's FFT window is to begin.
        cfo: radians a sample.
        numerology: of the link.

    Returns:
        (rows, used carriers) complex64. The phase that the CFO has turned since the first sample is taken out too.
    """
    rows = samples.reshape(-1, numerology.row_samples)[:, : numerology.phy.fft_size]
    within_row = np.exp(-1j * cfo * np.arange(numerology.phy.fft_size)).astype(np.complex64)
    at_row_start = np.exp(-1j * cfo * numerology.row_samples * np.arange(len(rows))).astype(np.complex64)
    bins = fft.fft(rows * within_row, axis=1, norm="ortho", overwrite_x=True)
    return bins[:, numerology.carriers] * at_row_start[:, None]
