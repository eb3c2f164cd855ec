"""A sweep for real: both levels, and `semcom sweep` as it is killed."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from semcom_ota.experiments import sweep, sweep_unit
from semcom_ota.experiments.sweep_config import SweepConfig, SweepTexts, load_sweep
from semcom_ota.experiments.sweep_plan import Task, plan
from semcom_ota.experiments.sweep_workers import LocalWorkers

CAPTIONS = sweep.texts_of(SweepTexts(set="captions"), None)
SMALL = """
name: killed
texts: {set: captions, count: 16}
codecs: [utf8, huffman, text-jscc, {name: lam-prior, codec: {beams: 8}}]
channels: [awgn]
snr_db: [3, 9]
unit_messages: 4
stop: {metric: words_right, half_width: 0.15, at_least: 10}
device: {device: cpu}
"""


@pytest.mark.timeout(240)
def test_both_levels_have_the_same_rows():
    """All that is in them: texts, confidences, estimated SNRs. Here the receiver's front end has something to learn."""
    what = {
        "texts": {"set": "captions"},
        "codecs": ["utf8", "huffman", "text-jscc"],
        "channels": ["impaired"],
        "snr_db": [7],
        "seeds": [3],
        "unit_messages": 10,
        "device": {"device": "cpu"},
    }
    found = {}
    for level in ("waveform", "flowgraph"):
        config = SweepConfig.model_validate(what | {"level": level})
        tasks = [Task(unit, config, tuple(CAPTIONS[10:20])) for unit in plan(config, 40) if unit.messages[0] == 10]
        found[level] = [sweep_unit.measure(task) for task in tasks]
    waveform, flowgraph = ([row for unit in units for row in unit.rows] for units in found.values())
    assert len(waveform) == 30 and {row["status"] for row in waveform} >= {"delivered", "corrupted"}
    assert sum(row["received"] == row["sent"] for row in waveform) > 7
    # GNU Radio hands samples over as it likes, and sums over them are rounded in another order.
    assert [pytest.approx(row, abs=1e-4) for row in waveform] == flowgraph
    timings = [each for unit in found["flowgraph"] for each in unit.timings]
    assert all(each["encode_ms"] > 0 and each["transmit_ms"] > 0 for each in timings)


@pytest.mark.timeout(240)
def test_a_sweep_that_was_killed_ends_as_one_that_was_not(tmp_path):
    file, folder = tmp_path / "sweep.yml", tmp_path / "killed"
    file.write_text(SMALL)
    command = [sys.executable, "-m", "semcom_ota.cli", "sweep", str(file), "--out", str(folder), "--quiet"]
    with subprocess.Popen([*command, "--workers", "2"], stderr=subprocess.PIPE, text=True) as process:
        rows = folder / "rows.jsonl"
        while not (rows.exists() and rows.stat().st_size):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    again = subprocess.run([*command, "--workers", "1"], capture_output=True, text=True, timeout=200)
    assert again.returncode == 0, again.stderr
    config = load_sweep(file)
    whole = sweep.run(config, CAPTIONS[:16], tmp_path / "whole", lambda: LocalWorkers(1), quiet=True)
    assert f"{whole.rows} rows in {whole.units} units" in again.stdout
    assert rows.read_bytes() == (tmp_path / "whole" / "rows.jsonl").read_bytes()
    assert len((folder / "timings.jsonl").read_bytes().splitlines()) == whole.rows < 4 * 2 * 16  # it stopped early
    assert json.loads((folder / "manifest.json").read_text())["finished"] is True
