"""Is a confidence worth its name? Reliability diagram, expected calibration error, wrong texts that were trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semcom_ota.experiments.statistics import Estimate, Resampling, estimate

BINS = 10
TRUSTED = 0.9
"""A confidence that a user would take for a yes."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Messages whose confidence lies in one tenth of 0..1."""

    messages: int
    confidence: float  # mean
    outcome: Estimate  # mean


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence against what came true."""

    messages: int
    error: Estimate  # expected calibration error, 0..1
    error_if_calibrated: float  # what as many messages would show by chance, were each right as often as it says
    bias: Estimate  # mean confidence less mean outcome; positive: overconfident
    bins: tuple[Bin, ...]  # without the empty ones, ascending
    undecided: Bin | None  # those of a confidence from 0.1 to 0.9; None: there is none


def calibration(
    confidence: Sequence[float], outcome: Sequence[float], message: NDArray[np.int64], resampling: Resampling
) -> Calibration:
    """Expected calibration error over ten equal bins (Naeini, Cooper and Hauskrecht, AAAI 2015), and its parts.

    The error is a sum of absolute values, so it is above zero by chance, more so with fewer messages:
    `error_if_calibrated` says how much of it that is, its interval is not corrected for it.

    Args:
        confidence: (n,), 0..1.
        outcome: (n,), 0..1: whether the text is right, or the share of it that is.
        message: (n,), as `resampling` numbers them.
        resampling: draws messages.

    Returns:
        Of at least one message.
    """
    said, true = np.asarray(confidence, np.float64), np.asarray(outcome, np.float64)
    place = np.minimum((said * BINS).astype(np.int64), BINS - 1)
    table = np.zeros((len(said), 3 * BINS))
    row = np.arange(len(said))
    for column, values in enumerate((np.ones(len(said)), said, true)):
        table[row, place + column * BINS] = values
    count, said_sum, true_sum = np.split(resampling.sums(table, message), 3, axis=1)
    messages = count.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.abs(said_sum - true_sum).sum(axis=1) / messages
        bias = (said_sum - true_sum).sum(axis=1) / messages
        share = true_sum / count
    bins = tuple(
        Bin(int(count[0, at]), float(said_sum[0, at] / count[0, at]), estimate(share[:, at]))
        for at in range(BINS)
        if count[0, at]
    )
    between = slice(1, BINS - 1)
    sums = [part[:, between].sum(axis=1) for part in (count, said_sum, true_sum)]
    with np.errstate(divide="ignore", invalid="ignore"):
        undecided = (
            Bin(int(sums[0][0]), float(sums[1][0] / sums[0][0]), estimate(sums[2] / sums[0])) if sums[0][0] else None
        )
    return Calibration(len(said), estimate(error), _by_chance(said, place), estimate(bias), bins, undecided)


def _by_chance(said: NDArray[np.float64], place: NDArray[np.int64]) -> float:
    """Mean expected calibration error of outcomes that are drawn with the said probabilities."""
    rng, errors = np.random.default_rng(0), []
    for _ in range(200):
        missed = said - (rng.random(len(said)) < said)
        errors.append(np.abs(np.bincount(place, missed, minlength=BINS)).sum() / len(said))
    return float(np.mean(errors))
