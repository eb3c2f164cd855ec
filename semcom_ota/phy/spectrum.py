"""What a stream of samples looks like before anything is demodulated: level, DC, clipping, power spectral density."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from semcom_ota.types import ComplexArray, FloatArray

FLOOR_DB = -200.0
"""Stands for the logarithm of nothing at all."""


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
    window = np.hanning(fft_size).astype(np.float32)
    bins = fft.fftshift(fft.fft(segments * window, axis=1), axes=1)
    density = np.mean(np.abs(bins) ** 2, axis=0) / (sample_rate * np.sum(window**2))
    return Spectrum(
        level_dbfs=float(_decibel(np.mean(np.abs(scaled) ** 2))),
        dc_dbfs=float(_decibel(np.abs(np.mean(scaled)) ** 2)),
        clipping=float(np.mean(peak >= 1.0 - 2.0**-15)),
        frequency_hz=fft.fftshift(fft.fftfreq(fft_size, 1 / sample_rate)).astype(np.float32),
        psd_dbfs_per_hz=_decibel(density).astype(np.float32),
    )


def _decibel(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
