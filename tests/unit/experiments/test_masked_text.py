"""benchmarks/masked_text.py, with runs that are made up."""

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
CAPTIONS = ["A dog runs.", "Two men sit on a bench.", "A woman in red."]


@dataclass
class Finished:
    messages: list
    summary: dict


@pytest.fixture
def script(monkeypatch, tmp_path):
    """The script as a function of its arguments, which says what was sent at each call."""
    spec = importlib.util.spec_from_file_location("masked_text_script", BENCHMARKS / "masked_text.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sent = []

    def run(texts, link, channel, folder, record, quiet):
        (snr_db,), mask = link.loopback.snr_db, link.mask.kind
        sent.append((link.codec.names[0], mask, snr_db))
        masked = 0 if mask == "none" else 16
        rows = [{"masked_symbols": masked, "payload_symbols": 24 - masked, "received": text} for text in texts]
        if mask == "fixed":
            rows[0]["received"] = ""
        point = {"snr_db": snr_db, "bleu1": 0.9, "bleu1_low": 0.8, "bleu1_high": 1.0, "payload_symbols_per_word": 8.0,
                 "air_samples": 300 - 3 * masked, "messages": len(texts)}  # fmt: skip
        return Finished(rows, {"run": {"commit": "abc"}, "points": [point]})

    monkeypatch.setattr(module.loopback, "run", run)
    monkeypatch.setattr(module, "load_test_captions", lambda data: CAPTIONS)
    monkeypatch.setattr(module, "PAGE", tmp_path / "masked_text.md")

    def call(*arguments):
        sent.clear()
        monkeypatch.setattr(sys, "argv", ["masked_text.py", *arguments, "--out", str(tmp_path / "kept.jsonl")])
        module.main()
        return list(sent)

    call.module, call.kept = module, tmp_path / "kept.jsonl"
    return call


MEASURE = ("--data", "there", "--codecs", "huffman", "--snr=0,6")


def test_what_was_measured_with_the_same_settings_is_not_measured_again(script, monkeypatch):
    assert script(*MEASURE) == [("huffman", mask, snr) for snr in (0, 6) for mask in script.module.MASKS]
    assert script(*MEASURE) == []
    assert len(script(*MEASURE, "--budget", "4")) == len(script(*MEASURE, "--count", "2")) == 8
    monkeypatch.setitem(script.module.MASKS, "fixed", {"kind": "fixed", "share": 0.25})
    assert script(*MEASURE) == [("huffman", "fixed", 0), ("huffman", "fixed", 6)]


def test_a_run_that_a_kill_cut_short_is_measured_again(script):
    script(*MEASURE)
    script.kept.write_bytes(script.kept.read_bytes()[:-40])
    assert script(*MEASURE) == [("huffman", "learned", 6)]
    assert len([json.loads(line) for line in script.kept.read_text().splitlines()]) == 8


def test_the_page_says_what_was_saved_and_what_it_cost(script):
    script(*MEASURE)
    script("--page")
    page = script.module.PAGE.read_text()
    (fixed,) = [line for line in page.splitlines() if line.startswith("| 6 | fixed")]
    (free,) = [line for line in page.splitlines() if line.startswith("| 6 | none")]
    assert "| -0." in fixed and "| 66.7% | 16.0% |" in fixed and "| 0.0% | 0.0% |" in free
    (theory,) = [line for line in page.splitlines() if line.startswith("| 6 | theory")]
    assert "| +0.000 [+0.000, +0.000] |" in theory
    assert (script.module.PAGE.parent / "images" / "masked-text-0-huffman-awgn.svg").exists()


def test_runs_of_other_budgets_or_texts_are_not_compared(script):
    for other in ((), ("--budget", "4"), ("--count", "2")):
        script(*MEASURE, *other)
    script("--page")
    page = script.module.PAGE.read_text()
    assert page.count("| 6 | none") == page.count("| 6 | fixed") == page.count("![symbols against") == 3
    assert page.count("| +0.000 [+0.000, +0.000] |") == 12  # theory and learned, at two SNRs


def test_a_page_of_nothing_is_refused(script, capsys):
    with pytest.raises(SystemExit) as ended:
        script("--page")
    assert ended.value.code == 2 and "nothing was measured" in capsys.readouterr().err
    assert not script.module.PAGE.exists()


def test_other_weights_are_measured_again(script, monkeypatch):
    script(*MEASURE)
    monkeypatch.setattr(script.module.provenance, "shipped_weights", lambda codec: "other")
    assert len(script(*MEASURE)) == 8


def test_without_data_it_says_so(script, capsys):
    with pytest.raises(SystemExit) as ended:
        script("--codecs", "huffman")
    assert ended.value.code == 2 and "--data" in capsys.readouterr().err
