"""Questions over stories that are sent one sentence a message: who sends what, in which order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from semcom_ota.tasks.stories import Question, Story
from semcom_ota.types import Task, Understanding

USERS = 256
"""Streams that the frame header can tell apart: each story is a user of its own, so that none is mixed with another."""
MOST_MESSAGES = 2**16
"""Of a group: their numbers, which also choose the channel's realisation, are not used twice."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence or a question of a story."""

    story: int
    stream: int
    message: int
    text: str
    question: Question | None = None

    @property
    def task(self) -> Task:
        """What its message is for."""
        return Task.TELL if self.question is None else Task.ASK


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a line."""

    status: str  # delivered, corrupted or lost
    received: str = ""
    understanding: Understanding = field(default_factory=Understanding)
    payload_symbols: int = 0
    overhead_symbols: int = 0
    air_samples: int = 0
    masked_symbols: int = 0
    reason: str = ""


def groups(stories: Sequence[Story]) -> Iterator[list[Line]]:
    """The lines of stories in order, cut where users or message numbers run out: each group meets a new receiver."""
    group: list[Line] = []
    first = 0
    for number, story in enumerate(stories):
        lines = len(story.lines) + len(story.questions)
        if group and (number - first == USERS or len(group) + lines > MOST_MESSAGES):
            yield group
            group, first = [], number
        group += _lines(story, number, number - first, len(group))
    if group:
        yield group


def _lines(story: Story, number: int, stream: int, first: int) -> list[Line]:
    """A question comes before the sentence that has its place."""
    asked = iter(sorted(story.questions, key=lambda question: question.place))
    following = next(asked, None)
    lines: list[Line] = []
    for place in range(len(story.lines) + 1):
        while following is not None and following.place == place:
            lines.append(Line(number, stream, first + len(lines), following.text, following))
            following = next(asked, None)
        if place < len(story.lines):
            lines.append(Line(number, stream, first + len(lines), story.lines[place]))
    return lines[:MOST_MESSAGES]
