import pytest

from semcom_ota.tasks.generator import generate
from semcom_ota.tasks.question_only import QuestionOnly, question_form
from semcom_ota.tasks.stories import parse_stories

STORIES = parse_stories(
    b"""1 A.
2 Is Mary in the garden?\tno\t1
3 Is Mary in the garden?\tyes\t1
4 Is Mary in the garden?\tyes\t1
5 Is John in the garden?\tno\t1
6 Is John in the garden?\tno\t1
7 Where is John?\toffice\t1
""",
    "x",
)


def test_the_most_frequent_answer_to_a_question_then_to_its_form_then_to_all():
    best = QuestionOnly(STORIES)
    assert best.answer("Is Mary in the garden?") == "yes"
    assert best.answer("Is Fred in the garden?") == "no"
    assert best.answer("What now?") == "no"
    assert best.share_right(STORIES) == 5 / 6
    assert question_form("Who did John give the milk to last?") == "Who did _ give the milk to last?"


def test_it_is_at_chance_where_the_question_says_nothing_and_not_where_it_does():
    for task, low, high in ((1, 0.13, 0.22), (6, 0.45, 0.62), (20, 0.7, 0.8)):
        assert low < QuestionOnly(generate(task, 600, 1)).share_right(generate(task, 300, 2)) < high


def test_no_questions_no_answers():
    with pytest.raises(ValueError, match="no question"):
        QuestionOnly([])
    assert QuestionOnly(STORIES).share_right([]) == 0
