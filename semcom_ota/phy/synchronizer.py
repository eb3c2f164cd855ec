"""Finds frames in a stream: where they start, how far their carrier is off, and where to place the FFT windows.

Two tests in a row. The first costs a few operations a sample and looks for six repeated rows in the pattern of signs of
the cover (T. M. Schmidl and D. C. Cox, IEEE Trans. Commun. 45(12), 1997, with the sign pattern of H. Minn, V. K.
Bhargava and K. B. Letaief, IEEE Trans. Wireless Commun. 2(4), 2003). Where it says yes, the second correlates with the
known waveform, which settles the timing and the CFO's whole multiples of 1 / row. Both statistics are normalised by the
energy received, so that their false alarm rates do not depend on the level of the noise.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

import numba
import numpy as np
from scipy import fft

from semcom_ota.phy import ofdm, preamble
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.sample_stream import SampleStream
from semcom_ota.types import ComplexArray, FloatArray

DETECTION_FALSE_ALARM = 1e-3  # a sample; cheap, because the second test follows
ALIGNMENT_FALSE_ALARM = 1e-3  # a detection; the header's checksum follows
PATH_FLOOR = 1e-2  # a path more than 20 dB below the strongest one does not move the FFT window
PATH_OVER_NOISE = 12.0  # exp(-12): chance that noise alone looks like a path at some delay
_CFO_MULTIPLES = np.array([-1, 0, 1])
_ROTATION_GRID = 64


@dataclass(frozen=True, slots=True)
class Acquisition:
    """A frame that seems to be there."""

    start: int  # position of the preamble's first sample on the first path
    window: int  # position of the first row's FFT window
    cfo: float  # radians a sample


class Synchronizer:
    """Finds the frames of one stream, in order. Its decisions depend on the samples alone, not on how they arrive."""

    def __init__(self, numerology: Numerology, stream: SampleStream):
        """Search `stream` from its beginning."""
        self._numerology = numerology
        self._stream = stream
        row = numerology.row_samples
        self._span = numerology.preamble_samples
        self._reach = row * 4 // 5  # how far the first test's peak may be off
        self._detection_threshold = -math.log(DETECTION_FALSE_ALARM) / (self._span - row)
        tests = len(_CFO_MULTIPLES) * (2 * self._reach + 1)
        self._alignment_threshold = -math.log(ALIGNMENT_FALSE_ALARM / tests) / self._span
        self._preamble = preamble.grid(numerology.carriers.size)
        self._waveform = ofdm.modulate(preamble.reference(numerology.carriers.size)[None], numerology)
        half = numerology.phy.used_carriers / 2
        self._taper = (1 + np.cos(np.pi * numerology.carriers / (half + 1))).astype(np.float32)
        self._metric = np.empty(0, np.float32)
        self._metric_start = stream.start  # a multiple of row, as all it will ever be
        self._earliest_start = stream.start
        header_stop = self._reach + numerology.phy.cp_length + numerology.header_samples
        self.lookahead_samples = max(2 * self._span, header_stop) + row
        """Samples behind a position that settle whether a frame begins before it: either a peak of the first test needs
        them to show that it is one, or the header does."""
        self.position = stream.start
        """Every frame that this synchronizer has yet to find has its preamble's peak at or behind this sample."""

    def acquire(self) -> Generator[None, None, Acquisition]:
        """Yield while samples are missing; return the next frame that passes both tests."""
        while True:
            peak = yield from self._detect()
            yield from self._stream.wait(peak + self._reach + self._span + self._numerology.row_samples)
            acquisition = self._align(peak)
            if acquisition is not None:
                return acquisition
            self._resume(peak + self._numerology.row_samples // 2)

    def reject(self, acquisition: Acquisition) -> None:
        """There was no frame: search on closely behind, for a true one may begin in the very next row."""
        self._earliest_start = acquisition.start + self._numerology.phy.cp_length
        self._resume(self.position + self._numerology.row_samples // 2)

    def accept(self, acquisition: Acquisition) -> None:
        """There was one. Its payload is searched like everything else, for another frame may begin in its tail."""
        self._earliest_start = acquisition.start + self._numerology.header_samples
        self._resume(self._earliest_start)

    def _resume(self, position: int) -> None:
        self.position = max(self.position, position)
        self._stream.discard(self.position - self._span)

    def _detect(self) -> Generator[None, None, int]:
        """Wait until the first test crosses its threshold; return where it peaks, higher than for a preamble after."""
        while True:
            self._update_metric()
            metric = self._metric[self.position - self._metric_start :]
            crossings = metric > self._detection_threshold
            first = int(crossings.argmax()) if crossings.any() else metric.size
            self._resume(self.position + first)
            following = metric[first : first + self._span]
            if following.size == self._span:
                peak = int(following.argmax())
                if peak == 0:
                    return self.position
                self._resume(self.position + peak)
                continue
            missing = self._metric_start + self._metric.size + self._span + self._numerology.row_samples
            yield from self._stream.wait(missing)

    def _update_metric(self) -> None:
        """Drop the metric before `position` and append all that the samples received so far allow, in whole rows."""
        row = self._numerology.row_samples
        dropped = (self.position - self._metric_start) // row * row
        self._metric = self._metric[dropped:]
        self._metric_start += dropped
        start = self._metric_start + self._metric.size
        rows = (self._stream.stop - start - self._span) // row
        if rows > 0:
            samples = self._stream.view(start, start + rows * row + self._span)
            self._metric = np.concatenate([self._metric, repetition_metric(samples, row, preamble.STEPS)])

    def _align(self, peak: int) -> Acquisition | None:
        """The second test, around the peak of the first one."""
        row, prefix = self._numerology.row_samples, self._numerology.phy.cp_length
        first = max(peak - self._reach, self._earliest_start)
        delays = peak + self._reach + 1 - first
        if delays <= 0:
            return None
        step = _row_step(self._stream.view(peak, peak + self._span), row, preamble.STEPS)
        cfos = (step + 2 * np.pi * _CFO_MULTIPLES) / row
        replicas = (self._waveform * np.exp(1j * cfos[:, None] * np.arange(row))).astype(np.complex64)
        signs = (preamble.COVER * np.exp(1j * step * np.arange(preamble.ROWS))).astype(np.complex64)
        samples = self._stream.view(first, first + delays - 1 + self._span)
        share, delay, multiple = _best_alignment(samples, replicas, signs, delays)
        if not share > self._alignment_threshold:
            return None

        # the channel's paths around the strongest one, and the phase that is left from row to row
        strongest = first + delay
        early = prefix // 2
        window = strongest + prefix - early
        grid = ofdm.demodulate(self._stream.view(window, window + self._span), cfos[multiple], self._numerology)
        rows = grid * self._preamble.conj()
        rotation = row_rotation(rows)
        mean = np.exp(-1j * rotation * np.arange(preamble.ROWS)).astype(np.complex64) @ rows
        first_path, last_path = self._paths(mean, early)
        start = strongest + first_path
        margin = max(0, (prefix - (last_path - first_path)) // 2)
        return Acquisition(start, start + prefix - margin, float(cfos[multiple] + rotation / row))

    def _paths(self, response: ComplexArray, early: int) -> tuple[int, int]:
        """Delays of the first and the last significant path, relative to the strongest one, which stands at `early`."""
        prefix = self._numerology.phy.cp_length
        size = self._numerology.phy.fft_size
        bins = np.zeros(size, np.complex64)
        bins[self._numerology.carriers] = response * self._taper
        power = np.abs(fft.ifft(bins)) ** 2
        around = power[np.arange(early - prefix - 1, early + prefix + 2) % size]
        near = around[1:-1]
        rest = (float(power.sum()) - float(near.sum())) / (size - near.size)
        significant = near > max(PATH_FLOOR * near.max(), PATH_OVER_NOISE * rest)
        paths = np.flatnonzero(significant & (near >= around[:-2]) & (near >= around[2:])) - prefix
        return (int(paths[0]), int(paths[-1])) if paths.size else (0, 0)


def row_rotation(rows: ComplexArray) -> float:
    """The rotation from row to row that makes the rows of all carriers add up best: a maximum-likelihood CFO estimate.

    Args:
        rows: (rows, carriers) complex64, each carrier a constant turning by the same angle from row to row, in noise.

    Returns:
        Radians a row, -pi..pi.
    """
    power = np.sum(np.abs(fft.fft(rows, _ROTATION_GRID, axis=0)) ** 2, axis=1)
    peak = int(power.argmax())
    before, at, after = power[peak - 1], power[peak], power[(peak + 1) % _ROTATION_GRID]
    bend = before - 2 * at + after
    offset = float((before - after) / (2 * bend)) if bend < 0 else 0.0
    return ((peak + offset) * 2 * math.pi / _ROTATION_GRID + math.pi) % (2 * math.pi) - math.pi


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
def _row_step(samples, row, steps):  # type: ignore[no-untyped-def]
    """Phase, -pi..pi, that the repeated rows turn by from one to the next."""
    total = 0j
    for k in range(steps.size):
        for n in range(k * row, (k + 1) * row):
            total += steps[k] * samples[n].conjugate() * samples[n + row]
    return math.atan2(total.imag, total.real)


@numba.njit(cache=True)
def _best_alignment(samples, replicas, signs, delays):  # type: ignore[no-untyped-def]
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
