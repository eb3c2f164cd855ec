"""benchmarks/levels.py: which part of a sweep is sent again through GNU Radio, and what counts as a proof."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from fake_sweep import rows, write

from semcom_ota.config import ConfigError
from semcom_ota.experiments import sweep
from semcom_ota.experiments.sweep_config import SweepConfig, load_sweep
from semcom_ota.experiments.sweep_plan import plan
from semcom_ota.experiments.sweep_reading import read_rows

ROOT = Path(__file__).parents[3]
WHAT = {
    "name": "first", "texts": {"set": "captions", "count": 30}, "channels": ["awgn", "rayleigh"], "snr_db": [-3, 0, 3],
    "codecs": ["utf8", {"name": "utf8", "label": "wide", "codec": {"beams": 64}}], "seeds": [4, 5],
    "csi": ["estimated", "perfect"], "stop": {"metric": "bleu1"}, "phy": {"preset": "wide5"},
}  # fmt: skip


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("levels_script", ROOT / "benchmarks" / "levels.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_sent_again_is_the_sweep_but_for_what_is_said(script):
    whole = SweepConfig.model_validate(WHAT)
    part = script.repetition(whole, script.numbers("0,-3,0"), 10)
    assert (part.name, part.level, part.csi, part.snr_db) == ("first-flowgraph", "flowgraph", ("estimated",), (0, -3))
    assert (part.texts.count, part.stop, part.unit_messages) == (10, None, 250)
    for name in ("codecs", "channels", "budgets", "seeds", "phy", "device"):
        assert getattr(part, name) == getattr(whole, name)


@pytest.mark.parametrize("file", sorted((ROOT / "sweeps").glob("*.yml")), ids=lambda file: file.stem)
def test_a_part_of_each_sweep_that_ships_can_be_sent_again(script, file):
    whole = load_sweep(file)
    assert script.repetition(whole, whole.snr_db[:1], 1).codecs == whole.codecs


@pytest.mark.parametrize(("channel", "messages"), [("radios", 25), ("impaired", 25), ("tdl-a", 250)])
def test_units_are_those_of_the_sweep_where_the_receiver_has_to_learn_its_own_faults(script, channel, messages):
    whole = SweepConfig.model_validate(WHAT | {"channels": ["awgn", channel], "csi": "estimated"})
    assert script.repetition(whole, (0,), 10).unit_messages == messages


@pytest.mark.parametrize(
    ("changes", "snr_db", "count", "sentence"),
    [
        ({"level": "flowgraph", "csi": "estimated"}, (0,), 10, "'first' is of level flowgraph: name one of level wave"),
        ({"csi": "perfect"}, (0,), 10, "'first' has perfect CSI only"),
        ({}, (0, 1.5), 10, "1.5 dB is none of the SNRs of sweep 'first', which are -3, 0, 3"),
        ({}, (0,), 31, "--count is 31, and sweep 'first' has 30 texts: ask for fewer"),
        ({}, (0,), 0, "texts.count: must be greater"),
        ({"name": "a" * 60}, (0,), 10, "no such part of sweep 'a+': name"),
    ],
)
def test_a_part_that_there_is_not_is_one_sentence(script, changes, snr_db, count, sentence):
    with pytest.raises(ConfigError, match=sentence):
        script.repetition(SweepConfig.model_validate(WHAT | changes), snr_db, count)


def test_what_is_no_list_of_numbers_is_one_sentence(script):
    with pytest.raises(ConfigError, match="'3;6' is no list of numbers"):
        script.numbers("3;6")


@pytest.fixture
def prove(script, tmp_path, monkeypatch):
    """Runs the script over two folders of make-believe, of which nothing is missing."""
    file, folders = tmp_path / "sweep.yml", {level: tmp_path / level for level in ("waveform", "flowgraph")}
    file.write_text(json.dumps(WHAT))
    monkeypatch.setattr(sweep, "run", lambda *_: sweep.Finished(1, 1, 1, ()))

    config = load_sweep(file)
    texts = sweep.texts_of(config.texts, None)
    made = sweep.manifest(config, texts, plan(config, len(texts)))

    def prove(lines, again, level="waveform", **otherwise):
        for folder, its in zip(folders.values(), (lines, again), strict=True):
            write(folder, its)
        (folders["waveform"] / "manifest.json").write_text(
            json.dumps(made | {"level": level, "commits": ["abc"]} | otherwise)
        )
        options = {"--snr": "0,-3", "--count": "10", "--json": tmp_path / "figures.json"}
        options |= {"--waveform": folders["waveform"], "--out": folders["flowgraph"]}
        monkeypatch.setattr(sys, "argv", ["levels.py", str(file), *(f"{name}={options[name]}" for name in options)])
        script.main()
        return json.loads((tmp_path / "figures.json").read_text())

    return prove


LINES = rows(messages=12, channels=("awgn",), snrs=(-3.0, 0.0, 3.0), csi=("estimated", "perfect"))
AGAIN = [line for line in LINES if line["snr_db"] < 3 and line["message"] < 10 and line["csi"] == "estimated"]


def test_what_came_out_the_very_same_is_a_proof(prove, capsys):
    found = prove(LINES, [line | {"confidence": 0.5, "snr_db_estimated": 1.0} for line in AGAIN])
    assert [point["same"] for point in found["points"]] == [20, 20] and not found["different"]
    assert found["run"]["waveform"]["commits"] == ["abc"] and found["run"]["texts"] == 10
    table = capsys.readouterr().out
    assert "| awgn | 8 | -3 | 20 | 20 | 20 |\n| awgn | 8 | 0 | 20 | 20 | 20 |\n" in table


@pytest.mark.parametrize("change", [{"received": "another"}, {"status": "lost"}, {"payload_symbols": 3}])
def test_what_came_out_otherwise_is_named(prove, capsys, change):
    again = [line | change if line["message"] == 7 and line["snr_db"] == 0 else line for line in AGAIN]
    with pytest.raises(SystemExit) as ended:
        prove(LINES, again)
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "| awgn | 8 | 0 | 20 | 20 | 18 |" in said.out
    assert said.err == (
        "levels.py: 2 of 40 messages came out otherwise in GNU Radio: message 7 with graceful (awgn, 8 symbols a word, "
        "0 dB, seed 0); message 7 with cliff (awgn, 8 symbols a word, 0 dB, seed 0)\n"
    )


def test_not_all_that_differ_are_named(script, tmp_path):
    whole = read_rows(write(tmp_path / "one", LINES))
    again = read_rows(write(tmp_path / "two", [line | {"received": "another"} for line in AGAIN]))
    different = script.differing(whole, again)
    assert script.verdict(script.compare(whole, again), different).endswith("; and 35 more") and len(different) == 40


@pytest.mark.parametrize(("known", "compared"), [(LINES[: len(LINES) // 6], 20), (LINES[-1:], 0)])
def test_what_the_sweep_has_not_measured_is_no_proof(prove, capsys, known, compared):
    with pytest.raises(SystemExit) as ended:
        prove(known, AGAIN)
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(
        f"levels.py: only {compared} of 40 messages are in the sweep: run 'semcom"
    )


@pytest.mark.parametrize("other", [{}, {"weights_sha256": {"a": "b"}}])
def test_a_sweep_with_other_weights_or_settings_is_not_compared(prove, capsys, other):
    with pytest.raises(SystemExit) as ended:
        prove(LINES, AGAIN, config_sha256="another", **other)
    what = "weights" if other else "settings or texts"
    assert ended.value.code == 2 and f"was measured with other {what} than those of today" in capsys.readouterr().err


@pytest.mark.parametrize(("level", "what"), [("flowgraph", "a sweep of level flowgraph"), ("", "no sweep")])
def test_a_sweep_does_not_prove_itself(prove, capsys, level, what):
    with pytest.raises(SystemExit) as ended:
        prove(LINES, AGAIN, level)
    assert ended.value.code == 2 and f"holds {what}: name the folder of the sweep" in capsys.readouterr().err
