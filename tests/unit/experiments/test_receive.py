"""A receive run with a made-up radio process: its end, in order and out of order."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from semcom_ota.config import LinkConfig
from semcom_ota.experiments import receive
from semcom_ota.experiments.receive_console import Screen, print_received
from semcom_ota.experiments.reception import GrowingLines
from semcom_ota.radio.health import Health
from semcom_ota.radio.settings import PortSettings, RadioSettings
from semcom_ota.services.process import SupervisedProcess

pytestmark = pytest.mark.timeout(60)
LINK = LinkConfig.model_validate({"codec": {"names": ["utf8"]}})
SETTINGS = RadioSettings(kind="uhd", level="air", receiver=PortSettings(device="B210 X", sample_rate=1e6))
RESULT = {
    "text": "Hi [there]\x1b[2J.", "confidence": 0.5, "intact": True, "lost": False, "codec": 1, "stream": 0,
    "message": 3, "fragments": 1, "lost_fragments": [], "snr_db": 9.5, "decode_ms": 1.0, "reason": "",
    "start_sample": 5, "cfo_hz": 1.5, "sro_ppm": -2.0, "lost_samples": 0, "received_s": 1.0,
    "health": Health(overflows=1, lost_samples=7).as_dict(), "word_confidence": 0.5,
    "understanding": {"intent": "ask", "answer": "kit[chen]", "answer_confidence": 0.75, "remembered": 3},
}  # fmt: skip
LOOK = {
    "health": Health(overflows=1, lost_samples=7).as_dict(), "at_s": 1.5, "level_dbfs": -20.5, "peak_dbfs": -9.0,
    "gain_db": None, "snr_db": 9.5,
}  # fmt: skip
EVENTS = [
    {"kind": "overflow", "at_s": 0.5, "sample": 900, "lost_samples": 7, "cut": [None]},
    {"kind": "gain", "at_s": 0.6, "gain_db": 20.0},
    {"kind": "clock", "at_s": 0.7, "sample": 950, "lost_samples": None, "cut": []},
    {"kind": "dropped", "at_s": 0.8, "sample": 970, "lost_samples": 0, "dropped": [{"message": 2, "start": 9}]},
]
PROCESS = """
import pathlib, sys, time
results, finish, lines = map(pathlib.Path, sys.argv[1:4])
results.open("a").write(lines.read_text())
if sys.argv[4]:
    print(sys.argv[4], file=sys.stderr)
    sys.exit(2)
while not finish.exists():
    time.sleep(0.01)
results.open("a").write('{"done": true}\\n')
time.sleep(60)
"""


def run(tmp_path: Path, dies_of: str = "", **limits):
    """Of a radio process that writes a result, a look and events, and then dies or waits until it is to finish."""
    results, finish, lines = (tmp_path / name for name in ("results", "results.finish", "lines"))
    told = [{"result": RESULT}, *({"event": event} for event in EVENTS), LOOK]
    lines.write_text("".join(json.dumps(line) + "\n" for line in told))
    folder = tmp_path / "run"
    folder.mkdir()
    failed, console = threading.Event(), Console(record=True, width=200, file=(tmp_path / "screen").open("w"))
    command = [sys.executable, "-c", PROCESS, str(results), str(finish), str(lines), dies_of]
    before = [{"begun": True}, {"radio": SETTINGS.model_dump(mode="json"), "recorded": 0}]
    with GrowingLines(results) as growing, SupervisedProcess(command, "radio process", failed.set) as process:
        receiver = receive.Receiver(SETTINGS, before, growing, [process], failed, finish)
        with Screen(False, console) as screen:
            finished = receive.run(receiver, LINK, folder, screen, **limits)
    print_received(finished.summary, console)
    rows = [json.loads(line) for line in (folder / "messages.jsonl").read_text().splitlines()]
    return finished, rows, folder, console.export_text()


def test_enough_messages_end_it_in_order(tmp_path: Path):
    finished, rows, folder, shown = run(tmp_path, messages=1)
    assert not finished.failure and [row["received"] for row in rows] == [RESULT["text"]]
    assert [(row["intent"], row["answer"], row["answer_confidence"]) for row in rows] == [("ask", "kit[chen]", 0.75)]
    assert "kit[chen] 75%" in shown
    assert finished.summary["run"]["level"] == "air" and finished.summary["run"]["seconds"] == 1.5
    assert finished.summary["run"]["health"]["lost_samples"] == 7
    (point,) = finished.summary["points"]
    assert (point["codec"], point["delivered"], point["snr_db"]) == ("utf8", 1, 9.5)
    assert json.loads((folder / "summary.json").read_text()) == finished.summary
    assert RadioSettings.model_validate_json((folder / "radio.json").read_bytes()) == SETTINGS
    assert len((folder / "events.jsonl").read_text().splitlines()) == len(EVENTS)
    assert (folder / "signal.png").stat().st_size > 1000
    assert "Hi [there]\ufffd[2J." in shown and "\x1b" not in shown
    for told in (
        "7 samples were lost",
        "gain 20 dB",
        "clock was set",
        "does not follow",
        "1 overflow, 7 lost samples",
    ):
        assert told in shown


def test_so_many_seconds_end_it(tmp_path: Path):
    finished, rows, *_ = run(tmp_path, seconds=0.2)
    assert not finished.failure and len(rows) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_in_order(tmp_path: Path, number):
    handler = signal.getsignal(number)
    threading.Timer(0.5, os.kill, (os.getpid(), number)).start()
    finished, rows, *_ = run(tmp_path)
    assert not finished.failure and len(rows) == 1
    assert signal.getsignal(number) is handler


def test_a_device_that_vanishes_leaves_what_was_received(tmp_path: Path):
    finished, rows, folder, _ = run(tmp_path, dies_of="the device is gone: plug it in")
    assert finished.failure == "radio process: the device is gone: plug it in"
    assert len(rows) == 1 and finished.summary["run"]["failure"] == finished.failure
    assert (folder / "summary.json").exists()
