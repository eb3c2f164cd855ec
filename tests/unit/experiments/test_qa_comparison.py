import numpy as np
import pytest

from semcom_ota.experiments.qa_comparison import Answers

QUESTIONS = [3, 1, 4, 2] * 40
COUNT = sum(QUESTIONS)


def point(share, snr_db=0.0, seed=0, right=None):
    """Of so many questions this share was answered right: the same ones, where there are more."""
    if right is None:
        right = np.random.default_rng(seed).random(COUNT) < share
    return {"snr_db": snr_db, "questions": COUNT, "right": np.packbits(right).tobytes().hex()}


@pytest.fixture(scope="module")
def answers():
    return Answers(QUESTIONS)


def test_a_difference_is_that_of_the_accuracies_and_paired(answers):
    better, worse = point(0.9), point(0.7)
    found = answers.difference(better, worse)
    assert found.low < found.value < found.high and found.low > 0.1 and found.high - found.low < 0.12
    back = answers.difference(worse, better)
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))
    apart = answers.difference(better, point(0.7, seed=1))
    assert apart.high - apart.low > 1.2 * (found.high - found.low)


def test_the_same_answers_differ_by_nothing(answers):
    found = answers.difference(point(0.5), point(0.5))
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_stories_are_drawn_and_not_questions():
    """With all questions of a story right or wrong together there is less to know."""
    story = np.random.default_rng(0).random(len(QUESTIONS)) < 0.5
    alike = point(0, right=np.repeat(story, QUESTIONS))
    shuffled = point(0, right=np.random.default_rng(1).permutation(np.repeat(story, QUESTIONS)))
    none = point(0, right=np.zeros(COUNT, bool))
    widths = [(one.high - one.low) for one in (Answers(QUESTIONS).difference(what, none) for what in (alike, shuffled))]
    assert widths[0] > 1.2 * widths[1]


def test_decibels_are_those_between_two_curves(answers):
    curve = [point(share, snr_db) for share, snr_db in ((0.2, 0.0), (0.6, 4.0), (1.0, 8.0))]
    later = [one | {"snr_db": one["snr_db"] + 1.5} for one in reversed(curve)]
    found = answers.needs_less(curve, later, 0.8)
    assert found.value == pytest.approx(1.5) and found.low == pytest.approx(1.5)
    assert answers.needs_less(curve[:2], later, 0.8).value is None  # never reached


@pytest.mark.parametrize("other", [{"right": "ff"}, {"questions": 3}])
def test_other_questions_cannot_be_compared(answers, other):
    with pytest.raises(ValueError, match="the same questions"):
        answers.difference(point(0.5), point(0.5) | other)


def test_without_a_question_there_is_nothing_to_compare():
    with pytest.raises(ValueError, match="no question"):
        Answers([0, 0])
