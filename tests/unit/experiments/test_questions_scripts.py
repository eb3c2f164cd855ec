"""benchmarks/questions.py, questions_levels.py and questions_page.py, with answers that are made up."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from semcom_ota.experiments.qa_plan import Outcome
from semcom_ota.types import Understanding

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def load(name, monkeypatch):
    spec = importlib.util.spec_from_file_location(f"{name}_script", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # its dataclass looks for it there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def measure(monkeypatch, tmp_path):
    """Runs questions.py; says which links were asked together, at which SNR."""
    script, calls = load("questions", monkeypatch), []

    def compare(asked, links, channel, quiet):
        calls.append((channel, asked.snr_db, asked.error_free, [link.memory.label for link in links]))
        point = {"accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "questions": 2, "messages": 4,
                 "payload_symbols_per_word": 8.0, "snr_db": asked.snr_db[0]}  # fmt: skip
        free = {"error_free": {"value": 0.9, "low": 0.8, "high": 1.0}} if asked.error_free else {}
        run = {"question_only": 0.2, "commit": "abc", "questions_of_stories": [1, 1]} | free

        def of(link):
            share = 0.0 if link.mask.kind == "none" else 0.5
            spent = {"payload_symbols": 80 * (1 - share), "overhead_symbols": 20, "air_samples": 1000 - 600 * share}
            right = "c0" if link.memory.entries else "40"  # both, or one of two
            return {"run": run, "points": [point | spent | {"right": right, "masked_share": share}]}

        return [of(link) for link in links]

    class Reader:
        fingerprint = "one"

        def __init__(self, folder, device):
            pass

    monkeypatch.setattr(script.qa, "compare", compare)
    monkeypatch.setattr(script, "MemoryReader", Reader)

    def run(*arguments):
        calls.clear()
        monkeypatch.setattr(sys, "argv", ["questions.py", *arguments, "--out", str(tmp_path / "kept.jsonl")])
        script.main()
        return list(calls)

    run.file, run.reader = tmp_path / "kept.jsonl", Reader
    return run


def test_what_differs_in_its_memory_alone_is_sent_once_and_measured_once(measure):
    said = "accuracy", "told", "--tasks=1", "--snr=0,6", "--questions=5"
    calls = measure(*said)
    with_and_without = ["fifo", "none"]
    assert calls == [
        ("awgn", (0.0,), True, with_and_without),
        ("awgn", (6.0,), False, with_and_without),
        ("tdl-a", (0.0,), True, [*with_and_without, *["fifo"] * 4]),
        ("tdl-a", (6.0,), False, [*with_and_without, *["fifo"] * 4]),
    ]
    assert measure(*said) == []
    measure.reader.fingerprint = "another"
    assert len(measure(*said)) == 4


def test_a_file_that_a_kill_cut_short_goes_on(measure):
    measure("accuracy", "--tasks=1", "--snr=0", "--questions=5")
    whole = measure.file.read_bytes()
    measure.file.write_bytes(whole[:-20])
    assert measure("accuracy", "--tasks=1", "--snr=0", "--questions=5") == [("tdl-a", (0.0,), True, ["none"])]
    assert measure.file.read_bytes() == whole


def test_a_file_of_something_else_is_one_sentence(measure, capsys):
    measure.file.write_text("no JSON\n")
    with pytest.raises(SystemExit) as ended:
        measure("accuracy", "--tasks=1", "--snr=0")
    assert ended.value.code == 2 and capsys.readouterr().err.startswith(f"questions.py: '{measure.file}' is not what")


def page(monkeypatch, tmp_path, file):
    script = load("questions_page", monkeypatch)
    out = tmp_path / "docs" / "questions.md"
    levels = str(file.with_name("levels.jsonl"))
    monkeypatch.setattr(sys, "argv", ["questions_page.py", str(file), "--levels", levels, "--out", str(out)])
    script.main()
    return out.read_text()


def test_the_page_has_a_curve_a_run_however_many_lines_that_has(measure, monkeypatch, tmp_path):
    measure("accuracy", "rules", "told", "--tasks=2", "--snr=0,6", "--questions=5")
    text = page(monkeypatch, tmp_path, measure.file)
    assert "| 2 | no memory | 512 | 6 | 2 | 0.500 [0.400, 0.600] | 0.900 | 0.200 |" in text
    assert "questions-rules-awgn-lam-prior-waveform.svg" in text and "| 2 | CSI of others |" in text
    assert "| 2 | memory | 512 | 6 | +0.500 [+0.000, +1.000] |" in text
    assert "| 2 | value | 8 | 12 | +0.000 [+0.000, +0.000] |" in text


def test_what_a_mask_saves_is_told_with_its_overhead(measure, monkeypatch, tmp_path):
    measure("masks", "--tasks=15", "--snr=0,12", "--questions=5")
    text = page(monkeypatch, tmp_path, measure.file)
    assert "| 15 | theory | 512 | 12 | +0.000 [+0.000, +0.000] |" in text
    assert "| 50.0% | 40.0% | 30.0% |" in text  # of the payload, of all symbols, of the air
    assert (tmp_path / "docs" / "images" / "questions-masks-spent-awgn-lam-prior-waveform.svg").is_file()


def test_a_curve_of_two_readers_is_refused(measure, monkeypatch, tmp_path, capsys):
    measure("accuracy", "--tasks=1", "--snr=0", "--questions=5")
    measure.reader.fingerprint = "another"
    measure("accuracy", "--tasks=1", "--snr=0", "--questions=5")
    with pytest.raises(SystemExit) as ended:
        page(monkeypatch, tmp_path, measure.file)
    assert ended.value.code == 2 and "measured twice with other stories" in capsys.readouterr().err


def test_each_line_is_a_run_at_one_snr(measure):
    measure("accuracy", "--tasks=1", "--snr=0", "--questions=5")
    plans = [json.loads(line)["plan"] for line in measure.file.read_text().splitlines()]
    assert [plan["snr_db"] for plan in plans] == [[0.0]] * 4 and {plan["split"] for plan in plans} == {"generated"}


class Sent:
    """A level that delivers everything, and answers as it is told to."""

    count = 0

    def __init__(self, answers):
        self._answers = answers

    def __call__(self, link):
        return self

    def run(self, lines, snr_db, seed):
        Sent.count += len(lines)
        for line in lines:
            answer, sure = self._answers(line) if line.question else (None, 0.0)
            yield line, Outcome("delivered", line.text, Understanding("", answer, sure, line.message), 8, 20, 900)


def levels(measure, monkeypatch, answers):
    """Exit status of questions_levels.py where GNU Radio brings other `answers`, with how many lines were sent."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    script = load("questions_levels", monkeypatch)
    monkeypatch.setattr(script, "MemoryReader", measure.reader)
    both = {"waveform": Sent(lambda line: (line.question.answer, 0.9)), "flowgraph": Sent(answers)}
    monkeypatch.setattr(script.qa, "LEVELS", both)
    out, Sent.count = measure.file.with_name("levels.jsonl"), 0
    said = "--tasks=1", "--stories=2", "--snr=9", "--channels=awgn", "--masks=none", "--out", str(out)
    monkeypatch.setattr(sys, "argv", ["questions_levels.py", *said])
    with pytest.raises(SystemExit) as ended:
        script.main()
    return int(ended.value.code), Sent.count


def test_levels_that_agree_but_for_rounding_are_told_and_not_sent_again(measure, monkeypatch, tmp_path):
    status, sent = levels(measure, monkeypatch, lambda line: (line.question.answer, 0.9004))
    assert status == 0 and sent == 2 * 2 * 15  # two levels, two stories of ten sentences and five questions
    assert levels(measure, monkeypatch, lambda line: ("wrong", 0.9)) == (0, 0)
    measure("accuracy", "--tasks=1", "--snr=0", "--questions=5")
    assert "| 1 | awgn | 9 | none | lam-prior | 30 | 30 |" in page(monkeypatch, tmp_path, measure.file)


@pytest.mark.parametrize("answer", [lambda line: ("wrong", 0.9), lambda line: (line.question.answer, 0.89)])
def test_an_answer_that_is_another_one_or_not_as_sure_is_found(measure, monkeypatch, answer):
    status, _ = levels(measure, monkeypatch, answer)
    (kept,) = map(json.loads, measure.file.with_name("levels.jsonl").read_text().splitlines())
    assert status == 1 and kept["lines"] - kept["same"] == 10
