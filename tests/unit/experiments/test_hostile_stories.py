"""benchmarks/hostile_stories.py with a reader that knows nothing, and what it counts."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from tiny_reader import save_minding_reader

from semcom_ota.experiments.qa_plan import Line, Outcome, groups
from semcom_ota.tasks.draft import StorySettings
from semcom_ota.tasks.generator import generate
from semcom_ota.tasks.stories import Question
from semcom_ota.types import Understanding

FILE = Path(__file__).parents[3] / "benchmarks" / "hostile_stories.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("hostile_stories_script", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_kind_of_story_is_told_and_asked_about(script, tmp_path, monkeypatch, capsys):
    reader, found = save_minding_reader(tmp_path), tmp_path / "found.json"
    arguments = ["--reader", reader, "--codec", "huffman", "--stories", 2, "--users", 2, "--sentences", 20]
    arguments += ["--level", "waveform", "--json", found]
    monkeypatch.setattr(sys, "argv", ["hostile_stories.py", *map(str, arguments)])
    script.main()
    figures = json.loads(found.read_text())
    assert len(figures) == 2 * (len(script.LOST_TASKS) + len(script.STEADY_TASKS)) + 3
    assert figures["question first"]["refused"] == 2 and figures["question first"]["sure"] == 0
    assert figures["20 sentences"]["questions"] == 5 and figures["20 sentences"]["refused"] == 0
    assert figures["2 users take turns"]["otherwise_alone"] == 0
    assert figures["task 1"]["sure"] != figures["task 1, 5 frames lost"]["sure"]
    assert "question first: 2 refused" in capsys.readouterr().out


def test_lost_frames_are_those_before_the_question_and_their_numbers_stay(script):
    (lines,) = groups(generate(1, 2, 0, StorySettings(questions=1, stretch=5)))
    left = script.without_last(lines)
    assert [line.message for line in lines] == list(range(22))
    assert [line.message for line in left] == [*range(5), 10, *range(11, 16), 21]


def test_who_is_refused_or_not_heard_is_not_right(script):
    asked = Question("Where is Mary?", "garden", (), 0)
    said = (Understanding("ask", "garden", 0.9), Understanding("ask", "", 0.0), Understanding())
    heard = [(Line(0, 0, place, "", asked), Outcome("delivered", understanding=one)) for place, one in enumerate(said)]
    found = script.answers([*heard, (Line(0, 0, 3, "Mary went."), Outcome("delivered"))])
    assert (found["questions"], found["refused"], found["sure_right"]) == (3, 1, 0.9)
    assert found["right"]["value"] == pytest.approx(1 / 3) and found["sure_wrong"] == 0
    assert (
        script.differences(heard, heard) == 0
        and script.differences(heard, [*heard[1:], (heard[0][0], heard[1][1])]) == 1
    )
