"""A simulated channel: what happens to one frame between the antennas, as a function of (seed, key) alone."""

import numpy as np
from scipy import fft

from semcom_ota.config import ChannelConfig, PhyConfig
from semcom_ota.types import ComplexArray

_GUARD = 64  # samples: keeps the tails of fractional delays from wrapping around


def impair(
    samples: ComplexArray, channel: ChannelConfig, phy: PhyConfig, snr_db: float, seed: int, key: tuple[int, ...]
) -> ComplexArray:
    """One frame and the silence behind it, as the receiver would see them.

    Delay and paths (band-limited interpolation, exact for what lies within the band), block fading that stands still
    over `samples`, carrier frequency offset, white Gaussian noise. All of it is drawn from `(seed, key)`, the channel
    first and then the noise sample by sample: frames with the same seed and key meet the same channel and the same
    noise, whatever they carry.

    Args:
        samples: (n,) complex64, cells of unit power under a unitary FFT. What the delay pushes beyond the end is lost.
        channel: which channel. Path powers are normalised to a sum of 1. Rayleigh fading makes each path complex
            Gaussian; Rician fading does so with all paths but the first, which has a constant part of K times the power
            of its random part. Without fading a path has its power and phase 0. The carrier phase is uniform.
        phy: gives the sample rate and the carrier spacing.
        snr_db: Es/N0 on a data carrier, averaged over the fading: the noise has 10**(-snr_db / 10) a sample.
        seed: of the whole run.
        key: of this frame, integers >= 0; any length.

    Returns:
        (n,) complex64.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *key])))
    gains = _path_gains(channel, generator)
    cfo = generator.uniform(-1, 1) * channel.max_cfo_subcarriers / phy.fft_size  # cycles a sample
    delay = generator.uniform(0, 1) * channel.max_delay_samples  # samples
    phase = generator.uniform(0, 1)  # cycles
    replacement = generator.spawn(1)[0]

    if channel.noise_only:
        samples = _noise_instead(samples, replacement)
    delays = delay + np.array(channel.tap_delays_s) * phy.sample_rate
    received = _through_paths(samples, delays, gains)
    received *= np.exp(2j * np.pi * (phase + cfo * np.arange(samples.size)))
    received += complex_noise(generator, samples.size) * 10 ** (-snr_db / 20)
    return received.astype(np.complex64)


def complex_noise(generator: np.random.Generator, count: int) -> np.ndarray:
    """(count,) complex128 circular Gaussian noise with E|n|**2 = 1."""
    return generator.standard_normal(2 * count).view(np.complex128) * np.sqrt(0.5)


def _path_gains(channel: ChannelConfig, generator: np.random.Generator) -> np.ndarray:
    """(paths,) complex gains, E sum|gain|**2 = 1."""
    power = 10 ** (np.array(channel.tap_powers_db) / 10)
    amplitude = np.sqrt(power / power.sum())
    scattered = complex_noise(generator, amplitude.size)
    if channel.fading == "none":
        return amplitude.astype(np.complex128)
    if channel.fading == "rician":
        k = 10 ** (channel.rician_k_db / 10)
        scattered[0] = np.sqrt(k / (k + 1)) + scattered[0] * np.sqrt(1 / (k + 1))
    return amplitude * scattered


def _through_paths(samples: ComplexArray, delays: np.ndarray, gains: np.ndarray) -> np.ndarray:
    size = fft.next_fast_len(samples.size + int(delays.max()) + _GUARD)
    frequency = fft.fftfreq(size)
    response = np.exp(-2j * np.pi * np.outer(frequency, delays)) @ gains
    return fft.ifft(fft.fft(samples.astype(np.complex128), size) * response)[: samples.size]


def _noise_instead(samples: ComplexArray, generator: np.random.Generator) -> np.ndarray:
    """Noise with the mean power of the signal, for as long as it lasts."""
    active = np.flatnonzero(samples)
    noise = np.zeros(samples.size, np.complex128)
    if active.size:
        lasting = slice(active[0], active[-1] + 1)
        noise[lasting] = complex_noise(generator, lasting.stop - lasting.start)
        noise *= np.sqrt(np.mean(np.abs(samples[lasting]) ** 2))
    return noise
