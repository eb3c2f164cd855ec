"""`semcom tx` and `semcom rx` as two processes: what is received comes back, and the mask follows it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from semcom_ota.experiments.texts import SENTENCES, read_lines

pytestmark = pytest.mark.timeout(150)
SEMCOM = [sys.executable, "-m", "semcom_ota.cli"]
LINK = """
codec: {{names: [huffman]}}
mask: {{kind: theory, reference_snr_db: 8}}
radio: {{kind: zmq, transmit: 'ipc://{folder}/air', receive: 'ipc://{folder}/air'}}
"""
REPORTS = "reports: {{publish: 'ipc://{folder}/reports', subscribe: 'ipc://{folder}/reports'}}\n"
CAPTIONS = read_lines(SENTENCES / "captions.txt")[:12]


def lines_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_mask_of_a_transmitter_follows_the_reports_of_a_receiver_elsewhere(tmp_path: Path):
    (tmp_path / "link.yml").write_text((LINK + REPORTS).format(folder=tmp_path))
    texts = [argument for text in CAPTIONS for argument in ("--text", text)]
    till_all_came = ["--messages", str(len(CAPTIONS))]
    receiver = subprocess.Popen([*SEMCOM, "rx", "link.yml", "--out", "rx", "--quiet", *till_all_came], cwd=tmp_path)
    try:
        sender = [*SEMCOM, "tx", "link.yml", "--out", "tx", "--quiet", "--snr", "15", *texts]
        done = subprocess.run(sender, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert receiver.wait(30) == 0
    finally:
        receiver.kill()
    sent, heard = lines_of(tmp_path / "tx" / "messages.jsonl"), lines_of(tmp_path / "rx" / "messages.jsonl")
    assert [row["received"] for row in heard] == CAPTIONS
    assert [row["outlook"] for row in sent[:2]] == ["unknown", "unknown"]
    assert sent[0]["masked_symbols"] == 0
    known = [row for row in sent if row["outlook"] in ("reported", "predicted")]
    assert len(known) >= len(CAPTIONS) - 4 and all(row["masked_symbols"] > 0 for row in known)
    assert {row["snr_db_expected"] for row in known} == {60.0}  # no noise at all: the most that a mask believes
    scored = subprocess.run(
        [*SEMCOM, "score", "tx", "rx", "--out", "both"], cwd=tmp_path, capture_output=True, text=True
    )
    assert scored.returncode == 0, scored.stderr
    assert "How the mask followed the channel" in (tmp_path / "both" / "report.html").read_text()
    assert [row["outlook"] for row in lines_of(tmp_path / "both" / "messages.jsonl")] == [
        row["outlook"] for row in sent
    ]


def test_a_mask_without_a_way_back_is_refused(tmp_path: Path):
    (tmp_path / "link.yml").write_text(LINK.format(folder=tmp_path))
    done = subprocess.run([*SEMCOM, "tx", "link.yml", "--text", "A"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "reports.subscribe" in done.stderr
