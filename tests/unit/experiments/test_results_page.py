"""benchmarks/results.py: a page from sweep folders."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_sweep import rows, write

from semcom_ota.experiments import similarity

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "results.py"
LATENCY = {
    "rows": [{
        "codec": "graceful", "snr_db": 6.0, "device": "cpu", "parameters": 2_500_000, "messages": 3, "lost": 1,
        "batch": 32, "sentences_per_second": None,
        "stages": {"encode": {"p50_ms": 1.0, "p99_ms": 2.0}, "total": {"p50_ms": 3.0, "p99_ms": 4.0}},
    }],
    "machine": {"processor": "a processor"}, "texts": "3 captions",
    "settings": {"snr": "6.0", "budget": "8.0", "threads": "2", "seed": "0", "batch": "32"},
}  # fmt: skip


def load(file):
    spec = importlib.util.spec_from_file_location(f"{file.stem}_script", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr(similarity, "PACKAGE", "no_such_package_here")
    return load(SCRIPT)


def sweep(folder, name, level, lines):
    write(folder, lines)
    manifest = json.loads((folder / "manifest.json").read_text())
    channels = [
        {"name": "awgn", "channel": {"fading": "none"}},
        {"name": "rayleigh", "channel": {"fading": "rayleigh"}},
    ]
    codecs = [{"label": label, "name": label} for label in ("graceful", "cliff")]
    manifest |= {"name": name, "level": level, "config": {"channels": channels, "codecs": codecs}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def make(script, tmp_path, monkeypatch):
    """Makes a page of folders; with options."""
    monkeypatch.setattr(script.LanguageModel, "load", lambda *_: None)
    monkeypatch.setattr(script, "model_bits", lambda _, texts: np.array([6.0 * len(text.split()) for text in texts]))
    page = tmp_path / "docs" / "results.md"

    def made(folders, *options):
        monkeypatch.setattr(sys, "argv", ["results.py", *map(str, (*folders, *options)), "--out", str(page)])
        script.main()

    made.page = page
    return made


LINES = rows(messages=10, channels=("awgn", "rayleigh"), snrs=(0.0, 4.0))
PART = [line for line in LINES if line["snr_db"] == 0 and line["channel"] == "awgn"]


def test_a_page_with_pictures_remarks_and_what_two_levels_agree_on(make, tmp_path):
    again = sweep(tmp_path / "two", "first-flowgraph", "flowgraph", PART)
    folders = [sweep(tmp_path / "one", "first", "waveform", LINES), again]
    (tmp_path / "latency.json").write_text(json.dumps(LATENCY))
    (tmp_path / "remarks.md").write_text(
        "for editors\n\n## first\n\nA remark.\n\n## first-flowgraph\n\nOn both.\n\n## What lost\n\nMuch.\n\n## Empty\n"
    )
    make(folders, "--latency", tmp_path / "latency.json", "--remarks", tmp_path / "remarks.md")
    text = make.page.read_text()
    images = re.findall(r"\]\(images/([^)]+)\)", text)
    assert len(images) == 2 * 2 + 1 and all((make.page.parent / "images" / name).is_file() for name in images)
    curves = {
        name: (make.page.parent / "images" / f"results-first-{name}-8.svg").read_text() for name in ("awgn", "rayleigh")
    }
    assert "bound, finite blocklength" in curves["awgn"] and "24 bits of the header for nothing" in curves["awgn"]
    assert "bits a word" not in curves["rayleigh"]
    assert re.search(r"## first\n\n.*\n\n(.*\n\n)*A remark\.\n\n", text) and "## What lost\n\nMuch." in text
    assert "- **[first](#first)**: A remark.\n" in text.split("## What the figures mean")[0]
    assert "for editors" not in text and "Empty" not in text
    assert "| first | first-flowgraph | awgn | 8 | graceful, cliff | 0 | 20 | 20 |" in text
    assert "## first-flowgraph" not in text and "`first-flowgraph`: level `flowgraph`, 10 texts.\n\nOn both.\n" in text
    assert "| graceful | 6 | cpu | 2.5 | 1.0 / 2.0 |" in text and "semcom sweep sweeps/first.yml" in text
    assert "python benchmarks/levels.py sweeps/first.yml --snr=0 --count 10 --data DIR" in text
    assert str(tmp_path) not in text


def test_sweeps_that_disagree_are_told_once_the_page_is_written(make, tmp_path, capsys):
    other = [PART[0] | {"received": "something else"}, *PART[1:]]
    folders = [
        sweep(tmp_path / "one", "first", "waveform", LINES),
        sweep(tmp_path / "two", "second", "flowgraph", other),
    ]
    with pytest.raises(SystemExit) as ended:
        make(folders)
    assert ended.value.code == 1
    sentence = "results.py: sweeps disagree: first and second on 1 of 20 messages (awgn, 8 symbols a word)\n"
    assert capsys.readouterr().err == sentence
    assert "| first | second | awgn | 8 | graceful, cliff | 0 | 20 | 19 |" in make.page.read_text()


@pytest.mark.parametrize(
    ("level", "more"),
    [("waveform", []), ("flowgraph", [PART[0] | {"snr_db": 9.0}])],
    ids=["of the same level", "with a message of its own"],
)
def test_a_sweep_that_repeats_no_other_has_curves_of_its_own(make, tmp_path, level, more):
    folders = [
        sweep(tmp_path / "one", "first", "waveform", LINES), sweep(tmp_path / "two", "second", level, PART + more)
    ]  # fmt: skip
    make(folders)
    text = make.page.read_text()
    assert "## second\n" in text and "images/results-second-awgn-8.svg" in text
    assert "| first | second | awgn | 8 | graceful, cliff | 0 | 20 | 20 |" in text


def test_what_was_kept_makes_the_same_page(make, script, tmp_path, monkeypatch, capsys):
    folder = sweep(tmp_path / "one", "first", "waveform", LINES)
    (tmp_path / "latency.json").write_text(json.dumps(LATENCY))
    make([folder], "--latency", tmp_path / "latency.json")
    measured = make.page.read_text()
    keep = load(SCRIPT.with_name("keep.py"))
    monkeypatch.setattr(keep, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(script, "KEPT", tmp_path / "kept")
    with pytest.raises(SystemExit):
        make([])
    assert "no sweep was kept in" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["keep.py", str(folder), str(tmp_path / "latency.json")])
    keep.main()
    make([])
    timed = re.compile(r"<details><summary>Where the time went.*?</details>\n\n", re.DOTALL)  # is not kept
    assert make.page.read_text() == timed.sub("", measured)
    monkeypatch.setattr(sys, "argv", ["keep.py", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit) as ended:
        keep.main()
    assert ended.value.code == 2 and "keep.py: " in capsys.readouterr().err


def test_a_folder_that_is_no_sweep_is_one_sentence(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["results.py", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 2 and capsys.readouterr().err.startswith("results.py: cannot read")
