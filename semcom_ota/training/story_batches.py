"""Batches of questions about stories that were received, for the recipe `stories`: of seed and pool alone."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semcom_ota.codecs.lam_answers import SLOTS
from semcom_ota.memory.csi_coding import CSI_FEATURES
from semcom_ota.tasks.stories import Story
from semcom_ota.training.story_kinds import stories_of
from semcom_ota.training.story_reception import CLEAN, Heard, heard_story

ENTRIES = 96
"""Sentences in a memory, at most."""
SMALL_MEMORY_SHARE = 0.3
"""Of the questions that meet a memory of fewer entries than the story has sentences."""
FEWEST_ENTRIES = 6
EMPTY_SHARE = 0.02
"""Of the questions that meet an empty memory: what can be said then is said with little confidence."""
SILENCE_SHARE, LONGEST_SILENCE = 0.1, 10_000
"""In so many stories up to so many messages of the same user come between two sentences, and are not remembered."""
QUESTIONS_A_POOL = 3000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the memory that it met."""

    question: Heard
    memory: list[Heard]
    ages: list[int]
    answer: list[int]  # SLOTS words
    support: list[bool]  # of each entry: this answer needs it
    needed: list[bool]  # of each entry: this answer or a later one does


class StoryReader:
    """Turns generated stories into questions as a receiver meets them."""

    def __init__(self, tokens: Callable[[str], list[int]], blank: int, vocabulary: NDArray[np.int64]):
        """`tokens` of a text; `blank` fills an answer's empty slots; `vocabulary`: what tokens are taken for."""
        self._tokens, self._blank, self._vocabulary = tokens, blank, vocabulary
        self._known: dict[str, list[int]] = {}

    def answer(self, answer: str) -> list[int] | None:
        """The words of an answer, one token each; None if they do not fit."""
        words = [self._of(word) for word in sorted(answer.split(","))]
        if len(words) > SLOTS or any(len(word) != 1 for word in words):
            return None
        return [word[0] for word in words] + [self._blank] * (SLOTS - len(words))

    def asked(self, rng: np.random.Generator, story: Story) -> Iterator[Asked]:
        """The questions of a story, all through one channel."""
        heard = heard_story(rng, [self._of(line) for line in story.lines], self._vocabulary)
        asked = heard_story(rng, [self._of(question.text) for question in story.questions], self._vocabulary)
        small, sent = rng.random() < SMALL_MEMORY_SHARE, _sent(story)
        if story.lines and rng.random() < SILENCE_SHARE:
            silence, first = round(np.exp(rng.uniform(0, np.log(LONGEST_SILENCE)))), int(rng.integers(1, len(sent) + 1))
            sent = [at - silence for at in sent[:first]] + sent[first:]
        for place, (question, as_heard) in enumerate(zip(story.questions, asked, strict=True)):
            answer = self.answer(question.answer)
            if as_heard is None or answer is None:
                continue
            later = {line for other in story.questions[place:] for line in other.supporting if line < question.place}
            kept = [line for line in range(question.place) if heard[line] is not None]
            kept = self._kept(rng, kept, later) if small else kept[-ENTRIES:]
            kept = [] if rng.random() < EMPTY_SHARE else kept
            yield Asked(
                as_heard,
                [one for line in kept if (one := heard[line]) is not None],
                [question.place + place - sent[line] for line in kept],
                answer,
                [line in question.supporting for line in kept],
                [line in later for line in kept],
            )

    def whole(self, story: Story) -> Iterator[Asked]:
        """The questions of a story of which everything was received as it was sent."""
        heard, sent = [self._clean(line) for line in story.lines], _sent(story)
        for place, question in enumerate(story.questions):
            answer = self.answer(question.answer)
            if answer is None:
                continue
            later = {line for other in story.questions[place:] for line in other.supporting}
            lines = range(question.place)[-ENTRIES:]
            yield Asked(
                self._clean(question.text),
                [heard[line] for line in lines],
                [question.place + place - sent[line] for line in lines],
                answer,
                [line in question.supporting for line in lines],
                [line in later for line in lines],
            )

    def _clean(self, text: str) -> Heard:
        tokens = np.array(self._of(text), np.int64)
        return Heard(tokens, np.ones(len(tokens), np.float32), CLEAN)

    def _kept(self, rng: np.random.Generator, lines: list[int], needed: set[int]) -> list[int]:
        """What a small memory kept: the newest, or mostly what is needed."""
        size = int(rng.integers(FEWEST_ENTRIES, 25))
        if rng.random() < 0.5:
            return lines[-size:]
        worth = rng.random(len(lines)) + [line in needed for line in lines]
        return sorted(lines[i] for i in np.argsort(-worth)[:size])

    def _of(self, text: str) -> list[int]:
        if text not in self._known:
            self._known[text] = self._tokens(text)
        return self._known[text]


def _sent(story: Story) -> list[int]:
    """When each sentence was sent, in messages since the first; questions are messages, too."""
    asked = [question.place for question in story.questions]
    return [line + bisect_right(asked, line) for line in range(len(story.lines))]


def pool(reader: StoryReader, shares: Mapping[int, float], seed: int, number: int) -> list[Asked]:
    """About `QUESTIONS_A_POOL` questions, shared out to the tasks."""
    rng = np.random.default_rng([seed, number])
    total = sum(shares.values())
    asked: list[Asked] = []
    for task, share in sorted(shares.items()):
        wanted, found = round(QUESTIONS_A_POOL * share / total), 0
        stories = stories_of(task, seed * 1_000_003 + number, rng)
        while found < wanted:
            mine = list(reader.asked(rng, next(stories)))
            asked += mine
            found += len(mine)
    return asked


def batches(asked: list[Asked], vectors: int, rng: np.random.Generator) -> list[list[Asked]]:
    """Questions that met memories of about one size together, `vectors` in a batch with padding, in random order."""
    order = sorted(asked, key=lambda one: len(one.memory) + 4 * rng.random())
    cut: list[list[Asked]] = [[]]
    for one in order:
        largest = max(len(other.memory) for other in (*cut[-1], one))
        if (len(cut[-1]) + 1) * (largest + 16) > vectors:
            cut.append([])
        cut[-1].append(one)
    return [cut[place] for place in rng.permutation(len(cut)) if cut[place]]


def tensors(asked: list[Asked]) -> tuple[Tensor, ...]:
    """Question tokens and trust (B, T); entries' tokens and trust (B, C, W), ages (B, C), csi (B, C, CSI_FEATURES) and
    mask (B, C); answers (B, SLOTS); support and needed (B, C). Entries are padded in front, tokens behind."""
    rows, most = len(asked), max((len(one.memory) for one in asked), default=0)
    words = max((len(entry.tokens) for one in asked for entry in one.memory), default=1)
    width = max((len(one.question.tokens) for one in asked), default=1)
    question, trusted = np.zeros((rows, width), np.int64), np.zeros((rows, width), np.float32)
    entries, trust = np.zeros((rows, most, words), np.int64), np.zeros((rows, most, words), np.float32)
    ages, mask = np.zeros((rows, most), np.int64), np.zeros((rows, most), bool)
    csi = np.zeros((rows, most, CSI_FEATURES), np.float32)
    labels = np.zeros((2, rows, most), np.float32)
    for row, one in enumerate(asked):
        question[row, : len(one.question.tokens)] = one.question.tokens
        trusted[row, : len(one.question.tokens)] = one.question.trust
        first = most - len(one.memory)
        for place, entry in enumerate(one.memory, first):
            entries[row, place, : len(entry.tokens)] = entry.tokens
            trust[row, place, : len(entry.tokens)] = entry.trust
            csi[row, place] = entry.csi
        ages[row, first:], mask[row, first:] = one.ages, True
        labels[0, row, first:], labels[1, row, first:] = one.support, one.needed
    answers = np.array([one.answer for one in asked], np.int64)
    arrays = (question, trusted, entries, trust, ages, csi, mask, answers, labels[0], labels[1])
    return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)
