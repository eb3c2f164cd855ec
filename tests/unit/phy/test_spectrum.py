import numpy as np
import pytest

from semcom_ota.phy.spectrum import FLOOR_DB, measure

RATE = 1e6


def tone(frequency_hz: float, samples: int, amplitude: float = 1.0) -> np.ndarray:
    return (amplitude * np.exp(2j * np.pi * frequency_hz * np.arange(samples) / RATE)).astype(np.complex64)


def test_a_tone_of_magnitude_one_is_at_full_scale_and_in_its_bin():
    seen = measure(tone(125e3, 10_000), RATE, fft_size=256)
    assert seen.level_dbfs == pytest.approx(0.0, abs=1e-3)
    assert seen.frequency_hz[np.argmax(seen.psd_dbfs_per_hz)] == 125e3
    assert seen.dc_dbfs < -60


def test_the_density_of_white_noise_adds_up_to_its_power():
    rng = np.random.default_rng(1)
    noise = 0.1 * (rng.normal(size=200_000) + 1j * rng.normal(size=200_000)).astype(np.complex64)
    seen = measure(noise, RATE)
    power = np.sum(10 ** (seen.psd_dbfs_per_hz / 10)) * RATE / len(seen.psd_dbfs_per_hz)
    assert power == pytest.approx(0.02, rel=0.02)
    assert 10 ** (seen.level_dbfs / 10) == pytest.approx(0.02, rel=0.02)


def test_dc_is_the_power_of_the_mean():
    seen = measure(np.full(5000, 0.1j, np.complex64), RATE)
    assert seen.dc_dbfs == pytest.approx(-20.0, abs=1e-3)


def test_clipping_counts_samples_at_full_scale():
    samples = np.zeros(1000, np.complex64)
    samples[:10] = 0.5j
    samples[10:15] = -0.5
    assert measure(samples, RATE, full_scale=0.5).clipping == pytest.approx(0.015)
    assert measure(samples, RATE).clipping == 0


def test_silence_and_short_stretches_give_finite_numbers():
    seen = measure(np.zeros(3, np.complex64), RATE)
    assert seen.level_dbfs == FLOOR_DB
    assert np.all(np.isfinite(seen.psd_dbfs_per_hz))


def test_nothing_cannot_be_measured():
    with pytest.raises(ValueError, match="no samples"):
        measure(np.zeros(0, np.complex64), RATE)
