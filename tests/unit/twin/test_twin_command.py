"""`semcom twin` as a user has it."""

import json
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from semcom_ota.cli import app

SEMCOM = [sys.executable, "-m", "semcom_ota.cli", "twin"]


def test_it_says_how_to_use_the_devices_and_ends_in_order(tmp_path):
    log, folder = tmp_path / "truth.jsonl", tmp_path / "lab"
    lab = subprocess.Popen(
        [*SEMCOM, "faulty", "--lab", folder, "--log", log], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said = []
    while not said or "Ctrl-C" not in said[-1]:
        said.append(lab.stdout.readline())
        assert said[-1], lab.stderr.read()
    assert f"--device type=twin,serial=A,lab={folder}" in "".join(said)
    lab.send_signal(signal.SIGTERM)  # met as Ctrl-C is
    out, err = lab.communicate(timeout=60)
    assert (lab.returncode, out, err) == (0, "", "")
    assert not list(folder.glob("*.sock"))
    (begun,) = map(json.loads, log.read_text().splitlines())
    assert begun["kind"] == "begun"
    assert begun["lab"]["paths"][0] == {
        "from": "A", "to": "B", "loss_db": 60.0, "delay_s": 0.0, "taps": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nowhere"], "unknown lab 'nowhere'"), (["--log", "/nowhere/at/all"], "cannot write to '/nowhere/at/all'"),
     (["--lab", "x" * 200], "too long")],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["twin", "--lab", "lab", *arguments])
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
