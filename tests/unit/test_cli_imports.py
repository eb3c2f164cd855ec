"""The command line is light: its help loads no GNU Radio and no torch, and works where they are not installed."""

import json
import subprocess
import sys
from importlib import metadata

import pytest
from typer.testing import CliRunner

from semcom_ota.cli import app

HEAVY = {"torch", "gnuradio", "pmt", "transformers", "numba", "scipy", "matplotlib", "zmq"}

PROGRAM = """
import json, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "gnuradio"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
sys.argv = ["semcom", *sys.argv[1:]]
from semcom_ota.cli import main
try:
    status = main()
except SystemExit as end:
    status = end.code
print("\\n" + json.dumps({"status": status or 0, "modules": sorted({name.split(".")[0] for name in sys.modules})}))
"""


def test_the_version_is_told() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"semcom-ota {metadata.version('semcom-ota')}\n")


COMMANDS = [
    "",
    "codecs",
    "codecs check",
    "loopback",
    "tx",
    "rx",
    "trx",
    "score",
    "replay",
    "train",
    "doctor",
    "keys",
    "twin",
    "probe",
    "sweep",
    "qa",
    "bench phy",
]


@pytest.mark.parametrize("command", [command.split() for command in COMMANDS])
def test_help_is_light(command: list[str]) -> None:
    program = [sys.executable, "-c", PROGRAM, *command, "--help"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["status"] == 0
    assert "Usage" in done.stdout
    assert not HEAVY & set(seen["modules"])
