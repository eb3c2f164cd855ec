from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError
from received import known

from semcom_ota.config import MemoryConfig, RuleName
from semcom_ota.memory.index import Held, UserIndex
from semcom_ota.memory.update_rules import RULES, Mixture, in_question, least


def held(sent=(0, 1, 2, 3), value=(0, 0, 0, 0), features=((1, 0), (0, 1), (1, 1), (1, 0)), asked=None) -> Held:
    index = UserIndex()
    for number, (when, worth, vector) in enumerate(zip(sent, value, features, strict=True)):
        index.add(known(number, when, number, worth), np.array([vector], np.float32))
    if asked is not None:
        index.ask(np.array(asked, np.float32), 1.0)
    return index.held


def goes(rule, **what):
    (number,) = least(Mixture({rule: 1.0} if isinstance(rule, str) else rule), held(**what))
    return number


def test_each_rule_lets_go_of_what_it_values_least():
    assert goes("fifo") == 0
    assert goes("freshness", sent=(5, 1, 2, 3)) == 1  # it came late: old news
    assert goes("value", value=(3, 2, 0.5, 1)) == 2
    assert goes("value") == 0  # of equals, what arrived first


def test_several_go_in_order():
    rule = Mixture({"value": 1.0})
    value = (3, 1, 2, 1)
    assert [least(rule, held(value=value), count) for count in range(6)] == [
        [], [1], [1, 3], [1, 3, 2], [1, 3, 2, 0], [1, 3, 2, 0]
    ]  # fmt: skip
    assert least(rule, held(value=value), 2, among=[0, 2, 3]) == [3, 2]


def test_correlation_goes_by_what_is_asked():
    different = ((1, 0.2), (0, 1), (1, 1), (1, -1))
    assert goes("correlation", features=different, asked=(1, 0)) == 1
    assert goes("correlation", features=different, asked=(0, 1)) == 3
    assert goes("correlation", features=different) == 1  # nothing was asked: by the newest, of equals the older
    assert goes("correlation", features=((), (), (), ())) == 0


def test_a_mixture_weighs_ranks():
    what = {"value": (9, 0, 1, 2)}
    assert goes({"fifo": 1.0, "value": 0.1}, **what) == 0
    assert goes({"fifo": 0.1, "value": 1.0}, **what) == 1
    assert goes({"fifo": 1.0, "value": 1.0}, value=(9, 8, 1, 7)) == 2


def test_the_configuration_knows_all_rules():
    assert set(get_args(RuleName)) == set(RULES)
    assert MemoryConfig(rule="value").rule == {"value": 1.0} and MemoryConfig(rule="value").label == "value"
    assert MemoryConfig(rule={"value": 0.5, "fifo": 1}).label == "0.5 value + 1 fifo"
    assert MemoryConfig(entries=0).label == "none"
    for wrong in ("newest", {}, {"fifo": 0}, {"fifo": -1}, {"fifo": float("inf")}):
        with pytest.raises(ValidationError):
            MemoryConfig(rule=wrong)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_judges_every_entry(rule):
    rng = np.random.default_rng(0)
    many = held(rng.permutation(50), rng.random(50), rng.standard_normal((50, 8)), rng.standard_normal(8))
    worth = RULES[rule]().worth(many)
    assert worth.shape == (50,) and np.isfinite(worth).all() and len(np.unique(worth)) > 40


def test_in_question_are_the_newest_those_that_would_go_and_those_judged_longest_ago():
    index = UserIndex()
    for number in range(20):
        index.add(known(number, value=number % 10), np.zeros((0, 0), np.float32))
    for when, number in enumerate((*range(10), *range(11, 20)), 1):
        index.judge(number, number % 10, when)
    rule = Mixture({"value": 1.0})
    newest, least_valued, longest_ago = [16, 17, 18, 19], [0, 10], [1, 2]  # 10 was never judged, 0 long ago
    assert in_question(rule, index, 8) == sorted(newest + least_valued + longest_ago)
    assert in_question(rule, index, 20) == in_question(rule, index, 99) == list(range(20))
    for count in range(20):
        assert len(set(in_question(rule, index, count))) == count
