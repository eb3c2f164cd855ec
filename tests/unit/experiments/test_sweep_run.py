"""The whole of a sweep but for the PHY: what is measured is made up, and a worker is a function call."""

import json

import numpy as np
import pytest

from semcom_ota.config import ConfigError
from semcom_ota.experiments import sweep
from semcom_ota.experiments.sweep_config import SweepConfig, SweepTexts
from semcom_ota.experiments.sweep_plan import Measured, SweptText
from semcom_ota.experiments.sweep_workers import GivenUp

TEXTS = [SweptText(f"text number {n} of many", "many") for n in range(30)]
CONFIG = SweepConfig.model_validate(
    {
        "texts": {"set": "demo"},
        "codecs": ["utf8", "huffman"],
        "channels": ["awgn", "rayleigh"],
        "snr_db": [0, 10],
        "seeds": [0, 1],
        "unit_messages": 5,
        "stop": {"metric": "words_right", "half_width": 0.08, "at_least": 10},
    }
)


class Killed(BaseException):
    """As sudden as SIGKILL."""


class MadeUp:
    """Workers whose results come in any order; some die, and the sweep may be killed."""

    def __init__(self, seed=0, slots=3, kill_after=None, lose=()):
        self.slots, self.kill_after, self.lose = slots, kill_after, lose
        self.rng = np.random.default_rng(seed)
        self.under_way, self.measured = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, task):
        assert len(self.under_way) < self.slots
        assert task.unit.index not in self.measured
        self.under_way.append(task)

    def finished(self):
        task = self.under_way.pop(self.rng.integers(len(self.under_way)))
        if self.kill_after is not None and len(self.measured) == self.kill_after:
            raise Killed
        if task.unit.index in self.lose:
            return [GivenUp(task.unit, "it died")]
        self.measured.append(task.unit.index)
        return [measured(task)]


def measured(task):
    unit = task.unit
    rows = []
    for message, text in zip(unit.messages, (one.text for one in task.texts), strict=True):
        for codec in task.sweep.codecs:
            rng = np.random.default_rng([unit.seed, message, int(unit.point.snr_db), len(unit.point.channel)])
            words = [word if rng.random() < 0.5 + unit.point.snr_db / 20 else "?" for word in text.split()]
            row = {"unit": unit.index, "message": message, "codec": codec.label, "sent": text}
            rows.append(row | {"received": " ".join(words)})
    return Measured(unit.index, rows, [{"unit": unit.index, "message": row["message"]} for row in rows])


def run(folder, workers):
    return sweep.run(CONFIG, TEXTS, folder, lambda: workers, quiet=True)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    finished = run(folder, workers := MadeUp(slots=1))
    assert finished.measured == finished.units == len(workers.measured)
    return (folder / "rows.jsonl").read_bytes()


def test_points_stop_early_and_nothing_else_is_missing(reference):
    units = [json.loads(line)["unit"] for line in reference.splitlines()]
    assert units == sorted(units)
    by_point = [len({unit for unit in units if unit // 12 == point}) for point in range(4)]
    assert 2 < by_point[0] < 12 and by_point[1] == by_point[3] == 4  # at 10 dB all is right: three in 20 may not be


@pytest.mark.parametrize("seed", range(2))
def test_any_number_of_workers_and_any_order_give_the_same_rows(tmp_path, reference, seed):
    finished = run(tmp_path, workers := MadeUp(seed, slots=7))
    assert (tmp_path / "rows.jsonl").read_bytes() == reference
    assert len(workers.measured) > finished.units  # they ran ahead


def test_a_sweep_that_is_killed_again_and_again_measures_nothing_twice(tmp_path, reference):
    everything = []
    for attempt in range(100):
        workers = MadeUp(attempt, slots=2, kill_after=3)
        try:
            run(tmp_path, workers)
        except Killed:
            with (tmp_path / "rows.jsonl").open("a") as stream:
                stream.write('{"unit": 9, "mess')
        everything += workers.measured
        if len(workers.measured) < 3:
            break
    assert len(everything) == len(set(everything)) > 10
    assert (tmp_path / "rows.jsonl").read_bytes() == reference
    assert run(tmp_path, MadeUp()).measured == 0 and (tmp_path / "rows.jsonl").read_bytes() == reference


def test_a_unit_that_is_given_up_is_told_and_measured_the_next_time(tmp_path, reference):
    finished = run(tmp_path, MadeUp(lose=(1,)))
    assert [lost.unit.index for lost in finished.given_up] == [1]
    assert json.loads((tmp_path / "manifest.json").read_text())["finished"] is False
    assert not run(tmp_path, MadeUp()).given_up
    assert (tmp_path / "rows.jsonl").read_bytes() == reference
    assert json.loads((tmp_path / "manifest.json").read_text())["finished"] is True


def test_other_texts_are_another_sweep(tmp_path):
    run(tmp_path, MadeUp())
    with pytest.raises(ConfigError, match="holds another sweep"):
        sweep.run(CONFIG, TEXTS[::-1], tmp_path, MadeUp, quiet=True)


def test_an_air_interface_that_cannot_work_leaves_no_folder(tmp_path):
    config = CONFIG.model_copy(update={"phy": CONFIG.phy.model_copy(update={"used_carriers": 20})})
    with pytest.raises(ConfigError, match="used_carriers"):
        sweep.run(config, TEXTS, tmp_path / "out", MadeUp, quiet=True)
    assert not (tmp_path / "out").exists()


def said(texts, data=None):
    return [one.text for one in sweep.texts_of(texts, data)]


def test_texts_are_those_that_are_named(tmp_path):
    (tmp_path / "own.txt").write_text("one\n\ntwo\nthree\n")
    assert said(SweepTexts(file=tmp_path / "own.txt", count=2)) == ["one", "two"]
    assert len(sweep.texts_of(SweepTexts(set="captions"), None)) == 40
    both = sweep.texts_of(SweepTexts(set=["names", "numbers"]), None)
    assert [one.set for one in both] == ["names"] * 40 + ["numbers"] * 40
    with pytest.raises(ConfigError, match=r"count is 4, and there are 3"):
        sweep.texts_of(SweepTexts(file=tmp_path / "own.txt", count=4), None)
    with pytest.raises(ConfigError, match="with --data"):
        sweep.texts_of(SweepTexts(data="multi30k-test"), None)


def test_several_texts_together_are_one_to_send(tmp_path):
    (tmp_path / "own.txt").write_text("one\ntwo\nthree\nfour\nfive\n")
    assert said(SweepTexts(file=tmp_path / "own.txt", together=2)) == ["one two", "three four"]
    assert said(SweepTexts(file=tmp_path / "own.txt", together=2, count=1)) == ["one two"]
    with pytest.raises(ConfigError, match="together is 6"):
        sweep.texts_of(SweepTexts(file=tmp_path / "own.txt", together=6), None)
