"""A simulated channel: what happens to one frame between the antennas, as a function of (seed, key) alone."""

import math

import numpy as np
from scipy import fft

from semcom_ota.config import ChannelConfig, PhyConfig
from semcom_ota.phy.fading import (
    complex_noise,
    delays_and_powers,
    phasor,
    still_gains,
    through_moving_paths,
    transfer_function,
    waves,
)
from semcom_ota.types import ComplexArray

__all__ = ["complex_noise", "impair"]

_GUARD = 64  # samples: keeps the tails of fractional delays from wrapping around
_RAPP_SMOOTHNESS = 3
# Children of the generator of (seed, key), so that switching one impairment on leaves the draws of all others as they
# were. The generator itself draws path gains, CFO, delay, phase and noise. DC comes from a child of the seed alone.
_REPLACEMENT, _MOTION, _OSCILLATORS, _PHASE_NOISE, _GAIN_STEP, _DC = range(6)


def impair(
    samples: ComplexArray, channel: ChannelConfig, phy: PhyConfig, snr_db: float, seed: int, key: tuple[int, ...]
) -> ComplexArray:
    """One frame and the silence behind it, as the receiver would see them.

    ```
    transmitter     paths           sample clock    oscillators       receiver
    clip_db ──────▶ delay, gain, ─▶ SRO ──────────▶ CFO, phase ─▶ + ─▶ gain step ─▶ IQ imbalance ─▶ + ─▶ samples
                    Doppler                         noise         │                                 │
                                                              noise                              dc_dbc
    ```

    All of it is drawn from `(seed, key)`: frames with the same seed and key meet the same channel and the same noise,
    sample by sample, whatever they carry. What a channel does not have, it does not draw, and the rest stays as it was.
    DC alone is drawn from the seed without the key: a mixer's offset stays the same over a whole stream.

    - Clipping: Rapp's model of a solid-state amplifier (C. Rapp, 2nd European Conf. on Satellite Communications, 1991),
      y = x / (1 + |x / A|**2p)**(1/2p), p = 3. The saturation power A**2 is `clip_db` above the mean sample power of
      an OFDM symbol, used_carriers / fft_size. The power lost is not made good: SNR is that of a linear transmitter.
    - Paths: band-limited interpolation, exact for what lies within the band, and a delay uniform in
      0 .. `max_delay_samples`. They stand still over `samples` (block fading), or move, as `fading.waves` says. Path
      powers have the sum 1. With `message_interval_s` the gains are one process of the seed, not of the key: message
      n, the key's first number, meets it n intervals after its begin, and a fragment, the second number, behind those
      before it.
    - SRO: sample n of the receiver is taken at n / (1 + sro) samples of the transmitter: positive where the receiver's
      clock is the faster. Trigonometric interpolation, by the chirp-z transform of the spectrum.
    - CFO: uniform in +-`max_cfo_subcarriers`. Two oscillators with the errors t and r, uniform in +-`oscillator_ppm`,
      add sro = (1 + r) / (1 + t) - 1 and, from the same draw, the CFO (t - r) * carrier_hz. The phase is uniform.
    - Phase noise: a Wiener process, whose increments have the variance 2 pi linewidth / sample_rate. The carrier's line
      becomes a Lorentzian of this full width at half maximum: L(f) = (linewidth / 2 pi) / (f**2 + (linewidth / 2)**2)
      a Hz. Far out this is linewidth / (2 pi f**2): -90 dBc/Hz at 10 kHz is a linewidth of 0.63 Hz.
    - Noise: white, 10**(-snr_db / 10) a sample.
    - Gain step: signal and noise alike change by +-`gain_step_db` at a random sample of the frame.
    - IQ imbalance of the receiver's mixer (M. Valkama, M. Renfors, V. Koivunen, IEEE Trans. Signal Process. 49(10),
      2001): y = mu x + nu conj(x), mu = (1 + g exp(-j phi)) / 2, nu = (1 - g exp(j phi)) / 2; g is `iq_gain_db`, phi is
      `iq_phase_deg`. Image rejection ratio: |mu / nu|**2 = (1 + 2 g cos phi + g**2) / (1 - 2 g cos phi + g**2).
    - DC: `dc_dbc` relative to used_carriers / fft_size, which is the mean power that arrives; the phase is uniform
      over seeds and the same for all keys.

    Args:
        samples: (n,) complex64, cells of unit power under a unitary FFT. What the delay pushes beyond the end is lost.
        channel: which channel.
        phy: gives the sample rate, the carrier spacing and the number of carriers.
        snr_db: Es/N0 on a data carrier, averaged over the fading.
        seed: of the whole run.
        key: of this frame, integers >= 0; any length.

    Returns:
        (n,) complex64.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *key])))
    delays, powers = delays_and_powers(channel)
    gains = still_gains(channel, powers, generator)
    cfo = generator.uniform(-1, 1) * channel.max_cfo_subcarriers / phy.fft_size  # cycles a sample
    delay = generator.uniform(0, 1) * channel.max_delay_samples  # samples
    phase = generator.uniform(0, 1)  # cycles
    sro = 0.0
    if channel.oscillator_ppm or channel.sro_ppm:
        sro, cfo_by_oscillators = _clocks(channel, phy, _child(seed, key, _OSCILLATORS))
        cfo += cfo_by_oscillators

    if channel.noise_only:
        samples = _noise_instead(samples, _child(seed, key, _REPLACEMENT))
    sent = samples
    if channel.clip_db is not None:
        sent = _amplified(samples, _mean_power(phy) * 10 ** (channel.clip_db / 10))
    delays = delay + delays * phy.sample_rate
    size = fft.next_fast_len(samples.size + int(delays.max()) + _GUARD + math.ceil(samples.size * abs(sro)))
    spectrum = fft.fft(sent.astype(np.complex128), size)
    if channel.max_doppler_hz:
        moving = waves(
            channel, powers, phy.sample_rate, _child(seed, () if channel.message_interval_s else key, _MOTION)
        )
        spectrum = through_moving_paths(spectrum, delays, _later(moving, _begin(channel, phy, key, samples.size)))
    else:
        spectrum = spectrum * transfer_function(delays, gains, size)
    received = _sampled(spectrum, sro, samples.size) if sro else fft.ifft(spectrum)[: samples.size]

    turned = phase + cfo * np.arange(samples.size)  # cycles
    if channel.phase_noise_hz:
        turned += _wiener(channel.phase_noise_hz / phy.sample_rate, samples.size, _child(seed, key, _PHASE_NOISE))
    received *= phasor(turned)
    received += complex_noise(generator, samples.size) * 10 ** (-snr_db / 20)

    if channel.gain_step_db is not None:
        sign, where = _child(seed, key, _GAIN_STEP).uniform(0, 1, 2)
        frame = _active(samples)
        step_db = channel.gain_step_db if sign < 0.5 else -channel.gain_step_db
        received[frame.start + int(where * (frame.stop - frame.start)) :] *= 10 ** (step_db / 20)
    if channel.iq_gain_db or channel.iq_phase_deg:
        received = _mixed(received, 10 ** (channel.iq_gain_db / 20), math.radians(channel.iq_phase_deg))
    if channel.dc_dbc is not None:
        angle = _child(seed, (), _DC).uniform(0, 1)
        received += np.sqrt(_mean_power(phy) * 10 ** (channel.dc_dbc / 10)) * np.exp(2j * np.pi * angle)
    return received.astype(np.complex64)


def _begin(channel: ChannelConfig, phy: PhyConfig, key: tuple[int, ...], size: int) -> float:
    """When a frame begins, in samples since the paths began to move."""
    message, fragment = (*key, 0, 0)[:2]
    return message * channel.message_interval_s * phy.sample_rate + fragment * size if channel.message_interval_s else 0


def _later(paths: list[tuple[np.ndarray, np.ndarray]], begin: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Waves as they are so many samples later."""
    return [(frequencies, amplitudes * phasor(frequencies * begin)) for frequencies, amplitudes in paths]


def _child(seed: int, key: tuple[int, ...], index: int) -> np.random.Generator:
    """The child of this index that the generator of (seed, key) would spawn, without its elder siblings."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *key], spawn_key=(index,))))


def _mean_power(phy: PhyConfig) -> float:
    """Of a sample of an OFDM symbol, as it is sent and as it arrives on average."""
    return phy.used_carriers / phy.fft_size


def _clocks(channel: ChannelConfig, phy: PhyConfig, generator: np.random.Generator) -> tuple[float, float]:
    """The relative sampling-rate offset, and the CFO in cycles a sample that comes from the same oscillators."""
    transmitter, receiver = 1e-6 * channel.oscillator_ppm * generator.uniform(-1, 1, 2)
    offset = 1e-6 * channel.sro_ppm
    if generator.uniform(0, 1) < 0.5:
        offset = -offset
    cfo_hz = (transmitter - receiver) * channel.carrier_hz
    return (1 + receiver) / (1 + transmitter) * (1 + offset) - 1, cfo_hz / phy.sample_rate


def _amplified(samples: np.ndarray, saturation: float) -> np.ndarray:
    """Rapp's amplifier of this saturation power."""
    overdrive = (samples.real**2 + samples.imag**2) / saturation
    return samples / (1 + overdrive**_RAPP_SMOOTHNESS) ** (0.5 / _RAPP_SMOOTHNESS)


def _sampled(spectrum: np.ndarray, sro: float, count: int) -> np.ndarray:
    """The periodic signal of this spectrum at the times n / (1 + sro), n = 0 .. count - 1.

    Bluestein's form of the chirp-z transform (Rabiner, Schafer, Rader, 1969): with k n = (k**2 + n**2 - (n - k)**2) / 2
    the sum over the frequencies k becomes a convolution with a chirp.
    """
    size = spectrum.size
    low = -(size // 2)  # the lowest frequency
    chirp = phasor(np.arange(count - low) ** 2 * (0.5 / (size * (1 + sro))))
    length = fft.next_fast_len(size + count - 1)
    kernel = np.zeros(length, np.complex128)
    kernel[:count] = chirp[-low:]
    kernel[length - (size - 1) :] = np.concatenate([chirp[size + low - 1 : 0 : -1], chirp[:-low]])
    weighted = fft.fftshift(spectrum) * np.concatenate([chirp[-low:0:-1], chirp[: size + low]])
    convolved = fft.ifft(fft.fft(weighted, length) * fft.fft(kernel.conj()))
    return convolved[:count] * chirp[:count] / size


def _wiener(linewidth: float, count: int, generator: np.random.Generator) -> np.ndarray:
    """(count,) phases in cycles, for a linewidth in cycles a sample."""
    return np.cumsum(generator.standard_normal(count)) * np.sqrt(linewidth / (2 * np.pi))


def _mixed(received: np.ndarray, gain: float, phase: float) -> np.ndarray:
    """Through a mixer whose quadrature branch has this gain and this phase error (radians)."""
    mu, nu = (1 + gain * np.exp(-1j * phase)) / 2, (1 - gain * np.exp(1j * phase)) / 2
    return mu * received + nu * received.conj()


def _noise_instead(samples: ComplexArray, generator: np.random.Generator) -> np.ndarray:
    """Noise with the mean power of the signal, for as long as it lasts."""
    noise = np.zeros(samples.size, np.complex128)
    lasting = _active(samples)
    if lasting.stop > lasting.start:
        noise[lasting] = complex_noise(generator, lasting.stop - lasting.start)
        noise *= np.sqrt(np.mean(np.abs(samples[lasting]) ** 2))
    return noise


def _active(samples: ComplexArray) -> slice:
    """From the first sample that is not 0 to the last one."""
    active = np.flatnonzero(samples)
    return slice(active[0], active[-1] + 1) if active.size else slice(0, 0)
