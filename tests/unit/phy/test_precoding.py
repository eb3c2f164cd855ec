import numpy as np
import pytest

from semcom_ota.config import PhyConfig
from semcom_ota.phy.impairments import complex_noise
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.precoding import despread, precode
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import FrameHeader, SemanticFrame

CELLS = Numerology(PhyConfig()).layout(500).payload_cells


def test_it_is_unitary_and_comes_back():
    symbols = complex_noise(np.random.default_rng(1), 500).astype(np.complex64)
    values = precode(symbols, CELLS, 52)
    assert not np.allclose(values, symbols, atol=0.1)
    for row in np.unique(CELLS // 52):
        own = row == CELLS // 52
        np.testing.assert_allclose(np.sum(np.abs(values[own]) ** 2), np.sum(np.abs(symbols[own]) ** 2), rtol=1e-5)
    back, variance = despread(values, np.full(500, 1e-6, np.float32), CELLS, 52)
    np.testing.assert_allclose(back, symbols, atol=1e-5)
    np.testing.assert_allclose(variance, 1e-6, rtol=1e-3)


def test_unequal_carriers_make_equal_symbols_of_the_variance_claimed():
    generator = np.random.default_rng(2)
    noise_variance = generator.exponential(0.5, 500).astype(np.float32)
    noise_variance[::50] = np.inf
    ratios = []
    for _ in range(200):
        symbols = complex_noise(generator, 500).astype(np.complex64)
        values = precode(symbols, CELLS, 52)
        heard = np.isfinite(noise_variance)
        values[heard] += (complex_noise(generator, heard.sum()) * np.sqrt(noise_variance[heard])).astype(np.complex64)
        values[~heard] = 0
        back, variance = despread(values, noise_variance, CELLS, 52)
        ratios.append(np.mean(np.abs(back - symbols) ** 2 / variance))
    assert abs(np.mean(ratios) - 1) < 0.02
    for row in np.unique(CELLS // 52):
        assert np.ptp(variance[row == CELLS // 52]) == 0


def test_a_row_without_signal_says_nothing():
    back, variance = despread(np.ones(500, np.complex64), np.full(500, np.inf, np.float32), CELLS, 52)
    assert not back.any()
    assert np.isinf(variance).all()


@pytest.mark.parametrize("seed", range(3))
def test_peaks_are_lower(seed):
    """The power that a sample exceeds with a chance of 1e-3: at least 0.8 dB lower for a QPSK payload."""
    generator = np.random.default_rng(seed)
    peaks = {}
    for precoding in ("none", "dft"):
        transmitter, payload = Transmitter(PhyConfig(precoding=precoding)), []
        for message in range(40):
            symbols = np.exp(0.25j * np.pi * (2 * generator.integers(0, 4, 960) + 1)).astype(np.complex64)
            header = FrameHeader(codec=1, message=message, message_symbols=960)
            payload.append(np.abs(transmitter.modulate(SemanticFrame(header, symbols))[16 * 80 :]) ** 2)
        peaks[precoding] = np.quantile(payload, 0.999)
    assert 10 * np.log10(peaks["none"] / peaks["dft"]) > 0.8
