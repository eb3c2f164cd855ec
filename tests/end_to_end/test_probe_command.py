"""`semcom probe` as a user runs it: a recording is listened to, and what it says can be read by people and programs."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import LinkConfig, PhyConfig
from semcom_ota.experiments.probe import Probed, run
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.recording.writing import write_meta
from semcom_ota.types import FrameHeader, SemanticFrame

pytestmark = pytest.mark.timeout(120)
PHY = PhyConfig()
FRAMES = 5


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """Some frames in noise, with a frequency offset, on a recording."""
    rng = np.random.default_rng(2)
    samples = rng.normal(scale=1e-3, size=(60_000, 2)) @ np.array([1, 1j])
    for message in range(FRAMES):
        symbols = np.exp(2j * np.pi * rng.random(80)).astype(np.complex64)
        header = FrameHeader(codec=2, stream=3, message=message, message_symbols=80)
        frame = 0.1 * Transmitter(PHY).modulate(SemanticFrame(header, symbols))
        samples[4000 + 10_000 * message :][: frame.size] += frame
    samples *= np.exp(2j * np.pi * 5e3 / PHY.sample_rate * np.arange(60_000))
    data = tmp_path / "heard.sigmf-data"
    samples.astype(np.complex64).tofile(data)
    write_meta(data, PHY.sample_rate, "for a test", (), PHY, {})
    file = tmp_path / "link.yml"
    file.write_text(yaml.safe_dump({"radio": {"kind": "file", "receive": str(data.with_suffix(".sigmf-meta"))}}))
    return file


def probe(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["probe", *map(str, arguments)])
    return done.exit_code, done.output


def test_what_is_heard_is_shown_and_written_down(link: Path, tmp_path: Path):
    folder, file = tmp_path / "run", tmp_path / "summary.json"
    status, said = probe(link, "--seconds", 0.06, "--out", folder, "--json", file)
    assert status == 0, said
    assert "5 frames are heard" in " ".join(said.split())
    assert "5 huffman; stream 3" in said
    assert "█" in said
    summary = json.loads(file.read_text())
    assert summary == json.loads((folder / "summary.json").read_text())
    assert summary["run"]["level"] == "recording"
    survey = summary["survey"]
    assert (survey["heard"]["frames"], survey["heard"]["codecs"], survey["gaps"]) == (FRAMES, {"2": FRAMES}, 0)
    assert survey["heard"]["cfo_hz"] == pytest.approx(5e3, abs=20)
    assert survey["noise_dbfs"] == pytest.approx(10 * np.log10(2e-6), abs=0.5)
    assert [verdict["kind"] for verdict in summary["verdicts"]] == ["good"]
    assert summary["gain"] is None
    assert json.loads((folder / "radio.json").read_text())["receiver"]["sample_rate"] == PHY.sample_rate
    assert (folder / "spectrum.png").read_bytes().startswith(b"\x89PNG")
    with (folder / "spectrum.csv").open() as rows:
        table = list(csv.DictReader(rows))
    assert len(table) == 256 and float(table[0]["frequency_hz"]) == -PHY.sample_rate / 2
    assert "already holds a run" in probe(link, "--out", folder)[1]


def test_a_probe_that_is_interrupted_leaves_nothing_behind(link: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("semcom_ota.experiments.probe.run", interrupted)
    before = sorted(link.parent.iterdir())
    assert probe(link, "--out", link.parent / "run")[0] == 130
    assert sorted(link.parent.iterdir()) == before


def test_a_search_that_names_no_gain_ends_with_status_1(link: Path, monkeypatch: pytest.MonkeyPatch):
    def search(told: LinkConfig, seconds: float, find_gain: bool, quiet: bool) -> Probed:
        choice = {"gain_db": None, "judged_by": None, "sentence": "no gain is named: nothing was heard"}
        return replace(run(told, seconds, False, quiet), choice=choice)

    monkeypatch.setattr("semcom_ota.experiments.probe.run", search)
    folder = link.parent / "run"
    status, said = probe(link, "--seconds", 0.06, "--find-gain", "--out", folder)
    assert status == 1
    assert "no gain is named" in said and "In the link file" not in said
    assert (folder / "summary.json").exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--find-gain"], "has no gain"),
        (["--device", "serial=1"], "kind file"),
        (["--seconds", "0"], "--seconds must be above 0"),
        (["--seconds", "1000"], "at most 33.6"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_leaves_nothing_behind(
    link: Path, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(link.parent)
    before = sorted(Path().iterdir())
    status, said = probe(link, "--out", "deep/run", *arguments)
    assert status == 2
    assert words in said and len(said.strip().splitlines()) == 1
    assert sorted(Path().iterdir()) == before
