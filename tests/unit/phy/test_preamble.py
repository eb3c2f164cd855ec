import numpy as np
import pytest
from scipy import fft

from semcom_ota.phy import preamble


@pytest.mark.parametrize(("carriers", "fft_size"), [(52, 64), (104, 128), (416, 512)])
def test_it_is_proper_behind_every_channel_of_two_paths(carriers, fft_size):
    row = preamble.reference(carriers)
    assert row.dtype == np.complex64
    np.testing.assert_allclose(np.abs(row), 1, rtol=1e-6)
    half = carriers // 2
    frequencies = np.concatenate([np.arange(-half, 0), np.arange(1, half + 1)]) / fft_size
    for delay in np.arange(0, fft_size // 4 + 1):
        received = row * (1 + np.exp(-2j * np.pi * frequencies * delay))
        improper = np.vdot(received[::-1].conj(), received)  # the sum of the samples' squares, by Parseval
        assert abs(improper) < 0.07 * np.sum(np.abs(received) ** 2)


def test_the_peak_of_the_continuous_waveform_is_low():
    bins = np.zeros(16 * 64, np.complex64)
    bins[1:27], bins[-26:] = preamble.reference(52)[26:], preamble.reference(52)[:26]
    power = np.abs(fft.ifft(bins)) ** 2
    assert 10 * np.log10(power.max() / power.mean()) < 3.9
