"""`semcom loopback` as a user runs it: three processes, real GNU Radio, real sockets."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sigmf

from semcom_ota.config import PhyConfig
from semcom_ota.experiments.texts import SENTENCES, read_lines
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.recording.reading import read_recording

CAPTIONS = read_lines(SENTENCES / "captions.txt")
SEMCOM = [sys.executable, "-m", "semcom_ota.cli"]
UNTIMED = ("latency_ms_p50", "latency_ms_p99")


def semcom(*arguments, timeout=150, **options):
    return subprocess.run([*SEMCOM, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, **options)


def messages_of(folder):
    return [json.loads(line) for line in (folder / "messages.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One run of all codecs over two SNRs, recorded."""
    folder = tmp_path_factory.mktemp("run")
    texts = [argument for text in CAPTIONS[:6] for argument in ("--text", text)]
    done = semcom("loopback", *texts, "--snr=6,18", "--out", folder, "--json", folder / "out.json", "--record")
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_sentences_come_out_as_sentences(finished):
    folder, _ = finished
    points = {
        (point["codec"], point["snr_db"]): point for point in json.loads((folder / "out.json").read_text())["points"]
    }
    assert points["text-jscc", 18]["bleu1"] > 0.85
    assert points["text-jscc", 6]["delivered"] == 6
    assert points["huffman", 18]["exact_match"] == 1
    assert all(
        point["delivered"] + point["corrupted"] + point["lost"] == point["messages"] == 6 for point in points.values()
    )


def test_schemes_spend_the_same_symbols_and_energy(finished):
    folder, _ = finished
    by_message = {}
    for message in messages_of(folder):
        if message["payload_symbols"]:
            by_message.setdefault(message["message"], []).append(message)
    assert len(by_message) == 12 and any(len(group) == 3 for group in by_message.values())
    for group in by_message.values():
        assert len({message["payload_symbols"] for message in group}) == 1
        assert len({message["air_samples"] for message in group}) == 1
        assert all(message["mean_symbol_energy"] == pytest.approx(1, abs=1e-5) for message in group)


def test_the_run_folder_is_complete(finished):
    folder, printed = finished
    for name in ("config.json", "messages.jsonl", "summary.json", "report.html"):
        assert (folder / name).stat().st_size > 0
    assert json.loads((folder / "summary.json").read_text()) == json.loads((folder / "out.json").read_text())
    assert CAPTIONS[0].split()[2] in printed and "report.html" in printed
    recording = sigmf.fromfile(str(folder / "capture.sigmf-meta"))
    recording.validate()
    sent = sum(message["fragments"] for message in messages_of(folder))
    assert len(recording.get_annotations()) == sent


def test_the_receiver_estimates_the_snr(finished):
    folder, _ = finished
    for message in messages_of(folder):
        if message["status"] == "delivered":
            assert message["snr_db_estimated"] == pytest.approx(message["snr_db"], abs=1.5)


def test_the_same_seed_gives_the_same_figures(finished, tmp_path):
    folder, _ = finished
    texts = [argument for text in CAPTIONS[:6] for argument in ("--text", text)]
    assert semcom("loopback", *texts, "--snr=6,18", "--out", tmp_path / "again", "--quiet").returncode == 0

    def timeless(run):
        summary = json.loads((run / "summary.json").read_text())
        return [{key: value for key, value in point.items() if key not in UNTIMED} for point in summary["points"]]

    assert timeless(tmp_path / "again") == timeless(folder)


def test_short_texts_share_frames_and_all_arrive(tmp_path):
    (tmp_path / "link.yml").write_text("phy: {messages_per_frame: 4}")
    (tmp_path / "in.txt").write_text("\n".join(CAPTIONS[:10]))
    arguments = ("--input", tmp_path / "in.txt", "--codec", "huffman", "--snr=15,18", "--quiet", "--record")
    done = semcom("loopback", "--link", tmp_path / "link.yml", *arguments, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    messages, alone = messages_of(tmp_path / "run"), Transmitter(PhyConfig()).frame_samples
    assert [message["message"] for message in messages] == list(range(20))
    assert [message["received"] for message in messages] == CAPTIONS[:10] * 2
    spent = sum(message["air_samples"] for message in messages)
    assert spent < 0.6 * sum(alone(message["payload_symbols"]) for message in messages)
    frames = read_recording(tmp_path / "run" / "capture.sigmf-meta").frames
    assert [[part.message for part in frame.parts] for frame in frames] == [
        [0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [10, 11, 12, 13], [14, 15, 16, 17], [18, 19],
    ]  # fmt: skip
    assert sum(frame.length for frame in frames) == spent


def test_nothing_passes_when_the_channel_is_noise(tmp_path):
    lines = tmp_path / "in.txt"
    lines.write_text("\n".join(CAPTIONS))
    arguments = ("--codec", "text-jscc,huffman", "--snr=0,12", "--channel", "noise_only", "--quiet")
    assert semcom("loopback", "--input", lines, *arguments, "--out", tmp_path / "run").returncode == 0
    messages = messages_of(tmp_path / "run")
    assert len(messages) == 160 and not [message for message in messages if message["received"]]
    assert not [message for message in messages if message["status"] == "delivered"]


def test_other_languages_are_exact_and_a_long_text_is_put_together(tmp_path):
    texts = ["Der kleine Junge läuft über die grüne Wiese.", "🙂", "See you at the café 🎉", " ".join(CAPTIONS * 2)]
    arguments = [argument for text in texts for argument in ("--text", text)]
    done = semcom("loopback", *arguments, "--codec", "text-jscc", "--snr=12", "--quiet", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    *others, long = messages_of(tmp_path / "run")
    assert [message["received"] for message in others] == texts[:3]
    assert all(message["payload_symbols"] == 6 * len(message["sent"].encode()) for message in others)
    assert long["fragments"] > 1 and long["words_right"] > 0.9 * long["words"]


def processes_of(directory):
    """Pids of a run's processes by module, found by the endpoint folder in their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        if "-m" in words and any(str(directory) in word for word in words):
            found[words[words.index("-m") + 1]] = int(entry.name)
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("codec", "messages_per_frame"), [("huffman", 3), ("text-jscc", 1)])
def test_every_message_is_accounted_for_though_each_process_is_killed(codec, messages_per_frame, tmp_path):
    (tmp_path / "link.yml").write_text(f"phy: {{messages_per_frame: {messages_per_frame}}}")
    lines = tmp_path / "in.txt"
    lines.write_text("\n".join(CAPTIONS * 5))
    folder, endpoints = tmp_path / "run", tmp_path / "ipc"
    endpoints.mkdir()
    arguments = (
        "--input",
        lines,
        "--link",
        tmp_path / "link.yml",
        "--codec",
        codec,
        "--snr=15",
        "--endpoints",
        endpoints,
        "--out",
        folder,
        "--quiet",
    )
    with subprocess.Popen([*SEMCOM, "loopback", *map(str, arguments)], stderr=subprocess.PIPE, text=True) as run:

        def wait_for_results(count):
            deadline = time.monotonic() + 100
            while time.monotonic() < deadline and run.poll() is None:
                file = folder / "messages.jsonl"
                if file.exists() and len(file.read_text().splitlines()) >= count:
                    return
                time.sleep(0.02)
            pytest.fail(f"no {count} results in time")

        for count, module in ((20, "services.encoder"), (60, "services.decoder"), (100, "flowgraphs.loopback")):
            wait_for_results(count)
            (pid,) = [pid for name, pid in processes_of(endpoints).items() if name.endswith(module)]
            os.kill(pid, signal.SIGKILL)
        assert run.wait(timeout=150) == 0, run.stderr.read()
    messages = messages_of(folder)
    assert [message["message"] for message in messages] == list(range(200))
    assert sum(message["status"] == "delivered" for message in messages) >= 198
    assert not processes_of(endpoints)


def test_ctrl_c_ends_everything(tmp_path):
    lines = tmp_path / "in.txt"
    lines.write_text("\n".join(CAPTIONS * 20))
    endpoints = tmp_path / "ipc"
    endpoints.mkdir()
    arguments = ("--input", lines, "--codec", "huffman", "--endpoints", endpoints, "--out", tmp_path / "run", "--quiet")
    with subprocess.Popen([*SEMCOM, "loopback", *map(str, arguments)], stderr=subprocess.PIPE, text=True) as run:
        deadline = time.monotonic() + 60
        while len(processes_of(endpoints)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=20) == 130
        assert "Traceback" not in run.stderr.read()
    assert not processes_of(endpoints)


MASK = "mask: {kind: theory, reference_snr_db: 3, semantic_snr_db: 12}\n"


def test_the_mask_follows_the_channel_and_is_the_same_twice(tmp_path):
    """A closed loop: what a message may know of the channel does not depend on when a report comes."""
    (tmp_path / "link.yml").write_text(MASK)
    texts = [argument for text in CAPTIONS[:4] for argument in ("--text", text)]
    runs = []
    for name in ("once", "again"):
        out = tmp_path / name
        done = semcom(
            "loopback", *texts, "--codec", "utf8", "--snr=0,20,0", "--link", tmp_path / "link.yml", "--out", out
        )
        assert done.returncode == 0, done.stderr
        runs.append(sorted(messages_of(out), key=lambda message: message["index"]))
    kept = ("received", "payload_symbols", "masked_symbols", "outlook", "snr_db_expected")
    first, again = ([[message[name] for name in kept] for message in run] for run in runs)
    assert first == again
    assert all(abs(message["snr_db_effective"] - message["snr_db_estimated"]) < 1 for message in runs[0])
    assert [message["outlook"] for message in runs[0][:2]] == ["unknown", "unknown"]
    assert all(message["masked_symbols"] == 0 for message in runs[0][:6])  # 0 dB, and two that cannot know better
    assert all(message["masked_symbols"] > 0 for message in runs[0][6:10])
    assert all(message["masked_symbols"] == 0 for message in runs[0][10:])
    page = (tmp_path / "once" / "report.html").read_text()
    assert "How the mask followed the channel" in page and "20 to 0 dB at message 8: 2." in page
    mask = json.loads((tmp_path / "once" / "summary.json").read_text())["mask"]
    assert mask["steps"] == [
        {"message": 4, "before_db": 0, "after_db": 20, "frames": 2},
        {"message": 8, "before_db": 20, "after_db": 0, "frames": 2},
    ]
    assert mask["messages"] == 10 and mask["expected_error_db"] < 10  # of 20 dB, twice two met a step


def test_a_cut_way_back_costs_masks_and_a_killed_decoder_nothing(tmp_path):
    memory = f"memory: {{file: {tmp_path / 'memory'}}}\n"
    (tmp_path / "link.yml").write_text(MASK.replace("}", ", stale_frames: 4}") + memory)
    texts = [argument for text in CAPTIONS[:20] for argument in ("--text", text)]
    out, faults = tmp_path / "run", ["--cut-reports", "6:13", "--kill-decoder", "8"]
    done = semcom(
        "loopback", *texts, "--codec", "utf8", "--snr=25", *faults, "--link", tmp_path / "link.yml", "--out", out
    )
    assert done.returncode == 0, done.stderr
    rows = sorted(messages_of(out), key=lambda message: message["index"])
    assert [row["received"] for row in rows] == CAPTIONS[:20]
    assert [row["remembered"] for row in rows] == list(range(1, 21))
    blind = [row["message"] for row in rows if row["outlook"] == "stale"]
    # Message 5 was the last one of which there was a report until that of 14, which 16 may know.
    assert blind == list(range(5 + 4 + 1, 16))
    assert all((row["masked_symbols"] > 0) == (row["outlook"] in ("reported", "predicted")) for row in rows)
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert events == [
        {"kind": "reports_cut", "message": 6, "until": 13},
        {"kind": "decoder_killed", "message": 8},
    ]
    assert semcom("loopback", "--text", "A", "--cut-reports", "9:3", "--out", out).returncode == 2
    late = semcom("loopback", "--text", "A", "--snr=9", "--kill-decoder", "1", "--out", tmp_path / "late")
    assert late.returncode == 2 and "no reports of message 1 can be cut" in late.stderr
    assert not (tmp_path / "late").exists()
