"""What a store needs of every entry at hand: numbers in arrays, one set for each user, so that none sees another's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from semcom_ota.types import FloatArray

_FIRST_ROWS = 16
_COLUMNS = ("_number", "_sent", "_time", "_value", "_judged", "_text", "_direction")


@dataclass(frozen=True, slots=True)
class Known:
    """What a store keeps at hand of an entry that is on the disk."""

    number: int
    user: int
    message: int
    sent: int
    time: int
    value: float
    text: int  # see `text_mark`
    reader: str
    digest: bytes
    bytes: int


@dataclass(frozen=True, slots=True)
class Held:
    """All entries of a user, in no order; what an update rule judges by."""

    number: NDArray[np.int64]  # (n,) ascending in the order of arrival
    sent: NDArray[np.int64]  # (n,) see MemoryEntry
    time: NDArray[np.int64]  # (n,)
    value: NDArray[np.float64]  # (n,)
    direction: FloatArray  # (n, width): mean of the features, of length 1; 0 where there are none
    asked: FloatArray  # (width,): what was asked of late, of length 1; 0 where nothing was, or by another reader


class UserIndex:
    """The entries of one user."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._rows: dict[int, int] = {}  # number -> row, in the order of arrival
        self._number = np.zeros(_FIRST_ROWS, np.int64)
        self._sent = np.zeros(_FIRST_ROWS, np.int64)
        self._time = np.zeros(_FIRST_ROWS, np.int64)
        self._value = np.zeros(_FIRST_ROWS, np.float64)
        self._judged = np.zeros(_FIRST_ROWS, np.int64)  # when it was judged last; 0: never
        self._text = np.zeros(_FIRST_ROWS, np.int64)  # by which a text is known again
        self._direction = np.zeros((_FIRST_ROWS, 0), np.float32)
        self.asked: FloatArray = np.zeros(0, np.float32)  # see `ask`

    def __len__(self) -> int:
        """Entries."""
        return len(self._rows)

    def __contains__(self, number: int) -> bool:
        """Whether there is an entry of this number."""
        return number in self._rows

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
        n, width = len(self._rows), self._direction.shape[1:]
        asked = self.asked if self.asked.shape == width else np.zeros(width, np.float32)
        return Held(self._number[:n], self._sent[:n], self._time[:n], self._value[:n], self._direction[:n], asked)

    def add(self, known: Known, features: FloatArray) -> None:
        """Take in an entry.

        Args:
            known: of the entry, not there yet.
            features: (vectors, width) of it; those before it that have another width lose their direction.
        """
        row = len(self._rows)
        if row == len(self._number):
            for name in _COLUMNS:
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros_like(old)]))
        if features.size and features.shape[1:] != self._direction.shape[1:]:
            self._direction = np.zeros((len(self._number), features.shape[1]), np.float32)
        self._rows[known.number] = row
        self._number[row], self._sent[row], self._time[row] = known.number, known.sent, known.time
        self._value[row], self._judged[row], self._text[row] = known.value, 0, known.text
        self._direction[row] = direction(features) if features.shape[1:] == self._direction.shape[1:] else 0

    def remove(self, number: int) -> None:
        """Forget an entry; the last row takes its place."""
        row, last = self._rows.pop(number), len(self._rows)
        if row != last:
            for name in _COLUMNS:
                kept = getattr(self, name)
                kept[row] = kept[last]
            self._rows[int(self._number[row])] = row

    def judge(self, number: int, value: float, when: int) -> None:
        """Set the value of an entry; `when` counts up."""
        self._value[self._rows[number]], self._judged[self._rows[number]] = value, when

    def longest_unjudged(self, count: int) -> list[int]:
        """Numbers of the entries that were judged longest ago; of equals, what arrived first."""
        n = len(self._rows)
        return self._number[np.lexsort((self._number[:n], self._judged[:n]))[:count]].tolist()

    def alike(self, text: int, features: FloatArray, cosine: float) -> list[int]:
        """Numbers of entries that say the same: in the same words (`text_mark`), or in a direction that is so near."""
        n, towards = len(self._rows), direction(features)
        found = self._text[:n] == text
        if towards.shape == self._direction.shape[1:]:
            found |= self._direction[:n] @ towards >= cosine
        return np.sort(self._number[:n][found]).tolist()

    def ask(self, query: FloatArray, share: float) -> None:
        """Take note of what was asked: (width,); the average of questions is exponential, with this share."""
        before = self.asked if self.asked.shape == query.shape else np.zeros_like(query)
        self.asked = _unit((1 - share) * before + share * _unit(query))

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
    whole = np.asarray(features, np.float32)
    return _unit(whole[0] if len(whole) == 1 else whole.mean(axis=0))


def _unit(vector: FloatArray) -> FloatArray:
    length = math.sqrt(float(vector @ vector))
    return np.asarray(vector / length if length > 0 else np.zeros_like(vector), np.float32)
