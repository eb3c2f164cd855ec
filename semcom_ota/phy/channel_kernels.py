"""The compiled part of the channel estimator. `channel_estimator.py` says what it is about.

It is compiled with `delay_kernels.py`, `phase_kernels.py` and `level_kernels.py`: after a change of one of these, touch
this file, or numba takes the old code from its cache.

Throughout, `cells` (rows, carriers) are the received cells divided by what was sent, 0 where that is not known; `count`
(carriers,) says how many of a carrier are known, `energy` what their |cell|**2 adds up to; `weight` (carriers,) is one
over the noise variance; `still` (carriers,) is the response without what moves.
"""

import math

import numba
import numpy as np

from semcom_ota.phy import preamble
from semcom_ota.phy.delay_kernels import from_preamble, learn, noise_energy, unequal_noise
from semcom_ota.phy.level_kernels import damaged_rows, estimate_levels
from semcom_ota.phy.phase_kernels import coarse_rotation, estimate_drift, estimate_phase

ROWS_A_TURN = 48
"""The longer the frame, the farther the drift turns the outer carriers, and the more Gauss-Newton steps it takes."""
HIGH_SNR = 300.0
"""From here on one turn more, for smaller errors count."""
_FAST = 0.05  # radians from row to row
_TINY = 1e-30
_PREAMBLE_ROWS = preamble.ROWS


@numba.njit(cache=True)
def begin(grid, known, transforms, drift_precision):  # type: ignore[no-untyped-def]
    """Estimate the channel of a frame's first rows, of which nothing is known yet.

    Args:
        grid: (rows, carriers) complex64, received, the preamble first.
        known: (rows, carriers) complex64 of modulus 1, what was sent; 0 where that is not known.
        transforms: (carriers, delays) complex128, delays to carriers; and its adjoint.
        drift_precision: one over the variance of the drift that is expected.

    Returns:
        As `_estimate`.
    """
    cells = grid * np.conj(known)
    sums, head_count, power, noise = from_preamble(cells, len(transforms[1]))
    weight = np.full(sums.size, 1 / noise)
    _, _, power = learn(sums, head_count, weight, transforms, power)
    still, _, power = learn(sums, head_count, weight, transforms, power)
    state = still, power, weight, 0.0, 0.0, 0.5 * (_PREAMBLE_ROWS - 1)
    return _estimate(cells, known, transforms, drift_precision, state, True, 1)


@numba.njit(cache=True)
def go_on(grid, known, transforms, drift_precision, state):  # type: ignore[no-untyped-def]
    """Estimate the channel of a frame, given the `state` that an estimate of its first rows ended with; as `begin`."""
    still, _, weight, _, _, _ = state
    snr = np.mean(weight * np.abs(still) ** 2)
    turns = 1 + len(grid) // ROWS_A_TURN + (snr > HIGH_SNR)
    return _estimate(grid * np.conj(known), known, transforms, drift_precision, state, False, turns)


@numba.njit(cache=True)
def _estimate(cells, known, transforms, drift_precision, state, searching, turns):  # type: ignore[no-untyped-def]
    """Let what stands still and what moves be estimated in turn.

    Returns:
        response (rows, carriers) complex64, its error variance float32, levels (rows,) float32, disturbance (rows,)
        float32, the SNR, the variance of the rotation's error, and the state: `still`, power of each delay, `weight`,
        rotation, drift, middle.
    """
    rows = len(cells)
    still, power, weight, rotation, drift, middle = state
    first_weight = weight.mean()
    weight = weight.copy()
    count, energy = _tally(cells, known)
    levels, disturbance = np.ones(rows, np.float32), np.ones(rows, np.float32)
    phase = rotation * (np.arange(rows) - middle)
    phase_variance, rotation_variance, drift_variance = np.zeros(rows), 0.0, 0.0
    error, residual = energy, energy
    damaged = np.zeros(rows, np.bool_)
    intact = known
    stepped = False
    turn = 0
    while turn < turns:
        a, b, c, n, q, u, v = _row_sums(cells, intact, still, weight, drift, middle)
        if turn == 0 and searching:
            rotation = coarse_rotation(u)
            turns += abs(rotation) > _FAST  # what the preamble said of the response was blurred
            phase = rotation * (np.arange(rows) - middle)
        phase, phase_variance, rotation, rotation_variance = estimate_phase(
            u, a, phase, rotation, turn == 0 and not searching
        )
        if not stepped and estimate_levels(a, n, q, u, phase, levels):
            stepped = True
            for row in range(rows):
                cells[row] /= levels[row]
                u[row] /= levels[row]
                v[row] /= levels[row]
                q[row] /= levels[row] ** 2
            count, energy = _tally(cells, intact)
        drift, drift_variance, middle = estimate_drift(u, v, a, b, c, phase, drift, middle, drift_precision)
        sums, moved = _sum_up(cells, intact, phase, phase_variance, drift, middle, drift_variance)
        still, error, power = learn(sums, count, weight, transforms, power)
        residual = noise_energy(still, error, sums, count, energy, moved)
        scale = first_weight / weight.mean()
        weight[:] = count.sum() / residual.sum()
        turn += 1
        if turn == turns and not searching and not damaged.any():
            damaged = damaged_rows(a, n, q, u, phase, scale)
            damaged[:_PREAMBLE_ROWS] = False  # which has every carrier: without it nothing could be said
            if damaged.any():  # once more from the beginning, without them
                intact = known.copy()
                intact[damaged] = 0
                count, energy = _tally(cells, intact)
                still, power, first, rotation, drift, middle = state
                weight[:] = first
                phase = rotation * (np.arange(rows) - middle)
                turn = 0
    if unequal_noise(residual, count, weight):
        still, error, power = learn(sums, count, weight, transforms, power)
    response, variance, strength = _compose(still, error, phase, phase_variance, drift, middle, drift_variance)
    for row in np.flatnonzero(damaged):
        disturbance[row] = _misfit(cells[row], known[row], response[row], weight)
    snr = strength / np.mean(1 / weight)
    state = still, power, weight, rotation, drift, middle
    return response, variance, levels, disturbance, snr, rotation_variance, state


@numba.njit(cache=True)
def _misfit(cells, known, response, weight):  # type: ignore[no-untyped-def]
    """How many times more noise than elsewhere there seems to be in one row, at least 1."""
    total, count = 0.0, 0
    for k in range(cells.size):
        if known[k] != 0:
            total += weight[k] * abs(cells[k] - response[k]) ** 2
            count += 1
    return max(total / count, 1.0)


@numba.njit(cache=True)
def _tally(cells, known):  # type: ignore[no-untyped-def]
    """How many cells of each carrier are known, and their energy."""
    rows, width = cells.shape
    count = np.zeros(width)
    energy = np.full(width, _TINY)
    for row in range(rows):
        for k in range(width):
            if known[row, k] != 0:
                count[k] += 1
                energy[k] += cells[row, k].real ** 2 + cells[row, k].imag ** 2
    return count, energy


# The drift turns carrier -k as far back as it turns carrier +k on: below, `left` is the one and `right` the other.


@numba.njit(cache=True)
def _row_sums(cells, known, still, weight, drift, middle):  # type: ignore[no-untyped-def]
    """What a row says of its phase.

    Returns:
        a, b, c (rows,): sum of weight * |still|**2 times 1, the carrier and its square; n (rows,) how many cells are
        known; q (rows,) sum of weight * |cell|**2; u, v (rows,) complex128: sum of weight * conj(still) * cell, and the
        same times the carrier, drift taken out.
    """
    rows, width = cells.shape
    half = width // 2
    n, q = np.zeros(rows), np.zeros(rows)
    u, v = np.zeros(rows, np.complex128), np.zeros(rows, np.complex128)
    a, b, c = np.full(rows, _TINY), np.zeros(rows), np.full(rows, _TINY)
    matched = weight * np.conj(still)
    power = weight * (still.real**2 + still.imag**2)
    for row in range(rows):
        angle = drift * (row - middle)
        step = complex(math.cos(angle), -math.sin(angle))
        turn = step
        for carrier in range(1, half + 1):
            right, left = half + carrier - 1, half - carrier
            if known[row, right] != 0:
                n[row] += 1
                q[row] += weight[right] * (cells[row, right].real ** 2 + cells[row, right].imag ** 2)
                value = cells[row, right] * matched[right] * turn
                u[row] += value
                v[row] += carrier * value
                a[row] += power[right]
                b[row] += carrier * power[right]
                c[row] += carrier**2 * power[right]
            if known[row, left] != 0:
                n[row] += 1
                q[row] += weight[left] * (cells[row, left].real ** 2 + cells[row, left].imag ** 2)
                value = cells[row, left] * matched[left] * turn.conjugate()
                u[row] += value
                v[row] -= carrier * value
                a[row] += power[left]
                b[row] -= carrier * power[left]
                c[row] += carrier**2 * power[left]
            turn *= step
    return a, b, c, n, q, u, v


@numba.njit(cache=True)
def _sum_up(cells, known, phase, phase_variance, drift, middle, drift_variance):  # type: ignore[no-untyped-def]
    """(carriers,) sums of the cells with all movement taken out, and of the variance that the movement leaves."""
    rows, width = cells.shape
    half = width // 2
    sums, moved = np.zeros(width, np.complex128), np.zeros(width)
    for row in range(rows):
        time = row - middle
        back = complex(math.cos(phase[row]), -math.sin(phase[row]))
        step = complex(math.cos(drift * time), -math.sin(drift * time))
        turn = step
        for carrier in range(1, half + 1):
            right, left = half + carrier - 1, half - carrier
            variance = phase_variance[row] + drift_variance * (time * carrier) ** 2
            if known[row, right] != 0:
                sums[right] += cells[row, right] * (turn * back)
                moved[right] += variance
            if known[row, left] != 0:
                sums[left] += cells[row, left] * (turn.conjugate() * back)
                moved[left] += variance
            turn *= step
    return sums, moved


@numba.njit(cache=True)
def _compose(still, error, phase, phase_variance, drift, middle, drift_variance):  # type: ignore[no-untyped-def]
    """(rows, carriers) response complex64 and its error variance float32, from what stands still and what moves.

    Returns also the mean of E|response|**2, of which the estimate and its error each are a part.
    """
    rows, width = phase.size, still.size
    half = width // 2
    still_real, still_imaginary = still.real.astype(np.float32), still.imag.astype(np.float32)
    power, still_error = still_real**2 + still_imaginary**2, error.astype(np.float32)
    squares = np.empty(width, np.float32)
    for carrier in range(1, half + 1):
        squares[half + carrier - 1] = squares[half - carrier] = carrier**2
    response = np.empty((rows, 2 * width), np.float32)  # real and imaginary parts: compilers are bad at complex numbers
    variance = np.empty((rows, width), np.float32)
    cosine, sine = np.empty(width, np.float32), np.empty(width, np.float32)
    strength = 0.0
    for row in range(rows):
        time = row - middle
        step = complex(math.cos(drift * time), math.sin(drift * time))
        right = complex(math.cos(phase[row]), math.sin(phase[row]))
        left = right
        for carrier in range(1, half + 1):
            right, left = right * step, left * step.conjugate()
            cosine[half + carrier - 1], sine[half + carrier - 1] = right.real, right.imag
            cosine[half - carrier], sine[half - carrier] = left.real, left.imag
        turning = np.float32(phase_variance[row])
        drifting = np.float32(drift_variance * time**2)
        for k in range(width):
            response[row, 2 * k] = still_real[k] * cosine[k] - still_imaginary[k] * sine[k]
            response[row, 2 * k + 1] = still_real[k] * sine[k] + still_imaginary[k] * cosine[k]
            variance[row, k] = still_error[k] + power[k] * (turning + drifting * squares[k])
            strength += power[k] + variance[row, k]
    return response.view(np.complex64), variance, strength / (rows * width)
