"""What it is worth to decode with what is remembered (`memory.decode_with`): a table.

    python benchmarks/decode_with_memory.py --data DIR [--tasks 1,2,5,15,20] [--stories 40] [--snr=-8,-6,-4,-2,0,2]
                                            [--entries 64] [--codec lam-prior] [--budget 8] [--seed 0] [--json FILE]

Stories that are generated, their sentences without the questions, and as one more set the five captions of each
picture of Multi30k's validation (of which 40 pictures served to choose the two strengths of `memory_prior.py`): each
story or picture a user of its own, one sentence a message, level `waveform`, AWGN, estimated CSI. The same messages
over the same noise are decoded twice, with the newest entries of the memory and without. Intervals are 95 %, by a
bootstrap over stories; a sentence that did not arrive counts as wrong. The decibels are between the SNRs at which
BLEU-1 reaches 0.9. Exit status 2 if it cannot work.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from semcom_ota.config import ConfigError, LinkConfig, load_channel
from semcom_ota.experiments import provenance
from semcom_ota.experiments.comparison import crossing, gap
from semcom_ota.experiments.qa_plan import groups
from semcom_ota.experiments.qa_waveform import WaveformLevel
from semcom_ota.experiments.statistics import QUALITY, Resampling, estimate, quality_rows
from semcom_ota.experiments.sweep_tables import Table, decibels
from semcom_ota.tasks.generator import generate
from semcom_ota.tasks.stories import Story

PICTURES = "pictures"
FIGURES = ("exact_match", "bleu1")
LEVEL = 0.9
HEAD = ("set", "SNR (dB)", "sentences", "exact, without", "exact, with", "difference", "BLEU-1, without",
        "BLEU-1, with", "difference", f"dB at BLEU-1 {LEVEL}")  # fmt: skip


def main() -> None:
    """Measure every set and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets (docs/data.md)")
    parser.add_argument("--tasks", type=lambda text: [int(task) for task in text.split(",")], default=[1, 2, 5, 15, 20])
    parser.add_argument("--stories", type=int, default=40, help="of each set (%(default)s)")
    parser.add_argument("--snr", type=lambda text: sorted(map(float, text.split(","))), default=[-8, -6, -4, -2, 0, 2])
    parser.add_argument("--entries", type=int, default=64, help="decoded with at most, 1 to 256 (%(default)s)")
    parser.add_argument("--codec", default="lam-prior")
    parser.add_argument("--budget", type=float, default=8.0, help="payload symbols a word (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    said = parser.parse_args()
    if not 1 <= said.entries <= 256 or said.stories < 1:
        parser.error("--entries takes 1 to 256, --stories at least 1")
    document: dict[str, Any] = {
        "machine": provenance.machine(),
        "commit": provenance.commit(),
        "settings": {name: value for name, value in vars(said).items() if name not in ("json", "data")},
        "sets": {},
    }
    try:
        levels = {entries: _level(said.codec, said.budget, entries) for entries in (0, said.entries)}
        lines: list[Sequence[str]] = []
        for name, stories in _sets(said).items():
            document["sets"][name] = found = measure(stories[: said.stories], levels, said.snr, said.seed)
            lines += _lines(name, found)
            print(f"{name}: done", file=sys.stderr, flush=True)
        print(Table("", "", HEAD, tuple(map(tuple, lines))).markdown())
        if said.json is not None:
            said.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except (ConfigError, OSError, ValueError) as error:
        print(f"decode_with_memory.py: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def measure(stories: Sequence[Story], levels: dict[int, WaveformLevel], snrs: Sequence[float], seed: int) -> Any:
    """Figures of each SNR, and the distance in dB between the two crossings (`levels`: without, then with)."""
    plan = list(groups(stories))
    resampling = Resampling(len(stories), seed)
    curves: dict[int, list[Any]] = {entries: [] for entries in levels}
    points = []
    for snr_db in snrs:
        point: dict[str, Any] = {"snr_db": snr_db, "sentences": sum(map(len, plan))}
        draws = {}
        for entries, level in levels.items():
            found = [one for place, group in enumerate(plan) for one in level.run(group, snr_db, seed + place)]
            table = quality_rows([line.text for line, _ in found], [outcome.received for _, outcome in found])
            sums = resampling.sums(table, np.array([line.story for line, _ in found]))
            draws[entries] = {name: QUALITY[name](sums) for name in FIGURES}
            curves[entries].append(draws[entries]["bleu1"])
        without, knowing = draws.values()
        for name in FIGURES:
            point[name] = {
                "without": asdict(estimate(without[name])),
                "with": asdict(estimate(knowing[name])),
                "difference": asdict(estimate(knowing[name] - without[name])),
            }
        points.append(point)
    without, knowing = (crossing(snrs, np.stack(curve, axis=1), LEVEL) for curve in curves.values())
    return {"points": points, "gap_db": gap(knowing, without).as_json()}


def _level(codec: str, budget: float, decode_with: int) -> WaveformLevel:
    link = {
        "codec": {"names": [codec], "symbols_per_word": budget},
        "memory": {"entries": max(decode_with, 1), "decode_with": decode_with},
        "radio": {"channel": load_channel("awgn").model_dump()},
    }
    return WaveformLevel(LinkConfig.model_validate(link))


def _sets(said: argparse.Namespace) -> dict[str, list[Story]]:
    stories = {f"task {task}": generate(task, said.stories, said.seed) for task in said.tasks}
    sets = {name: [Story(story.lines, ()) for story in of_task] for name, of_task in stories.items()}
    captions = []
    for number in range(1, 6):
        with gzip.open(said.data / "multi30k" / f"val.{number}.en.gz", "rt", encoding="utf-8") as file:
            captions.append([line.strip() for line in file])
    return sets | {PICTURES: [Story(lines, ()) for lines in zip(*captions, strict=True)]}


def _lines(name: str, found: dict[str, Any]) -> list[Sequence[str]]:
    rows, across = [], decibels(found["gap_db"])
    for point in found["points"]:
        cells = [_cell(point[figure][which]) for figure in FIGURES for which in ("without", "with", "difference")]
        rows.append((name, f"{point['snr_db']:g}", str(point["sentences"]), *cells, across))
    return rows


def _cell(one: dict[str, float]) -> str:
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


if __name__ == "__main__":
    main()
