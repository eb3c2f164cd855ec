"""What a bench measures, and the work that it takes."""

import math
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from semcom_ota.experiments.statistics import Estimate

SHARDS = 40
"""A point is cut into so many, which do not depend on the number of workers: the same seed gives the same figures."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval; a bound that is not known is None."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    conditions: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the JSON file, where there are no NaN and no infinities."""
        bounds = {key: _finite(getattr(self, key)) for key in ("value", "low", "high")}
        return {"name": self.name, **bounds, "unit": self.unit, "conditions": self.conditions}

    def __str__(self) -> str:
        """Value, interval and unit."""
        value, low, high = (
            "unknown" if number is None else f"{number:.4g}" for number in (self.value, self.low, self.high)
        )
        bounds = "" if self.low is None and self.high is None else f" [{low}, {high}]"
        return f"{value}{bounds} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Shard:
    """A piece of work for one process: a function that can be found by its name, and what it is called with."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    cost: float  # seconds on one core, roughly


@dataclass(frozen=True, slots=True)
class Measurement:
    """Shards, and the figures that their results (in the shards' order) come to."""

    title: str
    names: tuple[str, ...]  # of the figures that come out
    shards: tuple[Shard, ...]
    conclude: Callable[[Sequence[Any]], Iterable[Figure]]
    alone: bool = field(default=False)  # one shard at a time, with nothing else running: for timings


class NotAvailable(RuntimeError):
    """This machine lacks what a measurement needs; the message is one sentence."""


def figure(name: str, estimate: Estimate, unit: str, **conditions: Any) -> Figure:
    """An estimate with its name and conditions."""
    return Figure(name, _finite(estimate.value), _finite(estimate.low), _finite(estimate.high), unit, conditions)


def exact(name: str, value: float, unit: str, **conditions: Any) -> Figure:
    """A figure that is counted or computed rather than estimated."""
    return Figure(name, value, value, value, unit, conditions)


def split(total: int) -> list[int]:
    """`total` frames as the sizes of at most `SHARDS` shards."""
    size, longer = divmod(total, SHARDS)
    return [size + (shard < longer) for shard in range(min(SHARDS, total))]


def seed_of(seed: int, *what: object) -> tuple[int, ...]:
    """A seed for one piece of work, independent of all others.

    Args:
        seed: of the run.
        what: names the piece.
    """
    return (seed, zlib.crc32(repr(what).encode()))


def _finite(number: float | None) -> float | None:
    return float(number) if number is not None and math.isfinite(number) else None
