"""Which row of a receiver is of which message of a transmitter: numbers come again, so times must agree, too."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from semcom_ota.experiments.clock_fit import ClockFit, fit_clocks
from semcom_ota.experiments.score_rows import ReceivedRow, SentBurst, SentRow

MAX_PARTS = 16
LEAST_PART = 3
"""Messages that show that an end was started again: fewer might agree by chance."""


@dataclass(frozen=True, slots=True)
class Part:
    """Messages in a row during which both ends' clocks ran on."""

    clocks: ClockFit
    rows: dict[int, int]  # place among the messages sent -> place among the rows received, as they came

    def distance(self, place: int) -> int:
        """How far a message is from those of this part."""
        return max(min(self.rows) - place, place - max(self.rows), 0)

    def beside(self, other: "Part") -> bool:
        """Whether it was sent and received wholly before the other part, or wholly behind it."""
        first, second = sorted((self, other), key=lambda part: min(part.rows))
        return max(first.rows) < min(second.rows) and max(first.rows.values()) < min(second.rows.values())


@dataclass(frozen=True, slots=True)
class _Pair:
    place: int
    index: int
    left_s: float
    arrived_s: float


def match(sent: Sequence[SentRow], received: Sequence[ReceivedRow]) -> list[Part]:
    """Join rows whose stream, number and codec are the same and whose times agree.

    How the two clocks relate is found from all pairs whose numbers agree (clock_fit.py), so that a receiver may have
    heard another run of the same transmitter, with the same numbers. If an end was started again in the course of the
    run, its clock began anew: then there are several parts, one after the other at both ends.

    Returns:
        The parts, the one that explains most comes first; none if nothing was received.
    """
    pairs = list(_pairs(sent, received))
    parts: list[Part] = []
    for _ in range(MAX_PARTS):
        part = _largest(pairs)
        if part is None:
            break
        if not parts or (len(part.rows) >= LEAST_PART and all(part.beside(other) for other in parts)):
            parts.append(part)
        gone = set(part.rows.values())
        pairs = [pair for pair in pairs if pair.index not in gone]
    return parts


def seconds(burst: SentBurst) -> float:
    """When a burst left, as one float, which tells microseconds apart for 200 years."""
    return burst.tx_time[0] + burst.tx_time[1]


def _pairs(sent: Sequence[SentRow], received: Sequence[ReceivedRow]) -> Iterable[_Pair]:
    places: dict[tuple[int, int, str], list[int]] = {}
    for place, row in enumerate(sent):
        places.setdefault((row.stream, row.message, row.codec), []).append(place)
    for index, arrived in enumerate(received):
        for place in places.get((arrived.stream, arrived.message, arrived.codec), ()):
            left = [seconds(burst) for burst in sent[place].bursts if burst.fragment not in arrived.lost_fragments]
            if left:  # the row has the time of the first fragment that arrived
                yield _Pair(place, index, min(left), arrived.received_s)


def _largest(pairs: Sequence[_Pair]) -> Part | None:
    """The part that explains most of these pairs, each row once."""
    left = np.array([pair.left_s for pair in pairs], np.float64)
    arrived = np.array([pair.arrived_s for pair in pairs], np.float64)
    clocks = fit_clocks(left, arrived)
    if clocks is None:
        return None
    met = clocks.meets(left, arrived)
    rows: dict[int, int] = {}
    taken: set[int] = set()
    for nearest in np.argsort(np.abs(clocks.received(left) - arrived), kind="stable"):
        pair = pairs[nearest]
        if met[nearest] and pair.place not in rows and pair.index not in taken:
            rows[pair.place] = pair.index
            taken.add(pair.index)
    return Part(clocks, rows)
