"""`semcom loopback --record`, and then `semcom replay`: the same frames, the same texts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sigmf
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import PhyConfig
from semcom_ota.experiments.texts import SENTENCES, read_lines
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.recording.frame_log import read_log
from semcom_ota.recording.reading import read_recording
from semcom_ota.types import FrameHeader, SemanticFrame

CAPTIONS = read_lines(SENTENCES / "captions.txt")
SEMCOM = [sys.executable, "-m", "semcom_ota.cli"]
LONG = " ".join(CAPTIONS[:12])
MESSAGES = 6
TOLERANCE = 4  # samples: the strongest path need not be the first
LINK = "codec: {names: [utf8, huffman]}\nphy: {preset: indoor, max_frame_symbols: 512}\n"


def semcom(*arguments, timeout=150, **options):
    return subprocess.run([*SEMCOM, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, **options)


def lines_of(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A recorded run of the conventional codecs at two SNRs over multipath. At the lower one, frames get lost."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "link.yml").write_text(LINK)
    texts = [argument for text in [*CAPTIONS[: MESSAGES - 1], LONG] for argument in ("--text", text)]
    arguments = ("--link", folder / "link.yml", "--snr=-4,15", "--channel", "multipath", "--quiet", "--record")
    done = semcom("loopback", *texts, *arguments, "--seed", 3, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def again(run, tmp_path_factory):
    """Its replay, and what was printed."""
    folder = tmp_path_factory.mktemp("again") / "run"
    done = semcom("replay", run / "capture.sigmf-data", "--out", folder, "--json", folder / "out.json")
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_the_effective_snr_of_carriers_that_fade_apart_is_below_their_mean(run):
    heard = [message for message in lines_of(run / "messages.jsonl") if message["snr_db_estimated"] is not None]
    good = [message for message in heard if message["snr_db"] == 15 and message["fragments"] == 1]
    assert good and all(0.1 < message["snr_db_estimated"] - message["snr_db_effective"] < 10 for message in good)


def test_the_recording_is_valid_and_every_annotation_lands_on_a_frame(run):
    recording = sigmf.fromfile(str(run / "capture.sigmf-meta"))  # compares the checksum
    recording.validate()
    marks = read_recording(run / "capture.sigmf-meta").frames
    sent = [message for message in lines_of(run / "messages.jsonl") if message["payload_symbols"]]
    assert len(marks) == sum(message["fragments"] for message in sent)
    assert sum(mark.received for mark in marks) > len(marks) / 2
    phy = read_recording(run / "capture").contents.phy
    samples = recording.read_samples()
    power = np.abs(samples) ** 2
    for mark in marks:
        inside = power[mark.start : mark.start + mark.length].mean()
        behind = power[mark.start + mark.length + 100 : mark.start + mark.length + 400].mean()
        assert mark.parts[0].sent is None or mark.parts[0].sent.channel_snr_db < 0 or inside > 5 * behind
        assert not mark.received or abs(mark.start - where(samples, mark, phy)) <= TOLERANCE


def where(samples, mark, phy: PhyConfig) -> int:
    """Where the strongest path of a frame's preamble is, by correlation with the transmitter's own."""
    part = mark.parts[0]
    header = FrameHeader(**part.model_dump(exclude={"sent"}))
    frame = SemanticFrame(header, np.ones(header.frame_symbols, np.complex64))
    preamble = Transmitter(phy).modulate(frame)[: Numerology(phy).preamble_samples]
    first = max(0, mark.start - 50)
    window = samples[first : mark.start + 50 + len(preamble)]
    turned = window * np.exp(-2j * np.pi * mark.cfo_hz / phy.sample_rate * np.arange(len(window)))
    return first + int(np.argmax(np.abs(np.correlate(turned, preamble, "valid"))))


def test_the_replay_finds_the_same_frames(run, again):
    marks = [mark for mark in read_recording(run / "capture").frames if mark.received]
    found = sorted(read_log(again[0] / "frames.jsonl"), key=lambda frame: frame.start)
    assert len(found) == len(marks) > 12
    for mark, frame in zip(marks, found, strict=True):
        assert (mark.start, mark.start + mark.length) == (frame.start, frame.stop)
        assert FrameHeader(**mark.parts[0].model_dump(exclude={"sent"})) == frame.header
        assert (mark.snr_db, mark.cfo_hz, mark.sro_ppm) == (frame.snr_db, frame.cfo_hz, frame.sro_ppm)


def test_the_replay_gives_the_same_texts_and_figures(run, again):
    folder, printed = again
    replayed = {(line["message"], line["stream"]): line for line in lines_of(folder / "messages.jsonl")}
    originals = lines_of(run / "messages.jsonl")
    assert len(replayed) == len(originals) == 2 * 2 * MESSAGES
    statuses = {line["status"] for line in originals}
    assert statuses == {"delivered", "corrupted", "lost"}
    for original in originals:
        line = replayed[original["message"], original["stream"]]
        for name in line.keys() - {"index", "time_s", "latency_ms"}:
            assert line[name] == original[name], name
    summaries = [json.loads((place / "summary.json").read_text()) for place in (run, folder)]
    timeless = [
        [{name: value for name, value in point.items() if "latency" not in name} for point in summary["points"]]
        for summary in summaries
    ]
    assert timeless[0] == timeless[1]
    assert [summary["run"]["level"] for summary in summaries] == ["flowgraph", "flowgraph"]
    assert json.loads((folder / "out.json").read_text()) == summaries[1]
    assert (folder / "report.html").stat().st_size > 0
    assert " ".join(CAPTIONS[0].split()[:2]) in printed and "report.html" in printed


def test_a_capture_made_elsewhere_needs_no_word_of_ours(run, tmp_path):
    """The same air as sixteen-bit integers and with a description that says nothing but the standard's least."""
    samples = np.fromfile(run / "capture.sigmf-data", np.complex64)
    (samples.view(np.float32) * 2000).astype(">i2").tofile(tmp_path / "capture.sigmf-data")
    core = {"core:datatype": "ci16_be", "core:sample_rate": 1e6, "core:version": "1.0.0"}
    (tmp_path / "capture.sigmf-meta").write_text(json.dumps({"global": core, "captures": [], "annotations": []}))
    (tmp_path / "air.yml").write_text("{max_frame_symbols: 512}")
    arguments = ("--codec", "huffman", "--phy", tmp_path / "air.yml", "--out", tmp_path / "run")
    done = semcom("replay", tmp_path / "capture", *arguments)
    assert done.returncode == 0, done.stderr
    assert "utf8 is not loaded: name it in --codec too" in " ".join(done.stdout.split())
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["run"]["level"] == "recording"
    (point,) = summary["points"]
    received = [line for line in lines_of(run / "messages.jsonl") if line["received"] and line["codec"] == "huffman"]
    texts = [line["received"] for line in lines_of(tmp_path / "run" / "messages.jsonl") if line["codec"] == "huffman"]
    assert sum(line["received"] in texts for line in received) >= 0.9 * len(received)
    assert point["codec"] == "huffman" and point["delivered"] >= 0.8 * MESSAGES and "bleu1" not in point


@pytest.mark.parametrize(
    ("change", "arguments", "sentence"),
    [
        ({"core:sample_rate": 2e6}, (), "2e+06 samples/s"),
        ({}, ("--phy", "pluto"), "another one: leave --phy out"),
        ({}, ("--phy", "nonsense"), "unknown air interface"),
        ({}, ("--codec", "morse"), "unknown codec 'morse'"),
        ({"core:datatype": "rf32_le"}, (), "'rf32_le'"),
        ({"core:dataset": "gone.bin"}, (), "cannot read"),
        ({"semcom:phy": {"used_carriers": 51}}, (), "even"),
        ({"semcom:phy": {"used_carriers": "many"}}, (), "phy.used_carriers"),
    ],
)
def test_what_cannot_be_replayed_is_refused_in_one_sentence(run, tmp_path, change, arguments, sentence):
    meta = json.loads((run / "capture.sigmf-meta").read_text())
    meta["global"] |= change
    (tmp_path / "capture.sigmf-meta").write_text(json.dumps(meta))
    shutil.copy(run / "capture.sigmf-data", tmp_path)
    arguments = ("replay", tmp_path / "capture", *arguments, "--out", tmp_path / "run")
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("semcom: ") and sentence in line


def children_of(pid: int) -> dict[str, tuple[int, list[str]]]:
    """The children by module: process id and arguments."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            words = (entry / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if parent == pid and "-m" in words:
            found[words[words.index("-m") + 1]] = int(entry.name), words
    return found


@pytest.mark.timeout(200)
def test_a_recording_that_a_kill_interrupted_is_described_and_replays(tmp_path):
    lines = tmp_path / "in.txt"
    lines.write_text("\n".join(CAPTIONS))
    arguments = ("loopback", "--input", lines, "--codec", "huffman", "--snr=20", "--record", "--quiet")
    arguments += ("--out", tmp_path / "run")
    with subprocess.Popen([*SEMCOM, *map(str, arguments)], stderr=subprocess.PIPE, text=True) as run:
        messages = tmp_path / "run" / "messages.jsonl"
        while not messages.exists() or len(messages.read_text().splitlines()) < 10:
            assert run.poll() is None, run.stderr.read()
            time.sleep(0.01)
        os.kill(children_of(run.pid)["semcom_flowgraphs.loopback"][0], signal.SIGKILL)
        assert run.wait(timeout=150) == 0, run.stderr.read()
    recording = read_recording(tmp_path / "run" / "capture")
    samples = np.fromfile(tmp_path / "run" / "capture.sigmf-data", np.complex64)
    received = [mark for mark in recording.frames if mark.received]
    assert {mark.parts[0].message for mark in received} == set(range(len(CAPTIONS)))
    for mark in received:
        assert abs(mark.start - where(samples, mark, recording.contents.phy)) <= TOLERANCE

    done = semcom("replay", tmp_path / "run" / "capture", "--quiet", "--out", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    assert [line["received"] for line in lines_of(tmp_path / "again" / "messages.jsonl")] == CAPTIONS


@pytest.mark.timeout(200)
def test_every_message_comes_out_once_though_each_process_is_killed(run, again, tmp_path):
    arguments = ("replay", run / "capture", "--out", tmp_path / "run", "--quiet")
    with subprocess.Popen([*SEMCOM, *map(str, arguments)], stderr=subprocess.PIPE, text=True) as replay:
        while "semcom_flowgraphs.replay" not in children_of(replay.pid):
            time.sleep(0.01)
        radio, words = children_of(replay.pid)["semcom_flowgraphs.replay"]
        results = Path(words[words.index("--results") + 1])
        while "result" not in results.read_text():
            time.sleep(0.01)
        os.kill(radio, signal.SIGKILL)
        os.kill(children_of(replay.pid)["semcom_ota.services.decoder"][0], signal.SIGKILL)
        assert replay.wait(timeout=150) == 0, replay.stderr.read()
    timeless = [
        [line | {"latency_ms": None} for line in lines_of(folder / "messages.jsonl")]
        for folder in (again[0], tmp_path / "run")
    ]
    assert timeless[0] == timeless[1]
