"""Shares are those of 1,100 real stories of each task; the tolerances are some four standard deviations of 600."""

from collections import Counter

from pytest import approx

from semcom_ota.tasks.generator import generate
from semcom_ota.tasks.words import BABI, MOTIVES


def test_directions_have_four_forms_of_question_and_both_sentences_matter():
    stories = generate(4, 600, 5)
    asked = [story.questions[0] for story in stories]
    assert sum(question.text.startswith("What is the") for question in asked) / 600 == approx(0.5, abs=0.08)
    assert sum(question.supporting == (0,) for question in asked) / 600 == approx(0.5, abs=0.08)
    assert {question.answer for question in asked} == set(BABI.places)


def test_deduction_has_one_animal_of_each_kind():
    for story in generate(15, 50, 5):
        kinds = Counter(line.rstrip(".").split()[-1] for line in story.lines if " is a " in line)
        assert kinds == dict.fromkeys(BABI.fierce, 1)
        assert len(story.lines) == 8 and [question.place for question in story.questions] == [8] * 4
        assert len({question.text for question in story.questions}) == 4


def test_induction_has_one_of_its_kind_at_least():
    supporting = Counter(len(story.questions[0].supporting) for story in generate(16, 600, 5))
    assert supporting[3] / 600 == approx(0.548, abs=0.09)
    assert supporting[5] / 600 == approx(0.315, abs=0.08)
    assert set(supporting) == {3, 5, 7, 9}


def test_positions_are_right_as_often_as_wrong():
    asked = [question for story in generate(17, 600, 5) for question in story.questions]
    assert sum(question.answer == "yes" for question in asked) / len(asked) == approx(0.5, abs=0.03)
    assert len(asked) == 4_800


def test_sizes_ask_only_what_no_sentence_says():
    stories = generate(18, 600, 5)
    assert {len(story.lines) for story in stories} == set(range(4, 10))
    assert all(len(question.supporting) == 2 for story in stories for question in story.questions)
    assert sum(len(story.questions) for story in stories) / 600 == approx(2.61, abs=0.2)


def test_motives_each_once_in_their_order():
    for story in generate(20, 50, 5):
        assert len(story.lines) == len(story.questions) == 12
        assert Counter(
            question.answer for question in story.questions if question.text.startswith("Why")
        ) == dict.fromkeys(MOTIVES, 2)
