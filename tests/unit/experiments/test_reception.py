"""Lines of the radio process become rows, whatever a process that died left behind."""

import json
from pathlib import Path

import pytest

from semcom_ota.experiments import reception as receptions
from semcom_ota.experiments.reception import GrowingLines, Reception
from semcom_ota.radio.health import Health
from semcom_ota.radio.settings import RadioSettings

SETTINGS = {"radio": RadioSettings(kind="uhd", level="air").model_dump(), "recorded": 0}


def result(message: int, received_s: float, text: str = "Hi.", **more) -> dict:
    known = {
        "text": text, "confidence": 0.5, "intact": True, "lost": False, "codec": 1, "stream": 0, "message": message,
        "fragments": 1, "lost_fragments": [], "snr_db": 9.5, "decode_ms": 1.0, "reason": "", "start_sample": 5,
        "cfo_hz": 1.5, "sro_ppm": -2.0, "lost_samples": 0, "received_s": received_s, "health": Health().as_dict(),
        "word_confidence": 0.5,
        "understanding": {"intent": "", "answer": None, "answer_confidence": 0.0, "remembered": 0},
    }  # fmt: skip
    return {"result": known | more}


def overflow(at_s: float, sample: int) -> dict:
    cut = [{"stream": 0, "message": 4, "fragment": 0, "start": sample - 100}, None]
    return {"event": {"kind": "overflow", "at_s": at_s, "sample": sample, "lost_samples": 7, "cut": cut}}


def look(at_s: float, **health: int) -> dict:
    rest = {"level_dbfs": -20.0, "peak_dbfs": None, "gain_db": None, "snr_db": None}
    return {"health": Health(**health).as_dict(), "at_s": at_s} | rest


def lines_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_lines_are_read_as_they_grow_and_those_that_were_cut_are_passed_over(tmp_path: Path):
    file = tmp_path / "lines"
    with GrowingLines(file) as lines:
        assert lines.read() == []
        file.write_text('{"a": 1}\n{"b"')
        assert lines.read() == [{"a": 1}]
        with file.open("a") as more:
            more.write(': 2}\n{"cut')
        assert lines.read() == [{"b": 2}]
        with file.open("a") as more:
            more.write('\n{"begun": true}\n')
        assert lines.read() == [{"begun": True}] and lines.read() == []


def test_results_become_rows_and_a_number_that_comes_again_is_a_new_row(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(receptions.registry, "name_of", {3: "huffman"}.get)
    with Reception(tmp_path, ("utf8",)) as reception:
        for line in ({"begun": True}, SETTINGS, result(3, 1.0), result(3, 2.0, "Ho.", intact=False)):
            reception.take(line)
        reception.take(result(4, 3.0, "", reason="no codec with the number 3 is loaded", codec=3))
        reception.take(result(5, 4.0, "", reason="it broke"))
        reception.take(result(6, 4.0, "", reason="no codec with the number 255 is loaded", codec=255))
    rows = lines_of(tmp_path / "messages.jsonl")
    assert [(row["index"], row["message"], row["received"], row["status"]) for row in rows] == [
        (0, 3, "Hi.", "delivered"), (1, 3, "Ho.", "corrupted"), (2, 4, "", "failed"), (3, 5, "", "failed"),
        (4, 6, "", "failed"),
    ]  # fmt: skip
    assert [(row["codec"], row["reason"]) for row in rows[2:]] == [
        ("huffman", "huffman is not loaded: name it in --codec too"), ("utf8", "it broke"),
        ("codec 255", "codec 255 is not loaded: name it in --codec too"),
    ]  # fmt: skip
    assert rows[0]["cfo_hz_estimated"] == 1.5 and rows[0]["received_s"] == 1.0
    assert [(point["codec"], point["messages"], point["failed"]) for point in reception.points()] == [
        ("utf8", 3, 1), ("huffman", 1, 1), ("codec 255", 1, 1),
    ]  # fmt: skip


def test_a_process_that_was_started_again_goes_on_in_time_and_in_the_recording(tmp_path: Path, monkeypatch):
    now = iter([100.0, 110.0])
    monkeypatch.setattr(receptions.time, "monotonic", lambda: next(now))
    with Reception(tmp_path, ("utf8",)) as reception:
        lines = ({"begun": True}, SETTINGS, overflow(2.0, 500), look(3.0, overflows=1, lost_samples=7))
        again = ({"begun": True}, SETTINGS | {"recorded": 4000}, overflow(1.0, 300), result(1, 1.5))
        for line in (*lines, *again, look(2.0, overflows=1, lost_samples=7)):
            reception.take(line)
    events = lines_of(tmp_path / "events.jsonl")
    assert [(event["kind"], event["at_s"], event["sample"]) for event in events] == [
        ("overflow", 2.0, 500), ("restart", 10.0, 4000), ("overflow", 11.0, 4300),
    ]  # fmt: skip
    assert [event["cut"] and event["cut"][0]["start"] for event in events] == [400, [], 4200]
    assert lines_of(tmp_path / "messages.jsonl")[0]["received_s"] == 11.5
    assert reception.health == Health(overflows=2, lost_samples=14)
    assert [line["at_s"] for line in reception.looks] == [3.0, 12.0]


def test_time_never_goes_back_if_the_lines_of_two_processes_are_read_at_once(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(receptions.time, "monotonic", lambda: 100.0)
    with Reception(tmp_path, ("utf8",)) as reception:
        for line in ({"begun": True}, SETTINGS, result(0, 2.5), look(3.0), {"begun": True}, SETTINGS, result(0, 0.5)):
            reception.take(line)
    assert [row["received_s"] for row in lines_of(tmp_path / "messages.jsonl")] == [2.5, 3.5]


def test_done_is_done(tmp_path: Path):
    with Reception(tmp_path, ("utf8",)) as reception:
        assert not reception.done
        reception.take({"done": True})
    assert reception.done


@pytest.mark.parametrize("line", [{}, {"position": 7}])
def test_other_lines_are_nothing(tmp_path: Path, line):
    with Reception(tmp_path, ("utf8",)) as reception:
        assert reception.take(line) is None
