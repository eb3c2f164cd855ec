"""Which entry goes when the memory is full: rules alone, or several weighted together.

A rule says of all entries of a user what each is worth; the one that is worth least goes. Worths of different rules
are in different units, so a mixture adds up ranks.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from semcom_ota.config import RuleName
from semcom_ota.memory.index import Held

SAME = 0.98
"""Cosine from which on two entries say the same, to the rule `correlation`."""


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
    """What has least to do with what was asked of late goes first; of two that say the same, the older one before all.

    Relevance is the cosine to an average of recent questions. Before any question it is that to the newest entry.
    """

    def worth(self, held: Held) -> NDArray[np.float64]:
        """See `UpdateRule`."""
        if not held.direction.shape[1]:
            return np.zeros(len(held.number))
        newest = int(held.number.argmax())
        towards = held.asked if held.asked.any() else held.direction[newest]
        relevance = (held.direction @ towards).astype(np.float64)
        alike = held.direction @ held.direction[newest] >= SAME  # older pairs were judged when their newer one came
        alike[newest] = False
        return np.where(alike, relevance - 4, relevance)


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


def least(rule: UpdateRule, held: Held) -> int:
    """The number of the entry that is to go; of a rule's equals, the one that arrived first."""
    worth = rule.worth(held)
    lowest = np.flatnonzero(worth == worth.min())
    return int(held.number[lowest].min())


def _ranks(worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 to 1; equals share a rank."""
    values, place = np.unique(worth, return_inverse=True)
    return place / max(len(values) - 1, 1)
