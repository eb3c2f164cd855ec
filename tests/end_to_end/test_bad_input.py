"""What a user gets wrong: one clear sentence, exit status 2, no traceback."""

import os
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import SHIPPED, WEIGHTS, TransportConfig
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.sockets import ReplyServer


def refused(*arguments, env=None):
    """The sentence with which `semcom loopback` refuses."""
    command = [sys.executable, "-m", "semcom_ota.cli", "loopback", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, env=env)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("semcom: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "nothing to send"),
        (("--text", "x" * 100_000), "too long"),
        (("--text", "Hi.", "--codec", "morse"), "unknown codec 'morse'"),
        (("--text", "Hi.", "--codec", ","), "names no codec"),
        (("--text", "Hi.", "--snr=abc"), "'abc' is not a list of numbers"),
        (("--text", "Hi.", "--snr=900"), "--snr: each must be from -30 to 60 dB, not 900"),
        (("--text", "Hi.", "--snr=3,nan"), "--snr: each must be from -30 to 60 dB, not nan"),
        (("--text", "Hi.", "--snr=-inf"), "--snr: each must be from -30 to 60 dB, not -inf"),
        (("--text", "Hi.", "--channel", "moon"), "unknown channel 'moon'"),
        (("--text", "Hi.", "--out", "/proc/nowhere/run"), "cannot write"),
        (("--text", "Hi.", "--json", "/proc/nowhere/out.json"), "cannot write"),
        (("--text", "Hi.", "--link", "none.yml"), "cannot read 'none.yml'"),
        (("--text", "Hi.", "--endpoints", "/proc/nowhere"), "no endpoints"),
    ],
)
def test_arguments_that_make_no_sense(arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(*arguments)


def test_an_air_interface_that_cannot_work_leaves_no_folder(tmp_path):
    file = tmp_path / "phy.yml"
    file.write_text("used_carriers: 70")
    assert "used_carriers is 70" in refused("--text", "Hi.", "--phy", file, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("phy", "words"),
    [("indoor", None), ("wide20", "comes 7 us after the first, the cyclic prefix is 1.6 us long: expect interference")],
)
def test_paths_beyond_the_cyclic_prefix_are_warned_of(phy, words, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "summary.json").touch()  # refused: nothing need be sent here
    arguments = ["loopback", "--text", "Hi.", "--channel", "multipath", "--phy", phy, "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, arguments)
    *warnings, refusal = done.stderr.strip().splitlines()
    assert done.exit_code == 2 and "already holds a run" in refusal
    assert len(warnings) == (words is not None) and all(words in warning for warning in warnings)


def test_a_binary_file(tmp_path):
    file = tmp_path / "noise.bin"
    file.write_bytes(os.urandom(4096) + b"\xff\0")
    assert str(file) in refused("--input", file)


def test_an_endpoint_already_in_use(tmp_path):
    with ReplyServer(ipc_endpoint(tmp_path, "encoder"), TransportConfig()):
        sentence = refused("--text", "Hi.", "--codec", "utf8", "--endpoints", tmp_path, "--out", tmp_path / "run")
    assert "in use" in sentence


def test_gnu_radio_not_importable(tmp_path):
    package = tmp_path / "gnuradio"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('no GNU Radio on this machine')")
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    sentence = refused("--text", "Hi.", "--codec", "utf8", "--out", tmp_path / "run", env=env)
    assert "GNU Radio" in sentence and "scripts/setup.sh" in sentence


def test_a_truncated_checkpoint(tmp_path):
    folder = shutil.copytree(SHIPPED, tmp_path / "checkpoint")
    weights = folder / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:100_000])
    sentence = refused("--text", "Hi.", "--checkpoint", folder, "--out", tmp_path / "run")
    assert "damaged" in sentence


def test_an_out_folder_survives_a_start_that_failed_and_a_json_file_keeps_what_it_holds(tmp_path):
    kept = tmp_path / "out.json"
    kept.write_text("{}")
    for _ in range(2):
        arguments = ("--checkpoint", tmp_path / "none", "--out", tmp_path / "run", "--json", kept)
        assert "no checkpoint" in refused("--text", "Hi.", *arguments)
    assert kept.read_text() == "{}"
