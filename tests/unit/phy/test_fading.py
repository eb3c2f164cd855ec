import numpy as np
import pytest
from scipy.special import j0

from semcom_ota.air_config import TDL_LONGEST_DELAY
from semcom_ota.config import ChannelConfig
from semcom_ota.phy.fading import (
    TDL,
    complex_noise,
    delays_and_powers,
    exponential_sum,
    still_gains,
    transfer_function,
    waves,
)

K = 10.0


def generator(seed=1):
    return np.random.default_rng(seed)


def moving(paths, doppler_hz, count, fading="rayleigh", seed=1):
    """(paths, count) gains at 1 kHz of equal paths of power 1."""
    channel = ChannelConfig(fading=fading, max_doppler_hz=doppler_hz)
    return np.array([exponential_sum(*path, 0, count) for path in waves(channel, np.ones(paths), 1e3, generator(seed))])


@pytest.mark.parametrize(("profile", "taps"), [("tdl-a", 23), ("tdl-b", 23), ("tdl-c", 24)])
def test_a_normalised_tdl_table_has_an_rms_delay_spread_of_1(profile, taps):
    delays, power = delays_and_powers(ChannelConfig(profile=profile, delay_spread_s=1e-6))
    assert delays.size == power.size == taps
    mean = power @ delays
    # Most misprints move this further; the known one of TDL-B (-3.2 dB for -1.2 dB at 0.2986) by 0.016.
    assert abs(np.sqrt(power @ delays**2 - mean**2) * 1e6 - 1) < 1e-4
    assert power.sum() == pytest.approx(1)


@pytest.mark.parametrize("profile", sorted(TDL))
def test_the_strongest_tap_of_a_tdl_table_has_0_db_and_the_longest_delay_is_what_the_configuration_says(profile):
    normalised, powers_db = np.array(TDL[profile]).T
    assert powers_db.max() == 0
    assert normalised.min() == 0
    assert normalised.max() == TDL_LONGEST_DELAY[profile]


def test_own_taps_have_their_delays_and_powers():
    delays, power = delays_and_powers(
        ChannelConfig(fading="rayleigh", tap_delays_s=(0, 2e-6), tap_powers_db=(0, -3.0103))
    )
    np.testing.assert_array_equal(delays, [0, 2e-6])
    np.testing.assert_allclose(power, [2 / 3, 1 / 3], rtol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 7, 2000, 2025])
@pytest.mark.parametrize("start", [0, -1000])
def test_the_factored_sum_of_exponentials_is_the_sum(count, start):
    frequencies, amplitudes = generator().uniform(-0.5, 0.5, 5), complex_noise(generator(2), 5)
    n = np.arange(start, start + count)
    plain = np.exp(2j * np.pi * np.outer(n, frequencies)) @ amplitudes
    np.testing.assert_allclose(exponential_sum(frequencies, amplitudes, start, count), plain, atol=1e-11)


@pytest.mark.parametrize("paths", [1, 8, 9, 23])
@pytest.mark.parametrize("size", [2025, 2048])
def test_the_transfer_function_of_few_and_of_many_paths_is_the_formula(paths, size):
    delays, gains = generator().uniform(0, 30, paths), complex_noise(generator(2), paths)
    plain = np.exp(-2j * np.pi * np.outer(np.fft.fftfreq(size), delays)) @ gains
    np.testing.assert_allclose(transfer_function(delays, gains, size), plain, atol=1e-11)


def test_still_gains_have_their_powers_and_the_k_factor_of_the_first():
    channel = ChannelConfig(fading="rician", rician_k_db=10)
    power = np.array([0.7, 0.3])
    gains = np.array([still_gains(channel, power, generator(seed)) for seed in range(4000)])
    constant = np.sqrt(0.7 * K / (K + 1))
    np.testing.assert_allclose(gains.mean(axis=0), [constant, 0], atol=5 * np.sqrt(0.3 / 4000))  # 5 sigma
    scattered = np.var(gains, axis=0)
    np.testing.assert_allclose(scattered, [0.7 / (K + 1), 0.3], rtol=5 / np.sqrt(4000))  # 5 sigma


def test_moving_gains_have_the_autocorrelation_of_clarke():
    paths, doppler_hz, count = 3000, 100.0, 160  # J0 has its first zero at 3.8 samples, and 10 more follow
    gains = moving(paths, doppler_hz, count)
    for lag in (1, 2, 4, 6, 9, 15, 30, 50):
        of_each = np.mean(gains[:, lag:] * gains[:, :-lag].conj(), axis=1)
        sigma = np.std(of_each) / np.sqrt(paths)
        assert sigma < 0.02
        assert abs(of_each.mean() - j0(2 * np.pi * doppler_hz * lag / 1e3)) < 5 * sigma


def test_the_autocorrelation_at_one_moment_is_that_over_time():
    gains = moving(6000, 100.0, 13)
    for lag in (3, 6, 12):
        product = gains[:, lag] * gains[:, 0].conj()
        sigma = np.std(product) / np.sqrt(product.size)
        assert abs(product.mean() - j0(2 * np.pi * 0.1 * lag)) < 5 * sigma


@pytest.mark.parametrize("moment", [0, 77])
def test_a_moving_gain_is_exactly_rayleigh_at_any_time_deep_fades_included(moment):
    paths = 20_000
    channel = ChannelConfig(fading="rayleigh", max_doppler_hz=100)
    gains = np.array(
        [exponential_sum(*path, moment, 1)[0] for path in waves(channel, np.ones(paths), 1e3, generator())]
    )
    power = np.abs(gains) ** 2
    assert abs(power.mean() - 1) < 5 / np.sqrt(paths)
    assert abs(np.mean(power**2) - 2) < 5 * np.sqrt(20 / paths)  # 16 equal waves would have 1.94
    for threshold in (0.01, 0.1, 4.0):
        share = 1 - np.exp(-threshold)
        assert abs(np.mean(power < threshold) - share) < 5 * np.sqrt(share * (1 - share) / paths)
    neighbours = gains[1:] * gains[:-1].conj()
    assert abs(neighbours.mean()) < 5 / np.sqrt(paths)


def test_no_wave_is_shifted_further_than_the_doppler_frequency():
    channel = ChannelConfig(fading="rayleigh", max_doppler_hz=100)
    shifts = np.concatenate([shift for shift, _ in waves(channel, np.ones(500), 1e3, generator())])
    assert 0.0999 < np.abs(shifts).max() <= 0.1
    # The spectrum of Jakes is the arcsine law: mean square f_D**2 / 2, a quarter of the power within f_D sin(pi / 8).
    assert abs(np.mean(shifts**2) / 0.005 - 1) < 5 * np.sqrt(0.5 / shifts.size)
    assert abs(np.mean(np.abs(shifts) < 0.1 * np.sin(np.pi / 8)) - 0.25) < 5 * np.sqrt(0.1875 / shifts.size)


def test_the_line_of_sight_of_a_moving_rician_path_is_one_wave_from_a_uniform_angle():
    channel = ChannelConfig(fading="rician", rician_k_db=10, max_doppler_hz=100)
    drawn = [waves(channel, np.array([0.8, 0.2]), 1e3, generator(seed)) for seed in range(2000)]
    shifts = np.array([first[0][-1] for first, _ in drawn])
    assert np.abs(shifts).max() <= 0.1
    assert abs(shifts.mean()) < 5 * np.sqrt(0.005 / 2000)
    assert abs(np.mean(shifts**2) / 0.005 - 1) < 5 * np.sqrt(0.5 / 2000)
    np.testing.assert_allclose([abs(first[1][-1]) ** 2 for first, _ in drawn], 0.8 * K / (K + 1))
    scattered = np.array([np.sum(np.abs(first[1][:-1]) ** 2) for first, _ in drawn])
    assert abs(scattered.mean() * (K + 1) / 0.8 - 1) < 5 / np.sqrt(16 * 2000)
    second = np.array([np.sum(np.abs(amplitudes) ** 2) for _, (_, amplitudes) in drawn])
    assert abs(second.mean() / 0.2 - 1) < 5 / np.sqrt(16 * 2000)
