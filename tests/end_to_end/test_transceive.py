"""Both ends: in one process with `semcom trx`, and as two runs that `semcom score` joins."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from semcom_ota.experiments.score import read_receiver, read_transmitter, score
from semcom_ota.experiments.texts import SENTENCES, read_lines

pytestmark = pytest.mark.timeout(120)
CAPTIONS = read_lines(SENTENCES / "captions.txt")[:5]
LONG = " ".join(read_lines(SENTENCES / "captions.txt")[:12])
SEMCOM = [sys.executable, "-m", "semcom_ota.cli"]
LINK = """
codec: {names: [utf8, huffman]}
phy: {preset: indoor, max_frame_symbols: 512}
radio: {kind: loopback, snr_db: [20, -20], messages_per_snr: 4, seed: 2}
"""


FILE = """
codec: {names: [utf8]}
radio: {kind: file, transmit: sent.sigmf-meta, receive: sent.sigmf-meta, bursts: {lead_ms: 1}}
"""


def semcom(folder: Path, *arguments: object) -> subprocess.CompletedProcess:
    command = [*SEMCOM, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)


def lines_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_message_has_a_fate_and_the_lost_ones_a_cause(tmp_path: Path):
    """Over the simulated channel: the first four messages at 20 dB, the others below all noise."""
    (tmp_path / "link.yml").write_text(LINK)
    texts = [LONG, *CAPTIONS]
    arguments = [argument for text in texts for argument in ("--text", text)]
    done = semcom(tmp_path, "trx", "link.yml", "--out", "run", "--snr", 15, *arguments)
    assert done.returncode == 0, done.stderr
    rows = lines_of(tmp_path / "run" / "messages.jsonl")
    assert [(row["message"], row["codec"]) for row in rows] == [(n, c) for n in range(6) for c in ("utf8", "huffman")]
    heard = [row for row in rows if row["message"] < 4]
    assert all(row["received"] == row["sent"] == texts[row["message"]] for row in heard)
    assert max(row["fragments"] for row in heard) > 1 and all(row["snr_db_estimated"] > 15 for row in heard)
    lost = [(row["status"], row["cause"], row["received"]) for row in rows if row["message"] >= 4]
    assert lost == [("lost", "not received", "")] * 4

    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["run"]["level"], summary["run"]["unmatched"]) == ("flowgraph", 0)
    for point in summary["points"]:
        counts = [point[name] for name in ("messages", "delivered", "lost", "false", "failed")]
        assert counts == [6, 4, 2, 0, 0] and point["causes"]["not received"] == 2
    for end in ("transmitter", "receiver"):
        settings = json.loads((tmp_path / "run" / end / "radio.json").read_text())
        assert settings["kind"] == "loopback" and settings[end]["sample_rate"] == 1e6
    sent = lines_of(tmp_path / "run" / "transmitter" / "messages.jsonl")
    assert {row["status"] for row in sent} == {"acknowledged"}
    assert "raincoat" in done.stdout and "not received" in done.stdout
    assert (tmp_path / "run" / "report.html").exists()


def test_a_transmission_into_a_file_is_received_from_it_and_scored(tmp_path: Path):
    (tmp_path / "link.yml").write_text(FILE)
    arguments = [argument for text in CAPTIONS for argument in ("--text", text)]
    for command in (["tx", "link.yml", *arguments], ["rx", "link.yml"]):
        done = semcom(tmp_path, *command, "--out", command[0], "--quiet")
        assert done.returncode == 0, done.stderr
    summary = score(read_transmitter(tmp_path / "tx"), read_receiver(tmp_path / "rx")).summary
    (point,), run = summary["points"], summary["run"]
    assert point["delivered"] == len(CAPTIONS) and point["exact_match"] == 1
    assert (run["level"], run["unmatched"]) == ("recording", 0) and abs(run["clock_ppm"]) < 1
    size = (tmp_path / "sent.sigmf-data").stat().st_size
    bursts = [burst for row in lines_of(tmp_path / "tx" / "messages.jsonl") for burst in row["bursts"]]
    assert size < 8 * sum(burst["samples"] + 40_000 for burst in bursts)  # short gaps
