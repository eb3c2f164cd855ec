"""Every flowgraph of grc/ compiles, runs, and does what it says."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.timeout(400)
GRC = Path(__file__).parents[2] / "grc"
KINDS = {file: yaml.safe_load(file.read_text())["options"]["parameters"] for file in sorted(GRC.glob("*.grc"))}
HEADLESS = [file for file, options in KINDS.items() if options["generate_options"] == "no_gui"]
QT = [file for file, options in KINDS.items() if options["generate_options"] == "qt_gui"]


def compiled(flowgraph: Path, directory: Path) -> Path:
    """The Python file that grcc makes of a flowgraph."""
    environment = os.environ | {"GRC_BLOCKS_PATH": str(GRC), "HOME": str(directory)}
    made = subprocess.run(
        ["grcc", "-o", str(directory), str(flowgraph)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert ">>> Warning" not in made.stdout
    return directory / f"{KINDS[flowgraph]['id']}.py"


def test_there_is_one_of_each_kind():
    assert HEADLESS
    assert QT
    assert len(HEADLESS) + len(QT) == len(KINDS)


@pytest.mark.parametrize("flowgraph", HEADLESS, ids=lambda file: file.name)
def test_a_headless_flowgraph_ends_by_itself_and_has_received_everything(flowgraph: Path, tmp_path: Path):
    script = compiled(flowgraph, tmp_path)
    ran = subprocess.run(
        [sys.executable, str(script)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    received, sent, intact = re.search(r"received (\d+) of (\d+) messages, (\d+) of them intact", ran.stdout).groups()
    assert received == sent == intact
    assert int(sent) >= 5
    assert ran.stdout.count(" intact  '") == int(sent)


@pytest.mark.parametrize("flowgraph", QT, ids=lambda file: file.name)
def test_a_qt_flowgraph_receives_until_it_is_told_to_end(flowgraph: Path, tmp_path: Path):
    script = compiled(flowgraph, tmp_path)
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, text=True
    ) as running:
        results = [next(line for line in running.stdout if " intact  '" in line) for _ in range(3)]
        running.send_signal(signal.SIGTERM)
        rest = running.stdout.read()
        assert running.wait() == 0
    assert [int(line.split()[0]) for line in results] == [0, 1, 2]
    assert int(re.search(r"received (\d+) messages", rest).group(1)) >= 3
