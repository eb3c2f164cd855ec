"""Stories and questions through real GNU Radio: line by line what level `waveform` makes of them."""

import json
from dataclasses import replace

import pytest
from tiny_reader import save_minding_reader
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import LinkConfig, load_channel
from semcom_ota.experiments.qa import LEVELS
from semcom_ota.experiments.qa_plan import groups
from semcom_ota.tasks.generator import generate

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return save_minding_reader(tmp_path_factory.mktemp("reader"))


def check_both_came_to_the_same(waveform, flowgraph):
    """Of each (line, outcome) in any order; GNU Radio rounds in another order, so that confidences differ a little."""
    assert {outcome.status for _, outcome in waveform} == {"delivered", "corrupted", "lost"}
    assert len({outcome.understanding.answer for _, outcome in waveform}) > 2
    told = dict(flowgraph)
    assert len(told) == len(flowgraph) == len(waveform)
    for line, outcome in waveform:
        sure = told[line].understanding.answer_confidence
        assert sure == pytest.approx(outcome.understanding.answer_confidence, abs=1e-3)
        known = replace(outcome.understanding, answer_confidence=sure)
        assert told[line] == replace(outcome, understanding=known)


@pytest.mark.parametrize(
    ("codec", "snr_db", "phy"),
    [("huffman", 9.0, {}), ("utf8", 12.0, {"max_frame_symbols": 64})],
    ids=["one frame", "several frames"],
)
def test_both_levels_mask_by_the_same_reports_and_come_to_the_same(codec, snr_db, phy, reader):
    link = LinkConfig.model_validate(
        {
            "codec": {"names": [codec]},
            "device": {"device": "cpu"},
            "phy": phy,
            "mask": {"kind": "theory", "reference_snr_db": 6},
            "memory": {"entries": 6, "reader": reader},
            "radio": {"channel": load_channel("rayleigh").model_dump()},
        }
    )
    (lines,) = groups(generate(1, 3, 4))
    waveform, flowgraph = (list(LEVELS[level](link).run(lines, snr_db, 3)) for level in ("waveform", "flowgraph"))
    check_both_came_to_the_same(waveform, flowgraph)
    assert len({outcome.masked_symbols for _, outcome in waveform}) > 4


def test_both_levels_decode_with_what_they_remember_and_come_to_the_same(reader):
    parts = {
        "codec": {"names": ["lam-prior"], "beams": 8},
        "device": {"device": "cpu"},
        "mask": {"kind": "fixed", "share": 0.25},
        "memory": {"entries": 8, "reader": reader, "decode_with": 8},
        "radio": {"channel": load_channel("rayleigh").model_dump()},
    }
    (lines,) = groups(generate(1, 2, 4))
    link, forgetful = (
        LinkConfig.model_validate(parts | {"memory": parts["memory"] | {"decode_with": entries}}) for entries in (8, 0)
    )
    waveform, without = (list(LEVELS["waveform"](one).run(lines, 3.0, 3)) for one in (link, forgetful))
    check_both_came_to_the_same(waveform, list(LEVELS["flowgraph"](link).run(lines, 3.0, 3)))
    assert [outcome.received for _, outcome in waveform] != [outcome.received for _, outcome in without]


def test_the_command_tells_the_same_of_both_levels(reader, tmp_path, monkeypatch):
    kept, told = {"waveform": [], "flowgraph": []}, {}

    class Kept:
        def __init__(self, name, level):
            self.pairs, self.level = kept[name], level

        def run(self, lines, snr_db, seed):
            for pair in self.level.run(lines, snr_db, seed):
                self.pairs.append(pair)
                yield pair

    for name, level in list(LEVELS.items()):
        monkeypatch.setitem(LEVELS, name, lambda link, name=name, level=level: Kept(name, level(link)))
        file = tmp_path / f"{name}.json"
        arguments = ["--task", "1", "--questions", "15", "--snr=6", "--codec", "huffman", "--channel", "rayleigh"]
        arguments += ["--memory", "value=1,correlation=1", "--size", "4", "--seed", "4", "--quiet"]
        arguments += ["--level", name, "--reader", reader, "--json", file]
        done = CliRunner().invoke(app, ["qa", *map(str, arguments)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        told[name] = json.loads(file.read_text())

    check_both_came_to_the_same(kept["waveform"], kept["flowgraph"])
    ((one,), (other,)) = (told[name]["points"] for name in kept)
    assert one == pytest.approx(other, abs=1e-3) and one["questions"] == 15
    runs = [told[name]["run"] for name in kept]
    assert [run.pop("level") for run in runs] == ["waveform", "flowgraph"] and runs[0] == runs[1]
