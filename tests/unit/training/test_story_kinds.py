from collections import Counter
from itertools import islice

import numpy as np
import pytest

from semcom_ota.tasks.generator import generate
from semcom_ota.tasks.stories import Question, Story
from semcom_ota.training import story_kinds
from semcom_ota.training.story_kinds import KINDS, ORIGINAL, contradicted, stories_of

WOLVES = Story(
    ("Sheep are afraid of wolves.", "Jessica is a sheep.", "Mice are afraid of cats."),
    (Question("What is jessica afraid of?", "wolf", (0, 1), 2), Question("What is a mouse afraid of?", "cat", (2,), 3)),
)


def drawn(task, seed=0, count=300):
    return list(islice(stories_of(task, seed, np.random.default_rng(seed)), count))


def test_the_words_are_those_of_all_kinds():
    lines = [line for task in (2, 5) for story in drawn(task) for line in story.lines]
    words = Counter(word.rstrip(".") for line in lines for word in line.split())
    used = ["grabbed", "picked", "discarded", "passed", "there", "Fred", "Sandra", "Yusuf", "violin"]
    assert all(words[word] for word in used)
    published = sum(" picked up " in line or " left the " in line for line in lines)
    assert published > 0.03 * len(lines)


def test_shares_add_up_and_every_kind_makes_every_task():
    assert sum(share for share, _ in KINDS.values()) == pytest.approx(1)
    assert {"Bill", "Fred", "Jeff"} < set(ORIGINAL.people)
    assert all(generate(task, 1, 0, like) for _, like in KINDS.values() for task in (1, 2, 5, 8, 15, 16, 20))


def test_some_are_longer_but_for_those_that_have_one_length(monkeypatch):
    monkeypatch.setattr(story_kinds, "LONGER_SHARE", 0.0)
    usual = max(len(story.lines) for story in drawn(1, count=50))
    monkeypatch.setattr(story_kinds, "LONGER_SHARE", 1.0)
    assert min(len(story.lines) for story in drawn(1, count=50)) >= 2 * usual
    assert len(drawn(17, count=5)) == 5


def test_they_are_of_task_and_seed_alone():
    assert drawn(15) == drawn(15) != drawn(15, seed=1)


def test_a_contradiction_is_one_more_sentence_that_says_otherwise():
    seen = set()
    for seed in range(60):
        story = contradicted(WOLVES, np.random.default_rng(seed))
        (new,) = set(story.lines) - set(WOLVES.lines)
        at = story.lines.index(new)
        seen.add((new, at))
        assert tuple(line for line in story.lines if line != new) == WOLVES.lines
        for one, before in zip(story.questions, WOLVES.questions, strict=True):
            assert (one.text, one.answer) == (before.text, before.answer)
            assert [story.lines[line] for line in one.supporting] == [WOLVES.lines[line] for line in before.supporting]
            assert one.place - before.place == (at <= before.place)
    assert {new for new, _ in seen} == {"Sheep are afraid of cats.", "Mice are afraid of wolves."}
    assert {at for _, at in seen} == {0, 1, 2, 3}


def test_where_nothing_can_be_said_otherwise_a_story_stays_as_it_is():
    story = Story(("Mary went home.",), (Question("Where is Mary?", "home", (0,), 1),))
    assert contradicted(story, np.random.default_rng(0)) == story


@pytest.mark.parametrize(("task", "some"), [(15, True), (16, True), (20, True), (1, False)])
def test_only_what_stays_so_is_contradicted(task, some, monkeypatch):
    calls = []
    monkeypatch.setattr(story_kinds, "contradicted", lambda story, rng: calls.append(story) or story)
    drawn(task)
    assert bool(calls) == some
