"""What stands still of a channel, estimated in the delay domain, and the noise about it; compiled.

The names are those of `channel_kernels.py`, which is compiled with what stands here (see there).
"""

import math

import numba
import numpy as np

from semcom_ota.phy import preamble

_UNEQUAL = 4.0  # standard deviations by which Bartlett's statistic says that the carriers' noise differs
_TINY = 1e-30
_PREAMBLE_ROWS = preamble.ROWS


@numba.njit(cache=True)
def from_preamble(cells, delays):  # type: ignore[no-untyped-def]
    """Sum and number of the preamble's cells on each carrier, the power of each delay if all were alike, the noise."""
    width = cells.shape[1]
    sums = np.zeros(width, np.complex128)
    energy = 0.0
    for row in range(_PREAMBLE_ROWS):
        for k in range(width):
            sums[k] += cells[row, k]
            energy += cells[row, k].real ** 2 + cells[row, k].imag ** 2
    coherent = 0.0
    for k in range(width):
        coherent += (sums[k].real ** 2 + sums[k].imag ** 2) / _PREAMBLE_ROWS
    noise = max(energy - coherent, 1e-9 * energy) / (width * (_PREAMBLE_ROWS - 1)) + _TINY
    power = max(coherent / width - noise, 1e-3 * noise) / (_PREAMBLE_ROWS * delays)
    return sums, np.full(width, float(_PREAMBLE_ROWS)), np.full(delays, power), noise


@numba.njit(cache=True)
def learn(sums, count, weight, transforms, power):  # type: ignore[no-untyped-def]
    """The response that stands still, given the power of each delay; and those powers, given the response.

    Args:
        sums: (carriers,) complex128, sum of the cells of each carrier with all movement taken out.
        count: (carriers,) how many they are.
        weight: (carriers,) one over the noise variance of a cell.
        transforms: (carriers, delays) complex128, delays to carriers; and its adjoint.
        power: (delays,) of each.

    Returns:
        The response (carriers,), its error variance (carriers,), and the powers (delays,) as they now seem.
    """
    transform, adjoint = transforms
    length = len(adjoint)
    projected = adjoint @ (weight * sums)
    lags = adjoint @ (weight * count).astype(np.complex128)
    precision = np.empty((length, length), np.complex128)
    for i in range(length):
        for j in range(i + 1):
            precision[i, j] = lags[i - j]
            precision[j, i] = lags[i - j].conjugate()
        precision[i, i] += 1 / power[i]
    covariance = np.linalg.inv(precision)

    mean = np.zeros(length, np.complex128)
    learned = np.empty(length)
    spread = np.zeros(length, np.complex128)  # sum of the covariance along its diagonals
    for i in range(length):
        for j in range(length):
            mean[i] += covariance[i, j] * projected[j]
            if i >= j:
                spread[i - j] += covariance[i, j]
        learned[i] = abs(mean[i]) ** 2 + covariance[i, i].real
    spread[0] *= 0.5
    error = np.maximum(2 * (transform @ spread).real, 0.0)
    return transform @ mean, error, learned


@numba.njit(cache=True)
def noise_energy(still, error, sums, count, energy, moved):  # type: ignore[no-untyped-def]
    """(carriers,) the energy of the noise in the known cells, as expected given the estimate and how sure it is."""
    residual = np.empty(still.size)
    for k in range(still.size):
        power = still[k].real ** 2 + still[k].imag ** 2
        cross = still[k].real * sums[k].real + still[k].imag * sums[k].imag
        residual[k] = max(energy[k] - 2 * cross + count[k] * (power + error[k]) + power * moved[k], 1e-9 * energy[k])
    return residual


@numba.njit(cache=True)
def unequal_noise(residual, count, weight):  # type: ignore[no-untyped-def]
    """Set the weights one by one if the noise of the carriers differs by more than chance; return whether it does.

    Bartlett's test decides. Few cells a carrier make a poor estimate, so each is drawn towards the mean of all as far
    as their scatter allows (G. K. Smyth, Statistical Applications in Genetics and Molecular Biology 3(1), 2004).
    """
    width = residual.size
    total = count.sum()
    logs = np.log(residual / count)
    common = residual.sum() / total
    statistic = 2 * (total * math.log(common) - np.sum(count * logs))
    statistic /= 1 + np.sum(1 / count) / (6 * (width - 1))
    if statistic < width - 1 + _UNEQUAL * math.sqrt(2 * (width - 1)):
        return False
    logs += 0.5 / count
    scatter = max(np.var(logs) - np.mean(1 / count), 1e-3)
    strength = 1 / scatter + 0.5
    typical = math.exp(np.mean(logs))
    for k in range(width):
        weight[k] = (strength + count[k]) / (strength * typical + residual[k])
    return True
