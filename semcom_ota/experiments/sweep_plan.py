"""The plan of a sweep: units of work in a fixed order, a function of the configuration alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from semcom_ota.config import ConfigError
from semcom_ota.experiments.sweep_config import MAX_TEXTS, CsiKind, SweepConfig, SweptCodec
from semcom_ota.experiments.sweep_reading import MAX_ROWS


@dataclass(frozen=True, slots=True)
class Point:
    """What a curve has one value at for each codec. All seeds and messages of it are measurements of the same thing."""

    channel: str
    csi: CsiKind
    snr_db: float
    budget: float  # payload symbols a word


@dataclass(frozen=True, slots=True)
class Unit:
    """Texts that are sent together: a stream of its own, with every codec, at one point, with one seed."""

    index: int  # in the plan
    point: Point
    seed: int
    messages: range  # numbers of the texts; with the seed they say which noise and which channel they meet

    def __str__(self) -> str:
        """For people."""
        point = self.point
        place = f"{point.channel}, {point.snr_db:g} dB, {point.budget:g} symbols a word, {point.csi} CSI"
        return f"unit {self.index} ({place}, seed {self.seed}, messages {self.messages[0]} to {self.messages[-1]})"


@dataclass(frozen=True, slots=True)
class SweptText:
    """A text to send, and the set that it is of."""

    text: str
    set: str


@dataclass(frozen=True, slots=True)
class Task:
    """All that a worker has to know to measure a unit, wherever it runs."""

    unit: Unit
    sweep: SweepConfig
    texts: tuple[SweptText, ...]  # of the unit's messages


@dataclass(frozen=True, slots=True)
class Measured:
    """A unit's results, in order of message and then of codec.

    Two sweeps with the same seeds have the same `rows`; `timings` are of this machine and this time.
    """

    unit: int
    rows: list[dict[str, Any]]
    timings: list[dict[str, Any]]  # {unit, message, codec, encode_ms, transmit_ms, receive_ms, decode_ms}


def plan(sweep: SweepConfig, texts: int) -> list[Unit]:
    """The units of a sweep, point after point.

    Args:
        sweep: what is measured.
        texts: how many there are.

    Raises:
        ConfigError: it is too much.
    """
    points = len(sweep.channels) * len(sweep.csi) * len(sweep.budgets) * len(sweep.snr_db)
    rows = points * len(sweep.seeds) * texts * len(sweep.codecs)
    if texts > MAX_TEXTS or rows > MAX_ROWS:
        raise ConfigError(
            f"{texts} texts ({MAX_TEXTS} at most) make {rows} measurements ({MAX_ROWS} at most): sweep fewer"
        )
    blocks = [range(first, min(first + sweep.unit_messages, texts)) for first in range(0, texts, sweep.unit_messages)]
    units: list[Unit] = []
    for channel, csi, budget, snr_db in product(sweep.channels, sweep.csi, sweep.budgets, sweep.snr_db):
        point = Point(channel.name, csi, snr_db, budget)
        units += [
            Unit(index, point, seed, messages)
            for index, (seed, messages) in enumerate(product(sweep.seeds, blocks), len(units))
        ]
    return units


def links(codecs: Iterable[SweptCodec]) -> list[list[SweptCodec]]:
    """Those together that can be on one link: one of each name, all with the same settings. The place is the stream."""
    found: list[list[SweptCodec]] = []
    for one in codecs:
        alike = (group for group in found if group[0].codec == one.codec)
        group = next(alike, None)
        if group is None:
            found.append([one])
        else:
            group.append(one)
    return found


def names(codecs: Sequence[SweptCodec]) -> tuple[str, ...]:
    """Of the codecs of one link."""
    return tuple(one.name for one in codecs)
