"""Makes stories with questions that are distributed as those of bAbI-tasks are, for training and for tests.

Written from the format and from stories alone; docs/data.md names where real ones come from. Task 19 (path finding) is
missing: there was no story of it to learn from. Nor was there one of task 3 by bAbI-tasks: it has the world of task 2,
and the question of the original distribution.
"""

from collections.abc import Callable, Iterator
from itertools import count
from random import Random

from semcom_ota.config import ConfigError
from semcom_ota.tasks import babi_world, facts, whereabouts
from semcom_ota.tasks.draft import StorySettings
from semcom_ota.tasks.stories import Story

TASKS: dict[int, tuple[str, Callable[[Random, StorySettings], Story]]] = {
    1: ("single-supporting-fact", whereabouts.single_fact),
    2: ("two-supporting-facts", babi_world.two_facts),
    3: ("three-supporting-facts", babi_world.three_facts),
    4: ("two-arg-relations", facts.directions),
    5: ("three-arg-relations", babi_world.giving),
    6: ("yes-no-questions", whereabouts.yes_no),
    7: ("counting", babi_world.counting),
    8: ("lists-sets", babi_world.lists),
    9: ("simple-negation", whereabouts.negation),
    10: ("indefinite-knowledge", whereabouts.indefinite),
    11: ("basic-coreference", whereabouts.coreference),
    12: ("conjunction", whereabouts.conjunction),
    13: ("compound-coreference", whereabouts.compound_coreference),
    14: ("time-reasoning", whereabouts.time_reasoning),
    15: ("basic-deduction", facts.deduction),
    16: ("basic-induction", facts.induction),
    17: ("positional-reasoning", facts.positions),
    18: ("size-reasoning", facts.sizes),
    20: ("agents-motivations", facts.motives),
}
"""By number: the name that its files have, and who makes its stories."""

ONE_LENGTH = (4, 17, 18)


def generate(
    task: int, stories: int, seed: int, settings: StorySettings | None = None, training: bool = False
) -> list[Story]:
    """So many stories of a task. The same arguments give the same stories, and more of them begin with the same ones.

    What is made for `training` is drawn apart: no seed of a test gives it.

    Raises:
        ConfigError: there is no such task, or its stories cannot be as the settings say.
    """
    endless = generate_endlessly(task, seed, settings, training)
    return [next(endless) for _ in range(stories)]


def generate_endlessly(
    task: int, seed: int, settings: StorySettings | None = None, training: bool = False
) -> Iterator[Story]:
    """The stories of `generate`, one after the other without an end.

    Raises:
        ConfigError: at the call, as `generate`.
    """
    settings = settings or StorySettings()
    if task not in TASKS:
        raise ConfigError(f"no stories can be made for task {task}: use {', '.join(map(str, TASKS))}")
    if task in ONE_LENGTH and settings.stretch > 1:
        raise ConfigError(f"stories of task {task} have one length: use stretch 1, or another task")
    make, apart = TASKS[task][1], "training/" if training else ""
    return (make(Random(f"{apart}{seed}/{task}/{i}"), settings) for i in count())
