import numpy as np
import pytest

from semcom_ota.config import CHANNELS, ChannelConfig, PhyConfig, load_channel
from semcom_ota.phy.impairments import impair

PHY = PhyConfig()
QUIET = 200.0  # dB
PULSE = np.zeros(256, np.complex64)
PULSE[100] = 1


def pulses(count, **channel):
    config = ChannelConfig(**channel)
    return np.array([impair(PULSE, config, PHY, QUIET, 7, (key,)) for key in range(count)])


def test_a_function_of_seed_and_key_alone():
    config = load_channel("multipath")
    one = impair(PULSE, config, PHY, 3.0, 1, (2, 3))
    assert one.dtype == np.complex64
    assert one.tobytes() == impair(PULSE, config, PHY, 3.0, 1, (2, 3)).tobytes()
    others = [impair(PULSE, config, PHY, 3.0, *where) for where in ((2, (2, 3)), (1, (2, 4)), (1, (2,)))]
    assert len({other.tobytes() for other in others} | {one.tobytes()}) == 4


def test_frames_of_one_key_meet_the_same_channel_and_the_same_noise():
    config = load_channel("multipath")
    generator = np.random.default_rng(1)
    a, b = (generator.standard_normal(512).view(np.complex128).astype(np.complex64) for _ in range(2))
    together = impair(a + b, config, PHY, 3.0, 1, (5,))
    noise = impair(0 * a, config, PHY, 3.0, 1, (5,))
    apart = impair(a, config, PHY, 3.0, 1, (5,)) + impair(b, config, PHY, 3.0, 1, (5,)) - noise
    np.testing.assert_allclose(together, apart, atol=1e-5)
    np.testing.assert_allclose(impair(PULSE[:50] * 0, config, PHY, 3.0, 1, (5,)), noise[:50], atol=1e-6)


@pytest.mark.parametrize("snr_db", [-6.0, 12.0])
def test_noise_has_the_variance_claimed(snr_db):
    noise = impair(np.zeros(100_000, np.complex64), ChannelConfig(), PHY, snr_db, 1, ())
    power = np.abs(noise) ** 2 * 10 ** (snr_db / 10)
    assert abs(power.mean() - 1) < 0.016  # 5 sigma of an exponential distribution
    assert abs(np.mean(power**2) - 2) < 0.1  # circular Gaussian: E|n|**4 = 2
    assert abs(np.mean(noise[1:] * noise[:-1].conj())) * 10 ** (snr_db / 10) < 0.016


def test_rayleigh_gain_is_complex_gaussian_of_unit_power():
    gain = pulses(4000, fading="rayleigh")[:, 100]
    power = np.abs(gain) ** 2
    assert abs(power.mean() - 1) < 0.08
    assert abs(np.mean(power < 0.1) - (1 - np.exp(-0.1))) < 0.025
    assert abs(np.mean(power**2) - 2) < 0.5


def test_rician_gain_has_its_k_factor():
    k = 10.0
    power = np.abs(pulses(4000, fading="rician", rician_k_db=10)[:, 100]) ** 2
    assert abs(power.mean() - 1) < 0.03
    assert abs(power.var() / ((2 * k + 1) / (k + 1) ** 2) - 1) < 0.15  # variance of a noncentral chi-squared


def test_no_fading_keeps_the_magnitude_and_draws_the_phase():
    gain = pulses(500)[:, 100]
    np.testing.assert_allclose(np.abs(gain), 1, atol=1e-5)
    assert abs(np.mean(gain)) < 0.2


def test_paths_have_their_delays_and_powers():
    profile = load_channel("multipath")
    fading = ChannelConfig(fading="rayleigh", tap_delays_s=profile.tap_delays_s, tap_powers_db=profile.tap_powers_db)
    power = np.mean(np.abs([impair(PULSE, fading, PHY, QUIET, 3, (key,)) for key in range(3000)]) ** 2, axis=0)
    expected = 10 ** (np.array(profile.tap_powers_db) / 10)
    np.testing.assert_allclose(power[100:108], expected / expected.sum(), rtol=0.15)
    assert power.sum() - power[100:108].sum() < 1e-6
    delays = np.arange(8)
    mean = np.sum(power[100:108] * delays)
    spread = np.sqrt(np.sum(power[100:108] * delays**2) - mean**2)
    assert 0.8 < spread < 1.1  # samples, which are microseconds here


def test_fractional_delay_is_a_linear_phase():
    tone = np.exp(2j * np.pi * 10 / 64 * np.arange(4096)).astype(np.complex64)
    tone[3000:] = 0
    late = impair(tone, ChannelConfig(tap_delays_s=(2.5e-6,)), PHY, QUIET, 1, ())
    straight = impair(tone, ChannelConfig(), PHY, QUIET, 1, ())
    ratio = late[500:2500] / straight[500:2500]
    np.testing.assert_allclose(ratio, np.exp(-2j * np.pi * 10 / 64 * 2.5), atol=2e-3)


def test_delay_is_uniform():
    power = np.abs(pulses(800, max_delay_samples=40)) ** 2
    centre = np.sum(power * np.arange(256), axis=1) / power.sum(axis=1) - 100
    assert centre.min() > -1.5
    assert centre.max() < 41.5
    assert abs(centre.mean() - 20) < 2.1


def test_cfo_is_uniform():
    carrier = np.ones(1000, np.complex64)
    config = ChannelConfig(max_cfo_subcarriers=0.5)
    offsets = []
    for key in range(400):
        received = impair(carrier, config, PHY, QUIET, 3, (key,))[100:900]
        offsets.append(np.angle(np.vdot(received[:-1], received[1:])) * 64 / (2 * np.pi))
    assert -0.5 <= min(offsets) < -0.45
    assert 0.45 < max(offsets) <= 0.5
    assert abs(np.mean(offsets)) < 0.075


def test_noise_only_has_the_power_and_nothing_else():
    generator = np.random.default_rng(2)
    signal = generator.standard_normal(40_000).view(np.complex128).astype(np.complex64)
    signal = np.concatenate([signal, np.zeros(5000, np.complex64)])
    received = impair(signal, load_channel("noise_only"), PHY, QUIET, 1, ())
    assert abs(np.mean(np.abs(received[100:20_000]) ** 2) / np.mean(np.abs(signal[:20_000]) ** 2) - 1) < 0.05
    assert np.abs(received[21_000:]).max() < 1e-2
    correlation = np.fft.ifft(np.fft.fft(received) * np.fft.fft(signal).conj())
    assert np.abs(correlation).max() < 0.05 * np.sum(np.abs(signal) ** 2)


@pytest.mark.parametrize("file", sorted(CHANNELS.glob("*.yml")), ids=lambda file: file.stem)
def test_every_channel_that_ships_loads_and_says_what_it_is(file):
    assert file.read_text().startswith("# ")
    assert impair(PULSE, load_channel(file.stem), PHY, 10.0, 1, ()).shape == PULSE.shape
