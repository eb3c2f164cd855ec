import numpy as np
import pytest

from semcom_ota.config import ChannelConfig, PhyConfig
from semcom_ota.phy import ofdm, preamble
from semcom_ota.phy.detection import row_rotation
from semcom_ota.phy.impairments import complex_noise, impair
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.sample_stream import SampleStream
from semcom_ota.phy.synchronizer import Synchronizer

PHY = PhyConfig()
NUMEROLOGY = Numerology(PHY)
PREAMBLE = ofdm.modulate(preamble.grid(52), NUMEROLOGY)


def acquire(samples):
    """The first frame found in a stream, or None."""
    stream = SampleStream(silence=NUMEROLOGY.preamble_samples)
    synchronizer = Synchronizer(NUMEROLOGY, stream)
    stream.append(samples)
    try:
        next(synchronizer.acquire())
    except StopIteration as found:
        return found.value
    return None


def received(start, seed, snr_db=100.0, **channel):
    samples = np.zeros(4000, np.complex64)
    samples[start : start + PREAMBLE.size] = PREAMBLE
    return impair(samples, ChannelConfig(**channel), PHY, snr_db, seed, ())


@pytest.mark.parametrize("rotation", [-3.1, -0.7, 0.0, 0.05, 1.0, 3.1])
def test_rotation_from_row_to_row(rotation):
    rows = np.exp(1j * rotation * np.arange(6))[:, None] * np.exp(1j * np.arange(52))
    assert abs(np.angle(np.exp(1j * (row_rotation(rows.astype(np.complex64)) - rotation)))) < 0.01


@pytest.mark.parametrize("start", [0, 37, 1234])
@pytest.mark.parametrize("seed", range(8))
def test_start_and_cfo_without_noise(start, seed):
    """CFO over +-1 subcarrier; one path."""
    found = acquire(received(start, seed, max_cfo_subcarriers=1.0))
    truth = np.random.default_rng(np.random.SeedSequence([seed]))
    truth.standard_normal(2)
    cfo = truth.uniform(-1, 1) * 2 * np.pi / 64
    assert found.start == start
    assert found.window - found.start == 8  # one path: the window is in the middle of the prefix
    assert abs(found.cfo - cfo) * 80 < 0.02


def test_start_is_the_first_path_though_a_later_one_is_stronger():
    found = acquire(received(500, 1, tap_delays_s=(0, 6e-6), tap_powers_db=(-6, 0)))
    assert abs(found.start - 500) <= 1
    assert 500 + 6 <= found.window <= 500 + 16  # no path brings the previous row into the window


def test_start_and_cfo_in_noise():
    errors = []
    for seed in range(60):
        found = acquire(received(700, seed, snr_db=0.0, max_cfo_subcarriers=1.0))
        truth = np.random.default_rng(np.random.SeedSequence([seed]))
        truth.standard_normal(2)
        errors.append((found.start - 700, (found.cfo - truth.uniform(-1, 1) * 2 * np.pi / 64) * 80))
    start, rotation = np.array(errors).T
    assert np.abs(start).max() <= 2
    # Cramer-Rao: 12 / (2 * 52 * 6 * 35) rad**2 at 0 dB
    assert np.sqrt(np.mean(rotation**2)) < 1.5 * np.sqrt(12 / (2 * 52 * 6 * 35))


def test_neither_noise_nor_silence_nor_a_tone_is_a_frame():
    noise = complex_noise(np.random.default_rng(4), 300_000).astype(np.complex64)
    assert acquire(noise) is None
    assert acquire(np.zeros(100_000, np.complex64)) is None
    assert acquire(np.exp(0.3j * np.arange(20_000)).astype(np.complex64)) is None
