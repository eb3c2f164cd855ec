"""Figures of questions and answers, from levels that are made up."""

import json

import numpy as np
import pytest

from semcom_ota.config import LinkConfig
from semcom_ota.experiments import qa, qa_plan
from semcom_ota.experiments.qa import Asked, first_questions
from semcom_ota.experiments.qa_console import show
from semcom_ota.experiments.qa_error_free import ErrorFreeLevel
from semcom_ota.experiments.qa_plan import Outcome, groups
from semcom_ota.experiments.statistics import clustered_proportion, proportion
from semcom_ota.memory.reader import Answer, Sense
from semcom_ota.tasks.generator import generate
from semcom_ota.tasks.stories import Question, Story
from semcom_ota.types import Task, Understanding

STORIES = [
    Story(
        ("Mary went to the office.", "Mary got the milk.", "Mary got the apple."),
        (Question("Where is Mary?", "office", (0,), 1), Question("What is Mary carrying?", "milk,apple", (1, 2), 3)),
    ),
    Story(
        ("John went to the hall.", "John went to the garden."),
        (Question("Where is John?", "hall", (0,), 1), Question("Where is John?", "garden", (1,), 2)),
    ),
]
LINES = [line for group in groups(STORIES) for line in group]
LINK = LinkConfig.model_validate(
    {
        "codec": {"names": ["utf8"]},
        "memory": {"entries": 7, "rule": {"value": 1, "fifo": 0.5}},
        "mask": {"kind": "fixed"},
    }
)


class MadeUp:
    """Says of each line what it was told to."""

    def __init__(self, outcomes):
        self.outcomes, self.asked = outcomes, []

    def run(self, lines, snr_db, seed):
        self.asked.append((len(lines), snr_db, seed))
        yield from ((line, self.outcomes(line, snr_db)) for line in reversed(lines))


def told(line, snr_db, answer, confidence=0.5, **known):
    """A sentence that came through, or a question that was answered."""
    understood = Understanding("ask", answer, confidence) if line.question else Understanding("tell")
    return Outcome("delivered", line.text, understood, **({"payload_symbols": 10, "overhead_symbols": 4} | known))


def knows_all(line, snr_db):
    return told(line, snr_db, line.question and line.question.answer)


@pytest.fixture
def figures(monkeypatch):
    """What becomes of outcomes at the level, and of those without a channel."""

    def run(outcomes, snr_db=(3.0,), without_channel=knows_all, seed=5, stories=STORIES):
        level = MadeUp(outcomes)
        monkeypatch.setattr(qa, "ErrorFreeLevel", lambda link: MadeUp(without_channel))
        monkeypatch.setitem(qa.LEVELS, "made up", lambda link: level)
        found = qa.run(Asked(stories, 1, snr_db, "made up", seed), LINK, "moon", quiet=True)
        return found, level

    return run


def test_lost_questions_are_answered_wrong(figures):
    def outcomes(line, snr_db):
        if line.question is None:
            return Outcome("corrupted", "?", Understanding("tell"), 10, 4, 100)
        return {
            "office": told(line, snr_db, "Office ", 0.25, air_samples=100),
            "milk,apple": told(line, snr_db, "apple, milk", 0.75, air_samples=100),
            "hall": told(line, snr_db, "garden", 0.5, air_samples=100),
            "garden": Outcome("lost", reason="it does not fit"),
        }[line.question.answer]

    (point,) = figures(outcomes)[0]["points"]
    right = clustered_proportion(np.array([1.0, 1, 0, 0]), np.array([0, 0, 1, 1]))
    expected = {
        "codec": "utf8", "channel": "moon", "task": 1, "memory": "1 value + 0.5 fifo", "size": 7, "decode_with": 0,
        "mask": "fixed", "csi": "estimated", "snr_db": 3.0, "messages": 9, "delivered": 3,
        "corrupted": 5, "lost": 1, "questions": 4,
        "answered": 3, "accuracy": 0.5, "accuracy_low": right.low, "accuracy_high": right.high, "confidence": 0.5,
        "right": "c0",  # the first two of four
        "payload_symbols": 80,
        "payload_symbols_per_word": 80 / sum(len(line.text.split()) for line in LINES), "masked_share": 0.0,
        "overhead_symbols": 32, "air_samples": 800,
    }  # fmt: skip
    assert point == pytest.approx(expected)


def test_the_questions_of_a_story_may_be_alike(figures):
    def first_story(line, snr_db):
        return told(line, snr_db, line.question and ("" if line.story else line.question.answer))

    def a_question_each(line, snr_db):
        return told(line, snr_db, line.question and (line.question.answer if line.question.place == 1 else ""))

    (alike,), (apart,) = (figures(outcomes)[0]["points"] for outcomes in (first_story, a_question_each))
    assert alike["accuracy"] == apart["accuracy"] == 0.5
    assert alike["accuracy_low"] < apart["accuracy_low"] < 0.5 < apart["accuracy_high"] < alike["accuracy_high"]


def test_the_mask_is_told_as_a_share_of_what_would_have_been_sent(figures):
    def outcomes(line, snr_db):
        return told(line, snr_db, "", payload_symbols=30, masked_symbols=50 if line.question else 0)

    (point,) = figures(outcomes)[0]["points"]
    assert point["masked_share"] == pytest.approx(4 * 50 / (9 * 30 + 4 * 50))


def test_where_everything_is_lost_there_is_nothing_to_be_sure_of(figures, capsys):
    found, _ = figures(lambda line, snr_db: Outcome("lost"))
    (point,) = found["points"]
    assert (point["lost"], point["answered"], point["confidence"], point["masked_share"]) == (9, 0, None, 0.0)
    assert point["accuracy"] == 0 and point["accuracy_high"] > 0.3
    json.dumps(found, allow_nan=False)
    show(found)
    assert "100.0%" in capsys.readouterr().out


def test_the_bounds_of_what_can_be_reached_are_told(figures):
    def misses_one(line, snr_db):
        return told(line, snr_db, line.question and line.question.answer.replace("garden", "hall"))

    run = figures(misses_one, without_channel=misses_one)[0]["run"]
    assert run["question_only"] == 0.75
    assert run["error_free"]["value"] == 0.75 and run["error_free"]["low"] < 0.75 < run["error_free"]["high"] < 1
    assert (run["level"], run["seed"]) == ("made up", 5) and run.keys() >= {"commit", "config_sha256", "versions"}


def test_each_snr_meets_all_groups_with_their_own_seeds(figures, monkeypatch):
    monkeypatch.setattr(qa_plan, "USERS", 1)

    def from_ten_on(line, snr_db):
        return knows_all(line, snr_db) if snr_db >= 10 else told(line, snr_db, "")

    found, level = figures(from_ten_on, (12.0, -3.0, 10.0))
    assert level.asked == [
        (5, 12, 5), (4, 12, 6), (5, -3, 5), (4, -3, 6), (5, 10, 5), (4, 10, 6),
    ]  # fmt: skip
    assert [(point["snr_db"], point["accuracy"]) for point in found["points"]] == [(12, 1), (-3, 0), (10, 1)]
    assert {point["messages"] for point in found["points"]} == {9}


def test_where_all_is_right_the_interval_is_that_of_so_many_stories(figures):
    (point,) = figures(knows_all, stories=generate(1, 20, 0))[0]["points"]
    assert (point["accuracy"], point["accuracy_high"], point["questions"]) == (1, pytest.approx(1), 100)
    assert point["accuracy_low"] == pytest.approx(proportion(20, 20).low)


@pytest.mark.parametrize(("questions", "chosen"), [(1, 1), (2, 1), (3, 2), (4, 2), (99, 2)])
def test_so_many_stories_are_sent_that_they_have_the_questions(questions, chosen):
    assert first_questions(STORIES, questions) == STORIES[:chosen]


class Recites:
    """Answers with all that is in the memory, and its ages."""

    width = 2
    fingerprint = "recites"

    def __init__(self, folder, device):
        self.texts = []

    def read(self, text, confidence):
        self.texts.append(text)
        features = np.array([[len(self.texts) - 1, confidence]], np.float32)
        return Sense(np.zeros(1, np.int64), np.ones(1, np.float32), features, "tell", 1.0)

    def answer(self, question, memory, left_out=()):
        said = [self.texts[int(place)] for place in memory.features[:, 0]]
        return Answer("|".join([*said, *map(str, memory.ages)]), 0.5, memory.numbers, np.zeros(len(said), np.float32))


def test_without_a_channel_every_question_meets_what_its_own_story_said_before(monkeypatch):
    monkeypatch.setattr("semcom_ota.memory.recall.MemoryReader", Recites)
    link = LinkConfig.model_validate({"memory": {"entries": 2, "reader": "anywhere"}})
    level = ErrorFreeLevel(link)
    first, again = (list(level.run(LINES, snr_db, seed)) for snr_db, seed in ((0.0, 0), (20.0, 1)))
    assert [line for line, _ in first] == LINES and first == again
    for line, outcome in first:
        assert (outcome.status, outcome.received) == ("delivered", line.text)
        assert (outcome.understanding.answer is None) == (line.task is Task.TELL)
    assert [outcome.understanding.answer for line, outcome in first if line.question] == [
        "Mary went to the office.|1",
        "Mary got the milk.|Mary got the apple.|2|1",
        "John went to the hall.|1",
        "John went to the hall.|John went to the garden.|3|1",
    ]
