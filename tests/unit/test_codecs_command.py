"""`semcom codecs`, with the example's package installed by pip: into a folder of its own, without a network."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from semcom_ota.cli import app
from semcom_ota.codecs import registry
from semcom_ota.codecs.contract import PROMISES
from semcom_ota.config import CodecConfig, DeviceConfig
from semcom_ota.experiments.sweep import texts_of
from semcom_ota.experiments.sweep_config import load_sweep

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "my_codec"
FAKE_CODECS = ROOT / "tests" / "data" / "fake_codecs"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example."""
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(EXAMPLE, folder / "source")  # pip leaves a build folder there
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--quiet"]
    command += ["--disable-pip-version-check", "--target", str(folder / "packages"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return folder / "packages"


@pytest.fixture
def installed(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(target))
    for name in ("my_codec", "my_codec.spelling"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def semcom(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["codecs", *arguments])


def test_the_example_is_a_codec_by_one_line_in_its_pyproject(installed: None, target: Path) -> None:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    (name,) = project["entry-points"][registry.GROUP]
    made = registry.load(name, CodecConfig(), DeviceConfig())
    assert Path(sys.modules[type(made).__module__].__file__).is_relative_to(target)
    assert registry.number(name) == 128
    assert registry.has_checksum(name)
    assert registry.origin(name) == f"{project['name']} {project['version']}"
    assert registry.origin("utf8") is None


def test_the_example_is_compared_at_equal_symbols(installed: None) -> None:
    sweep = load_sweep(EXAMPLE / "compare.yml")
    assert [codec.name for codec in sweep.codecs] == ["spelling", "huffman", "text-jscc"]
    codec = registry.load("spelling", CodecConfig(), DeviceConfig())
    for text in (one.text for one in texts_of(sweep.texts, None)):  # none is refused for want of symbols
        symbols = int(sweep.budgets[0] * len(text.split()))
        assert len(codec.encode(text, n_symbols=symbols).symbols) == symbols


def test_a_codec_that_keeps_its_promises(installed: None, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    done = semcom("check", "spelling", "--seed", "3", "--text", "A dog runs.", "--json", str(file))
    assert done.exit_code == 0, done.output
    *lines, last = done.stdout.splitlines()
    assert [line.split("  ")[:2] for line in lines] == [["passed", promise.name] for promise in PROMISES]
    assert last == f"spelling keeps all {len(PROMISES)} promises"
    written = json.loads(file.read_text())
    assert written["run"].items() >= {"codec": "spelling", "from": "my-codec 0.1.0", "seed": 3}.items()
    assert written["run"]["texts"] == ["A dog runs."]
    assert [check["check"] for check in written["checks"] if check["passed"]] == [promise.name for promise in PROMISES]


def test_a_codec_that_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FAKE_CODECS))
    monkeypatch.delitem(sys.modules, "fake_codecs", raising=False)
    done = semcom("check", "letters")
    assert done.exit_code == 1
    *lines, last = done.stdout.splitlines()
    assert len(lines) == len(PROMISES)
    failed = [line for line in lines if line.startswith("FAILED")]
    assert "number 200 is that of 'twin', which is installed, too; what to do: " in failed[0]
    assert any("round trip" in line and "of the words are right" in line for line in failed)
    assert last.startswith(f"letters breaks {len(failed)} of {len(PROMISES)} promises: description, round trip")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("morse",), "unknown codec 'morse': use one of text-jscc"),
        (("utf8", "--text", ""), "--text '' is no sentence: give one that the codec is meant for"),
        (("utf8", "--json", f"{__file__}/found.json"), "test_codecs_command.py/found.json' ("),
        (("utf8", "--link", "b211"), "b211"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    done = semcom("check", *arguments)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_list(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FAKE_CODECS))
    monkeypatch.setattr(registry, "_BUILT_IN", {name: registry._BUILT_IN[name] for name in ("text-jscc", "huffman")})
    done = semcom("list")
    assert done.exit_code == 0, done.output
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.strip()}
    table = {name: rows[name] for name in ("huffman", "spelling", "broken")}
    assert table["huffman"] == ["2", "no", "yes", "ships"]
    assert table["spelling"] == ["128", "yes", "yes", "my-codec", "0.1.0"]
    assert table["broken"] == ["?", "?", "?", "?", "fake-codecs", "1.0"]
    assert any(
        line.split()[:4] == ["text-jscc", "0", "yes", "no"] and " M " in line for line in done.stdout.splitlines()
    )
    assert "spelling: A text letter by letter in rounds of 256-PSK: a worked example" in done.stdout
    assert "broken: codec 'broken' cannot be loaded: OSError: Error while deserializing header" in done.stdout


def test_the_list_is_what_is_meant_if_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_BUILT_IN", {"huffman": registry._BUILT_IN["huffman"]})
    assert semcom().stdout == semcom("list").stdout != ""
