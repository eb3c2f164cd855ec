import numpy as np

from semcom_ota.phy.channel_estimator import ChannelEstimate
from semcom_ota.phy.equalizer import equalize


def test_symbols_and_their_variance():
    response = np.array([[2, 1j, 0]], np.complex64)
    error = np.array([[0.4, 0.1, 0.1]], np.float32)
    scrambling = np.array([1j, -1], np.complex64)
    sent = np.array([1 + 1j, -0.5], np.complex64)
    grid = np.array([[-0.5 * -1 * 2, (1 + 1j) * 1j * 1j, 5]], np.complex64)  # sent in the cells 1 and 0
    channel = ChannelEstimate(response, error, 0.6, 0.0)
    symbols, variance = equalize(grid, channel, np.array([1, 0]), scrambling)
    np.testing.assert_allclose(symbols, sent, rtol=1e-6)
    np.testing.assert_allclose(variance, [0.7, 0.25], rtol=1e-6)
    assert symbols.dtype == np.complex64
    assert variance.dtype == np.float32


def test_a_carrier_that_is_not_there_says_nothing():
    channel = ChannelEstimate(np.zeros((1, 1), np.complex64), np.ones((1, 1), np.float32), 1.0, 0.0)
    symbols, variance = equalize(np.ones((1, 1), np.complex64), channel, np.array([0]), np.ones(1, np.complex64))
    assert symbols.tolist() == [0]
    assert variance.tolist() == [np.inf]
