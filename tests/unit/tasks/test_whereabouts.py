"""Shares are those of 1,100 real stories of each task; the tolerances are some four standard deviations of 600."""

import re

import pytest
from pytest import approx

from semcom_ota.tasks.generator import generate

HOMES = {"Daniel": "hallway", "John": "kitchen", "Mary": "bedroom", "Sandra": "garden"}


def share(items, of):
    return sum(map(of, items)) / len(items)


def questions(task):
    return [question for story in generate(task, 600, 5) for question in story.questions]


@pytest.mark.parametrize("task", [1, 6, 9, 10, 11, 12, 13])
def test_five_questions_each_after_two_sentences(task):
    for story in generate(task, 50, 1):
        assert [question.place for question in story.questions] == [2, 4, 6, 8, 10] and len(story.lines) == 10


@pytest.mark.parametrize("task", [1, 6, 11])
def test_nobody_goes_to_where_it_is_nor_first_home(task):
    for story in generate(task, 100, 1):
        where, who = dict(HOMES), ""
        for line in story.lines:
            words = line.rstrip(".").split()
            who = words[0] if words[0] in HOMES else who
            assert where[who] != words[-1]
            where[who] = words[-1]


@pytest.mark.parametrize(
    ("task", "answer", "expected"),
    [
        (1, "office", 1 / 6),
        (6, "yes", 0.50),
        (9, "yes", 0.366),
        (10, "no", 0.812),
        (10, "maybe", 0.052),
        (13, "garden", 1 / 6),
    ],
)
def test_how_often_answers_are(task, answer, expected):
    assert share(questions(task), lambda question: question.answer == answer) == approx(expected, abs=0.035)


def test_what_supports_an_answer():
    assert share(questions(1), lambda q: q.supporting[0] == q.place - 1) == approx(0.379, abs=0.04)
    assert share(questions(12), lambda q: q.supporting[0] == q.place - 1) == approx(0.755, abs=0.04)
    assert all(q.supporting == (q.place - 2, q.place - 1) for task in (11, 13) for q in questions(task))
    assert share(questions(10), lambda q: len(q.supporting) > 1) == approx(0.061, abs=0.02)


def test_kinds_of_sentences():
    lines = [line for story in generate(9, 600, 5) for line in story.lines]
    assert share(lines, lambda line: " is in " in line) == approx(0.256, abs=0.025)
    assert share(lines, lambda line: " not " in line) == approx(0.128, abs=0.02)
    lines = [line for story in generate(10, 600, 5) for line in story.lines]
    assert share(lines, lambda line: " either " in line) == approx(1 / 3, abs=0.025)


def test_times_of_a_story():
    for story in generate(14, 100, 1):
        said = [re.search(r"[Yy]esterday|[Tt]his \w+", line)[0].lower() for line in story.lines]
        who = [re.search("|".join(HOMES), line)[0] for line in story.lines]
        assert len(set(zip(who, said, strict=True))) == 12
        assert [question.place for question in story.questions] == [4, 6, 8, 10, 12]
        assert all(len(question.supporting) == 2 for question in story.questions)
