"""What masks save of a text's symbols, and what that costs: measures, and makes docs/masked_text.md of it.

    python benchmarks/masked_text.py --data DIR [--count 300] [--codecs lam-prior,lam-jscc] [--snr=0,3,6,9,12]
                                     [--budget 8] [--channel awgn] [--seed 0]
                                     [--out docs/results/masked_text.jsonl]
    python benchmarks/masked_text.py --page

The first captions of `test_2016_flickr` go through the three processes of `semcom loopback` (level `flowgraph`,
estimated CSI, link reports over ZMQ) with no mask, a fixed one, theory's and the learned one. A run that is in the file
with the same settings is not measured again, so that it can be stopped. Exit status 2 if it cannot work.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from semcom_ota.config import ConfigError, LinkConfig, load_channel
from semcom_ota.experiments import loopback, provenance, run_folder, sweep_pictures
from semcom_ota.experiments.statistics import QUALITY, Resampling, estimate, quality_rows
from semcom_ota.experiments.sweep_tables import Table
from semcom_ota.services.process import ServiceFailed
from semcom_ota.training.corpus import load_test_captions

ROOT = Path(__file__).parents[1]
KEPT, PAGE = ROOT / "docs" / "results" / "masked_text.jsonl", ROOT / "docs" / "masked_text.md"
MASKS: dict[str, dict[str, Any]] = {
    "none": {"kind": "none"},
    "fixed": {"kind": "fixed", "share": 0.4},
    "theory": {"kind": "theory"},
    "learned": {"kind": "learned"},
}
"""The fixed one saves 60 %; theory goes by the SNR at which the codec says that it needs all of its symbols."""
COMMON = ("codec", "channel", "budget", "count", "seed", "weights")
"""What runs have in common that are compared."""
BEGINNING = """# Masked texts

<!-- written by benchmarks/masked_text.py -->

What a mask ([masking.md](masking.md)) leaves out of image captions, and what arrives of the rest. All captions of a run
are of `test_2016_flickr`, which nothing was trained on; BLEU-1 counts every message, its intervals are 95 %; CSI is
estimated; the SNR is the mean Es/N0 of data subcarriers. Air samples are those of whole frames, with preamble, header,
pilots and filling: they are what the air is taken by, and fewer are saved of them than of symbols.
"""


def main() -> None:
    """Measure what is missing, or write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the data sets (docs/data.md)")
    parser.add_argument("--count", type=int, default=300, help="captions (%(default)s)")
    parser.add_argument("--codecs", type=lambda text: tuple(text.split(",")), default=("lam-prior", "lam-jscc"))
    parser.add_argument("--snr", type=lambda text: tuple(map(float, text.split(","))), default=(0, 3, 6, 9, 12))
    parser.add_argument("--budget", type=float, default=8.0, help="payload symbols a word, unmasked (%(default)s)")
    parser.add_argument("--channel", default="awgn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=KEPT)
    parser.add_argument("--page", action="store_true", help="write docs/masked_text.md of what was measured")
    said = parser.parse_args()
    try:
        if said.page:
            if not (kept := run_folder.kept_lines(said.out)):
                raise ConfigError(f"nothing was measured in '{said.out}': run it with --data first")
            write_page(kept)
            return
        if said.data is None:
            raise ConfigError("no --data: name the folder of the data sets (docs/data.md)")
        for measured in measure(said):
            point = measured["points"][0]
            print(
                f"{measured['plan']['codec']} {measured['plan']['mask']} {point['snr_db']:g} dB: BLEU-1"
                f" {point['bleu1']:.3f}, {point['payload_symbols_per_word']:.2f} symbols a word",
                flush=True,
            )
    except (ConfigError, ServiceFailed, OSError, ValueError, KeyError) as error:
        print(f"masked_text.py: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def measure(said: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Each run as it is kept: `plan`, `run`, and `points`, of which there is one."""
    texts = load_test_captions(said.data)[: said.count]
    known = [line["plan"] for line in run_folder.kept_lines(said.out)]
    for codec in said.codecs:
        weights = provenance.shipped_weights(codec)
        for snr_db, (mask, settings) in product(said.snr, MASKS.items()):
            plan = {"codec": codec, "mask": mask, "snr_db": float(snr_db), "count": len(texts), "budget": said.budget}
            plan |= {"channel": said.channel, "seed": said.seed, "settings": settings, "weights": weights}
            if plan in known:
                continue
            link = LinkConfig.model_validate(
                {
                    "codec": {"names": (codec,), "symbols_per_word": said.budget},
                    "mask": settings,
                    "radio": {
                        "channel": load_channel(said.channel).model_dump(),
                        "snr_db": (snr_db,),
                        "messages_per_snr": len(texts),
                        "seed": said.seed,
                    },
                }
            )
            with tempfile.TemporaryDirectory(prefix="semcom-") as scratch:
                quiet = not sys.stderr.isatty()
                made = loopback.run(texts, link, said.channel, Path(scratch), record=False, quiet=quiet)
            measured = {"plan": plan, **made.summary}
            measured["masked"] = sum(row["masked_symbols"] for row in made.messages)
            measured["sent"] = sum(row["payload_symbols"] for row in made.messages)
            quality = quality_rows(texts, [row["received"] for row in made.messages])
            measured["quality"] = quality.astype(int).tolist()  # what paired differences are made of
            run_folder.keep_line(said.out, measured)
            yield measured


def write_page(runs: Sequence[dict[str, Any]]) -> None:
    """The page, and a picture for each codec and channel."""
    images = PAGE.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    parts, alike = [BEGINNING], dict[tuple[Any, ...], list[dict[str, Any]]]()
    for run in runs:
        alike.setdefault(tuple(run["plan"][name] for name in COMMON), []).append(run)
    made = []
    for place, (common, own) in enumerate(alike.items()):
        codec, channel, budget, count, seed, weights = common
        file = images / f"masked-text-{place}-{codec}-{channel}.svg"
        title = f"{codec}, {channel}, {budget:g} symbols a word"
        file.write_bytes(picture(own, title))
        parts += [f"## {title}\n", f"![symbols against BLEU-1](images/{file.name})\n", table(own)]
        commits = dict.fromkeys(run["run"]["commit"] for run in own)
        made.append((codec, channel, f"{budget:g}", str(count), str(seed), weights, ", ".join(commits)))
    head = ("codec", "channel", "symbols a word", "captions", "seed", "weights", "commit")
    parts.append(
        "## To make it again\n\n```sh\npython benchmarks/masked_text.py --data DIR\n"
        "python benchmarks/masked_text.py --page\n```\n\n" + Table("", "", head, tuple(made)).markdown()
    )
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    print(f"{PAGE}: {len(runs)} runs")


def picture(runs: Sequence[dict[str, Any]], title: str) -> bytes:
    """BLEU-1 against symbols a word and against air samples a message: a curve a mask, a point an SNR."""
    figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.6), sharey=True)
    style = sweep_pictures.looks(list(MASKS))
    for mask in MASKS:
        points = sorted(
            (run["points"][0] for run in runs if run["plan"]["mask"] == mask), key=lambda point: point["snr_db"]
        )
        across = (
            [point["payload_symbols_per_word"] for point in points],
            [point["air_samples"] / point["messages"] for point in points],
        )
        values = [point["bleu1"] for point in points]
        errors = [[max(0, point["bleu1"] - point["bleu1_low"]) for point in points],
                  [max(0, point["bleu1_high"] - point["bleu1"]) for point in points]]  # fmt: skip
        for axes, places in zip(panels, across, strict=True):
            colour, marker = style[mask]
            axes.errorbar(places, values, errors, color=colour, marker=marker, markersize=4, capsize=2, label=mask)
            for place, value, point in zip(places, values, points, strict=True):
                axes.annotate(f"{point['snr_db']:g}", (place, value), (3, -9), textcoords="offset points", fontsize=6)
    for axes, label in zip(panels, ("payload symbols a word", "air samples a message"), strict=True):
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("BLEU-1")
    panels[0].legend(frameon=False, fontsize=8)
    figure.suptitle(f"{title}; numbers are SNRs in dB")
    figure.tight_layout()
    return sweep_pictures.picture(figure, "svg")


def table(runs: Sequence[dict[str, Any]]) -> str:
    """Every figure of some runs, beside what was saved of what goes without a mask."""
    whole = {run["plan"]["snr_db"]: run for run in runs if run["plan"]["mask"] == "none"}
    drawn = {id(run): _bleu1_draws(run) for run in runs}
    rows = []
    for run in sorted(runs, key=lambda run: run["plan"]["snr_db"]):
        unmasked = whole[run["plan"]["snr_db"]]
        point, free = run["points"][0], unmasked["points"][0]
        less = estimate(drawn[id(run)] - drawn[id(unmasked)])
        rows.append((
            f"{point['snr_db']:g}", run["plan"]["mask"],
            f"{point['bleu1']:.3f} [{point['bleu1_low']:.3f}, {point['bleu1_high']:.3f}]",
            "" if run is unmasked else f"{less.value:+.3f} [{less.low:+.3f}, {less.high:+.3f}]",
            f"{point['payload_symbols_per_word']:.2f}",
            f"{run['masked'] / max(run['masked'] + run['sent'], 1):.1%}",
            f"{1 - point['air_samples'] / free['air_samples']:.1%}",
        ))  # fmt: skip
    head = ("SNR (dB)", "mask", "BLEU-1 [95 %]", "less no mask [95 %]", "symbols a word", "symbols saved",
            "air samples saved")  # fmt: skip
    return Table("", "", head, tuple(rows)).markdown()


def _bleu1_draws(run: dict[str, Any]) -> NDArray[np.float64]:
    """BLEU-1 in the draws that all runs share: what makes differences paired."""
    table_of = np.array(run["quality"], np.float64)
    return QUALITY["bleu1"](Resampling(len(table_of)).sums(table_of))


if __name__ == "__main__":
    main()
