"""Which entry goes when the memory is full: rules alone, or several weighted together.

A rule says of all entries of a user what each is worth; the one that is worth least goes. Worths of different rules
are in different units, so a mixture adds up ranks.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from semcom_ota.config import RuleName
from semcom_ota.memory.index import Held, UserIndex

SAME = 0.98
"""Cosine from which on two entries say the same, to a memory that keeps to the rule `correlation`."""


class UpdateRule(Protocol):
    """A way to judge entries."""

    def worth(self, held: Held) -> NDArray[np.float64]:
        """(n,) of each entry; the least goes first, of equals the one that arrived first."""


class FirstInFirstOut:
    """What arrived first goes first: the baseline of the literature."""

    def worth(self, held: Held) -> NDArray[np.float64]:
        """See `UpdateRule`."""
        return held.number.astype(np.float64)


class Freshness:
    """What was *sent* first goes first: age of information (Kaul, Yates and Gruteser, INFOCOM 2012).

    It differs from first-in first-out where messages are late: one that comes long after its successors is old news.
    """

    def worth(self, held: Held) -> NDArray[np.float64]:
        """See `UpdateRule`."""
        return held.sent.astype(np.float64)


class Value:
    """What is expected to contribute least to answers goes first (`MemoryStore.judge`)."""

    def worth(self, held: Held) -> NDArray[np.float64]:
        """See `UpdateRule`."""
        return held.value.copy()


class Correlation:
    """What has least to do with what was asked of late goes first.

    Relevance is the cosine to an average of recent questions. Before any question it is that to the newest entry. With
    this rule the store also merges what says the same, as it comes (`MemoryStore.update`).
    """

    def worth(self, held: Held) -> NDArray[np.float64]:
        """See `UpdateRule`."""
        if not held.direction.shape[1]:
            return np.zeros(len(held.number))
        towards = held.asked if held.asked.any() else held.direction[held.number.argmax()]
        return (held.direction @ towards).astype(np.float64)


RULES: dict[RuleName, type[UpdateRule]] = {
    "fifo": FirstInFirstOut,
    "freshness": Freshness,
    "value": Value,
    "correlation": Correlation,
}


class Mixture:
    """Several rules together, by weighted ranks."""

    def __init__(self, weights: Mapping[RuleName, float]) -> None:
        """`weights` of rules by name; at least one, none negative."""
        self._parts = [(RULES[name](), weight) for name, weight in weights.items()]

    def worth(self, held: Held) -> NDArray[np.float64]:
        """See `UpdateRule`."""
        if len(self._parts) == 1:
            return self._parts[0][0].worth(held)
        return np.sum([weight * _ranks(rule.worth(held)) for rule, weight in self._parts], axis=0)


def least(rule: UpdateRule, held: Held, count: int = 1, among: Collection[int] = ()) -> list[int]:
    """The numbers of the entries that are to go first; of a rule's equals, the one that arrived first.

    Args:
        rule: that judges.
        held: all entries; the rule sees them all.
        count: that are to go, at most.
        among: numbers of those that may go; (): any may.
    """
    worth, number = rule.worth(held), held.number
    if among:
        may = np.isin(number, list(among))
        worth, number = worth[may], number[may]
    most = np.partition(worth, count - 1)[count - 1] if count < len(worth) else np.inf
    low = np.flatnonzero(worth <= most)
    return number[low[np.lexsort((number[low], worth[low]))[:count]]].tolist()


def in_question(rule: UpdateRule, index: UserIndex, count: int) -> list[int]:
    """The numbers of the entries that are to be judged when something has to go, the oldest first: `count` at most.

    All, if there are no more. Else half of them are the newest; a quarter those that would go first, by what was
    thought of them before; and the rest were judged longest ago, so that each has its turn.
    """
    if len(index) <= count:
        return index.numbers
    chosen = dict.fromkeys(index.newest(count - count // 2) + least(rule, index.held, count // 4))
    for number in index.longest_unjudged(count):
        if len(chosen) < count:
            chosen.setdefault(number)
    return sorted(chosen)


def _ranks(worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 to 1; equals share a rank."""
    values, place = np.unique(worth, return_inverse=True)
    return place / max(len(values) - 1, 1)
