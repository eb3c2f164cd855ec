"""The channel of one frame from its known cells alone: response, its error, noise variance, CFO and SRO that are left.

The cell of row r and carrier k has gone through still[k] * exp(j * (phase[r] + drift * k * (r - middle))). What stands
still is at most one cyclic prefix long in the delay domain, where it is estimated by linear MMSE, with the power of
each delay (and so the delay spread) and the noise variance learned from the frame itself by expectation maximisation
(M. E. Tipping, "Sparse Bayesian learning and the relevance vector machine", JMLR 1, 2001). What moves is what two
free-running radios do: a phase that turns and wanders from row to row (residual CFO and phase noise), and a drift that
grows with the carrier (sampling-rate offset); a Kalman smoother and Gauss-Newton steps follow them. The two take turns,
each given what the other found. A step of the receiver's gain within the frame is found and levelled out; rows that
something else has spoilt (a burst, lost samples, a channel that no longer is what it was) are left out, and their noise
is taken for as strong as they show it to be.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from semcom_ota.phy import channel_kernels
from semcom_ota.phy.numerology import Numerology
from semcom_ota.types import ComplexArray, FloatArray

SRO_PPM = 20.0
"""Standard deviation of the sampling-rate offset, before the frame says anything of it."""


@dataclass(frozen=True, slots=True)
class ChannelEstimate:
    """What each cell of the grid went through. Given the known cells, `response` is the mean of the true response.

    Where the receiver's gain stepped, response and noise variance are those of the first row's gain; `levels` says what
    to divide each row of the grid by.
    """

    response: ComplexArray  # (rows, carriers)
    error_variance: FloatArray  # (rows, carriers), E|true response - response|**2
    noise_variance: FloatArray  # (carriers,), E|n|**2 of a cell
    levels: FloatArray  # (rows,), gain of each row over that of the first
    disturbance: FloatArray  # (rows,), at least 1: times that the noise of a row is stronger than `noise_variance`
    snr: float  # mean |true response|**2 that is expected over the mean noise variance
    rotation: float  # radians from row to row that the grid still had
    rotation_deviation: float  # standard deviation of its error
    drift: float  # radians from row to row and carrier to carrier
    state: tuple[Any, ...]  # what an estimate of more rows of the same frame starts from (`channel_kernels.py`)


class ChannelEstimator:
    """Estimates channels. Immutable."""

    def __init__(self, numerology: Numerology):
        """Prepare the transform from delays to carriers."""
        phy = numerology.phy
        transform = np.exp(-2j * np.pi / phy.fft_size * np.outer(numerology.carriers, np.arange(phy.cp_length)))
        self._transforms = transform, np.ascontiguousarray(transform.conj().T)
        self._drift_precision = (phy.fft_size / (2 * np.pi * SRO_PPM * 1e-6 * numerology.row_samples)) ** 2

    def estimate(
        self, grid: ComplexArray, known: ComplexArray, earlier: ChannelEstimate | None = None
    ) -> ChannelEstimate:
        """Estimate the channel of a grid.

        Args:
            grid: (rows, carriers) complex64, received, coarse CFO taken out.
            known: (rows, carriers) complex64 of modulus 1, what was sent; 0 where that is not known. The preamble is.
            earlier: of the first rows of the same frame.
        """
        arguments = grid, known, self._transforms, self._drift_precision
        found = channel_kernels.go_on(*arguments, earlier.state) if earlier else channel_kernels.begin(*arguments)
        response, error_variance, levels, disturbance, snr, rotation_variance, state = found
        _, _, weight, rotation, drift, _ = state
        noise_variance = (1 / weight).astype(np.float32)
        deviation = float(np.sqrt(rotation_variance))
        return ChannelEstimate(
            response, error_variance, noise_variance, levels, disturbance, snr, rotation, deviation, drift, state
        )
