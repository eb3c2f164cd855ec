"""`semcom qa`: stories sent sentence by sentence, questions answered from what the receiver remembers of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from semcom_ota.config import LinkConfig
from semcom_ota.experiments import radio_process, run_folder
from semcom_ota.experiments.qa_error_free import ErrorFreeLevel
from semcom_ota.experiments.qa_flowgraph import FlowgraphLevel
from semcom_ota.experiments.qa_plan import Line, Outcome, groups
from semcom_ota.experiments.qa_waveform import WaveformLevel
from semcom_ota.experiments.statistics import Estimate, clustered_proportion
from semcom_ota.tasks.question_only import QuestionOnly
from semcom_ota.tasks.solver import same_answer
from semcom_ota.tasks.stories import Story


class Level(Protocol):
    """A way to send a group of lines."""

    def run(self, lines: Sequence[Line], snr_db: float, seed: int) -> Iterator[tuple[Line, Outcome]]:
        """Each line with what became of it, in any order."""
        ...


LEVELS: dict[str, Callable[[LinkConfig], Level]] = {"waveform": WaveformLevel, "flowgraph": FlowgraphLevel}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of whom."""

    stories: Sequence[Story]
    task: int
    snr_db: Sequence[float]
    level: str
    seed: int


def first_questions(stories: Sequence[Story], questions: int) -> list[Story]:
    """So many stories that they have at least so many questions, or all."""
    chosen, found = list[Story](), 0
    for story in stories:
        if found >= questions:
            break
        chosen.append(story)
        found += len(story.questions)
    return chosen


def run(asked: Asked, link: LinkConfig, channel: str, quiet: bool) -> dict[str, Any]:
    """Send everything at every SNR.

    Args:
        asked: the stories, and how they are sent.
        link: its memory has a reader; its codec is one.
        channel: its name, for people.
        quiet: no progress bar.

    Returns:
        `run` and `points`, as `--json` has them (ARCHITECTURE.md). `run` has beside the usual `question_only`, the best
        that anybody can answer who sees the questions alone, and `error_free`, what is answered of what was understood
        as it was sent.

    Raises:
        ConfigError: codec, mask or reader cannot be had.
        ServiceFailed: a process gave up.
    """
    plan = list(groups(asked.stories))
    known = {
        "codec": link.codec.names[0],
        "channel": channel,
        "task": asked.task,
        "memory": link.memory.label,
        "size": link.memory.entries,
        "decode_with": link.memory.decode_with,
        "mask": link.mask.kind,
        "csi": "estimated",
    }
    with radio_process.progress(quiet) as bar:
        task = bar.add_task("no channel", total=(1 + len(asked.snr_db)) * sum(map(len, plan)))

        def send(level: Level, snr_db: float) -> list[tuple[Line, Outcome]]:
            found = []
            for place, group in enumerate(plan):
                for line, outcome in level.run(group, snr_db, asked.seed + place):
                    found.append((line, outcome))
                    bar.update(task, advance=1)
            return found

        level = LEVELS[asked.level](link)  # first, for what it refuses
        ceiling = _accuracy(send(ErrorFreeLevel(link), np.inf))
        points = []
        for snr_db in asked.snr_db:
            bar.update(task, description=f"{snr_db:g} dB")
            points.append(known | {"snr_db": snr_db} | _point(send(level, snr_db)))
    bounds = {
        "question_only": QuestionOnly(asked.stories).share_right(asked.stories),
        "error_free": asdict(ceiling),
    }
    return {"run": run_folder.describe(asked.level, link, asked.seed) | bounds, "points": points}


def _right(line: Line, outcome: Outcome) -> bool:
    return line.question is not None and same_answer(outcome.understanding.answer, line.question.answer)


def _accuracy(found: Sequence[tuple[Line, Outcome]]) -> Estimate:
    """Of all questions, also of those that were lost; the questions of a story may be alike."""
    asked = [(line, outcome) for line, outcome in found if line.question is not None]
    right = np.array([_right(line, outcome) for line, outcome in asked], float)
    return clustered_proportion(right, np.array([line.story for line, _ in asked]))


def _point(found: Sequence[tuple[Line, Outcome]]) -> dict[str, Any]:
    accuracy = _accuracy(found)
    outcomes = [outcome for _, outcome in found]
    statuses = [outcome.status for outcome in outcomes]
    answers = [(line, outcome) for line, outcome in found if outcome.understanding.answer is not None]
    sure = np.array([outcome.understanding.answer_confidence for _, outcome in answers])
    words = sum(len(line.text.split()) for line, _ in found)
    symbols = sum(outcome.payload_symbols for outcome in outcomes)
    masked = sum(outcome.masked_symbols for outcome in outcomes)
    return {
        "messages": len(found),
        "delivered": statuses.count("delivered"),
        "corrupted": statuses.count("corrupted"),
        "lost": statuses.count("lost"),
        "questions": sum(line.question is not None for line, _ in found),
        "answered": len(answers),
        "accuracy": accuracy.value,
        "accuracy_low": accuracy.low,
        "accuracy_high": accuracy.high,
        "confidence": float(sure.mean()) if len(sure) else None,
        "payload_symbols_per_word": symbols / words,
        "masked_share": masked / (symbols + masked) if symbols else 0.0,
        "overhead_symbols": sum(outcome.overhead_symbols for outcome in outcomes),
        "air_samples": sum(outcome.air_samples for outcome in outcomes),
    }
