"""Stories that go wrong, and what a receiver with a memory makes of them: a table.

    python benchmarks/hostile_stories.py [--reader DIR] [--codec lam-prior] [--snr 12] [--stories 200] [--users 10]
                                         [--sentences 10000] [--level flowgraph] [--seed 0] [--json FILE]

Generated stories, one question each, a sentence a message, over AWGN with estimated CSI; each is a user of its own.

    lost           the five frames before the question do not arrive: they are counted, and not sent
    contradicted   some sentence says otherwise than one that the answer needs: nobody can know
    empty          the question comes before any sentence
    long           so many sentences in one story, and five questions on the way
    interleaved    users take turns, a line each; each is also heard alone by a new receiver

Of the first two and of the same stories untouched: how many answers are right, and how sure the reader says it is.
Intervals are 95 % (Wilson's). Exit status 2 if it cannot work.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain, islice, zip_longest
from pathlib import Path

import numpy as np

from semcom_ota.config import ConfigError, LinkConfig, load_channel
from semcom_ota.experiments import provenance, run_folder
from semcom_ota.experiments.qa import LEVELS, Level
from semcom_ota.experiments.qa_plan import Line, Outcome, groups
from semcom_ota.experiments.statistics import proportion
from semcom_ota.experiments.sweep_tables import Table
from semcom_ota.services.process import ServiceFailed
from semcom_ota.tasks.draft import StorySettings
from semcom_ota.tasks.generator import generate, generate_endlessly
from semcom_ota.tasks.solver import same_answer
from semcom_ota.tasks.stories import Story
from semcom_ota.training.story_kinds import contradicted

LOST = 5
LOST_TASKS, STEADY_TASKS = (1, 6, 7, 12), (15, 16, 20)
LONG_TASK, TURNS_TASK = 1, 6
HEAD = ("stories", "questions", "right [95 %]", "sure, mean", "sure where right", "sure where wrong")
Heard = list[tuple[Line, Outcome]]


def main() -> None:
    """Every kind of story, a line in the table each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", default="shipped", help="folder of who answers")
    parser.add_argument("--codec", default="lam-prior", help="that carries the sentences")
    parser.add_argument("--snr", type=float, default=12.0, help="Es/N0 in dB (%(default)s)")
    parser.add_argument("--stories", type=int, default=200, help="of each kind (%(default)s)")
    parser.add_argument("--users", type=int, default=10, help="that take turns, 2 to 256 (%(default)s)")
    parser.add_argument("--sentences", type=int, default=10_000, help="of the long story, 10 to 10000 (%(default)s)")
    parser.add_argument("--level", default="flowgraph", choices=tuple(LEVELS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    said = parser.parse_args()
    if not (2 <= said.users <= 256 and 10 <= said.sentences <= 10_000 and said.stories >= 1):
        parser.error("--users takes 2 to 256, --sentences 10 to 10000, --stories at least 1")
    try:
        if said.json is not None:
            run_folder.check_writable(said.json)
        found = dict(measure(said))
        if said.json is not None:
            run_folder.write_json(said.json, found)
    except (ConfigError, ServiceFailed) as error:
        print(f"hostile_stories.py: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(Table("", "", HEAD, tuple(_row(name, one) for name, one in found.items())).markdown())
    print(
        f"{provenance.machine()}, commit {provenance.commit()}, level {said.level}, {said.snr:g} dB, seed {said.seed}"
    )


def measure(said: argparse.Namespace) -> Iterator[tuple[str, dict]]:
    """(kind of story, figures of its answers) as they are known."""
    level, rng = _level(said), np.random.default_rng(said.seed)
    for task in LOST_TASKS:
        stories = generate(task, said.stories, said.seed, StorySettings(questions=1, stretch=5))
        plan = list(groups(stories))
        yield f"task {task}", answers(_send(level, plan, said))
        yield f"task {task}, {LOST} frames lost", answers(_send(level, map(without_last, plan), said))
    for task in STEADY_TASKS:
        stories = list(islice(_endlessly(task, said.seed), said.stories))
        yield f"task {task}", answers(_send(level, groups(stories), said))
        pairs = ((story, contradicted(story, rng)) for story in _endlessly(task, said.seed))
        wrong = list(islice((other for story, other in pairs if other != story), said.stories))
        yield f"task {task}, contradicted", answers(_send(level, groups(wrong), said))

    asked = generate(LONG_TASK, said.stories, said.seed)
    unheard = [Story((), (replace(one.questions[0], place=0, supporting=()),)) for one in asked]
    yield "question first", answers(_send(level, groups(unheard), said))
    stretch = said.sentences // 10  # of two sentences between questions, and five questions
    (story,) = generate(LONG_TASK, 1, said.seed, StorySettings(stretch=stretch))
    yield f"{len(story.lines)} sentences", answers(_send(level, groups([story]), said))

    users = [_numbered(story, user) for user, story in enumerate(generate(TURNS_TASK, said.users, said.seed))]
    turns = [line for lines in zip_longest(*users) for line in lines if line is not None]
    together = _send(level, [turns], said)
    alone = _send(level, users, said)
    yield f"{said.users} users take turns", answers(together) | {"otherwise_alone": differences(together, alone)}


def _endlessly(task: int, seed: int) -> Iterator[Story]:
    """Stories with their first question alone."""
    return (Story(one.lines, one.questions[:1]) for one in generate_endlessly(task, seed))


def without_last(lines: Sequence[Line]) -> list[Line]:
    """The lines of stories without the last sentences before each one's question."""
    kept: list[Line] = []
    for story in dict.fromkeys(line.story for line in lines):
        *told, asked = (line for line in lines if line.story == story)
        kept += [*told[:-LOST], asked]
    return kept


def answers(heard: Iterable[tuple[Line, Outcome]]) -> dict:
    """Figures of the answers; one that was refused counts as wrong, and one whose question was lost, too."""
    right, sure, refused = [], [], 0
    for line, outcome in heard:
        if line.question is not None:
            right.append(same_answer(outcome.understanding.answer, line.question.answer))
            sure.append(outcome.understanding.answer_confidence)
            refused += outcome.understanding.answer == ""
    said, were = np.array(sure), np.array(right, bool)
    return {"questions": len(right), "right": asdict(proportion(float(were.sum()), len(right))), "refused": refused,
            "sure": float(said.mean()), "sure_right": float(said[were].mean()) if were.any() else None,
            "sure_wrong": float(said[~were].mean()) if not were.all() else None}  # fmt: skip


def differences(one: Heard, other: Heard) -> int:
    """Answers that are not the same, or not as sure, in two runs; GNU Radio rounds in another order."""
    known = {(line.stream, line.message): outcome.understanding for line, outcome in other}
    pairs = [(outcome.understanding, known[line.stream, line.message]) for line, outcome in one if line.question]
    return sum(a.answer != b.answer or abs(a.answer_confidence - b.answer_confidence) > 1e-3 for a, b in pairs)


def _send(level: Level, plan: Iterable[Sequence[Line]], said: argparse.Namespace) -> Heard:
    """What became of each line; each group meets a new receiver."""
    return list(chain.from_iterable(level.run(lines, said.snr, said.seed) for lines in plan))


def _numbered(story: Story, user: int) -> list[Line]:
    """The lines of a user who numbers messages from 0."""
    ((*lines,),) = groups([story])
    return [replace(line, story=user, stream=user) for line in lines]


def _level(said: argparse.Namespace) -> Level:
    link = {
        "codec": {"names": [said.codec]},
        "memory": {"entries": 512, "reader": said.reader},
        "radio": {"channel": load_channel("awgn").model_dump()},
    }
    return LEVELS[said.level](LinkConfig.model_validate(link))


def _row(name: str, one: dict) -> tuple[str, ...]:
    right, told = one["right"], [name]
    told += [f"{one['refused']} refused"] if one["refused"] else []
    told += [f"{one['otherwise_alone']} answers otherwise than alone"] if "otherwise_alone" in one else []
    sure = ("" if one[key] is None else f"{one[key]:.3f}" for key in ("sure", "sure_right", "sure_wrong"))
    interval = f"{right['value']:.3f} [{right['low']:.3f}, {right['high']:.3f}]"
    return (": ".join(told), str(one["questions"]), interval, *sure)


if __name__ == "__main__":
    main()
