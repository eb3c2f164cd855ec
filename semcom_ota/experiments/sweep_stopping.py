"""When a point of a sweep has been measured well enough: a function of its units in the order of the plan alone.

Neither the order in which they are done nor the number of workers makes a difference: a point ends with the first unit
at which the intervals over all units up to it are tight, and what was measured beyond that is left out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semcom_ota.experiments.statistics import QUALITY, Resampling, estimate, quality_rows
from semcom_ota.experiments.sweep_config import StopRule
from semcom_ota.experiments.sweep_plan import Unit


class PointProgress:
    """How far one point is measured."""

    def __init__(self, units: Sequence[Unit], rule: StopRule | None) -> None:
        """Nothing of it has been measured yet.

        Args:
            units: of the point, in the order of the plan.
            rule: when to stop; None is at the end.
        """
        self._units = units
        self._rule = rule
        self._early: dict[int, Sequence[dict[str, Any]]] = {}  # rows of units that were done before their turn
        self._done = 0  # units from the first one on, without a gap
        self._tables: dict[str, list[NDArray[np.float64]]] = {}  # codec -> of each of these units
        self._messages: list[int] = []  # of these units
        self._measured: set[int] = set()
        self.stopped_at: int | None = None  # index in the plan of the unit that was enough

    @property
    def needed(self) -> range:
        """Indices in the plan of the units that belong to the point, as far as is known."""
        last = self._units[-1].index if self.stopped_at is None else self.stopped_at
        return range(self._units[0].index, last + 1)

    @property
    def done(self) -> int:
        """How many of those that are needed have been measured."""
        return sum(unit in self.needed for unit in self._measured)

    def add(self, unit: int, rows: Sequence[dict[str, Any]]) -> None:
        """Take note of a unit's rows. Units may come in any order."""
        self._measured.add(unit)
        if self._rule is None or unit not in self.needed:
            return
        self._early[unit] = rows
        while self.stopped_at is None and self._done < len(self._units):
            following = self._units[self._done]
            if following.index not in self._early:
                return
            self._count(following, self._early.pop(following.index))
            self._done += 1
            if self._is_tight(self._rule):
                self.stopped_at = following.index
                self._early.clear()

    def _count(self, unit: Unit, rows: Sequence[dict[str, Any]]) -> None:
        self._messages += unit.messages
        for codec in dict.fromkeys(row["codec"] for row in rows):
            own = [row for row in rows if row["codec"] == codec]
            table = quality_rows([row["sent"] for row in own], [row["received"] for row in own])
            self._tables.setdefault(codec, []).append(table)

    def _is_tight(self, rule: StopRule) -> bool:
        if len(self._messages) < rule.at_least:
            return False
        texts, text = np.unique(self._messages, return_inverse=True)
        resampling = Resampling(len(texts))  # a text that several seeds have sent is drawn as one
        found = [
            estimate(QUALITY[rule.metric](resampling.sums(np.concatenate(tables), text)))
            for tables in self._tables.values()
        ]
        # So many texts that all fared alike say of the others only that they are fewer than three in as many.
        least = 3 / len(texts)
        return all(max(one.high - one.low, least) <= 2 * rule.half_width for one in found)
