"""Falling curves of error shares against SNR, and how many dB one lies behind another."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from semcom_ota.experiments.statistics import RESAMPLES, Estimate

Counts = NDArray[np.int64]


def crossing(snrs_db: NDArray[np.float64], counts: Counts, total: Counts, at: float) -> float:
    """Where a falling curve first passes below the share `at`, linear in its logarithm; not a number if it does not.

    Args:
        snrs_db: (points,) ascending.
        counts: (points,) errors; none count as half of one.
        total: (points,) of so many.
        at: 0..1.
    """
    shares = np.maximum(counts, 0.5) / total
    below = np.flatnonzero(shares < at)
    if below.size == 0 or below[0] == 0:
        return float("nan")
    first, then = below[0] - 1, below[0]
    steps = np.log(shares[first] / at) / np.log(shares[first] / shares[then])
    return float(snrs_db[first] + steps * (snrs_db[then] - snrs_db[first]))


def paired_distance(snrs_db: NDArray[np.float64], counts: Counts, at: float) -> Estimate:
    """How many dB one curve lies behind another where both pass `at`, with a bootstrap over the trials that they share.

    Args:
        snrs_db: (points,) ascending.
        counts: (points, 4) trials in which both failed, the first alone, the second alone, none.
        at: a share of failures.

    Returns:
        Not a number where one of the curves does not pass `at`.
    """
    total = counts.sum(axis=1)
    shares = counts / total[:, None]

    def distance(table: Counts) -> float:
        first, second = table[:, 0] + table[:, 1], table[:, 0] + table[:, 2]
        return crossing(snrs_db, first, total, at) - crossing(snrs_db, second, total, at)

    def resample(generator: np.random.Generator) -> Counts:
        return np.array([generator.multinomial(n, share) for n, share in zip(total, shares, strict=True)])

    return _resampled(distance, counts, resample)


def independent_distance(snrs_db: NDArray[np.float64], errors: Counts, total: Counts, at: float) -> Estimate:
    """The same for two curves from trials of their own, with a parametric bootstrap.

    Args:
        snrs_db: (points,) ascending.
        errors: (2, points) of each curve.
        total: (2, points) trials.
        at: a share of errors.
    """

    def distance(table: Counts) -> float:
        return crossing(snrs_db, table[0], total[0], at) - crossing(snrs_db, table[1], total[1], at)

    return _resampled(distance, errors, lambda generator: generator.binomial(total, errors / total))


def _resampled(
    distance: Callable[[Counts], float], counts: Counts, resample: Callable[[np.random.Generator], Counts]
) -> Estimate:
    generator = np.random.default_rng(0)
    distances = np.array([distance(resample(generator)) for _ in range(RESAMPLES)])
    known = distances[np.isfinite(distances)]
    enough = known.size > 0.95 * RESAMPLES  # else the true curve may not pass `at` here
    low, high = np.percentile(known, [2.5, 97.5]) if enough else (np.nan, np.nan)
    return Estimate(distance(counts), float(low), float(high))
