"""The paths of a simulated channel: their delays and powers, and how their gains fade, still or moving."""

import math

import numpy as np
from scipy import fft

from semcom_ota.config import ChannelConfig

# 3GPP TR 38.901 (V16.1.0), tables 7.7.2-1, 7.7.2-2 and 7.7.2-3: for each tap its delay in units of the RMS delay spread
# and its power in dB. No line of sight; every tap has the classical Doppler spectrum of Jakes.
TDL = {
    "tdl-a": (
        (0.0000, -13.4),
        (0.3819, 0.0),
        (0.4025, -2.2),
        (0.5868, -4.0),
        (0.4610, -6.0),
        (0.5375, -8.2),
        (0.6708, -9.9),
        (0.5750, -10.5),
        (0.7618, -7.5),
        (1.5375, -15.9),
        (1.8978, -6.6),
        (2.2242, -16.7),
        (2.1718, -12.4),
        (2.4942, -15.2),
        (2.5119, -10.8),
        (3.0582, -11.3),
        (4.0810, -12.7),
        (4.4579, -16.2),
        (4.5695, -18.3),
        (4.7966, -18.9),
        (5.0066, -16.6),
        (5.3043, -19.9),
        (9.6586, -29.7),
    ),
    "tdl-b": (
        (0.0000, 0.0),
        (0.1072, -2.2),
        (0.2155, -4.0),
        (0.2095, -3.2),
        (0.2870, -9.8),
        (0.2986, -1.2),
        (0.3752, -3.4),
        (0.5055, -5.2),
        (0.3681, -7.6),
        (0.3697, -3.0),
        (0.5700, -8.9),
        (0.5283, -9.0),
        (1.1021, -4.8),
        (1.2756, -5.7),
        (1.5474, -7.5),
        (1.7842, -1.9),
        (2.0169, -7.6),
        (2.8294, -12.2),
        (3.0219, -9.8),
        (3.6187, -11.4),
        (4.1067, -14.9),
        (4.2790, -9.2),
        (4.7834, -11.3),
    ),
    "tdl-c": (
        (0.0000, -4.4),
        (0.2099, -1.2),
        (0.2219, -3.5),
        (0.2329, -5.2),
        (0.2176, -2.5),
        (0.6366, 0.0),
        (0.6448, -2.2),
        (0.6560, -3.9),
        (0.6584, -7.4),
        (0.7935, -7.1),
        (0.8213, -10.7),
        (0.9336, -11.1),
        (1.2285, -5.1),
        (1.3083, -6.8),
        (2.1704, -8.7),
        (2.7105, -13.2),
        (4.2589, -13.9),
        (4.6003, -13.9),
        (5.4902, -15.8),
        (5.6077, -17.1),
        (6.3065, -16.0),
        (6.6374, -15.7),
        (7.0427, -21.6),
        (8.6523, -22.8),
    ),
}
SINUSOIDS = 16  # a path that moves
_FEW = 8  # paths


def delays_and_powers(channel: ChannelConfig) -> tuple[np.ndarray, np.ndarray]:
    """What the profile says.

    Returns:
        (paths,) float64 delays in seconds, and (paths,) float64 mean powers, whose sum is 1.
    """
    if channel.profile == "taps":
        delays, powers_db = np.array(channel.tap_delays_s), np.array(channel.tap_powers_db)
    else:
        normalised, powers_db = np.array(TDL[channel.profile]).T
        delays = normalised * channel.delay_spread_s
    power = 10 ** (powers_db / 10)
    return delays, power / power.sum()


def still_gains(channel: ChannelConfig, powers: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Gains of paths that stand still: block fading.

    Args:
        channel: says how they fade. Rayleigh: each gain is complex Gaussian. Rician: the first one has a constant part
            besides, K times as strong. None: each has its power and phase 0.
        powers: (paths,) mean powers.
        generator: gives two normal variates a path, whatever the fading.

    Returns:
        (paths,) complex128, E|gain|**2 = powers.
    """
    amplitude = np.sqrt(powers)
    scattered = complex_noise(generator, amplitude.size)
    if channel.fading == "none":
        return amplitude.astype(np.complex128)
    if channel.fading == "rician":
        k = 10 ** (channel.rician_k_db / 10)
        scattered[0] = np.sqrt(k / (k + 1)) + scattered[0] * np.sqrt(1 / (k + 1))
    return amplitude * scattered


def waves(
    channel: ChannelConfig, powers: np.ndarray, sample_rate: float, generator: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Gains of paths that move, each a sum of plane waves: gain[n] = sum_m amplitude[m] exp(2j pi frequency[m] n).

    Clarke's model (isotropic scattering, the spectrum of Jakes) with the angles of arrival of Xiao, Zheng and Beaulieu,
    "Novel sum-of-sinusoids simulation models for Rayleigh and Rician fading channels", IEEE Trans. Wireless Commun.
    5(12), 2006: wave m of M comes from (2 pi m + theta_m) / M, theta_m uniform in +-pi, so that over the ensemble the
    autocorrelation is J0(2 pi f_D tau) exactly, for any M. Unlike theirs, the waves have complex Gaussian amplitudes
    rather than equal ones, so that the gain at any time is exactly Rayleigh, deep fades included. The line of sight of
    a Rician channel is one more wave, from a uniform angle.

    Args:
        channel: `max_doppler_hz` above 0 and the fading Rayleigh or Rician.
        powers: (paths,) mean powers.
        sample_rate: samples/s.
        generator: of the angles and the amplitudes.

    Returns:
        For each path (M,) float64 frequencies in cycles a sample and (M,) complex128 amplitudes, E sum|amplitude|**2 =
        power.
    """
    doppler = channel.max_doppler_hz / sample_rate
    shape = (powers.size, SINUSOIDS)
    angles = (np.arange(SINUSOIDS) + generator.uniform(-0.5, 0.5, shape)) * (2 * np.pi / SINUSOIDS)
    amplitudes = complex_noise(generator, powers.size * SINUSOIDS).reshape(shape)
    amplitudes *= np.sqrt(powers / SINUSOIDS)[:, np.newaxis]
    paths = list(zip(doppler * np.cos(angles), amplitudes, strict=True))
    if channel.fading == "rician":
        k = 10 ** (channel.rician_k_db / 10)
        line_of_sight = doppler * np.cos(2 * np.pi * generator.uniform(0, 1))
        frequencies, scattered = paths[0]
        paths[0] = (
            np.append(frequencies, line_of_sight),
            np.append(scattered * np.sqrt(1 / (k + 1)), np.sqrt(powers[0] * k / (k + 1))),
        )
    return paths


def transfer_function(delays: np.ndarray, gains: np.ndarray, size: int) -> np.ndarray:
    """What paths do to the spectrum of a signal of `size` samples.

    Args:
        delays: (paths,) in samples.
        gains: (paths,) complex.
        size: bins, in the order of `numpy.fft.fftfreq`.

    Returns:
        (size,) complex128, sum over the paths of gain * exp(-2j pi frequency * delay).
    """
    if delays.size <= _FEW:  # the plain form, whose rounding published figures have
        return phasor(-np.outer(np.fft.fftfreq(size), delays)) @ gains
    return _factored_transfer_function(delays, gains, size)


def through_moving_paths(
    spectrum: np.ndarray, delays: np.ndarray, paths: list[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """The sum of all paths, in each of which the signal is delayed first and then faded.

    Args:
        spectrum: (n,) complex, of the signal with the zeros behind it.
        delays: (paths,) in samples.
        paths: of `waves`.

    Returns:
        (n,) complex128, the spectrum of the sum.
    """
    received = np.zeros(spectrum.size, np.complex128)
    for delay, (frequencies, amplitudes) in zip(delays, paths, strict=True):
        delayed = fft.ifft(spectrum * _factored_transfer_function(np.array([delay]), np.ones(1), spectrum.size))
        received += delayed * exponential_sum(frequencies, amplitudes, 0, spectrum.size)
    return fft.fft(received)


def _factored_transfer_function(delays: np.ndarray, gains: np.ndarray, size: int) -> np.ndarray:
    below = size // 2
    return np.concatenate(
        [
            exponential_sum(-delays / size, gains, 0, size - below),
            exponential_sum(-delays / size, gains, -below, below),
        ]
    )


def exponential_sum(frequencies: np.ndarray, amplitudes: np.ndarray, start: int, count: int) -> np.ndarray:
    """sum_m amplitudes[m] exp(2j pi frequencies[m] n) for n = start .. start + count - 1.

    With n = start + a B + b the exponential factors, so that it takes one product of two thin matrices and some
    2 sqrt(count) exponentials a term in place of count.

    Args:
        frequencies: (terms,) in cycles.
        amplitudes: (terms,) complex.
        start: the first n.
        count: how many.

    Returns:
        (count,) complex128.
    """
    columns = max(math.isqrt(count), 1)
    rows = -(-count // columns)
    coarse = phasor(np.outer(start + columns * np.arange(rows), frequencies)) * amplitudes
    fine = phasor(np.outer(frequencies, np.arange(columns)))
    return (coarse @ fine).ravel()[:count]


def phasor(cycles: np.ndarray) -> np.ndarray:
    """exp(2j pi cycles), complex128: twice as fast as the complex exponential, and the same to the bit."""
    angle = 2 * np.pi * cycles
    unit = np.empty(angle.shape, np.complex128)
    np.cos(angle, out=unit.real)
    np.sin(angle, out=unit.imag)
    return unit


def complex_noise(generator: np.random.Generator, count: int) -> np.ndarray:
    """(count,) complex128 circular Gaussian noise with E|n|**2 = 1."""
    return generator.standard_normal(2 * count).view(np.complex128) * np.sqrt(0.5)
