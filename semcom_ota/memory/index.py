"""What a store needs of every entry at hand: numbers in arrays, one set for each user, so that none sees another's."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from semcom_ota.types import FloatArray

_FIRST_ROWS = 16


@dataclass(frozen=True, slots=True)
class Held:
    """All entries of a user, in no order; what an update rule judges by."""

    number: NDArray[np.int64]  # (n,) ascending in the order of arrival
    sent: NDArray[np.int64]  # (n,) see MemoryEntry
    time: NDArray[np.int64]  # (n,)
    value: NDArray[np.float64]  # (n,)
    direction: FloatArray  # (n, width): mean of the features, of length 1; 0 where there are none
    asked: FloatArray  # (width,): what was asked of late, of length 1; 0 where nothing was


class UserIndex:
    """The entries of one user."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._rows: dict[int, int] = {}  # number -> row, in the order of arrival
        self._number = np.zeros(_FIRST_ROWS, np.int64)
        self._sent = np.zeros(_FIRST_ROWS, np.int64)
        self._time = np.zeros(_FIRST_ROWS, np.int64)
        self._value = np.zeros(_FIRST_ROWS, np.float64)
        self._direction = np.zeros((_FIRST_ROWS, 0), np.float32)
        self._asked = np.zeros(0, np.float32)

    def __len__(self) -> int:
        """Entries."""
        return len(self._rows)

    @property
    def numbers(self) -> list[int]:
        """Of all entries, in the order of arrival."""
        return list(self._rows)

    def newest(self, count: int) -> list[int]:
        """Numbers of the last entries to arrive, the oldest of them first."""
        return list(islice(reversed(self._rows), count))[::-1]

    @property
    def held(self) -> Held:
        """Views, good until the next change."""
        n = len(self._rows)
        return Held(self._number[:n], self._sent[:n], self._time[:n], self._value[:n], self._direction[:n], self._asked)

    def add(self, number: int, sent: int, time: int, value: float, features: FloatArray) -> None:
        """Take in an entry.

        Args:
            number: of the entry, not there yet.
            sent: see `MemoryEntry`.
            time: see `MemoryEntry`.
            value: see `MemoryEntry`.
            features: (vectors, width) of it; what has another width than the first one had has no direction.
        """
        row = len(self._rows)
        if row == len(self._number):
            for name in ("_number", "_sent", "_time", "_value", "_direction"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros_like(old)]))
        if features.size and not self._direction.shape[1]:
            self._direction = np.zeros((len(self._number), features.shape[1]), np.float32)
        self._rows[number] = row
        self._number[row], self._sent[row], self._time[row], self._value[row] = number, sent, time, value
        self._direction[row] = direction(features) if features.shape[1:] == self._direction.shape[1:] else 0

    def remove(self, number: int) -> None:
        """Forget an entry; the last row takes its place."""
        row, last = self._rows.pop(number), len(self._rows)
        if row != last:
            for kept in (self._number, self._sent, self._time, self._value, self._direction):
                kept[row] = kept[last]
            self._rows[int(self._number[row])] = row

    def judge(self, number: int, value: float) -> None:
        """Set the value of an entry."""
        self._value[self._rows[number]] = value

    def ask(self, query: FloatArray, share: float) -> None:
        """Take note of what was asked: (width,); the average of questions is exponential, with this share."""
        if query.shape == self._direction.shape[1:]:
            before = self._asked if self._asked.shape == query.shape else np.zeros_like(query)
            self._asked = _unit((1 - share) * before + share * _unit(query))

    def nearest(self, query: FloatArray, count: int) -> Sequence[tuple[int, float]]:
        """(number, cosine) of the entries whose direction is nearest to (width,) `query`: the nearest first."""
        n = len(self._rows)
        if not n or query.shape != self._direction.shape[1:]:
            return []
        cosine = self._direction[:n] @ _unit(query)
        best = np.argpartition(-cosine, min(count, n) - 1)[:count]
        best = best[np.lexsort((-self._number[best], -cosine[best]))]  # of equals, the newer first
        return [(int(self._number[row]), float(cosine[row])) for row in best]


def direction(features: FloatArray) -> FloatArray:
    """The mean of (vectors, width) features, of length 1; 0 if they are or if there are none."""
    if not features.size:
        return np.zeros(features.shape[1] if features.ndim == 2 else 0, np.float32)
    return _unit(np.asarray(features, np.float32).mean(axis=0))


def _unit(vector: FloatArray) -> FloatArray:
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length if length > 0 else np.zeros_like(vector), np.float32)
