"""What a receiver vouched for and had no right to: wrong texts, and numbers that became other numbers, set by set."""

import re
from collections.abc import Iterable
from typing import Any

from semcom_ota.experiments.calibration import TRUSTED
from semcom_ota.experiments.statistics import Estimate, rare_count
from semcom_ota.experiments.sweep_reading import Row

_WORDS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    "|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million"
)
_NUMBER = re.compile(rf"\d+(?:[.,:/-]\d+)*|\b(?:{_WORDS})\b", re.IGNORECASE)


def numbers(text: str) -> list[str]:
    """The numbers of a text in their order: runs of digits with what joins them, and English number words."""
    return [found.lower() for found in _NUMBER.findall(text)]


def is_wrong(row: Row) -> bool:
    """Whether its receiver took a text for whole that is not what was sent."""
    return row.status == "delivered" and row.received != row.sent


def wrong_counts(rows: Iterable[Row]) -> dict[str, float]:
    """How many messages were taken for whole and are wrong, of which with what, each with its 95 % interval.

    The interval is that of a rare count: what the count could have been with other messages as these. Texts that were
    sent several times count as often, as if they were others.
    """
    wrong = [row for row in rows if is_wrong(row)]
    counts = {
        "wrong_delivered": len(wrong),
        "wrong_trusted": sum(row.confidence >= TRUSTED for row in wrong),
        "wrong_numbers": sum(numbers(row.sent) != numbers(row.received) for row in wrong),
    }
    return {key: value for name, count in counts.items() for key, value in _named(name, rare_count(count)).items()}


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


def _named(name: str, found: Estimate) -> dict[str, float]:
    return {name: int(found.value), f"{name}_low": found.low, f"{name}_high": found.high}
