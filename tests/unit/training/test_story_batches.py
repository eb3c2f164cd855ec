from bisect import bisect_left
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from semcom_ota.codecs.lam_answers import SLOTS
from semcom_ota.memory.csi_coding import CSI_FEATURES
from semcom_ota.tasks.generator import generate
from semcom_ota.tasks.stories import Question, Story
from semcom_ota.training import story_batches
from semcom_ota.training.story_batches import ENTRIES, FEWEST_ENTRIES, StoryReader, batches, pool, tensors
from semcom_ota.training.story_reception import CLEAN, Heard

BLANK = 0


class Words:
    """A token a word, given as they come; `icecream` has two."""

    def __init__(self):
        self.known = {}

    def __call__(self, text):
        words = text.lower().replace("icecream", "ice cream").replace(".", "").replace("?", "").split()
        return [self.known.setdefault(word, len(self.known) + 1) for word in words]


@pytest.fixture
def words():
    return Words()


@pytest.fixture
def reader(words):
    return StoryReader(words, BLANK, np.arange(1, 30))


@pytest.fixture
def unharmed(monkeypatch):
    """Everything arrives as it was sent, with nothing between, and is not forgotten."""

    def heard(rng, sentences, vocabulary):
        return [Heard(np.array(said), np.ones(len(said), np.float32), CLEAN) for said in sentences]

    monkeypatch.setattr(story_batches, "heard_story", heard)
    for share in ("SILENCE_SHARE", "EMPTY_SHARE"):
        monkeypatch.setattr(story_batches, share, 0.0)


STORY = Story(
    ("Mary went home.", "John went out.", "Mary took milk.", "Mary slept."),
    (
        Question("Where is Mary?", "home", (0,), 2),
        Question("Where is John?", "out", (1,), 2),
        Question("What has Mary?", "milk,bread", (2, 0), 4),
    ),
)


def said(one):
    return [entry.tokens.tolist() for entry in one.memory]


def test_of_a_whole_story_every_question_meets_what_was_said_before(reader, words):
    first, second, third = reader.whole(STORY)
    assert said(first) == said(second) == [words(line) for line in STORY.lines[:2]]
    assert said(third) == [words(line) for line in STORY.lines]
    assert third.question.tokens.tolist() == words("what has mary") and third.question.trust.tolist() == [1, 1, 1]
    assert first.answer == [words("home")[0], BLANK, BLANK]
    assert third.answer == [words("bread")[0], words("milk")[0], BLANK]  # in the order of the alphabet


def test_ages_count_questions_as_messages(reader):
    assert [one.ages for one in reader.whole(STORY)] == [[2, 1], [3, 2], [6, 5, 2, 1]]


def test_support_is_for_this_answer_and_needed_also_for_a_later_one(reader):
    first, second, third = reader.whole(STORY)
    assert [one.support for one in (first, second)] == [[True, False], [False, True]]
    assert [one.needed for one in (first, second)] == [[True, True], [True, True]]
    assert third.support == third.needed == [True, False, True, False]


@pytest.mark.parametrize("answer", ["icecream", "a,b,c,d", ""])
def test_a_question_whose_answer_does_not_fit_is_left_out(reader, answer):
    odd = replace(STORY, questions=(replace(STORY.questions[0], answer=answer), *STORY.questions[1:]))
    assert reader.answer(answer) is None
    assert [one.ages for one in reader.whole(odd)] == [[3, 2], [6, 5, 2, 1]]  # it was asked all the same


@pytest.mark.parametrize("task", [1, 7, 8])
def test_a_story_that_arrives_unharmed_is_the_whole_story(reader, unharmed, monkeypatch, task):
    monkeypatch.setattr(story_batches, "SMALL_MEMORY_SHARE", 0.0)
    for story in generate(task, 5, 3):
        arrived, whole = (list(made) for made in (reader.asked(np.random.default_rng(0), story), reader.whole(story)))
        assert len(arrived) == len(whole) > 0
        for one, other in zip(arrived, whole, strict=True):
            assert said(one) == said(other) and one.question.tokens.tolist() == other.question.tokens.tolist()
            assert (one.ages, one.answer, one.support) == (other.ages, other.answer, other.support)


def test_a_long_story_leaves_its_newest_sentences(reader, unharmed, monkeypatch, words):
    monkeypatch.setattr(story_batches, "SMALL_MEMORY_SHARE", 0.0)
    lines = tuple(f"Word {place}." for place in range(ENTRIES + 20))
    story = Story(lines, (Question("Where?", "word", (0, 30), len(lines)),))
    for (one,) in (list(reader.whole(story)), list(reader.asked(np.random.default_rng(0), story))):
        assert said(one) == [words(line) for line in lines[20:]] and one.ages == list(range(ENTRIES, 0, -1))
        assert sum(one.support) == 1 and one.support[10]


def test_a_lost_sentence_leaves_a_gap_in_the_ages_and_a_lost_question_is_not_asked(reader, unharmed, monkeypatch):
    monkeypatch.setattr(story_batches, "SMALL_MEMORY_SHARE", 0.0)
    everything = story_batches.heard_story

    def heard(*arguments):
        return [None if place == 1 else one for place, one in enumerate(everything(*arguments))]

    monkeypatch.setattr(story_batches, "heard_story", heard)
    first, third = reader.asked(np.random.default_rng(0), STORY)
    assert first.ages == [2] and third.ages == [6, 2, 1]
    assert (first.support, third.support) == ([True], [True, True, False])


def test_what_is_sent_between_makes_all_before_it_older(reader, unharmed, monkeypatch):
    monkeypatch.setattr(story_batches, "SMALL_MEMORY_SHARE", 0.0)
    usual = [one.ages for one in reader.asked(np.random.default_rng(0), STORY)]
    monkeypatch.setattr(story_batches, "SILENCE_SHARE", 1.0)
    longest, kept_order = 0, set()
    for seed in range(200):
        for one, ages in zip(reader.asked(np.random.default_rng(seed), STORY), usual, strict=True):
            more = [age - before for age, before in zip(one.ages, ages, strict=True)]
            assert more == sorted(more, reverse=True) and len(set(more) - {0}) <= 1 and min(one.ages) >= 0
            longest = max(longest, *more)
            kept_order.add(tuple(bool(some) for some in more))
    assert 1_000 < longest <= story_batches.LONGEST_SILENCE and len(kept_order) > 4


def test_now_and_then_nothing_is_remembered(reader, unharmed, monkeypatch):
    monkeypatch.setattr(story_batches, "EMPTY_SHARE", 1.0)
    made = list(reader.asked(np.random.default_rng(0), STORY))
    assert made and all(one.memory == [] and one.ages == [] and one.needed == [] for one in made)


def test_a_small_memory_keeps_at_most_so_many(reader, unharmed, monkeypatch):
    """Either the newest, or mostly what is needed."""
    monkeypatch.setattr(story_batches, "SMALL_MEMORY_SHARE", 1.0)
    lines = tuple(f"Word {place}." for place in range(60))
    needed = (1, 20, 40)
    story = Story(lines, tuple(Question("Where?", "word", (line,), 60) for line in needed))
    sizes, newest, chosen = set(), 0, 0
    for seed in range(40):
        for place, one in enumerate(reader.asked(np.random.default_rng(seed), story)):
            sizes.add(len(one.memory))
            assert one.ages == sorted(set(one.ages), reverse=True) and len(one.ages) == len(one.memory)
            if one.ages[0] == len(one.memory) + place:
                newest += 1
            else:
                chosen += 1
                assert sum(one.needed) == len(needed) - place and one.support.count(True) == 1
    assert min(sizes) == FEWEST_ENTRIES and max(sizes) < 25
    assert newest > 20 and chosen > 20


@pytest.fixture
def asked(reader, monkeypatch):
    monkeypatch.setattr(story_batches, "QUESTIONS_A_POOL", 120)
    return pool(reader, {1: 1.0, 8: 2.0}, 0, 0)


def test_a_pool_is_of_seed_and_number_alone_and_shared_out_to_the_tasks(asked, reader, words):
    def same(one, other):
        return len(one) == len(other) and all(
            said(a) == said(b) and (a.ages, a.answer) == (b.ages, b.answer) for a, b in zip(one, other, strict=True)
        )

    assert same(asked, pool(reader, {8: 2.0, 1: 1.0}, 0, 0))
    assert not same(asked, pool(reader, {1: 1.0, 8: 2.0}, 1, 0)) and not same(asked, pool(reader, {1: 1, 8: 2}, 0, 1))
    of_places = words("bathroom bedroom garden hallway kitchen office")
    share = sum(one.answer[0] in of_places for one in asked)
    assert 120 <= len(asked) < 140 and share == pytest.approx(40, abs=6)


def test_every_question_of_a_pool_is_in_one_batch(asked):
    made = batches(asked, 512, np.random.default_rng(0))
    assert sorted(id(one) for batch in made for one in batch) == sorted(map(id, asked)) and all(made)
    assert len(made) > 3 and [len(batch) for batch in made] != sorted(len(batch) for batch in made)
    again = batches(asked, 512, np.random.default_rng(0))
    assert [list(map(id, batch)) for batch in made] == [list(map(id, batch)) for batch in again]


def test_a_batch_has_memories_of_about_one_size(asked):
    made = [[len(one.memory) for one in batch] for batch in batches(asked, 512, np.random.default_rng(0))]
    for one, other in combinations(made, 2):
        assert min(one) > max(other) - 4 or min(other) > max(one) - 4


def test_a_question_too_large_for_a_batch_has_one_of_its_own(asked):
    assert all(len(batch) == 1 for batch in batches(asked, 1, np.random.default_rng(0)))


def test_entries_are_padded_in_front_and_tokens_behind(reader, words):
    first, _, third = reader.whole(STORY)
    question, trusted, entries, trust, ages, csi, mask, answers, support, needed = tensors([first, third])
    assert question.tolist() == [words("where is mary"), words("what has mary")] and (trusted == 1).all()
    assert entries.shape == trust.shape == (2, 4, 3) and entries[1, 3].tolist() == [*words("mary slept"), 0]
    assert trust[1, 3].tolist() == [1, 1, 0] and not trust[0, :2].any()
    assert mask.tolist() == [[False, False, True, True], [True] * 4]
    assert ages.tolist() == [[0, 0, 2, 1], [6, 5, 2, 1]] and csi.shape == (2, 4, CSI_FEATURES)
    assert torch.equal(csi[0, 3], torch.from_numpy(CLEAN)) and not csi[0, 0].any()
    assert answers.tolist() == [first.answer, third.answer] and answers.shape == (2, SLOTS)
    assert support.tolist() == [[0, 0, 1, 0], [1, 0, 1, 0]] and needed.tolist() == [[0, 0, 1, 1], [1, 0, 1, 0]]


def test_a_question_before_anything_was_said_meets_an_empty_memory(reader):
    story = Story(("Mary went home.",), (Question("Where is Mary?", "home", (), 0),))
    (one,) = reader.whole(story)
    made = tensors([one])
    assert one.memory == [] and [part.shape[1] for part in made[2:7]] == [0] * 5


def test_sentences_are_sent_between_the_questions():
    for story in generate(1, 4, 1):
        order, places = story_batches._sent(story), [question.place for question in story.questions]
        of_questions = [place + i for i, place in enumerate(places)]
        assert sorted(order + of_questions) == list(range(len(order) + len(places)))
        assert all(bisect_left(order, at) == place for at, place in zip(of_questions, places, strict=True))
