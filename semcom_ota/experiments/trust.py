"""What a receiver vouched for and had no right to: wrong texts, and numbers that became other numbers, set by set."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from semcom_ota.experiments.calibration import TRUSTED
from semcom_ota.experiments.statistics import clustered_proportion
from semcom_ota.experiments.sweep_reading import Row

_WORDS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    "|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million"
)
_NUMBER = re.compile(rf"(?<![\w.])[-−]?\d+(?:[.,:/-]\d+)*|\d+|\b(?:{_WORDS})\b", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def numbers(text: str) -> list[str]:
    """The numbers of a text in their order: digits with sign and what joins them, and English number words.

    A comma between thousands makes no difference; `2` and `two` are two ways to say it, and differ.
    """
    return [_THOUSANDS.sub("", found.lower()) for found in _NUMBER.findall(text)]


def is_wrong(row: Row) -> bool:
    """Whether its receiver took a text for whole that is not what was sent."""
    return row.status == "delivered" and row.received != row.sent


def altered_numbers(row: Row) -> bool:
    """Whether its receiver took a text for whole that has other numbers than the one that was sent."""
    return is_wrong(row) and numbers(row.sent) != numbers(row.received)


def wrong_counts(rows: Iterable[Row]) -> dict[str, float]:
    """How many messages were taken for whole and are wrong, how many of these with other numbers, and how many came
    wrong with a confidence that a user would take for a yes, taken for whole or not; each with its 95 % interval.

    The interval is what the count could have been with other texts: one that was sent several times counts as one.
    """
    mine = list(rows)
    _, text = np.unique([row.sent for row in mine], return_inverse=True)
    flags = {
        "wrong_delivered": [is_wrong(row) for row in mine],
        "wrong_trusted": [
            row.status != "lost" and row.confidence >= TRUSTED and row.received != row.sent for row in mine
        ],
        "wrong_numbers": [altered_numbers(row) for row in mine],
    }
    counts: dict[str, float] = {}
    for name, flag in flags.items():
        found = clustered_proportion(np.array(flag, np.float64), text)
        ends = {f"{name}_low": found.low * len(mine), f"{name}_high": found.high * len(mine)}
        counts |= {name: sum(flag)} | ends
    return counts


def by_set(rows: Iterable[Row], name: Any) -> list[dict[str, Any]]:
    """What became of the texts of each set with each codec and budget, over all channels and SNRs.

    Args:
        rows: of a sweep.
        name: of the curve of a row.

    Returns:
        Records, codec after codec; none if all texts are of one set.
    """
    groups: dict[tuple[str, str, float], list[Row]] = {}
    for row in rows:
        groups.setdefault((name(row), row.set, row.budget), []).append(row)
    if len({of for _, of, _ in groups}) < 2:
        return []
    return [
        {"codec": codec, "set": of, "budget": budget, "messages": len(mine),
         "does_not_fit": sum(row.does_not_fit for row in mine),
         "right": sum(row.status == "delivered" and row.received == row.sent for row in mine),
         "corrupted": sum(row.status == "corrupted" for row in mine),
         "lost": sum(row.status == "lost" and not row.does_not_fit for row in mine)} | wrong_counts(mine)
        for (codec, of, budget), mine in sorted(groups.items(), key=lambda group: _order(groups, group[0]))
    ]  # fmt: skip


def _order(groups: Iterable[tuple[str, str, float]], key: tuple[str, str, float]) -> tuple[int, int, float]:
    """Codecs and sets as they came first, budgets ascending."""
    codecs = list(dict.fromkeys(codec for codec, _, _ in groups))
    sets = list(dict.fromkeys(of for _, of, _ in groups))
    return codecs.index(key[0]), sets.index(key[1]), key[2]
