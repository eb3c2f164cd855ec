"""What kinds of stories a reader learns from: as bAbI-tasks makes them, as they were published, and with many names.

A reader that knows one wording and four names has learned those, and not what is done with them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from semcom_ota.tasks.draft import StorySettings
from semcom_ota.tasks.generator import ONE_LENGTH, generate_endlessly
from semcom_ota.tasks.stories import Question, Story
from semcom_ota.tasks.words import BABI, PLAIN, PUBLISHED, WIDE

ORIGINAL = replace(BABI, people={**BABI.people, "Bill": "he", "Fred": "he", "Jeff": "he", "Julie": "she"}, homes={})
"""Who and what is in the stories of the original distribution (version 1.2)."""
PLAIN_KIND = "plain"
KINDS: Mapping[str, tuple[float, StorySettings]] = {
    PLAIN_KIND: (0.3, StorySettings()),
    "published": (0.4, StorySettings(ORIGINAL, PUBLISHED)),
    "wide": (0.15, StorySettings(WIDE, PLAIN)),
    "wide-published": (0.15, StorySettings(WIDE, PUBLISHED)),
}
"""Name -> share of the stories, and what they are like."""
STEADY = (15, 16, 20)
"""Tasks whose stories say what stays so: there a sentence that says otherwise contradicts, and is no news."""
CONTRADICTED_SHARE = 0.05
LONGER_SHARE, LONGEST = 0.15, 3
"""So many stories have up to so many times as many sentences between questions, or as many people."""


def stories_of(task: int, seed: int, rng: np.random.Generator) -> Iterator[Story]:
    """Stories of all kinds in random order, without an end: drawn apart from those of any test.

    Args:
        task: of bAbI.
        seed: of the stories.
        rng: of their order.
    """
    endless: dict[tuple[str, int], Iterator[Story]] = {}
    shares = [share for share, _ in KINDS.values()]
    while True:
        kind = list(KINDS)[int(rng.choice(len(KINDS), p=shares))]
        longer = task not in ONE_LENGTH and rng.random() < LONGER_SHARE
        stretch = int(rng.integers(2, LONGEST + 1)) if longer else 1
        if (kind, stretch) not in endless:
            settings = replace(KINDS[kind][1], stretch=stretch)
            endless[kind, stretch] = generate_endlessly(task, seed, settings, training=True)
        story = next(endless[kind, stretch])
        yield contradicted(story, rng) if task in STEADY and rng.random() < CONTRADICTED_SHARE else story


def contradicted(story: Story, rng: np.random.Generator) -> Story:
    """A story in which one more sentence says otherwise than one that an answer needs, somewhere before the question.

    The answers are those of the story: nobody can tell which of the two is true, so that a reader learns to doubt.
    A story that has no such sentence stays as it is.
    """
    question = story.questions[int(rng.integers(len(story.questions)))]
    words = [line.rstrip(".").split() for line in story.lines]
    for line in rng.permutation(np.array(question.supporting, int)):
        first, *between, last = words[line]
        others = sorted({other[-1] for other in words if other[1:-1] == between and other[-1] != last})
        if others:
            break
    else:
        return story
    said = " ".join([first, *between, others[int(rng.integers(len(others)))]])
    at = int(rng.integers(question.place + 1))

    def behind(one: Question) -> Question:
        lines = tuple(line + (line >= at) for line in one.supporting)
        return replace(one, supporting=lines, place=one.place + (one.place >= at))

    return Story((*story.lines[:at], f"{said}.", *story.lines[at:]), tuple(map(behind, story.questions)))
