"""Codecs against each other over the same messages: differences at a point, the SNR that a curve needs, gaps in dB.

Every interval is a percentile interval over the draws of one `Resampling`. Because two codecs were sent over the same
realisations and are drawn together, what is common to both (a hard text, a deep fade) leaves the interval of their
difference.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semcom_ota.experiments.statistics import Estimate, Resampling, estimate

Figure = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""(..., columns) sums over messages to (...) values."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one codec made of some messages at one point: rows of a table, and whose they are."""

    message: NDArray[np.int64]  # (n,) as a Resampling numbers them
    table: NDArray[np.float64]  # (n, columns)


@dataclass(frozen=True, slots=True)
class Bounded:
    """A figure that may lie beyond what was measured, with its 95 % interval.

    `at_least` and `at_most` are equal where it was measured; otherwise one of them is infinite, or both. An end of the
    interval is infinite where more than 2.5 % of the draws lie beyond.
    """

    at_least: float
    at_most: float
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """The figure, if it was measured."""
        return self.at_least if self.at_least == self.at_most else None

    def as_json(self) -> dict[str, float | None]:
        """Its four numbers for a file; None stands for what is open."""
        names = ("at_least", "at_most", "low", "high")
        return {name: value if math.isfinite(value := getattr(self, name)) else None for name in names}


@dataclass(frozen=True, slots=True)
class Crossing:
    """The SNR at which a curve reaches a level, in every draw: bounds that are equal where it was measured."""

    at_least: NDArray[np.float64]  # (draws,) dB; -inf: reached at the lowest SNR already
    at_most: NDArray[np.float64]  # (draws,) dB; inf: not reached at the highest

    def bounded(self) -> Bounded:
        """With its interval."""
        return _bounded(self.at_least, self.at_most)


def shared(first: Sample, second: Sample) -> tuple[Sample, Sample]:
    """Of two samples, the rows of messages that both have: a point that ended early has fewer."""
    both = np.intersect1d(first.message, second.message)
    one, other = (
        Sample(sample.message[kept], sample.table[kept])
        for sample in (first, second)
        for kept in [np.isin(sample.message, both)]
    )
    return one, other


def difference(first: Sample, second: Sample, figure: Figure, resampling: Resampling) -> Estimate | None:
    """`first`'s figure less `second`'s over the messages that both have, paired; None if there is no such message."""
    first, second = shared(first, second)
    if not len(first.message):
        return None
    return estimate(draws(first, figure, resampling) - draws(second, figure, resampling))


def draws(sample: Sample, figure: Figure, resampling: Resampling) -> NDArray[np.float64]:
    """A figure in every draw, (draws,); NaN in a draw that holds none of the sample's messages."""
    sums = resampling.sums(np.column_stack([sample.table, np.ones(len(sample.table))]), sample.message)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[:, -1] > 0, figure(sums[:, :-1]), np.nan)


def crossing(snr_db: Sequence[float], curve: NDArray[np.float64], level: float) -> Crossing:
    """Where a curve reaches a level, by linear interpolation in dB between measured points.

    A curve that falls somewhere (by chance, mostly) is first replaced by the nearest one that does not, so that it
    reaches a level once: isotonic regression (R. E. Barlow et al., Statistical Inference under Order Restrictions,
    1972) by its minimax formula. A curve that never falls is left as it is.

    Args:
        snr_db: (points,), ascending.
        curve: (draws, points).
        level: to be reached.

    Returns:
        Of each draw. A draw with a NaN has NaN.
    """
    places = np.asarray(snr_db, np.float64)
    rising = _never_falling(np.asarray(curve, np.float64))
    reached = rising >= level
    first = reached.argmax(axis=1)
    before = np.maximum(first - 1, 0)
    row = np.arange(len(rising))
    low, high = rising[row, before], rising[row, first]
    with np.errstate(divide="ignore", invalid="ignore"):
        place = places[before] + (level - low) / (high - low) * (places[first] - places[before])
    never, always = ~reached.any(axis=1), reached[:, 0]
    at_least = np.where(never, places[-1], np.where(always, -np.inf, place))
    at_most = np.where(never, np.inf, np.where(always, places[0], place))
    unknown = np.isnan(rising).any(axis=1)
    return Crossing(np.where(unknown, np.nan, at_least), np.where(unknown, np.nan, at_most))


def gap(codec: Crossing, other: Crossing) -> Bounded:
    """dB that `codec` needs less than `other` for the level of both crossings; paired if their draws are."""
    return _bounded(other.at_least - codec.at_most, other.at_most - codec.at_least)


def _bounded(at_least: NDArray[np.float64], at_most: NDArray[np.float64]) -> Bounded:
    known = ~np.isnan(at_least[1:])
    ends = math.nan, math.nan
    if known.any():  # an order statistic: between a number and infinity nothing can be interpolated
        low = np.percentile(at_least[1:][known], 2.5, method="lower")
        ends = float(low), float(np.percentile(at_most[1:][known], 97.5, method="higher"))
    return Bounded(float(at_least[0]), float(at_most[0]), *ends)


def _never_falling(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Isotonic regression of each row with equal weights: max over j <= i of min over k >= i of mean(j..k)."""
    points = curve.shape[1]
    total = np.cumsum(np.pad(curve, ((0, 0), (1, 0))), axis=1)
    result = np.full_like(curve, -np.inf)
    for start in range(points):
        means = (total[:, start + 1 :] - total[:, start : start + 1]) / np.arange(1, points - start + 1)
        best = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]  # over all ends from here on
        result[:, start:] = np.maximum(result[:, start:], best)
    return np.where((np.diff(curve, axis=1) >= 0).all(axis=1, keepdims=True), curve, result)
