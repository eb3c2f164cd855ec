"""`semcom rx` as its user runs it: processes, a recording with a gap in place of a radio, Ctrl-C."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from semcom_ota.codecs.conventional import Utf8
from semcom_ota.config import CodecConfig, DeviceConfig, PhyConfig
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.recording.frame_log import read_log
from semcom_ota.recording.reading import read_recording
from semcom_ota.recording.writing import Missing, write_meta
from semcom_ota.services.encoder import to_frames

pytestmark = pytest.mark.timeout(200)
SEMCOM = [sys.executable, "-m", "semcom_ota.cli"]
PHY = PhyConfig()
SILENCE = 500
NUMBERS = [*range(8), *range(3)]  # the transmitter is started anew in between
CUT, LOST = 4, 40_000


def lines_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def received(tmp_path_factory):
    """A run with a recording that lacks samples from within one frame on: its folder, and what was printed."""
    folder = tmp_path_factory.mktemp("rx")
    codec, transmitter = Utf8(CodecConfig(names=("utf8",)), DeviceConfig()), Transmitter(PHY)
    parts, gap = [np.zeros(SILENCE, np.complex64)], 0
    for place, message in enumerate(NUMBERS):
        (frame,) = to_frames(codec.encode(f"Sentence {place} of those that are sent."), codec.number, 0, message, 4096)
        samples = transmitter.modulate(frame)
        if place == CUT:
            samples = samples[: -len(samples) // 8]
            gap = sum(map(len, parts)) + len(samples)
        parts += [samples, np.zeros(0 if place == CUT else SILENCE, np.complex64)]
    air = np.concatenate(parts)
    noise = np.random.default_rng(1).normal(scale=0.05, size=(2, len(air)))
    data = folder / "air.sigmf-data"
    (air + noise[0] + 1j * noise[1]).astype(np.complex64).tofile(data)
    write_meta(data, PHY.sample_rate, "made up", (), PHY, {}, missing=[Missing(gap, LOST)])
    (folder / "link.yml").write_text(
        f"codec: {{names: [utf8]}}\nradio: {{kind: file, receive: {folder}/air.sigmf-meta}}\n"
    )
    command = [*SEMCOM, "rx", str(folder / "link.yml"), "--record", "--out", str(folder / "run")]
    done = subprocess.run([*command, "--json", str(folder / "out.json")], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    return folder, gap, done.stdout


def test_the_frame_over_the_gap_is_told_as_cut_and_the_rest_is_delivered(received):
    folder, gap, _ = received
    (event,) = lines_of(folder / "run" / "events.jsonl")
    (cut,) = event.pop("cut")
    assert cut["message"] == NUMBERS[CUT] and cut["start"] < gap
    assert event == {
        "kind": "overflow", "sample": gap, "lost_samples": LOST, "at_s": pytest.approx((gap + LOST) / PHY.sample_rate),
    }  # fmt: skip
    rows = lines_of(folder / "run" / "messages.jsonl")
    whole = [place for place in range(len(NUMBERS)) if place != CUT]
    assert [row["received"] for row in rows] == [f"Sentence {place} of those that are sent." for place in whole]
    assert [row["message"] for row in rows] == [NUMBERS[place] for place in whole]
    assert [row["status"] for row in rows] == ["delivered"] * len(whole)
    assert [row["lost_samples"] for row in rows] == [LOST * (place == CUT + 1) for place in whole]
    assert [row["health"]["lost_samples"] for row in rows[CUT:]] == [LOST] * len(rows[CUT:])
    behind = [row["received_s"] for row in rows]
    assert behind == sorted(behind) and behind[CUT] - behind[CUT - 1] > LOST / PHY.sample_rate
    assert all(row["snr_db_estimated"] > 15 for row in rows)


def test_the_run_folder_and_what_is_printed(received):
    folder, _, printed = received
    run = folder / "run"
    summary = json.loads((run / "summary.json").read_text())
    assert summary == json.loads((folder / "out.json").read_text())
    assert summary["run"]["level"] == "recording" and summary["run"]["frames"] == len(NUMBERS) - 1
    assert (summary["run"]["health"]["overflows"], summary["points"][0]["delivered"]) == (1, len(NUMBERS) - 1)
    assert json.loads((run / "radio.json").read_text())["kind"] == "file"
    assert json.loads((run / "config.json").read_text())["codec"]["names"] == ["utf8"]
    assert (run / "signal.png").stat().st_size > 1000
    for told in ("Sentence 3 of those", f"{LOST} samples were lost, with 1 message", "run folder"):
        assert told in printed


def test_what_was_recorded_knows_its_gap_and_replays_as_it_was(received):
    folder, gap, _ = received
    recording = read_recording(folder / "run" / "capture")
    assert recording.missing == ((gap, LOST),)
    assert [mark.parts[0].message for mark in recording.frames] == NUMBERS
    assert [mark.lost_samples for mark in recording.frames] == [LOST * (place == CUT) for place in range(len(NUMBERS))]
    command = [*SEMCOM, "replay", str(folder / "run" / "capture"), "--quiet", "--out", str(folder / "again")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    logs = [list(read_log(folder / name / "frames.jsonl")) for name in ("run", "again")]
    assert logs[0] == logs[1] and len(logs[0]) == len(NUMBERS) - 1


def test_ctrl_c_ends_it_in_order(tmp_path):
    (tmp_path / "link.yml").write_text(
        f"codec: {{names: [utf8]}}\nradio: {{kind: zmq, receive: 'ipc://{tmp_path}/air'}}\n"
    )
    command = [*SEMCOM, "rx", str(tmp_path / "link.yml"), "--out", str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as rx:
        while "samples/s" not in rx.stdout.readline():
            assert rx.poll() is None, rx.stderr.read()
        while not (tmp_path / "run" / "events.jsonl").exists():
            assert rx.poll() is None
        rx.send_signal(signal.SIGINT)
        printed, complaint = rx.communicate(timeout=100)
    assert rx.returncode == 0 and not complaint
    assert "0 frames in" in printed and (tmp_path / "run" / "summary.json").exists()
