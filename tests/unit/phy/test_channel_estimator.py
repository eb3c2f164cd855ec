import numpy as np
import pytest

from semcom_ota.config import PhyConfig
from semcom_ota.phy.channel_estimator import ChannelEstimator
from semcom_ota.phy.equalizer import equalize
from semcom_ota.phy.impairments import complex_noise
from semcom_ota.phy.numerology import Numerology

NUMEROLOGY = Numerology(PhyConfig())
ESTIMATOR = ChannelEstimator(NUMEROLOGY)
LAYOUT = NUMEROLOGY.layout(400)
FLAT = np.array([1.0 + 0j])


def link(delays, snr_db, seed, rotation=0.0, drift=0.0, wander=0.0):
    """Symbols, the true response and the received grid of one frame; `delays` are the channel's taps from 4 on."""
    generator = np.random.default_rng(seed)
    symbols = complex_noise(generator, 400)
    grid = LAYOUT.known.astype(np.complex128).ravel()
    grid[LAYOUT.header_cells] = 1
    grid[LAYOUT.payload_cells] = symbols * LAYOUT.payload_scrambling
    still = np.exp(-2j * np.pi * np.outer(NUMEROLOGY.carriers, 4 + np.arange(len(delays))) / 64) @ delays
    row = np.arange(LAYOUT.rows)[:, None]
    phase = np.cumsum(generator.standard_normal((LAYOUT.rows, 1)), axis=0) * np.sqrt(wander)
    response = still * np.exp(1j * (phase + row * (rotation + drift * NUMEROLOGY.carriers)))
    noise = complex_noise(generator, grid.size).reshape(response.shape) * 10 ** (-snr_db / 20)
    return symbols, response, (grid.reshape(response.shape) * response + noise).astype(np.complex64)


def estimate_frame(grid):
    """As the receiver does: the first rows, then all of them with the header known."""
    known = LAYOUT.known.copy()
    known.ravel()[LAYOUT.header_cells] = 1
    return ESTIMATOR.estimate(grid, known, ESTIMATOR.estimate(grid[:16], LAYOUT.known[:16]))


@pytest.mark.parametrize("rotation", [0.0, 0.05, -0.2])
@pytest.mark.parametrize("drift", [0.0, 3e-4])
def test_exact_without_noise(rotation, drift):
    """3e-4 radians a row and carrier is a sampling-rate offset of 38 ppm."""
    delays = np.array([1, 0.5j, 0, 0, -0.3, 0.1, 0, 0, 0.05])
    _, response, grid = link(delays, 80.0, 1, rotation, drift)
    estimate = estimate_frame(grid)
    assert np.max(np.abs(estimate.response - response)) < 0.005
    assert abs(estimate.rotation - rotation) < 2e-4


@pytest.mark.parametrize("snr_db", [-4.0, 10.0])
def test_noise_variance(snr_db):
    estimates = [estimate_frame(link(FLAT, snr_db, seed)[2]).noise_variance.mean() for seed in range(60)]
    assert abs(np.mean(estimates) / 10 ** (-snr_db / 10) - 1) < 0.03


@pytest.mark.parametrize("taps", [1, 9])
@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_claimed_variances_are_true(taps, snr_db):
    """Mean |error|**2 over the claimed variance: of the response within 30 %, of the symbols within 5 %."""
    of_response, of_symbols = [], []
    for seed in range(60):
        generator = np.random.default_rng([taps, seed])
        delays = FLAT if taps == 1 else complex_noise(generator, taps) * np.exp(-np.arange(taps) / 4)
        delays = delays / np.linalg.norm(delays)
        symbols, response, grid = link(delays, snr_db, seed, generator.uniform(-0.1, 0.1))
        estimate = estimate_frame(grid)
        of_response.append(np.mean(np.abs(estimate.response - response) ** 2 / estimate.error_variance))
        equalized, variance = equalize(grid, estimate, LAYOUT.payload_cells, LAYOUT.payload_scrambling)
        of_symbols.append(np.mean(np.abs(equalized - symbols) ** 2 / variance))
    assert 0.7 < np.mean(of_response) < 1.3
    assert 0.95 < np.mean(of_symbols) < 1.05


def test_the_learned_delay_spread_pays():
    """A flat channel has two numbers to estimate and not 32: the error is below that of plain least squares."""
    errors = []
    for seed in range(60):
        _, response, grid = link(FLAT, 10.0, seed)
        errors.append(np.mean(np.abs(estimate_frame(grid).response - response)[:6] ** 2))
    assert np.mean(errors) < 0.75 * 0.1 * 16 / (16 * 52)


def test_phase_noise_is_followed():
    """2 Hz of linewidth, 1e-3 radians**2 a row: at 20 dB the phase is followed to well below the noise."""
    ratios = []
    for seed in range(40):
        symbols, _, grid = link(FLAT, 20.0, seed, wander=1e-3)
        estimate = estimate_frame(grid)
        equalized, variance = equalize(grid, estimate, LAYOUT.payload_cells, LAYOUT.payload_scrambling)
        error = np.abs(equalized - symbols) ** 2
        ratios.append((np.mean(error) / 0.01, np.mean(error / variance)))
    loss, calibration = np.mean(ratios, axis=0)
    assert loss < 1.2
    assert 0.9 < calibration < 1.1


@pytest.mark.parametrize("step_db", [-6.0, 1.0, 6.0])
@pytest.mark.parametrize("row", [3, 12, 20])
def test_a_step_of_the_gain_is_levelled_out(step_db, row):
    symbols, _, grid = link(FLAT, 20.0, 5)
    grid[row:] *= 10 ** (step_db / 20)
    estimate = estimate_frame(grid)
    assert np.allclose(20 * np.log10(estimate.levels[row + 1 :]), step_db, atol=0.4)
    equalized, variance = equalize(grid, estimate, LAYOUT.payload_cells, LAYOUT.payload_scrambling)
    error = np.abs(equalized - symbols) ** 2
    assert np.mean(error) < 1.3 * 0.01
    assert 0.8 < np.mean(error / variance) < 1.2


def test_without_a_step_no_level_is_touched():
    assert all((estimate_frame(link(FLAT, 15.0, seed)[2]).levels == 1).all() for seed in range(100))


def test_noise_that_differs_from_carrier_to_carrier():
    """An interferer 15 dB above the noise on four carriers is seen where it is, and its symbols are known to be bad."""
    ratios, carriers = [], [10, 11, 12, 13]
    for seed in range(40):
        generator = np.random.default_rng([9, seed])
        symbols, _, grid = link(FLAT, 15.0, seed)
        grid[:, carriers] += complex_noise(generator, grid[:, carriers].size).reshape(-1, 4)
        estimate = estimate_frame(grid)
        inside = np.isin(LAYOUT.payload_cells % 52, carriers)
        equalized, variance = equalize(grid, estimate, LAYOUT.payload_cells, LAYOUT.payload_scrambling)
        error = np.abs(equalized - symbols) ** 2 / variance
        ratios.append((np.mean(error[inside]), np.mean(error[~inside])))
        assert np.mean(estimate.noise_variance[carriers]) > 10 * np.median(estimate.noise_variance)
    assert np.all(np.abs(np.mean(ratios, axis=0) - 1) < 0.15)


def test_white_noise_is_taken_for_white():
    spreads = [np.ptp(estimate_frame(link(FLAT, 10.0, seed)[2]).noise_variance) for seed in range(100)]
    assert np.count_nonzero(spreads) <= 2


def test_silence_and_noise_are_survived():
    for grid in (np.zeros((LAYOUT.rows, 52)), complex_noise(np.random.default_rng(1), LAYOUT.rows * 52)):
        grid = grid.reshape(LAYOUT.rows, 52).astype(np.complex64)
        symbols, variance = equalize(grid, estimate_frame(grid), LAYOUT.payload_cells, LAYOUT.payload_scrambling)
        assert np.isfinite(symbols).all()
        assert not np.isnan(variance).any()
        assert (variance > 0).all()
