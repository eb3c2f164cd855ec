from itertools import islice

import pytest

from semcom_ota.config import ConfigError
from semcom_ota.tasks.draft import Draft, StorySettings
from semcom_ota.tasks.generator import TASKS, generate, generate_endlessly
from semcom_ota.tasks.solver import Solver, answers_of
from semcom_ota.tasks.stories import MAX_STORY_LINES, format_stories, parse_stories
from semcom_ota.tasks.words import PUBLISHED, WIDE

ONE_LENGTH = (4, 17, 18)


def check(stories):
    """The solver understands all that is said, and agrees with every answer."""
    for story in stories:
        assert all(Solver().hear(sentence) for sentence in story.lines[:50])
        assert answers_of(story) == [question.answer for question in story.questions]
        for question in story.questions:
            assert question.supporting and max(question.supporting) < question.place


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("seed", [0, 7])
def test_the_solver_answers_every_question(task, seed):
    check(generate(task, 40, seed))


@pytest.mark.parametrize("task", TASKS)
def test_with_many_names_other_wording_and_longer_stories(task):
    stretch = 1 if task in ONE_LENGTH else 4
    settings = StorySettings(WIDE, PUBLISHED, people=9, places=12, things=12, stretch=stretch)
    stories = generate(task, 8, 3, settings)
    check(stories)
    usual = generate(task, 8, 3)
    if stretch > 1:
        assert sum(len(story.lines) for story in stories) > 2 * sum(len(story.lines) for story in usual)


@pytest.mark.parametrize("task", TASKS)
def test_the_same_seed_gives_the_same_stories(task):
    stories = generate(task, 5, 1)
    assert stories == generate(task, 5, 1) == list(islice(generate_endlessly(task, 1), 5)) == generate(task, 9, 1)[:5]
    assert stories != generate(task, 5, 2)
    apart = generate(task, 20, 1, training=True)
    assert apart == generate(task, 20, 1, training=True)
    assert sum(story in apart for story in stories) < len(stories)  # small worlds may draw the same by chance
    assert parse_stories(format_stories(stories).encode(), "x") == stories


def test_names_are_drawn_from_many():
    said = " ".join(line for story in generate(1, 60, 1, StorySettings(WIDE)) for line in story.lines)
    assert sum(name in said for name in WIDE.people) > 90


def test_a_story_of_more_than_twenty_thousand_sentences_and_its_bound():
    (story,) = generate(6, 1, 1, StorySettings(stretch=1_000, questions=11))
    assert len(story.lines) == 22_000
    check([story])
    with pytest.raises(ConfigError, match="longer than 65536"):
        generate(1, 1, 1, StorySettings(stretch=1_000, questions=40))
    assert MAX_STORY_LINES == 65_536


@pytest.mark.parametrize("questions", [1, 2, 30])
def test_any_number_of_questions(questions):
    for task in (1, 2, 3, *range(5, 15)):
        stories = generate(task, 3, 1, StorySettings(questions=questions))
        check(stories)
        assert all(len(story.questions) == questions for story in stories)


def test_small_worlds():
    for task in (1, 2, 3, *range(5, 15)):
        check(generate(task, 5, 1, StorySettings(people=2, places=3, things=1)))


@pytest.mark.parametrize(
    "values", [{"people": 5}, {"people": 1}, {"places": 2}, {"things": 0}, {"stretch": 0}, {"questions": 10_000}]
)
def test_settings_out_of_range(values):
    with pytest.raises(ConfigError, match="use"):
        StorySettings(**values)


def test_tasks_that_are_not_made_and_stories_of_one_length():
    with pytest.raises(ConfigError, match="task 19"):
        generate(19, 1, 1)
    for task in ONE_LENGTH:
        with pytest.raises(ConfigError, match="one length"):
            generate_endlessly(task, 1, StorySettings(stretch=2))


def test_a_sentence_gets_a_capital_and_a_full_stop():
    draft = Draft()
    assert draft.say("the office is north the garden") == 0
    assert draft.story().lines == ("The office is north the garden.",)
