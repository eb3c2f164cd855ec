"""What all makers of stories share: the settings, who and what is in a story, and a story that is being written."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from semcom_ota.config import ConfigError
from semcom_ota.tasks.stories import MAX_STORY_LINES, Question, Story
from semcom_ota.tasks.words import BABI, PLAIN, Vocabulary, Wording

MAX_STRETCH = 1_000
MAX_QUESTIONS = 1_000


@dataclass(frozen=True, slots=True)
class StorySettings:
    """What stories are like; the defaults are those of stories made with bAbI-tasks.

    Raises:
        ConfigError: a number is out of its range, or there are not so many names.
    """

    words: Vocabulary = BABI
    wording: Wording = PLAIN
    people: int = 4  # in the world of one story (tasks 1 to 3 and 5 to 14), drawn from `words`
    places: int = 6
    things: int = 3
    stretch: int = 1  # times as many sentences between questions, or times as many people (tasks 14 to 16 and 20)
    questions: int = 5  # in one story of tasks 1 to 3 and 5 to 14; the others ask as their story has it

    def __post_init__(self) -> None:
        """Refuse what no story can be made of."""
        limits = {
            "people": (2, len(self.words.people)),
            "places": (3, len(self.words.places)),
            "things": (1, len(self.words.things)),
            "stretch": (1, MAX_STRETCH),
            "questions": (1, MAX_QUESTIONS),
        }
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"stories: {name} is {getattr(self, name)}: use {least} to {most} with these words")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what is in one story, and where at first."""

    people: tuple[str, ...]
    places: tuple[str, ...]
    things: tuple[str, ...]
    where: dict[str, str]  # place of each person and thing


def draw_cast(rng: Random, settings: StorySettings, people: int | None = None) -> Cast:
    """Who and what is in one story; `people` of them if the settings should not say how many."""
    words = settings.words
    names = tuple(rng.sample(list(words.people), people or settings.people))
    places = tuple(rng.sample(words.places, settings.places))
    things = tuple(rng.sample(words.things, settings.things))
    where = {}
    for who in (*names, *things):
        home = words.homes.get(who)
        where[who] = home if home in places else rng.choice(places)
    return Cast(names, places, things, where)


class Draft:
    """A story that is being written."""

    def __init__(self) -> None:
        """Nothing is written yet."""
        self.lines: list[str] = []
        self._questions: list[Question] = []

    def say(self, sentence: str) -> int:
        """Add a sentence, which gets a capital and a full stop; returns its index.

        Raises:
            ConfigError: the story becomes longer than a file of stories can have.
        """
        if len(self.lines) + len(self._questions) == MAX_STORY_LINES:
            raise ConfigError(
                f"a story becomes longer than {MAX_STORY_LINES} lines: use less stretch or fewer questions"
            )
        self.lines.append(f"{sentence[0].upper()}{sentence[1:]}.")
        return len(self.lines) - 1

    def ask(self, question: str, answer: str, supporting: Sequence[int]) -> None:
        """Add a question, asked after all sentences so far."""
        self._questions.append(Question(question, answer, tuple(supporting), len(self.lines)))

    def story(self) -> Story:
        """As it was written."""
        return Story(tuple(self.lines), tuple(self._questions))


def any_other(rng: Random, options: Sequence[str], than: str) -> str:
    """One of `options` at random, but not `than`."""
    return rng.choice([option for option in options if option != than])
