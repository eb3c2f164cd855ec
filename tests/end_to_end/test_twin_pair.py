"""A transmitter and a receiver in processes of their own, two software USRPs, and a fault of every kind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(280)
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "twin_pair.py"


def test_every_fault_is_accounted_for_and_all_else_arrives(tmp_path: Path):
    """The benchmark itself, with fewer sentences. A busy machine may make faults of its own: it must know of each."""
    figures = tmp_path / "figures.json"
    few = ["--sentences", "24", "--codec", "huffman", "--every", "0.1", "--snr", "14"]
    ran = subprocess.run(
        [sys.executable, str(BENCHMARK), *few, "--out", str(tmp_path / "run"), "--json", str(figures)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=260,
    )
    assert figures.exists(), ran.stdout + ran.stderr
    found = json.loads(figures.read_text())
    assert set(found["faults"]) >= {"late", "underflow", "sequence_error", "faded", "overflow"}
    assert all(fault["accounted"] == fault["times"] for fault in found["faults"].values()), ran.stdout
    assert found["false"] == 0
    assert found["untouched"] >= 10
    missing = found["untouched"] - found["whole"]
    assert missing <= min(len(found["unexpected"]), found["untouched"] // 3), ran.stdout
