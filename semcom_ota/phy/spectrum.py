"""What a stream of samples looks like before anything is demodulated: level, DC, clipping, power spectral density."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from semcom_ota.types import ComplexArray, FloatArray

FLOOR_DB = -200.0
"""Stands for the logarithm of nothing at all."""
CLIPS = 1.0 - 2.0**-15
"""A real or imaginary part so large, full scale being 1, is one that may have been larger."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A measurement of one stretch of samples; 0 dBFS is the power of a complex tone of magnitude 1."""

    level_dbfs: float  # mean power
    dc_dbfs: float  # power of the mean
    clipping: float  # 0..1, share of samples with a real or imaginary part at full scale
    frequency_hz: FloatArray  # (fft_size,), ascending, 0 at index fft_size // 2
    psd_dbfs_per_hz: FloatArray  # (fft_size,)


def measure(samples: ComplexArray, sample_rate: float, fft_size: int = 1024, full_scale: float = 1.0) -> Spectrum:
    """Level, DC, clipping and PSD of `samples`.

    The PSD is Welch's (P. D. Welch, IEEE Trans. Audio Electroacoust. 15(2), 1967): Hann window, half overlap, scaled
    so that its sum times the bin width is the mean power of white noise. Fewer samples than `fft_size` are padded with
    zeros.

    Args:
        samples: (N,) complex64, N >= 1.
        sample_rate: samples/s.
        fft_size: bins of the PSD.
        full_scale: the largest value that a real or imaginary part can take.

    Raises:
        ValueError: no samples.
    """
    if not len(samples):
        raise ValueError("there are no samples to measure")
    scaled = np.asarray(samples, np.complex64) / np.float32(full_scale)
    peak = np.maximum(np.abs(scaled.real), np.abs(scaled.imag))
    padded = np.pad(scaled, (0, max(0, fft_size - len(scaled))))
    segments = np.lib.stride_tricks.sliding_window_view(padded, fft_size)[:: fft_size // 2]
    return Spectrum(
        level_dbfs=float(decibel(np.mean(np.abs(scaled) ** 2))),
        dc_dbfs=float(decibel(np.abs(np.mean(scaled)) ** 2)),
        clipping=float(np.mean(peak >= CLIPS)),
        frequency_hz=frequencies(fft_size, sample_rate),
        psd_dbfs_per_hz=decibel(density(segments, sample_rate)).astype(np.float32),
    )


def density(segments: ComplexArray, sample_rate: float) -> FloatArray:
    """Mean power spectral density of stretches of samples, under a Hann window.

    Args:
        segments: (K, fft_size) complex64.
        sample_rate: samples/s.

    Returns:
        (fft_size,) power a Hz, ascending in frequency as `frequencies` has it.
    """
    window = np.hanning(segments.shape[1]).astype(np.float32)
    bins = fft.fftshift(fft.fft(segments * window, axis=1), axes=1)
    return np.mean(np.abs(bins) ** 2, axis=0) / (sample_rate * np.sum(window**2))


def frequencies(fft_size: int, sample_rate: float) -> FloatArray:
    """(fft_size,) Hz, ascending, 0 at index fft_size // 2."""
    return fft.fftshift(fft.fftfreq(fft_size, 1 / sample_rate)).astype(np.float32)


def decibel(power: np.ndarray) -> np.ndarray:
    """10 log10, and `FLOOR_DB` for nothing at all."""
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
