from collections import Counter

import pytest

from semcom_ota.config import ConfigError
from semcom_ota.experiments.sweep_config import SweepConfig
from semcom_ota.experiments.sweep_plan import links, plan

SWEEP = {"texts": {"set": "captions"}, "codecs": ["utf8"], "channels": ["awgn"], "snr_db": [3]}


def sweep(**changes):
    return SweepConfig.model_validate(SWEEP | changes)


def test_everything_is_planned_once_point_after_point():
    config = sweep(channels=["awgn", "rayleigh"], snr_db=[0, 3, 6], budgets=[2, 8], seeds=[0, 7], unit_messages=4)
    units = plan(config, 10)
    assert [unit.index for unit in units] == list(range(len(units)))
    planned = Counter((unit.point, unit.seed, message) for unit in units for message in unit.messages)
    assert len(planned) == 2 * 3 * 2 * 2 * 10 and set(planned.values()) == {1}
    points = [unit.point for unit in units]
    assert [point for before, point in zip([None, *points], points, strict=False) if point != before] == list(
        dict.fromkeys(points)
    )
    assert {len(unit.messages) for unit in units} == {4, 2}
    assert str(units[1]) == "unit 1 (awgn, 0 dB, 2 symbols a word, estimated CSI, seed 0, messages 4 to 7)"


def test_a_link_has_codecs_with_the_same_settings():
    wide = {"name": "utf8", "label": "wide", "codec": {"beams": 64}}
    groups = links(sweep(codecs=["utf8", wide, "huffman", wide | {"name": "huffman", "label": "wide too"}]).codecs)
    assert [[codec.label for codec in group] for group in groups] == [["utf8", "huffman"], ["wide", "wide too"]]


def test_too_much_is_refused():
    with pytest.raises(ConfigError, match="sweep fewer"):
        plan(sweep(), 65537)
    with pytest.raises(ConfigError, match="sweep fewer"):
        plan(sweep(snr_db=list(range(50)), seeds=list(range(10))), 20_000)
