"""The channel of one frame from its known cells alone: response, its error, noise variance, residual CFO and SRO.

The channel is taken to stand still over a frame but for what two free-running oscillators do to it: a rotation from row
to row (residual CFO), and a drift, which is a rotation that grows with the carrier (sampling-rate offset). What stands
still is estimated in the delay domain, where it is at most one cyclic prefix long: linear MMSE, with the power of each
delay and the noise variance learned from the frame itself by expectation maximisation (M. E. Tipping, "Sparse Bayesian
learning and the relevance vector machine", JMLR 1, 2001). Rotation and drift are found by Gauss-Newton steps on the
likelihood, given the response.
"""

import math
from dataclasses import dataclass

import numba
import numpy as np

from semcom_ota.phy import preamble
from semcom_ota.phy.numerology import FrameLayout, Numerology
from semcom_ota.types import ComplexArray, FloatArray

LEARNING_STEPS = 2
TRACKING_STEPS = 2
_PREAMBLE_ROWS = preamble.ROWS
LARGEST_ROTATION = 0.5
"""Radians from row to row that the synchronizer may have left: ten standard deviations at -4 dB."""
SRO_PPM = 20.0
"""Standard deviation of the sampling-rate offset, before the frame says anything of it."""
_TINY = 1e-30


@dataclass(frozen=True, slots=True)
class ChannelEstimate:
    """What each cell of the grid went through. Given the known cells, `response` is the mean of the true response."""

    response: ComplexArray  # (rows, carriers)
    error_variance: FloatArray  # (rows, carriers), E|true response - response|**2
    noise_variance: float  # E|n|**2 of a cell
    rotation: float  # radians from row to row that the grid still had, below LARGEST_ROTATION


class ChannelEstimator:
    """Estimates channels. Immutable."""

    def __init__(self, numerology: Numerology):
        """Prepare the transform from delays to carriers."""
        phy = numerology.phy
        self._carriers = numerology.carriers.astype(np.float64)
        self._transform = np.exp(-2j * np.pi / phy.fft_size * np.outer(numerology.carriers, np.arange(phy.cp_length)))
        self._drift_precision = (phy.fft_size / (2 * np.pi * SRO_PPM * 1e-6 * numerology.row_samples)) ** 2

    def estimate(self, grid: ComplexArray, layout: FrameLayout) -> ChannelEstimate:
        """Estimate the channel of a grid.

        Args:
            grid: (rows, carriers) complex64, received, coarse CFO taken out.
            layout: what was sent in it, as far as that is known.
        """
        response, error_variance, noise_variance, rotation = _estimate(
            grid, layout.known_cells, layout.known_symbols, self._carriers, self._transform, self._drift_precision
        )
        return ChannelEstimate(response, error_variance, noise_variance, rotation)


# Below, `cells` (n,) complex128 are the known cells divided by what was sent: the response in noise. `row`, `column`
# and `carrier` (n,) say where they stand, `column` counting the used carriers and `carrier` being their frequency.


@numba.njit(cache=True)
def _estimate(grid, known_cells, known_symbols, carriers, transform, drift_precision):  # type: ignore[no-untyped-def]
    rows, width = grid.shape
    row = known_cells // width
    column = known_cells - row * width
    carrier = carriers[column]
    cells = np.empty(known_cells.size, np.complex128)
    for i in range(cells.size):
        cells[i] = grid[row[i], column[i]] * known_symbols[i].conjugate()

    # the preamble alone, whose rows differ by little but noise, gives the response that everything else is held against
    head = _PREAMBLE_ROWS * width
    power, noise = _first_guess(cells[:head].reshape(_PREAMBLE_ROWS, width), transform.shape[1])
    delays, covariance, power, noise = _learn(cells[:head], column[:head], transform, power, noise)
    response = transform @ delays
    rotation, drift = _coarse_rotation(cells, row, response[column], rows), 0.0
    middle, motion_covariance = 0.0, np.zeros((2, 2))
    for _ in range(TRACKING_STEPS):
        rotation, drift, middle, motion_covariance = _track(
            cells, row, carrier, response[column], rotation, drift, noise, drift_precision
        )
        still = _turn(cells, row - middle, carrier, -rotation, -drift)
        delays, covariance, power, noise = _learn(still, column, transform, power, noise)
        response = transform @ delays

    spread = transform @ np.ascontiguousarray(covariance)
    error = np.empty(width)
    for c in range(width):
        error[c] = np.sum((spread[c] * transform[c].conjugate()).real)
    moving, variance = _compose(response, error, carriers, rows, rotation, drift, middle, motion_covariance)
    return moving, variance, noise, rotation


@numba.njit(cache=True)
def _first_guess(rows, delays):  # type: ignore[no-untyped-def]
    """Power of each delay, if all were alike, and noise variance, from rows that differ by little but noise."""
    count, width = rows.shape
    power = noise = 0.0
    for column in range(width):
        mean = rows[:, column].sum() / count
        power += abs(mean) ** 2 / width
        for value in rows[:, column]:
            noise += abs(value - mean) ** 2 / (width * (count - 1))
    noise += _TINY
    return np.full(delays, max(power - noise / count, 1e-3 * noise) / delays), noise


@numba.njit(cache=True)
def _learn(cells, column, transform, power, noise):  # type: ignore[no-untyped-def]
    """Expectation maximisation: delays given powers and noise, then powers and noise given delays.

    Returns the delays' mean (L,) and covariance (L, L), the power of each (L,), and the noise variance.
    """
    width, length = transform.shape
    counts = np.zeros(width)
    sums = np.zeros(width, np.complex128)
    energy = 0.0
    for i in range(cells.size):
        counts[column[i]] += 1
        sums[column[i]] += cells[i]
        energy += abs(cells[i]) ** 2
    adjoint = np.conj(transform.T).copy()
    projected = adjoint @ sums
    lags = adjoint @ counts.astype(np.complex128)
    gram = np.empty((length, length), np.complex128)
    for i in range(length):
        for j in range(length):
            gram[i, j] = lags[i - j] if i >= j else lags[j - i].conjugate()

    mean = np.zeros(length, np.complex128)
    covariance = gram
    for _ in range(LEARNING_STEPS):
        precision = gram / noise
        for i in range(length):
            precision[i, i] += 1 / power[i]
        covariance = np.linalg.inv(precision)
        mean = covariance @ projected / noise
        expected = gram @ mean
        residual = energy
        power = np.empty(length)
        for i in range(length):
            power[i] = abs(mean[i]) ** 2 + covariance[i, i].real
            residual += (expected[i].conjugate() * mean[i] - 2 * projected[i].conjugate() * mean[i]).real
            for j in range(length):
                residual += (covariance[i, j] * gram[j, i]).real
        noise = max(residual, 1e-9 * energy) / cells.size + _TINY
    return mean, covariance, power, noise


@numba.njit(cache=True)
def _coarse_rotation(cells, row, response, rows):  # type: ignore[no-untyped-def]
    """Where the periodogram of the rows' sums peaks, in steps of 1/8 of its resolution."""
    sums = np.zeros(rows, np.complex128)
    for i in range(cells.size):
        sums[row[i]] += cells[i] * response[i].conjugate()
    step = 2 * math.pi / (8 * rows)
    best, best_power = 0.0, -1.0
    for k in range(-int(LARGEST_ROTATION / step), int(LARGEST_ROTATION / step) + 1):
        turn = complex(math.cos(k * step), -math.sin(k * step))
        total = 0j
        for value in sums[::-1]:  # Horner's rule
            total = total * turn + value
        power = total.real**2 + total.imag**2
        if power > best_power:
            best, best_power = k * step, power
    return best


@numba.njit(cache=True)
def _turn(cells, time, carrier, rotation, drift):  # type: ignore[no-untyped-def]
    """Cells turned by time * (rotation + drift * carrier)."""
    turned = np.empty_like(cells)
    for i in range(cells.size):
        angle = time[i] * (rotation + drift * carrier[i])
        turned[i] = cells[i] * complex(math.cos(angle), math.sin(angle))
    return turned


@numba.njit(cache=True)
def _track(cells, row, carrier, response, rotation, drift, noise, drift_precision):  # type: ignore[no-untyped-def]
    """One Gauss-Newton step for rotation and drift. A cell tells its phase with a precision of 2 |response|**2 / noise.

    Returns both, the row in which they turn nothing (so chosen that the rotation's error and the static phase's are
    uncorrelated), and the covariance (2, 2) of their errors.
    """
    precision = 2 / noise * np.abs(response) ** 2
    middle = np.sum(precision * row) / (np.sum(precision) + _TINY)
    time = row - middle
    still = _turn(cells, time, carrier, -rotation, -drift)
    score = 2 / noise * (still * np.conj(response)).imag
    fisher_rotation = np.sum(precision * time**2) + _TINY
    fisher_mixed = np.sum(precision * time**2 * carrier)
    fisher_drift = np.sum(precision * (time * carrier) ** 2) + drift_precision
    gradient_rotation = np.sum(score * time)
    gradient_drift = np.sum(score * time * carrier) - drift_precision * drift
    determinant = fisher_rotation * fisher_drift - fisher_mixed**2
    covariance = np.array([[fisher_drift, -fisher_mixed], [-fisher_mixed, fisher_rotation]]) / determinant
    rotation += covariance[0, 0] * gradient_rotation + covariance[0, 1] * gradient_drift
    drift += covariance[1, 0] * gradient_rotation + covariance[1, 1] * gradient_drift
    return rotation, drift, middle, covariance


@numba.njit(cache=True)
def _compose(response, error, carriers, rows, rotation, drift, middle, covariance):  # type: ignore[no-untyped-def]
    """(rows, carriers) response complex64 and its error variance float32, from what stands still and what turns."""
    moving = np.empty((rows, carriers.size), np.complex64)
    variance = np.empty((rows, carriers.size), np.float32)
    for column in range(carriers.size):
        carrier = carriers[column]
        angle = rotation + drift * carrier
        step = complex(math.cos(angle), math.sin(angle))
        value = response[column] * complex(math.cos(middle * angle), -math.sin(middle * angle))
        phase_variance = covariance[0, 0] + 2 * covariance[0, 1] * carrier + covariance[1, 1] * carrier**2
        for row in range(rows):
            moving[row, column] = value
            variance[row, column] = error[column] + abs(response[column]) ** 2 * phase_variance * (row - middle) ** 2
            value *= step
    return moving, variance
