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
        "codec": "graceful", "device": "cpu", "parameters": 2_500_000, "messages": 3, "lost": 1, "batch": 32,
        "sentences_per_second": None,
        "stages": {"encode": {"p50_ms": 1.0, "p99_ms": 2.0}, "total": {"p50_ms": 3.0, "p99_ms": 4.0}},
    }],
    "machine": {"processor": "a processor"}, "texts": "3 captions",
    "settings": {"snr": "6.0", "budget": "8.0", "threads": "2", "seed": "0", "batch": "32"},
}  # fmt: skip


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr(similarity, "PACKAGE", "no_such_package_here")
    spec = importlib.util.spec_from_file_location("results_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sweep(folder, name, level, lines):
    write(folder, lines)
    manifest = json.loads((folder / "manifest.json").read_text())
    channels = [
        {"name": "awgn", "channel": {"fading": "none"}},
        {"name": "rayleigh", "channel": {"fading": "rayleigh"}},
    ]
    manifest |= {"name": name, "level": level, "config": {"channels": channels}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_a_page_with_pictures_remarks_and_what_two_levels_agree_on(script, tmp_path, monkeypatch):
    lines = rows(messages=10, channels=("awgn", "rayleigh"), snrs=(0.0, 4.0))
    other = [line for line in lines if line["snr_db"] == 0 and line["channel"] == "awgn"]
    other[0] = other[0] | {"received": "something else"}
    folders = [
        sweep(tmp_path / "one", "first", "waveform", lines), sweep(tmp_path / "two", "second", "flowgraph", other)
    ]  # fmt: skip
    (tmp_path / "latency.json").write_text(json.dumps(LATENCY))
    (tmp_path / "remarks.md").write_text("for editors\n\n## first\n\nA remark.\n\n## What lost\n\nMuch.\n\n## Empty\n")
    page = tmp_path / "docs" / "results.md"
    monkeypatch.setattr(script.LanguageModel, "load", lambda *_: None)
    monkeypatch.setattr(script, "model_bits", lambda _, texts: np.array([6.0 * len(text.split()) for text in texts]))
    monkeypatch.setattr(
        sys, "argv",
        ["results.py", *map(str, folders), "--latency", str(tmp_path / "latency.json"), "--out", str(page),
         "--remarks", str(tmp_path / "remarks.md")],
    )  # fmt: skip
    script.main()
    text = page.read_text()
    images = re.findall(r"\]\(images/([^)]+)\)", text)
    assert len(images) == 2 * 3 + 2 and all((page.parent / "images" / name).is_file() for name in images)
    curves = {
        name: (page.parent / "images" / f"results-first-{name}-8.svg").read_text() for name in ("awgn", "rayleigh")
    }
    assert "each text at its own bits" in curves["awgn"] and "at 6.00 bits a word" in curves["awgn"]
    assert "bits a word" not in curves["rayleigh"]
    assert re.search(r"## first\n\n.*\n\n(.*\n\n)*A remark\.\n\n", text) and "## What lost\n\nMuch." in text
    assert "for editors" not in text and "Empty" not in text
    assert "| first | second | 20 | 19 |" in text
    assert "| graceful | cpu | 2.5 | 1.0 / 2.0 |" in text and "semcom sweep sweeps/first.yml" in text
    assert str(tmp_path) not in text


def test_a_folder_that_is_no_sweep_is_one_sentence(script, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["results.py", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"results\.py: cannot read"):
        script.main()
