import numpy as np
import pytest
from scipy.special import j0

from semcom_ota.config import CHANNELS, ChannelConfig, PhyConfig, load_channel
from semcom_ota.phy.fading import delays_and_powers
from semcom_ota.phy.impairments import impair

PHY = PhyConfig()
QUIET = 200.0  # dB
PULSE = np.zeros(256, np.complex64)
PULSE[100] = 1
# Samples 50, 150 and 299 of a chirp at 10 dB, seed 1, key (2, 3), as when the first figures were published.
PUBLISHED = {
    "awgn": (-1.18907 - 0.25375j, 0.91869 + 0.38468j, -0.02363 - 0.17869j),
    "multipath": (-1.33707 + 1.12956j, 1.07902 - 1.56578j, -0.19982 - 0.06049j),
    "noise_only": (-1.60720 + 0.46072j, -0.49185 - 0.68779j, -0.12022 - 0.16844j),
    "rayleigh": (0.60423 - 1.87863j, -1.38503 + 1.70004j, -0.06740 - 0.09196j),
    "rician": (-0.89607 - 0.79663j, 0.47672 + 0.89652j, -0.02678 - 0.15413j),
}


def pulses(count, **channel):
    config = ChannelConfig(**channel)
    return np.array([impair(PULSE, config, PHY, QUIET, 7, (key,)) for key in range(count)])


@pytest.mark.parametrize("name", ["multipath", "impaired"])
def test_a_function_of_seed_and_key_alone(name):
    config = load_channel(name)
    one = impair(PULSE, config, PHY, 3.0, 1, (2, 3))
    assert one.dtype == np.complex64
    assert one.tobytes() == impair(PULSE, config, PHY, 3.0, 1, (2, 3)).tobytes()
    others = [impair(PULSE, config, PHY, 3.0, *where) for where in ((2, (2, 3)), (1, (2, 4)), (1, (2,)))]
    assert len({other.tobytes() for other in others} | {one.tobytes()}) == 4


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_first_channels_draw_what_they_drew_for_published_figures(name):
    chirp = np.exp(2j * np.pi * np.arange(300) ** 2 / 700).astype(np.complex64) * (np.arange(300) < 250)
    received = impair(chirp, load_channel(name), PHY, 10.0, 1, (2, 3))
    np.testing.assert_allclose(received[[50, 150, 299]], PUBLISHED[name], atol=1e-5)


@pytest.mark.parametrize("name", ["multipath", "mobile"])
def test_frames_of_one_key_meet_the_same_channel_and_the_same_noise(name):
    config = load_channel(name)
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


def test_switching_an_impairment_on_leaves_the_draws_of_the_others():
    silence = np.zeros(500, np.complex64)
    noise = impair(silence, load_channel("tdl-a"), PHY, 3.0, 1, (5,))
    moving = load_channel("tdl-a").model_copy(update={"max_doppler_hz": 50.0, "oscillator_ppm": 2.0})
    assert impair(silence, moving, PHY, 3.0, 1, (5,)).tobytes() == noise.tobytes()
    one = ChannelConfig(phase_noise_hz=10)
    both = ChannelConfig(phase_noise_hz=10, oscillator_ppm=1e-9, carrier_hz=1, dc_dbc=-100)
    carrier = np.ones(500, np.complex64)
    alone, together = (impair(carrier, channel, PHY, QUIET, 1, (5,)) for channel in (one, both))
    np.testing.assert_allclose(alone[100:400], together[100:400], atol=2e-5)


@pytest.mark.parametrize(("name", "frames"), [("tdl-a", 1500), ("tdl-b", 1500), ("tdl-c", 1500), ("mobile", 300)])
def test_a_tdl_channel_has_the_frequency_correlation_of_its_table(name, frames):
    channel = load_channel(name).model_copy(update={"max_cfo_subcarriers": 0.0, "max_delay_samples": 0.0})
    received = [impair(PULSE, channel, PHY, QUIET, 3, (key,)) for key in range(frames)]
    responses = np.fft.fftshift(np.fft.fft(received), axes=1)[:, 40:216]  # away from the edge of the band
    delays, power = delays_and_powers(channel)
    for bins in (0, 5, 13, 30, 70):
        correlation = np.mean(responses[:, : 176 - bins] * responses[:, bins:].conj(), axis=1)
        lead = delays * PHY.sample_rate + 100  # where the pulse stands
        expected = np.sum(power * np.exp(2j * np.pi * bins / 256 * lead))
        assert abs(correlation.mean() - expected) < 5 * np.std(correlation) / np.sqrt(frames)


def test_doppler_moves_the_gain_within_the_frame_as_clarke_says():
    carrier, frames = np.ones(1500, np.complex64), 400
    channel = ChannelConfig(fading="rayleigh", max_doppler_hz=1000)
    gains = np.array([impair(carrier, channel, PHY, QUIET, 3, (key,)) for key in range(frames)])
    for lag in (100, 383, 700, 1200):  # samples, which are microseconds
        product = np.mean(gains[:, lag:] * gains[:, :-lag].conj(), axis=1)
        assert abs(product.mean() - j0(2 * np.pi * 1e-3 * lag)) < 5 * np.std(product) / np.sqrt(frames)


def test_a_channel_that_goes_on_has_clarkes_autocorrelation_from_message_to_message():
    carrier, messages, seeds = np.ones(64, np.complex64), 24, 300
    channel = ChannelConfig(fading="rayleigh", max_doppler_hz=11, message_interval_s=0.005)
    heard = [[impair(carrier, channel, PHY, QUIET, seed, (n, 0)) for n in range(messages)] for seed in range(seeds)]
    gains = np.abs(np.mean(heard, axis=2)) ** 2  # each frame has a phase of its own
    assert abs(gains.mean() - 1) < 0.1
    for lag in (1, 2, 6):
        product = np.mean((gains[:, lag:] - 1) * (gains[:, :-lag] - 1), axis=1)
        expected = j0(2 * np.pi * 11 * 0.005 * lag) ** 2  # of the power of a complex Gaussian process
        assert abs(product.mean() - expected) < 5 * np.std(product) / np.sqrt(seeds)


def test_fragments_of_a_message_follow_one_another():
    channel = ChannelConfig(fading="rayleigh", max_doppler_hz=500, message_interval_s=0.02)
    whole = impair(np.ones(4000, np.complex64), channel, PHY, QUIET, 1, (5, 0))
    parts = [impair(np.ones(1000, np.complex64), channel, PHY, QUIET, 1, (5, fragment)) for fragment in range(4)]
    assert np.allclose(np.abs(whole), np.abs(np.concatenate(parts)), atol=0.02)
    later = impair(np.ones(4000, np.complex64), channel, PHY, QUIET, 1, (6, 0))
    assert not np.allclose(np.abs(whole), np.abs(later), atol=0.1)


@pytest.mark.parametrize("name", ["tdl-b", "mobile", "radios"])
def test_snr_is_the_same_on_every_channel(name):
    generator, frames = np.random.default_rng(1), 150
    channel = load_channel(name).model_copy(update={"iq_gain_db": 0.0, "iq_phase_deg": 0.0, "dc_dbc": None})
    sent = np.zeros(700, np.complex64)
    sent[20:600] = generator.standard_normal(1160).view(np.complex128)
    received = np.array([impair(sent, channel, PHY, QUIET, 5, (key,)) for key in range(frames)])
    energy = np.sum(np.abs(received) ** 2, axis=1) / np.sum(np.abs(sent) ** 2)
    assert abs(energy.mean() - 1) < 5 * np.std(energy) / np.sqrt(frames) + 0.002  # tails beyond the end
    noise = np.array([impair(0 * sent, channel, PHY, 6.0, 5, (key,)) for key in range(30)])
    assert abs(np.mean(np.abs(noise) ** 2) * 10**0.6 - 1) < 5 / np.sqrt(noise.size)


def test_noise_only_has_the_power_and_nothing_else():
    generator = np.random.default_rng(2)
    signal = generator.standard_normal(40_000).view(np.complex128).astype(np.complex64)
    signal = np.concatenate([signal, np.zeros(5000, np.complex64)])
    received = impair(signal, load_channel("noise_only"), PHY, QUIET, 1, ())
    assert abs(np.mean(np.abs(received[100:20_000]) ** 2) / np.mean(np.abs(signal[:20_000]) ** 2) - 1) < 0.05
    assert np.abs(received[21_000:]).max() < 1e-2
    for name in ("noise_only", "impaired"):
        channel = load_channel(name).model_copy(update={"noise_only": True})
        received = impair(signal, channel, PHY, QUIET, 1, ())
        correlation = np.fft.ifft(np.fft.fft(received) * np.fft.fft(signal).conj())
        assert np.abs(correlation).max() < 0.05 * np.sum(np.abs(signal) ** 2)


@pytest.mark.parametrize("file", sorted(CHANNELS.glob("*.yml")), ids=lambda file: file.stem)
def test_every_channel_that_ships_loads_and_says_what_it_is(file):
    assert file.read_text().startswith("# ")
    assert impair(PULSE, load_channel(file.stem), PHY, 10.0, 1, ()).shape == PULSE.shape
