"""Who sends what, in which order: stories can be put together again from the lines that are sent."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.experiments import qa_plan
from semcom_ota.experiments.qa_plan import MOST_MESSAGES, USERS, Line, Outcome, groups
from semcom_ota.tasks.generator import TASKS, generate
from semcom_ota.tasks.stories import Question, Story
from semcom_ota.types import Task, Understanding


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Up to 12 lines; what they say does not matter, so that no two are alike."""
    lines = tuple(f"sentence {place}" for place in range(draw(st.integers(1, 8))))
    places = sorted(draw(st.lists(st.integers(0, len(lines)), max_size=4)))
    return Story(lines, tuple(Question(f"question {i}", "yes", (), place) for i, place in enumerate(places)))


def put_together(lines: list[Line]) -> list[Story]:
    """The stories that were sent: a question belongs where it comes."""
    parts: dict[int, tuple[list[str], list[Question]]] = {}
    for line in lines:
        told, asked = parts.setdefault(line.story, ([], []))
        if line.question is None:
            told.append(line.text)
        else:
            assert line.text == line.question.text and line.question.place == len(told)
            asked.append(line.question)
    return [Story(tuple(told), tuple(asked)) for told, asked in parts.values()]


@given(st.lists(stories(), max_size=20), st.integers(1, 4), st.integers(12, 30))
def test_every_line_is_sent_once_in_order_and_no_group_is_too_large(told: list[Story], users: int, most: int):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(qa_plan, "USERS", users)
        patched.setattr(qa_plan, "MOST_MESSAGES", most)
        plan = list(groups(told))
    assert put_together([line for group in plan for line in group]) == told
    for group in plan:
        assert [line.message for line in group] == list(range(len(group))) and 0 < len(group) <= most
        assert [line.story for line in group] == sorted(line.story for line in group)
        assert all(line.stream == line.story - group[0].story < users for line in group)
    for group, following in pairwise(plan):  # no sooner than need be
        first = sum(line.story == following[0].story for line in following)
        assert group[-1].stream == users - 1 or len(group) + first > most


@pytest.mark.parametrize("task", TASKS)
def test_no_story_knows_of_another(task: int):
    told = generate(task, 3, 0)
    (group,) = groups(told)
    assert put_together(group) == told
    assert {(line.story, line.stream) for line in group} == {(0, 0), (1, 1), (2, 2)}
    assert {(line.task, line.question is None) for line in group} == {(Task.TELL, True), (Task.ASK, False)}


def test_a_group_is_what_frame_headers_can_tell_apart():
    short, long = Story(("x",), (Question("?", "yes", (), 1),)), Story(("x",) * 40_000, ())
    assert [len(group) for group in groups([short] * 600)] == [2 * USERS, 2 * USERS, 2 * (600 - 2 * USERS)]
    assert [len(group) for group in groups([short, long, long, short])] == [40_002, 40_002]
    assert [len(group) for group in groups([Story(("x",) * MOST_MESSAGES, ()), short])] == [MOST_MESSAGES, 2]
    assert list(groups([])) == []


def test_what_is_lost_says_nothing():
    outcome = Outcome("lost")
    assert (outcome.received, outcome.understanding, outcome.payload_symbols) == ("", Understanding("", None, 0.0), 0)
