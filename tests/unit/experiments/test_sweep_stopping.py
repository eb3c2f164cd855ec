import numpy as np
import pytest

from semcom_ota.experiments.statistics import QUALITY, Resampling, estimate, quality_rows
from semcom_ota.experiments.sweep_config import StopRule, SweepConfig
from semcom_ota.experiments.sweep_plan import plan
from semcom_ota.experiments.sweep_stopping import PointProgress

TEXTS = [f"a man number {n} runs over {n % 7} fields" for n in range(60)]
SWEEP = {"texts": {"set": "demo"}, "codecs": ["good", "poor"], "channels": ["awgn"], "snr_db": [3], "unit_messages": 6}
UNITS = plan(SweepConfig.model_validate(SWEEP | {"seeds": [0, 1]}), len(TEXTS))


def rows(unit):
    rng = np.random.default_rng([unit.seed, unit.messages[0]])
    found = []
    for message in unit.messages:
        for codec, right in (("good", 0.99), ("poor", 0.8)):
            words = [word if rng.random() < right else "?" for word in TEXTS[message].split()]
            found.append({"message": message, "codec": codec, "sent": TEXTS[message], "received": " ".join(words)})
    return found


def stopped(rule, order):
    point = PointProgress(UNITS, rule)
    for index in order:
        point.add(index, rows(UNITS[index]))
    return point.stopped_at, point.needed


def test_a_point_stops_where_the_intervals_of_all_codecs_are_tight():
    rule = StopRule(metric="words_right", half_width=0.045, at_least=20)
    at, needed = stopped(rule, range(len(UNITS)))
    assert at is not None and 3 < at < 10 and needed == range(at + 1)
    widths = []
    for last in (at - 1, at):
        own = [row for unit in UNITS[: last + 1] for row in rows(unit) if row["codec"] == "poor"]
        table = quality_rows([row["sent"] for row in own], [row["received"] for row in own])
        found = estimate(QUALITY["words_right"](Resampling(len(own)).sums(table)))
        widths.append(found.high - found.low)
    assert widths[0] > 0.09 >= widths[1]  # the good one had been tight for long


@pytest.mark.parametrize("seed", range(3))
def test_neither_order_nor_surplus_makes_a_difference(seed):
    rule = StopRule(metric="words_right", half_width=0.045, at_least=20)
    order = np.random.default_rng(seed).permutation(len(UNITS)).tolist()
    assert stopped(rule, order) == stopped(rule, range(len(UNITS)))


def test_a_point_is_never_stopped_on_too_few_messages():
    at, _ = stopped(StopRule(metric="words_right", half_width=1.0, at_least=32), range(len(UNITS)))
    assert at == 5  # the sixth unit of six brings the 36th message


def test_a_unit_that_is_missing_holds_the_verdict_back():
    rule = StopRule(metric="words_right", half_width=1.0, at_least=6)
    assert stopped(rule, range(1, len(UNITS))) == (None, range(len(UNITS)))


def test_without_a_rule_everything_is_needed():
    assert stopped(None, range(len(UNITS))) == (None, range(len(UNITS)))


def test_a_text_that_several_seeds_sent_is_no_new_text():
    """Twenty seeds of three texts: what texts do to the figure does not become surer, so it is never tight."""
    units = plan(SweepConfig.model_validate(SWEEP | {"seeds": list(range(20))}), 3)
    point = PointProgress(units, StopRule(metric="words_right", half_width=0.1, at_least=3))
    for unit in units:
        own = [row | {"received": row["sent"] if row["message"] == 1 else ""} for row in rows(unit)]
        point.add(unit.index, own)
    assert point.stopped_at is None
