"""Shows that both levels of `semcom qa` agree: the first stories of a measurement go through GNU Radio, too.

    python benchmarks/questions_levels.py [--data DIR] [--split NAME] [--tasks 1,2,5] [--stories 5] [--snr=0,9]
                                          [--channels awgn,tdl-a] [--masks none,theory] [--codec lam-prior]
                                          [--reader DIR] [--seed 0] [--out docs/results/questions_levels.jsonl]

Line by line, verdict, text, symbols, answer, what is remembered and how sure the reader is (to a thousandth: GNU Radio
rounds in another order) have to be those of level `waveform`, which benchmarks/questions.py measures at. A line of the
file is a task over a channel at an SNR; one with the same settings, weights and stories is not sent again. Exit status
1 if something came out otherwise, 2 if it cannot work.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

from questions import TASKS, Run, alike, numbers, stories_of

from semcom_ota.config import ConfigError, DeviceConfig
from semcom_ota.experiments import qa, run_folder
from semcom_ota.experiments.qa_plan import Line, Outcome, groups
from semcom_ota.memory.reader import MemoryReader
from semcom_ota.services.process import ServiceFailed

KEPT = Path(__file__).parents[1] / "docs" / "results" / "questions_levels.jsonl"
CLOSE = 1e-3
"""Of confidences."""


def main() -> None:
    """Send what was not sent yet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with stories in bAbI's format  [default: generated]")
    parser.add_argument("--split", default="test", help="of the files there: test, valid or train")
    parser.add_argument("--tasks", type=numbers, default=TASKS)
    parser.add_argument("--stories", type=int, default=5, help="of each task (%(default)s)")
    parser.add_argument("--snr", type=numbers, default=(0.0, 9.0), help="Es/N0 in dB")
    parser.add_argument("--channels", default="awgn,tdl-a")
    parser.add_argument("--masks", default="none,theory")
    parser.add_argument("--codec", default="lam-prior")
    parser.add_argument("--reader", default="shipped", help="folder of who answers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=KEPT)
    said = parser.parse_args()
    same = True
    try:
        for found in measure(said):
            plan = found["plan"]
            where = f"task {plan['task']} {plan['channel']} {plan['snr_db'][0]:g} dB {plan['mask']}"
            print(f"{where}: {found['same']} of {found['lines']} lines the same", flush=True)
            same &= found["same"] == found["lines"]
    except (ConfigError, ServiceFailed, OSError) as error:
        print(f"questions_levels.py: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    raise SystemExit(not same)


def measure(said: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every line of the file as it is kept, also those that were there."""
    known = {json.dumps(one["plan"], sort_keys=True): one for one in run_folder.kept_lines(said.out)}
    reader = MemoryReader(Path(said.reader), DeviceConfig(device="cpu")).fingerprint
    wanted = product(said.tasks, said.channels.split(","), said.snr, said.masks.split(","))
    for task, channel, snr_db, mask in wanted:
        run = Run("levels", int(task), channel, (snr_db,), mask=mask, codec=said.codec, level="both", seed=said.seed)
        stories = stories_of(run.task, said, said.stories)[: said.stories]
        run = replace(run, questions=sum(len(story.questions) for story in stories))
        plan = json.loads(json.dumps(asdict(run) | alike(run, stories, said, reader)))
        found = known.get(json.dumps(plan, sort_keys=True))
        if found is None:
            link = run.link(said.reader)
            made = [dict(_sent(qa.LEVELS[level](link), list(groups(stories)), run)) for level in qa.LEVELS]
            lines = list(made[0])
            equal = sum(same_outcome(made[0][line], made[1][line]) for line in lines)
            about = run_folder.describe("flowgraph", link, said.seed)
            run_folder.keep_line(said.out, found := {"plan": plan, "run": about, "lines": len(lines), "same": equal})
        yield found


def same_outcome(one: Outcome, other: Outcome) -> bool:
    """Whether the very same became of a line, but for rounding."""
    apart = abs(one.understanding.answer_confidence - other.understanding.answer_confidence)
    understanding = replace(one.understanding, answer_confidence=other.understanding.answer_confidence)
    return apart <= CLOSE and replace(one, understanding=understanding) == other


def _sent(level: qa.Level, plan: list[list[Line]], run: Run) -> Iterator[tuple[tuple[int, int], Outcome]]:
    """What became of each line, by story and message; seeds as `qa.compare` gives them."""
    for place, lines in enumerate(plan):
        for line, outcome in level.run(lines, run.snr_db[0], run.seed + place):
            yield (line.story, line.message), outcome


if __name__ == "__main__":
    main()
