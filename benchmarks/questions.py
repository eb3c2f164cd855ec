"""What the receiver's memory and the masks are worth: measures, and keeps what it measured in docs/results/.

    python benchmarks/questions.py PART [PART ...] [--data DIR] [--split NAME] [--questions 2000] [--tasks 1,2,5]
                                   [--snr=0,6,12] [--codec lam-prior] [--level waveform] [--reader DIR] [--seed 0]
                                   [--out docs/results/questions.jsonl]

DIR has stories in bAbI's format (docs/data.md); without, they are generated. Each part is a set of runs of `semcom qa`;
what differs in its memory alone hears the very same, and is decoded once (level waveform):

    accuracy   with a memory and without, over AWGN and TDL-A
    rules      update rules at sizes that do not hold a story, at 12 dB
    told       what it is worth that the reader is told times and CSI, over TDL-A
    masks      no mask, a fixed one, theory's and the learned one

A line of the file is a run at one SNR; one with the same settings, weights and stories is not measured again, so that
it can be stopped. What would be answered if nothing went wrong on the way stands with the first SNR of a run.
The page is made by benchmarks/questions_page.py. Exit status 2 if it cannot work.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from semcom_ota.config import ConfigError, DeviceConfig, LinkConfig, load_channel
from semcom_ota.experiments import provenance, qa, run_folder
from semcom_ota.memory.reader import MemoryReader
from semcom_ota.services.process import ServiceFailed
from semcom_ota.tasks.generator import generate
from semcom_ota.tasks.stories import Story, format_stories, load_stories

KEPT = Path(__file__).parents[1] / "docs" / "results" / "questions.jsonl"
TASKS = (1, 2, 5, 6, 7, 8, 11, 12, 13, 15, 16, 20)
LONG_TASKS = (2, 5)
SNRS = (-6.0, -3.0, 0.0, 3.0, 6.0, 9.0, 12.0, 18.0)
WHOLE = 512
"""Entries that hold any story of these tasks."""
SIZES = (4, 8, 16, 32)
MASKS: dict[str, dict[str, Any]] = {"fixed": {"share": 0.4}}
"""Of the part `masks`, as in benchmarks/masked_text.py."""
RULES = ("fifo", "freshness", "value", "correlation", "value=1,freshness=0.25")


@dataclass(frozen=True, slots=True)
class Run:
    """One command `semcom qa`."""

    part: str
    task: int
    channel: str = "awgn"
    snr_db: tuple[float, ...] = SNRS
    memory: str = "fifo"
    size: int = WHOLE
    mask: str = "none"
    left_out: tuple[str, ...] = ()
    shuffled_csi: bool = False
    codec: str = "lam-prior"
    level: str = "waveform"
    questions: int = 2000
    seed: int = 0
    error_free: bool = True
    beams: int = 32  # of lam-prior: by default it has 128, which takes nearly twice as long and finds a few more

    def link(self, reader: str) -> LinkConfig:
        """What is sent how."""
        parts = [part.partition("=") for part in self.memory.split(",")]
        rule = {name: float(weight or 1) for name, _, weight in parts if name != "none"}
        memory: dict[str, Any] = {"entries": self.size if rule else 0, "reader": reader}
        memory |= {"left_out": self.left_out, "shuffled_csi": self.shuffled_csi} | ({"rule": rule} if rule else {})
        return LinkConfig.model_validate(
            {
                "codec": {"names": [self.codec], "beams": self.beams},
                "radio": {"channel": load_channel(self.channel).model_dump()},
                "mask": {"kind": self.mask} | MASKS.get(self.mask, {}),
                "memory": memory,
            }
        )

    @property
    def heard(self) -> "Run":
        """The same for all runs that hear the very same."""
        return replace(self, part="", memory="", size=0, left_out=(), shuffled_csi=False)


def runs(part: str, common: Run, tasks: tuple[int, ...]) -> Iterator[Run]:
    """What a part consists of."""
    own = replace(common, part=part)
    for task in tasks:
        one = replace(own, task=task)
        if part == "accuracy":
            for channel in ("awgn", "tdl-a"):
                yield replace(one, channel=channel)
                yield replace(one, channel=channel, memory="none")
        elif part == "rules" and task in LONG_TASKS:
            for size in SIZES:
                for rule in RULES:
                    yield replace(one, memory=rule, size=size, snr_db=(12.0,))
        elif part == "told":
            told = ((), False), (("time",), False), (("csi",), False), ((), True)
            for left_out, shuffled in told:
                yield replace(one, channel="tdl-a", left_out=left_out, shuffled_csi=shuffled)
        elif part == "masks":
            for mask in ("none", "fixed", "theory", "learned"):
                yield replace(one, mask=mask)


def stories_of(task: int, said: argparse.Namespace, count: int) -> list[Story]:
    """From files, or so many made: never those of a training."""
    return load_stories(said.data, task, said.split) if said.data else generate(task, count, said.seed)


def alike(run: Run, stories: Sequence[Story], said: argparse.Namespace, reader: str) -> dict[str, Any]:
    """What else has to be the same for a run to be the same again."""
    return {
        "split": said.split if said.data else "generated",
        "stories": provenance.digest([format_stories(stories).encode()]),
        "reader": reader,
        "weights": provenance.shipped_weights(run.codec),
        "settings": MASKS.get(run.mask, {}),
    }


def numbers(text: str) -> tuple[float, ...]:
    """The value of an option such as `--snr=0,6`."""
    return tuple(float(part) for part in text.split(","))


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=("accuracy", "rules", "told", "masks"), metavar="PART")
    parser.add_argument("--data", type=Path, help="folder with stories in bAbI's format  [default: generated]")
    parser.add_argument("--split", default="test", help="of the files there: test, valid or train")
    parser.add_argument("--questions", type=int, default=2000, help="of each task, at least, if there are so many")
    parser.add_argument("--tasks", type=numbers, default=TASKS)
    parser.add_argument("--snr", type=numbers, default=SNRS, help="Es/N0 in dB")
    parser.add_argument("--codec", default="lam-prior", help="that carries the sentences")
    parser.add_argument("--level", default="waveform", choices=tuple(qa.LEVELS))
    parser.add_argument("--reader", default="shipped", help="folder of who answers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=KEPT)
    said = parser.parse_args()
    common = Run("", 0, snr_db=said.snr, codec=said.codec, level=said.level, questions=said.questions, seed=said.seed)
    tasks = tuple(int(task) for task in said.tasks)
    try:
        measure([run for part in said.parts for run in runs(part, common, tasks)], said)
    except (ConfigError, ServiceFailed, OSError) as error:
        print(f"questions.py: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def measure(wanted: Sequence[Run], said: argparse.Namespace) -> None:
    """Measure those that are not in the file, and add them to it."""
    known = [one["plan"] for one in run_folder.kept_lines(said.out)]
    reader = MemoryReader(Path(said.reader), DeviceConfig(device="cpu")).fingerprint
    together: dict[Run, list[Run]] = {}
    for run in wanted:
        for snr_db in run.snr_db:
            one = replace(run, snr_db=(snr_db,), error_free=snr_db == run.snr_db[0])
            together.setdefault(one.heard, []).append(one)
    for heard, hearing in together.items():
        stories = qa.first_questions(stories_of(heard.task, said, said.questions), heard.questions)
        same = alike(heard, stories, said, reader)
        plans = {run: json.loads(json.dumps(asdict(run) | same)) for run in hearing}
        missing = [run for run in hearing if plans[run] not in known]
        if not missing:
            continue
        asked = qa.Asked(stories, heard.task, heard.snr_db, heard.level, heard.seed, heard.error_free)
        links = [run.link(said.reader) for run in missing]
        measured = qa.compare(asked, links, heard.channel, quiet=not sys.stderr.isatty())
        for run, figures in zip(missing, measured, strict=True):
            run_folder.keep_line(said.out, {"plan": plans[run], **figures})
            (point,) = figures["points"]
            where = f"{run.part} task {run.task} {run.channel} {point['snr_db']:g} dB"
            print(where, run.memory, run.size, run.mask, f"{point['accuracy']:.3f}", flush=True)


if __name__ == "__main__":
    main()
