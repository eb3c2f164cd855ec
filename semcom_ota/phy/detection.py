"""What the synchronizer decides by: repetition of whatever was sent, and resemblance to what should have been sent."""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from semcom_ota.types import ComplexArray, FloatArray

_ROTATION_GRID = 64
_TURNS = np.exp(2j * np.pi * np.arange(_ROTATION_GRID) / _ROTATION_GRID)


@numba.njit(cache=True)
def repetition_metric(samples: ComplexArray, row: int, steps: FloatArray) -> FloatArray:
    """How much of the energy from here on repeats itself after `row` samples, in the pattern of signs `steps`.

    In white noise alone the metric exceeds x with a chance of about exp(-x * len(steps) * row).

    Sums over a row are made of sums from both ends of fixed stretches of `row` samples: nothing runs on, so that each
    value depends on its own samples alone, and no rounding error piles up.

    Args:
        samples: ((rows + len(steps) + 1) * row,) complex64.
        row: the period, in samples.
        steps: (K,) float32, +-1.

    Returns:
        (rows * row,) float32, 0..1: |sum_k steps[k] <row k, row k+1>|**2 / (sum_k energy of row k and k+1, halved)**2.
    """
    size = samples.size - row
    ahead = samples[row:]
    real = np.empty(size, np.float32)
    imaginary = np.empty(size, np.float32)
    energy = np.empty(size, np.float32)
    for n in range(size):
        a, b = samples[n], ahead[n]
        real[n] = a.real * b.real + a.imag * b.imag
        imaginary[n] = a.real * b.imag - a.imag * b.real
        energy[n] = a.real * a.real + a.imag * a.imag + b.real * b.real + b.imag * b.imag
    _sum_over_rows(real, imaginary, energy, row)

    count = size - steps.size * row
    x = np.zeros(count, np.float32)
    y = np.zeros(count, np.float32)
    scale = np.zeros(count, np.float32)
    for k in range(steps.size):
        step = steps[k]
        real_k, imaginary_k, energy_k = real[k * row :], imaginary[k * row :], energy[k * row :]
        for n in range(count):
            x[n] += step * real_k[n]
            y[n] += step * imaginary_k[n]
            scale[n] += energy_k[n]
    for n in range(count):
        factor = np.float32(2) / max(scale[n], np.float32(1e-30))
        x[n] = (x[n] * factor) ** 2 + (y[n] * factor) ** 2
    return x


@numba.njit(cache=True)
def _sum_over_rows(a, b, c, row):  # type: ignore[no-untyped-def]
    """In place: each value becomes the sum of the `row` values from it on; the last stretch stays incomplete."""
    for start in range(0, a.size, row):
        sum_a = sum_b = sum_c = np.float32(0)
        for n in range(row):
            value_a, value_b, value_c = a[start + n], b[start + n], c[start + n]
            if start > 0:
                a[start + n - row] += sum_a
                b[start + n - row] += sum_b
                c[start + n - row] += sum_c
            sum_a += value_a
            sum_b += value_b
            sum_c += value_c
        sum_a = sum_b = sum_c = np.float32(0)
        for n in range(start + row - 1, start - 1, -1):
            sum_a += a[n]
            sum_b += b[n]
            sum_c += c[n]
            a[n], b[n], c[n] = sum_a, sum_b, sum_c


@numba.njit(cache=True)
def row_step(samples: ComplexArray, row: int, steps: FloatArray) -> float:
    """Phase, -pi..pi, by which rows that repeat themselves turn from one to the next.

    Args:
        samples: ((len(steps) + 1) * row,) complex64, from where the metric has its peak.
        row: the period, in samples.
        steps: (K,) float32, +-1.
    """
    total = 0j
    for k in range(steps.size):
        for n in range(k * row, (k + 1) * row):
            total += steps[k] * samples[n].conjugate() * samples[n + row]
    return math.atan2(total.imag, total.real)


@numba.njit(cache=True)
def first_above(metric: FloatArray, threshold: float) -> int:
    """Index of the first value above a threshold; the length of `metric` if there is none."""
    for n in range(metric.size):
        if metric[n] > threshold:
            return n
    return metric.size


@numba.njit(cache=True)
def turned_replicas(waveform: ComplexArray, step: float, multiples: NDArray[np.int64]) -> ComplexArray:
    """What a row looks like with each of the CFOs that turn it by `step` from row to row.

    Args:
        waveform: (row,) complex64, without CFO.
        step: radians a row.
        multiples: (hypotheses,) of whole turns a row more than that.

    Returns:
        (hypotheses, row) complex64.
    """
    replicas = np.empty((multiples.size, waveform.size), np.complex64)
    for h in range(multiples.size):
        cfo = (step + 2 * math.pi * multiples[h]) / waveform.size
        turn, turned = complex(math.cos(cfo), math.sin(cfo)), 1 + 0j
        for n in range(waveform.size):
            replicas[h, n] = waveform[n] * turned
            turned *= turn
    return replicas


@numba.njit(cache=True)
def best_alignment(
    samples: ComplexArray, replicas: ComplexArray, signs: ComplexArray, delays: int
) -> tuple[float, int, int]:
    """Where, and with which of the replicas of a row, the samples correlate best with a preamble.

    The replicas differ in frequency by whole turns a row, so that the rows can be added up before they are compared.

    Args:
        samples: (delays - 1 + rows * row,) complex64.
        replicas: (hypotheses, row) complex64.
        signs: (rows,) complex64: each row of the preamble is the replica times this.
        delays: how many delays to try.

    Returns:
        |correlation|**2 over (energy of the samples x energy of the preamble), 0..1; the delay; the replica.
    """
    rows, row = signs.size, replicas.shape[1]
    length = delays - 1 + row
    real = np.zeros(length, np.float32)
    imaginary = np.zeros(length, np.float32)
    for k in range(rows):
        a, b = signs[k].real, signs[k].imag
        for n in range(length):
            value = samples[k * row + n]
            real[n] += a * value.real + b * value.imag
            imaginary[n] += a * value.imag - b * value.real
    energy = np.empty(delays)
    running = 0.0
    for n in range(samples.size):
        running += samples[n].real ** 2 + samples[n].imag ** 2
        if n >= rows * row:
            running -= samples[n - rows * row].real ** 2 + samples[n - rows * row].imag ** 2
        if n >= rows * row - 1:
            energy[n - rows * row + 1] = running

    best, best_delay, best_replica = 0.0, 0, 0
    for h in range(len(replicas)):
        correlation_real = np.zeros(delays, np.float32)
        correlation_imaginary = np.zeros(delays, np.float32)
        replica_energy = 0.0
        for n in range(row):
            a, b = replicas[h, n].real, replicas[h, n].imag
            replica_energy += rows * (a * a + b * b)
            for d in range(delays):
                correlation_real[d] += a * real[n + d] + b * imaginary[n + d]
                correlation_imaginary[d] += a * imaginary[n + d] - b * real[n + d]
        for d in range(delays):
            power = float(correlation_real[d]) ** 2 + float(correlation_imaginary[d]) ** 2
            share = power / max(energy[d] * replica_energy, 1e-30)
            if share > best:
                best, best_delay, best_replica = share, d, h
    return best, best_delay, best_replica


@numba.njit(cache=True)
def row_rotation(rows: ComplexArray) -> float:
    """The rotation from row to row that makes the rows of all carriers add up best: a maximum-likelihood CFO estimate.

    Args:
        rows: (rows, carriers) complex64, each carrier a constant turning by the same angle from row to row, in noise.

    Returns:
        Radians a row, -pi..pi.
    """
    count = len(rows)
    lags = np.zeros(count, np.complex128)  # the periodogram is the Fourier transform of these
    for lag in range(1, count):
        for row in range(count - lag):
            for k in range(rows.shape[1]):
                lags[lag] += rows[row, k].conjugate() * rows[row + lag, k]
    power = np.zeros(_ROTATION_GRID)
    for point in range(_ROTATION_GRID):
        for lag in range(1, count):
            turn = _TURNS[point * lag % _ROTATION_GRID]
            power[point] += lags[lag].real * turn.real + lags[lag].imag * turn.imag
    peak = int(power.argmax())
    before, at, after = power[peak - 1], power[peak], power[(peak + 1) % _ROTATION_GRID]
    bend = before - 2 * at + after
    offset = (before - after) / (2 * bend) if bend < 0 else 0.0
    return ((peak + offset) * 2 * math.pi / _ROTATION_GRID + math.pi) % (2 * math.pi) - math.pi


@numba.njit(cache=True)
def path_delays(rows, rotation, carriers_to_delays, size, floor, over_noise):  # type: ignore[no-untyped-def]
    """The first and the last significant path: local maxima of the delay power spectrum that stand out.

    Args:
        rows: (rows, carriers) complex64, the channel in noise, turning by `rotation` from row to row.
        rotation: radians a row.
        carriers_to_delays: (carriers, delays) complex128, inverse transform; the first and the last delay are only
            there to tell whether their neighbours are maxima.
        size: of the FFT.
        floor: share of the strongest one's power that a path must exceed.
        over_noise: times the mean power at other delays that it must exceed.

    Returns:
        Two indices into the delays; (-1, -1) if none stands out.
    """
    count, width = rows.shape
    delays = carriers_to_delays.shape[1]
    response = np.zeros(width, np.complex128)
    for row in range(count):
        turn = complex(math.cos(rotation * row), -math.sin(rotation * row))
        for k in range(width):
            response[k] += rows[row, k] * turn
    taps = np.zeros(delays, np.complex128)
    total = 0.0
    for k in range(width):
        for d in range(delays):
            taps[d] += response[k] * carriers_to_delays[k, d]
        total += size * abs(carriers_to_delays[k, 0] * response[k]) ** 2
    power = taps.real**2 + taps.imag**2
    near = power[1:-1].sum()
    rest = max(total - near, 0.0) / (size - (delays - 2))
    threshold = max(floor * power[1:-1].max(), over_noise * rest)
    first, last = -1, -1
    for d in range(1, delays - 1):
        if power[d] > threshold and power[d] >= power[d - 1] and power[d] >= power[d + 1]:
            last = d
            if first < 0:
                first = d
    return first, last
