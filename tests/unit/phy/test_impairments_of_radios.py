"""What clocks, oscillators, amplifiers and mixers do in `impair`, each against its formula."""

import numpy as np
import pytest

from semcom_ota.config import ChannelConfig, PhyConfig
from semcom_ota.phy.impairments import impair

PHY = PhyConfig()
MEAN_POWER = PHY.used_carriers / PHY.fft_size
QUIET = 200.0  # dB


def through(samples, snr_db=QUIET, key=(), seed=7, **channel):
    return impair(np.asarray(samples, np.complex64), ChannelConfig(**channel), PHY, snr_db, seed, key)


def tone(cycles, times, middle, width):
    """A tone under a Gaussian window, at any times: band-limited to all intents."""
    return np.exp(2j * np.pi * cycles * times - ((times - middle) / width) ** 2 / 2)


def unlike(received, expected):
    """The largest difference, the one phase that is free set aside."""
    return np.abs(received - expected * np.exp(1j * np.angle(np.vdot(expected, received)))).max()


def turn_per_sample(samples, lag, near):
    """Frequency in cycles a sample, from the turn over `lag` samples; known already to be close to `near`."""
    turn = np.angle(np.vdot(samples[:-lag], samples[lag:]) * np.exp(-2j * np.pi * near * lag))
    return near + turn / (2 * np.pi * lag)


@pytest.mark.parametrize("count", [1959, 6000])  # 1959: the transform inside has an odd length
@pytest.mark.parametrize("cycles", [-0.4, 0.15, 0.4])  # the outermost carrier in use is at 26 / 64 = 0.406
def test_sro_samples_the_waveform_at_the_times_of_the_receivers_clock(count, cycles):
    signs, n = [], np.arange(count)
    sent = tone(cycles, n, 0.7 * count, 100)
    for key in range(8):
        received = through(sent, key=(key,), sro_ppm=40)
        errors = [unlike(received, tone(cycles, n / (1 + sign * 40e-6), 0.7 * count, 100)) for sign in (1, -1)]
        assert min(errors) < 1e-6  # -120 dB
        assert max(errors) > 100 * min(errors)
        signs.append(np.argmin(errors))
    assert set(signs) == {0, 1}


def test_the_end_of_a_long_frame_does_not_wrap_around_under_sro():
    sent = np.zeros(400_000 - 64)  # a length at which the transform inside leaves no more room than it must
    sent[:10] = 1
    for key in range(4):  # the slower clock among them reads 80 samples beyond the end
        assert np.abs(through(sent, key=(key,), sro_ppm=200)[-20:]).max() < 1e-3


def test_two_oscillators_give_sro_and_cfo_from_one_draw():
    ppm, carrier_hz, n, found = 100, 1e6, np.arange(3000), []
    for key in range(250):
        above, below = (
            turn_per_sample(
                through(tone(cycles, n, 1500, 400), key=(key,), oscillator_ppm=ppm, carrier_hz=carrier_hz),
                1000,
                cycles,
            )
            for cycles in (0.25, -0.25)
        )
        cfo, sro = (above + below) / 2, 0.5 / (above - below) - 1
        assert cfo * PHY.sample_rate == pytest.approx(-sro * carrier_hz, abs=0.05)  # Hz, of up to 200
        found.append(sro / (ppm * 1e-6))
    assert np.abs(found).max() < 2.001
    # The difference of two uniform errors: triangular, of variance 2/3 and kurtosis 2.4.
    assert abs(np.mean(found)) < 5 * np.sqrt(2 / 3 / len(found))
    assert abs(np.var(found) * 1.5 - 1) < 5 * np.sqrt(1.4 / len(found))


def test_phase_noise_is_a_wiener_process_with_the_linewidth():
    received = np.array([through(np.ones(50_000), key=(key,), phase_noise_hz=0.63) for key in range(4)])
    steps = np.angle(received[:, 1:] * received[:, :-1].conj())
    variance = 2 * np.pi * 0.63 / PHY.sample_rate
    assert abs(np.var(steps) / variance - 1) < 5 * np.sqrt(2 / steps.size)
    assert abs(np.mean(steps[:, 1:] * steps[:, :-1]) / variance) < 5 / np.sqrt(steps.size)
    over_1000 = np.angle(received[:, 1000::1000] * received[:, :-1000:1000].conj())
    assert abs(np.var(over_1000) / (1000 * variance) - 1) < 5 * np.sqrt(2 / over_1000.size)
    np.testing.assert_allclose(np.abs(received), 1, atol=1e-6)


def test_a_linewidth_of_0_63_hz_is_minus_90_dbc_a_hz_at_10_khz():
    count, frames = 2**16, 24
    window = np.hanning(count)
    spectra = np.fft.fft([window * through(np.ones(count), key=(key,), phase_noise_hz=0.63) for key in range(frames)])
    density = np.mean(np.abs(spectra) ** 2, axis=0) / (PHY.sample_rate * np.sum(window**2))  # of a carrier of power 1
    frequency = np.abs(np.fft.fftfreq(count, 1 / PHY.sample_rate))
    for middle in (3e3, 10e3, 30e3, 100e3):
        near = np.abs(frequency / middle - 1) < 0.05
        formula = 0.63 / (2 * np.pi) / (frequency[near] ** 2 + (0.63 / 2) ** 2)
        sigma = np.sqrt(2 / (frames * np.count_nonzero(near)))  # a Hann window makes two neighbours one
        assert abs(np.mean(density[near] / formula) - 1) < 5 * sigma
    assert 10 * np.log10(0.63 / (2 * np.pi) / (10e3**2 + (0.63 / 2) ** 2)) == pytest.approx(-90, abs=0.03)


@pytest.mark.parametrize(("gain_db", "phase_deg"), [(0.1, 0.5), (0.0, 5.0), (-1.0, 0.0), (3.0, -20.0)])
def test_iq_imbalance_has_its_image_rejection_ratio(gain_db, phase_deg):
    sent = np.exp(2j * np.pi * 300 / 4096 * np.arange(4096))
    spectrum = np.abs(np.fft.fft(through(sent, iq_gain_db=gain_db, iq_phase_deg=phase_deg))) ** 2
    g, cosine = 10 ** (gain_db / 20), np.cos(np.radians(phase_deg))
    ratio = (1 + 2 * g * cosine + g**2) / (1 - 2 * g * cosine + g**2)
    assert spectrum[300] / spectrum[-300] == pytest.approx(ratio, rel=1e-3)
    assert spectrum.sum() / 4096**2 == pytest.approx((1 + g**2) / 2, rel=1e-5)  # I keeps its gain, Q has g


def test_the_noise_of_the_front_end_goes_through_the_mixer_too():
    g, phi, count = 10 ** (1 / 20), np.radians(5), 40_000
    noise = through(np.zeros(count), snr_db=0.0, iq_gain_db=1, iq_phase_deg=5)
    mu, nu = (1 + g * np.exp(-1j * phi)) / 2, (1 - g * np.exp(1j * phi)) / 2
    assert abs(np.mean(noise**2) - 2 * mu * nu) < 5 * np.sqrt(2 * (1 + g**2) / 2 / count)  # circular noise has 0 here
    # In other words: I is as it was, Q is g (Q cos phi - I sin phi).
    clean = through(np.zeros(count), snr_db=0.0)
    np.testing.assert_allclose(noise.real, clean.real, atol=1e-6)
    np.testing.assert_allclose(noise.imag, g * (clean.imag * np.cos(phi) - clean.real * np.sin(phi)), atol=1e-6)


def test_dc_has_its_level_below_the_signal_and_a_uniform_phase():
    offsets = np.array([through(np.zeros(8), seed=seed, dc_dbc=-30, iq_gain_db=6) for seed in range(400)])
    np.testing.assert_allclose(np.abs(offsets) ** 2, MEAN_POWER * 1e-3, rtol=1e-5)  # the mixer is before it
    assert np.ptp(offsets, axis=1).max() < 1e-6
    turns = offsets[:, 0] / np.abs(offsets[:, 0])
    for order in (1, 2):
        assert abs(np.mean(turns**order)) < 5 / np.sqrt(400)


def test_dc_is_the_same_for_all_frames_of_a_stream():
    offsets = np.array([through(np.zeros(8), key=key, dc_dbc=-30) for key in ((), (0,), (5,), (2, 3))])
    np.testing.assert_allclose(offsets, offsets[0, 0], atol=1e-6)


def test_clipping_follows_rapps_curve_and_leaves_the_phase():
    saturation = np.sqrt(MEAN_POWER * 10**0.6)
    drive = np.linspace(0.01, 5, 40)
    sent = drive * saturation * np.exp(2j * np.pi * np.linspace(0, 1, 40))
    received = through(sent, clip_db=6)
    assert unlike(received, saturation * drive / (1 + drive**6) ** (1 / 6) * np.exp(1j * np.angle(sent))) < 1e-5
    assert np.abs(received).max() < saturation
    noise = [through(np.zeros(50), snr_db=-20.0, **channel).tobytes() for channel in ({}, {"clip_db": 6})]
    assert noise[0] == noise[1]  # of the transmitter only


def test_clipping_comes_before_the_paths():
    peak = 100 * np.eye(1, 200, 100)[0]
    received = through(peak, clip_db=6, tap_delays_s=(0, 5e-6), tap_powers_db=(0, 0))
    level = np.sqrt(MEAN_POWER * 10**0.6 / 2)
    np.testing.assert_allclose(np.abs(received[[100, 105]]), level, rtol=1e-3)


def test_the_gain_steps_once_up_or_down_at_a_uniform_sample_of_the_frame():
    sent = np.concatenate([np.zeros(100), np.ones(300), np.zeros(200)])
    moments, ups = [], 0
    for key in range(300):
        noise = through(np.zeros(600), snr_db=0.0, key=(key,))
        received = through(sent, snr_db=0.0, key=(key,), gain_step_db=6)
        gain = received / (noise + sent * through(np.ones(600), key=(key,))[0])  # signal and noise alike
        moment = np.argmax(np.abs(np.diff(np.abs(gain)))) + 1
        step = 10 ** (6 / 20) if abs(gain[-1]) > 1 else 10 ** (-6 / 20)
        np.testing.assert_allclose(np.abs(gain), np.where(np.arange(600) < moment, 1, step), rtol=1e-2)
        moments.append(moment)
        ups += step > 1
    assert 100 <= min(moments) < 110
    assert 390 < max(moments) < 400
    assert abs(np.mean(moments) - 249.5) < 5 * 300 / np.sqrt(12 * 300)
    assert abs(ups - 150) < 5 * np.sqrt(300) / 2
