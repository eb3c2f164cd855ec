"""Who may import whom: the contracts in pyproject.toml hold, and each of them catches what it is there for."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {"semcom_ota": "semcom_ota", "semcom_blocks": "blocks", "semcom_flowgraphs": "flowgraphs"}

VIOLATIONS = [
    ("A room calls only", "semcom_ota/phy/planted.py", "from semcom_ota.codecs import base"),
    ("A room calls only", "semcom_ota/codecs/planted.py", "from semcom_ota.phy import header"),
    ("A room calls only", "semcom_ota/coding/planted.py", "import semcom_ota.phy.header"),
    ("GNU Radio only", "semcom_ota/services/planted.py", "def f():\n    from gnuradio import gr"),
    ("torch only", "semcom_ota/planted.py", "def f():\n    import torch"),
    ("No torch in the radio process", "semcom_flowgraphs/planted.py", "import semcom_ota.codecs.text_jscc"),
    ("zmq only", "semcom_ota/services/planted.py", "from zmq import Context"),
]


def _broken(root: Path) -> str:
    """The lines of import-linter's report that name a broken contract."""
    program = (
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_logo=True, cache_dir=None))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    broken = "\n".join(line for line in done.stdout.splitlines() if line.endswith("BROKEN") or " BROKEN " in line)
    assert bool(broken) == (done.returncode != 0), done.stdout + done.stderr
    return broken


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "pyproject.toml", root)
    for package, folder in FOLDERS.items():
        ignore = shutil.ignore_patterns("__pycache__", "checkpoints")
        shutil.copytree(ROOT / folder, root / package, ignore=ignore)
    return root


def test_the_code_keeps_every_contract(checkout: Path) -> None:
    assert _broken(checkout) == ""


@pytest.mark.parametrize("contract, file, violation", VIOLATIONS)
def test_a_planted_violation_is_caught(checkout: Path, contract: str, file: str, violation: str) -> None:
    planted = checkout / file
    planted.write_text(violation + "\n")
    try:
        assert contract in _broken(checkout)
    finally:
        planted.unlink()


def test_every_contract_has_a_violation_here() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert all(any(contract["name"].startswith(start) for start, _, _ in VIOLATIONS) for contract in contracts)
