"""Figures are those of 1,100 real stories of each task; the tolerances are some four standard deviations of 600."""

import re
from itertools import pairwise
from random import Random

import pytest
from pytest import approx

from semcom_ota.tasks.babi_world import Action, World
from semcom_ota.tasks.draft import StorySettings
from semcom_ota.tasks.generator import generate

ACTS = {"go": "went|moved|travelled|journeyed", "take": "got|took|grabbed", "drop": "dropped|put|let", "give": "gave"}


def questions(task):
    return [question for story in generate(task, 600, 5) for question in story.questions]


@pytest.mark.parametrize(
    ("task", "sentences", "shares"),
    [
        (2, 30.9, {"go": 0.345, "take": 0.351, "drop": 0.304}),
        (5, 37.7, {"go": 0.691, "take": 0.088, "give": 0.221}),
        (7, 10.7, {"go": 0.448, "take": 0.269, "drop": 0.152, "give": 0.131}),
        (8, 10.6, {"go": 0.443, "take": 0.269, "drop": 0.156, "give": 0.132}),
    ],
)
def test_length_and_what_happens(task, sentences, shares):
    stories = generate(task, 600, 5)
    lines = [line for story in stories for line in story.lines]
    assert len(lines) / len(stories) == approx(sentences, rel=0.06)
    for kind, share in shares.items():
        assert sum(bool(re.search(rf" (?:{ACTS[kind]}) ", line)) for line in lines) / len(lines) == approx(
            share, abs=0.03
        )


@pytest.mark.parametrize(
    ("task", "answers"),
    [
        (2, {"kitchen": 0.289, "garden": 0.22}),
        (5, {"Mary": 0.189, "Sandra": 0.156, "milk": 0.097}),
        (7, {"one": 0.53, "zero": 0.396, "two": 0.074}),
        (8, {"nothing": 0.399, "football": 0.217, "apple,milk": 0.072}),
    ],
)
def test_how_often_answers_are(task, answers):
    asked = questions(task)
    for answer, share in answers.items():
        assert sum(question.answer == answer for question in asked) / len(asked) == approx(share, abs=0.045)


def test_how_many_sentences_between_questions():
    places = [[0, *(question.place for question in story.questions)] for story in generate(2, 600, 5)]
    gaps = [later - place for some in places for place, later in pairwise(some)]
    assert min(gaps) == 3 and gaps.count(3) / len(gaps) == approx(0.316, abs=0.04)
    assert max(gaps) > 20


def test_a_gift_is_followed_by_up_to_five_sentences_that_do_not_happen():
    idle = [question.place - 1 - question.supporting[0] for question in questions(5)]
    assert set(idle) == set(range(6))
    forms = [question.text.split()[1] + question.text.split()[0] for question in questions(5)]
    assert all(forms.count(form) / len(forms) == approx(1 / 3, abs=0.04) for form in set(forms))


def test_the_world_knows_what_is_possible():
    world = World(Random(1), StorySettings())
    assert {(action.who, action.what) for action in world.takings()} == {
        ("John", "apple"),
        ("John", "milk"),
        ("Sandra", "football"),
    }
    assert not world.droppings() and not world.givings()
    world.do(Action("take", "John", "milk"))
    assert world.droppings() == [Action("drop", "John", "milk")]
    world.do(Action("go", "John", "garden"))
    assert world.givings() == [Action("give", "John", "milk", "Sandra")]
    world.do(Action("give", "John", "milk", "Sandra"))
    assert world.holder == {"milk": "Sandra"}
    world.do(Action("drop", "Sandra", "milk"))
    assert {action.what for action in world.takings() if action.who == "John"} == {"milk", "football"}
    assert world.told(Action("give", "John", "milk", "Mary")) == "John gave Mary the milk"
