"""The channel of one frame from its known cells alone: response, its error, noise variance, residual CFO and SRO.

The channel is taken to stand still over a frame but for what two free-running oscillators do to it: a rotation from row
to row (residual CFO), and one that grows with the carrier (sampling-rate offset). What stands still is estimated in the
delay domain, where it is at most one cyclic prefix long: linear MMSE with the power of each delay and the noise
variance learned from the frame itself by expectation maximisation (M. E. Tipping, "Sparse Bayesian learning and the
relevance vector machine", JMLR 1, 2001).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft

from semcom_ota.phy import preamble
from semcom_ota.phy.numerology import Numerology
from semcom_ota.types import ComplexArray, FloatArray

LEARNING_STEPS = 6
TRACKING_STEPS = 2
SRO_PPM = 20.0  # standard deviation of the sampling-rate offset, before the frame says anything of it


@dataclass(frozen=True, slots=True)
class ChannelEstimate:
    """What each cell of the grid went through. The mean of the true response, given the known cells, is `response`."""

    response: ComplexArray  # (rows, carriers)
    error_variance: FloatArray  # (rows, carriers), E|true response - response|**2
    noise_variance: float  # E|n|**2 of a cell
    rotation: float  # radians from row to row that the grid still had


class ChannelEstimator:
    """Estimates channels. Immutable."""

    def __init__(self, numerology: Numerology):
        """Prepare the transform from delays to carriers."""
        phy = numerology.phy
        delays = np.arange(phy.cp_length)
        self._carriers = numerology.carriers.astype(np.float32)
        angle = -2j * np.pi / phy.fft_size * np.outer(numerology.carriers, delays)
        self._transform = np.exp(angle).astype(np.complex64)  # (carriers, delays)
        drift = SRO_PPM * 1e-6 * numerology.row_samples  # samples a row
        self._drift_precision = (phy.fft_size / (2 * np.pi * drift)) ** 2

    def estimate(self, grid: ComplexArray, known: ComplexArray) -> ChannelEstimate:
        """Estimate the channel of a grid.

        Args:
            grid: (rows, carriers) complex64, received, coarse CFO taken out; the first rows are the preamble.
            known: (rows, carriers) complex64, what was sent, of modulus 1; 0 in cells that are not known.
        """
        cells = known.conj() * grid  # response and noise where known, 0 elsewhere
        is_known = np.abs(known) > 0
        weight = is_known.astype(np.float32)
        energy = float(np.sum(np.abs(cells) ** 2))
        rows = np.arange(len(grid), dtype=np.float32)

        head = cells[: preamble.ROWS]
        mean = head.mean(axis=0)
        noise = float(np.sum(np.abs(head - mean) ** 2)) / ((preamble.ROWS - 1) * mean.size) + 1e-30
        taps = self._learn(head.sum(axis=0), np.full(mean.size, float(preamble.ROWS)), noise, None)
        response = self._transform @ taps.mean
        rotation = _tone(cells @ response.conj())
        drift = 0.0
        for _ in range(TRACKING_STEPS):
            information = 2 / taps.noise * np.abs(response) ** 2 * weight
            middle = float(np.sum(information * rows[:, None]) / max(np.sum(information), 1e-30))
            time = rows - middle
            turned = cells * self._phasor(rotation, drift, time).conj()
            # one Gauss-Newton step for rotation and drift
            score = 2 / taps.noise * (response.conj() * turned).imag
            per_row, per_row_carrier = score.sum(axis=1), score @ self._carriers
            moments = [time**2 @ (information @ self._carriers**power) for power in range(3)]
            precision = np.array([[moments[0], moments[1]], [moments[1], moments[2] + self._drift_precision]])
            gradient = np.array([time @ per_row, time @ per_row_carrier - self._drift_precision * drift])
            covariance = np.linalg.inv(precision)
            step = covariance @ gradient
            rotation += float(step[0])
            drift += float(step[1])
            turned = cells * self._phasor(rotation, drift, time).conj()
            taps = self._learn(turned.sum(axis=0), weight.sum(axis=0), taps.noise, taps.power, energy)
            response = self._transform @ taps.mean
        full = response * self._phasor(rotation, drift, time)
        spread = np.einsum("cd,de,ce->c", self._transform, taps.covariance, self._transform.conj()).real
        f = self._carriers
        phase_variance = (time**2)[:, None] * (covariance[0, 0] + 2 * covariance[0, 1] * f + covariance[1, 1] * f**2)
        error = spread + np.abs(response) ** 2 * phase_variance
        return ChannelEstimate(full, error.astype(np.float32), taps.noise, rotation)

    def _phasor(self, rotation, drift, time):
        return np.exp(1j * time[:, None] * (rotation + drift * self._carriers)).astype(np.complex64)

    def _learn(self, sums, counts, noise, power, energy=None):
        F = self._transform
        n = F.shape[1]
        gram = (F.conj().T * counts) @ F
        projected = F.conj().T @ sums
        if power is None:
            total = max(float(np.mean(np.abs(sums / np.maximum(counts, 1)) ** 2)) - noise / counts.mean(), noise * 1e-3)
            power = np.full(n, total / n)
        for _ in range(LEARNING_STEPS):
            covariance = np.linalg.inv(gram / noise + np.diag(1 / power))
            mean = covariance @ projected / noise
            power = np.abs(mean) ** 2 + covariance.diagonal().real
            power = np.maximum(power, 1e-9 * power.max())
            if energy is not None:
                residual = energy - 2 * np.vdot(projected, mean).real + np.vdot(mean, gram @ mean).real
                noise = (residual + np.sum(covariance * gram.T).real) / counts.sum()
        return Taps(mean, covariance, power, noise)


@dataclass
class Taps:
    mean: np.ndarray
    covariance: np.ndarray
    power: np.ndarray
    noise: float


def _tone(rows: ComplexArray) -> float:
    """Maximum-likelihood frequency (radians a row) of a tone in white noise, (rows,) complex64."""
    size = 8 << (rows.size - 1).bit_length()
    power = np.abs(fft.fft(rows, size)) ** 2
    peak = int(power.argmax())
    return ((peak / size * 2 * math.pi) + math.pi) % (2 * math.pi) - math.pi
