"""`semcom qa`: stories sent sentence by sentence, questions answered from what the receiver remembers of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
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
from semcom_ota.memory.receiver_memory import ReceiverMemory
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
    error_free: bool = True  # and what would be answered if nothing went wrong on the way


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
        that anybody can answer who sees the questions alone, `error_free`, what is answered of what was understood as
        it was sent, and `questions_of_stories`, how many each story has, in the order of `right` of the points.

    Raises:
        ConfigError: codec, mask or reader cannot be had.
        ServiceFailed: a process gave up.
    """
    (figures,) = compare(asked, [link], channel, quiet)
    return figures


def compare(asked: Asked, links: Sequence[LinkConfig], channel: str, quiet: bool) -> list[dict[str, Any]]:
    """`run` for each of several links that are alike but for their memories.

    At level `waveform` everything is sent and decoded once, and all memories hear the very same; but where codecs
    decode with what is remembered.
    """
    if any(link.model_copy(update={"memory": links[0].memory}) != links[0] for link in links):
        raise ValueError("links that are compared may differ in their memories alone")
    plan = list(groups(asked.stories))
    together = asked.level == "waveform" and len(links) > 1 and not any(link.memory.decode_with for link in links)
    level: _Receivers = _Together(links) if together else _Each([LEVELS[asked.level](link) for link in links])
    with radio_process.progress(quiet) as bar:
        passes = asked.error_free + len(asked.snr_db)
        task = bar.add_task("no channel", total=passes * len(links) * sum(map(len, plan)))

        def send(level: _Receivers, snr_db: float) -> list[list[tuple[Line, Outcome]]]:
            found: list[list[tuple[Line, Outcome]]] = [[] for _ in links]
            for place, group in enumerate(plan):
                for mine, made in zip(found, level.run(group, snr_db, asked.seed + place), strict=True):
                    for line, outcome in made:
                        mine.append((line, outcome))
                        bar.update(task, advance=1)
            return found

        bounds = [dict[str, Any]() for _ in links]
        if asked.error_free:
            for found, bound in zip(send(_Each([ErrorFreeLevel(link) for link in links]), np.inf), bounds, strict=True):
                bound["error_free"] = asdict(_accuracy(found))
        points: list[list[dict[str, Any]]] = [[] for _ in links]
        for snr_db in asked.snr_db:
            bar.update(task, description=f"{snr_db:g} dB")
            for link, mine, found in zip(links, points, send(level, snr_db), strict=True):
                mine.append(_known(asked, link, channel) | {"snr_db": snr_db} | _point(found))
    told = {
        "question_only": QuestionOnly(asked.stories).share_right(asked.stories),
        "questions_of_stories": [len(story.questions) for story in asked.stories],
    }
    return [
        {
            "run": run_folder.describe(asked.level, link, asked.seed) | told | bound,
            "points": mine,
        }
        for link, bound, mine in zip(links, bounds, points, strict=True)
    ]


class _Receivers(Protocol):
    def run(self, lines: Sequence[Line], snr_db: float, seed: int) -> Sequence[Iterable[tuple[Line, Outcome]]]:
        """Of each receiver what a `Level` yields."""
        ...


class _Each:
    """Each receiver has an air of its own."""

    def __init__(self, levels: Sequence[Level]):
        self._levels = levels

    def run(self, lines: Sequence[Line], snr_db: float, seed: int) -> Sequence[Iterable[tuple[Line, Outcome]]]:
        return [level.run(lines, snr_db, seed) for level in self._levels]


class _Together:
    """One receiver with several memories."""

    def __init__(self, links: Sequence[LinkConfig]):
        self._level = WaveformLevel(links[0])
        self._memories = [ReceiverMemory(link.memory, link.device) for link in links]

    def run(self, lines: Sequence[Line], snr_db: float, seed: int) -> Sequence[Iterable[tuple[Line, Outcome]]]:
        heard = list(self._level.hear(lines, snr_db, seed))
        return [self._level.understand(heard, memory) for memory in self._memories]


def _known(asked: Asked, link: LinkConfig, channel: str) -> dict[str, Any]:
    return {
        "codec": link.codec.names[0],
        "channel": channel,
        "task": asked.task,
        "memory": link.memory.label,
        "size": link.memory.entries,
        "decode_with": link.memory.decode_with,
        "mask": link.mask.kind,
        "csi": "estimated",
    }


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
        "right": _packed(found),
        "confidence": float(sure.mean()) if len(sure) else None,
        "payload_symbols": symbols,
        "payload_symbols_per_word": symbols / words,
        "masked_share": masked / (symbols + masked) if symbols else 0.0,
        "overhead_symbols": sum(outcome.overhead_symbols for outcome in outcomes),
        "air_samples": sum(outcome.air_samples for outcome in outcomes),
    }


def _packed(found: Sequence[tuple[Line, Outcome]]) -> str:
    """A bit for each question, 1 if it was answered right, in the order of the stories: eight a byte, hexadecimal."""
    asked = [(line.story, line.message, _right(line, outcome)) for line, outcome in found if line.question is not None]
    return np.packbits(np.array([right for _, _, right in sorted(asked)], bool)).tobytes().hex()
