import numpy as np

from semcom_ota.phy.channel_estimator import ChannelEstimate
from semcom_ota.phy.equalizer import equalize
from semcom_ota.phy.impairments import complex_noise


def estimate(response, error, noise, levels=1.0):
    rows, carriers = response.shape
    noise_variance, levels = np.full(carriers, noise, np.float32), np.full(rows, levels, np.float32)
    return ChannelEstimate(response, error, noise_variance, levels, np.ones(rows, np.float32), 1.0, 0.0, 0.0, 0.0, ())


def test_symbols_and_their_variance():
    response = np.array([[2, 1j, 0]], np.complex64)
    error = np.zeros((1, 3), np.float32)
    scrambling = np.array([1j, -1], np.complex64)
    sent = np.array([1 + 1j, -0.5], np.complex64)
    grid = np.array([[-0.5 * -1 * 2, (1 + 1j) * 1j * 1j, 5]], np.complex64)  # sent in the cells 1 and 0
    symbols, variance = equalize(grid, estimate(response, error, 0.6), np.array([1, 0]), scrambling)
    np.testing.assert_allclose(symbols, sent, rtol=1e-6)
    np.testing.assert_allclose(variance, [0.6, 0.15], rtol=1e-6)
    assert symbols.dtype == np.complex64
    assert variance.dtype == np.float32


def test_a_carrier_that_is_not_there_says_nothing():
    channel = estimate(np.zeros((1, 1), np.complex64), np.ones((1, 1), np.float32), 1.0)
    symbols, variance = equalize(np.ones((1, 1), np.complex64), channel, np.array([0]), np.ones(1, np.complex64))
    assert symbols.tolist() == [0]
    assert variance.tolist() == [np.inf]


def test_the_claimed_variance_is_true_however_little_is_known_of_the_channel():
    """The true channel is the mean plus an error of variance 0.05; means from far below that to far above."""
    generator = np.random.default_rng(3)
    for magnitude in (0.02, 0.2, 1.0):
        count = 40_000
        response = np.full((1, count), magnitude, np.complex64)
        error, noise, sent = (complex_noise(generator, count) for _ in range(3))
        received = (response + np.sqrt(0.05) * error) * sent + np.sqrt(0.1) * noise
        channel = estimate(response, np.full((1, count), 0.05, np.float32), 0.1)
        symbols, variance = equalize(
            received.astype(np.complex64), channel, np.arange(count), np.ones(count, np.complex64)
        )
        assert abs(np.mean(np.abs(symbols - sent) ** 2) / variance[0] - 1) < 0.04
        assert variance.max() < 10


def test_levels_are_taken_out():
    response = np.ones((1, 1), np.complex64)
    channel = estimate(response, np.zeros((1, 1), np.float32), 0.1, levels=2.0)
    symbols, variance = equalize(4 * response, channel, np.array([0]), np.ones(1, np.complex64))
    assert symbols.tolist() == [2]
    np.testing.assert_allclose(variance, 0.1)
