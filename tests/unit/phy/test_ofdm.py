import numpy as np

from semcom_ota.config import PhyConfig
from semcom_ota.phy import ofdm
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.sequences import qpsk

NUMEROLOGY = Numerology(PhyConfig())
GRID = qpsk(7, 5 * 52).reshape(5, 52)


def demodulate(samples, start, cfo=0.0):
    padded = np.concatenate([samples[start:], np.zeros(start, np.complex64)])
    return ofdm.demodulate(padded, cfo, NUMEROLOGY)


def test_samples_keep_the_energy_and_come_back():
    samples = ofdm.modulate(GRID, NUMEROLOGY)
    assert samples.dtype == np.complex64
    useful = samples.reshape(5, 80)[:, 16:]
    np.testing.assert_allclose(np.sum(np.abs(useful) ** 2), GRID.size, rtol=1e-5)
    np.testing.assert_array_equal(samples.reshape(5, 80)[:, :16], useful[:, -16:])
    assert abs(useful.mean()) < 1e-6  # DC is null
    np.testing.assert_allclose(demodulate(samples, 16), GRID, atol=1e-5)


def test_a_window_anywhere_in_the_prefix_turns_the_carriers_and_nothing_else():
    early = demodulate(ofdm.modulate(GRID, NUMEROLOGY), 16 - 5)
    np.testing.assert_allclose(early, GRID * np.exp(-2j * np.pi * NUMEROLOGY.carriers * 5 / 64), atol=1e-5)


def test_cfo_is_taken_out():
    cfo = 0.03  # radians a sample
    samples = ofdm.modulate(GRID, NUMEROLOGY)
    received = samples * np.exp(1j * cfo * (np.arange(samples.size) - 16))
    np.testing.assert_allclose(demodulate(received.astype(np.complex64), 16, cfo), GRID, atol=1e-4)


def test_white_noise_keeps_its_variance():
    generator = np.random.default_rng(2)
    noise = generator.standard_normal(2 * 80 * 500).view(np.complex128).astype(np.complex64)
    assert abs(np.mean(np.abs(ofdm.demodulate(noise, 0.1, NUMEROLOGY)) ** 2) / 2 - 1) < 0.03  # 5 sigma
