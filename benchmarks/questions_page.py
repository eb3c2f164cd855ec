"""Makes docs/questions.md and its pictures of what benchmarks/questions.py measured.

    python benchmarks/questions_page.py [docs/results/questions.jsonl ...] [--out docs/questions.md]
                                        [--levels docs/results/questions_levels.jsonl]

Several files are one. What benchmarks/questions_levels.py found is told, too, if it is there. Exit status 2 if there is
nothing, or if a file holds something else.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from semcom_ota.config import ConfigError
from semcom_ota.experiments import sweep_pictures
from semcom_ota.experiments.qa_comparison import Answers
from semcom_ota.experiments.sweep_tables import Table, decibels

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "results" / "questions.jsonl"
LEVELS = KEPT.with_name("questions_levels.jsonl")
MAX_BYTES = 2**26
BEGINNING = """# Questions about what was received

<!-- written by benchmarks/questions_page.py -->

Stories in bAbI's format are sent a sentence a message, and the receiver is asked about them (`semcom qa`,
[memory.md](memory.md)). The SNR is the mean Es/N0 of data subcarriers; CSI is estimated; every question counts, also
one that was lost. Intervals are 95 %, of as many stories as there are. Dotted: what is answered of stories that were
understood as they were sent; dashed: the best that anybody could who sees the questions alone.
"""
TITLES = {
    "accuracy": "With a memory and without",
    "rules": "What goes when the memory is full",
    "told": "What it is worth to know times and CSI",
    "masks": "Symbols against answers",
}
REFERENCES = {"accuracy": "no memory", "rules": "fifo", "told": "all", "masks": "none"}
"""What the other runs of a part are compared with."""
LEVEL = 0.9
Measured = dict[str, Any]
"""A run: `plan`, `run`, `points`; or a line of the file, which has one of its points."""


def lines_of(file: Path) -> list[Measured]:
    """What a file holds.

    Raises:
        ValueError: it is too large, or no JSON.
    """
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"'{file}' is too large")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def merged(lines: Sequence[Measured]) -> list[Measured]:
    """Lines of one run, each at an SNR of its own, become one.

    Raises:
        ConfigError: a curve was measured twice, with another reader, other stories or settings.
    """
    runs: dict[str, Measured] = {}
    for line in lines:
        plan = {name: value for name, value in line["plan"].items() if name not in ("snr_db", "error_free")}
        one = runs.setdefault(json.dumps(plan, sort_keys=True), {"plan": plan, "run": {}, "points": []})
        one["run"] |= line["run"]
        one["points"] = sorted([*one["points"], *line["points"]], key=lambda point: point["snr_db"])
    seen: set[tuple[Any, ...]] = set()
    for one in runs.values():
        curve = *(one["plan"][name] for name in ("part", "task", "channel", "codec", "level", "size")), variant(one)
        if curve in seen:
            told = ", ".join(map(str, curve))
            raise ConfigError(f"measured twice with other stories, readers or settings ({told}): name files of one")
        seen.add(curve)
    return list(runs.values())


def variant(one: Measured) -> str:
    """What tells a run from the others of its part and task."""
    plan = one["plan"]
    if plan["part"] == "accuracy":
        return "no memory" if plan["memory"] == "none" else "memory"
    if plan["part"] == "told":
        left_out = " ".join(["without", *plan["left_out"]]) if plan["left_out"] else "all"
        return "CSI of others" if plan["shuffled_csi"] else left_out
    return str(plan["memory" if plan["part"] == "rules" else "mask"])


def curves(runs: Sequence[Measured], title: str) -> bytes:
    """Accuracy against SNR, one panel a task."""
    tasks, style, figure, grid = panels(runs)
    for axes, task in zip(grid.flat, tasks, strict=False):
        own = [one for one in runs if one["plan"]["task"] == task]
        for one in own:
            colour, marker = style[variant(one)]
            snrs, values = ([point[name] for point in one["points"]] for name in ("snr_db", "accuracy"))
            low, high = ([point[f"accuracy_{end}"] for point in one["points"]] for end in ("low", "high"))
            axes.plot(snrs, values, color=colour, marker=marker, markersize=4, label=variant(one))
            axes.fill_between(snrs, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.axhline(own[0]["run"]["error_free"]["value"], color="#444444", linestyle=":", linewidth=1)
        axes.axhline(own[0]["run"]["question_only"], color="#444444", linestyle="--", linewidth=1)
        axes.set(title=f"task {task}", ylim=(-0.03, 1.03))
        axes.grid(alpha=0.3)
    return finished(figure, grid, sweep_pictures.SNR, "answered right", title)


def sizes(runs: Sequence[Measured], title: str) -> bytes:
    """Accuracy against the memory's size, one panel a task, at the highest SNR."""
    tasks = sorted({one["plan"]["task"] for one in runs})
    style = sweep_pictures.looks(list(dict.fromkeys(map(variant, runs))))
    figure, grid = plt.subplots(1, len(tasks), figsize=(4.2 * len(tasks), 3.4), squeeze=False, sharey=True)
    for axes, task in zip(grid.flat, tasks, strict=True):
        for name in style:
            own = sorted(
                (one for one in runs if one["plan"]["task"] == task and variant(one) == name),
                key=lambda one: one["plan"]["size"],
            )
            entries, points = [one["plan"]["size"] for one in own], [one["points"][-1] for one in own]
            accuracy = [point["accuracy"] for point in points]
            axes.plot(entries, accuracy, color=style[name][0], marker=style[name][1], label=name)
            low, high = ([point[f"accuracy_{end}"] for point in points] for end in ("low", "high"))
            axes.fill_between(entries, low, high, color=style[name][0], alpha=0.18, linewidth=0)
        axes.set(title=f"task {task}", xscale="log", ylim=(-0.03, 1.03))
        axes.set_xticks(ticks := sorted({one["plan"]["size"] for one in runs}), [str(tick) for tick in ticks])
        axes.grid(alpha=0.3)
    return finished(figure, grid, "entries that the memory holds", "answered right", title)


def spent(runs: Sequence[Measured], title: str) -> bytes:
    """Accuracy against what a message took of the air, overhead included: one panel a task, a mark for each SNR."""
    tasks, style, figure, grid = panels(runs)
    for axes, task in zip(grid.flat, tasks, strict=False):
        for one in (one for one in runs if one["plan"]["task"] == task):
            colour, marker = style[variant(one)]
            symbols = [on_the_air(point) for point in one["points"]]
            accuracy = [point["accuracy"] for point in one["points"]]
            axes.plot(symbols, accuracy, color=colour, marker=marker, markersize=4, linewidth=0.8, label=variant(one))
            for place, value, point in zip(symbols, accuracy, one["points"], strict=True):
                axes.annotate(f"{point['snr_db']:g}", (place, value), fontsize=5, color=colour)
        axes.set(title=f"task {task}", ylim=(-0.03, 1.03))
        axes.grid(alpha=0.3)
    return finished(figure, grid, "symbols a message, overhead included (marks: dB)", "answered right", title)


def on_the_air(point: dict[str, Any]) -> float:
    """Symbols a message, of the payload and all beside it."""
    return float((point["payload_symbols"] + point["overhead_symbols"]) / point["messages"])


def panels(runs: Sequence[Measured]) -> tuple[list[int], sweep_pictures.Looks, Any, Any]:
    """The tasks, how each variant looks, and a figure with a panel for each task."""
    tasks = sorted({one["plan"]["task"] for one in runs})
    columns = min(len(tasks), 4)
    rows = -(-len(tasks) // columns)
    size = 2.7 * columns, 2.4 * rows
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[len(tasks) :]:
        axes.set_axis_off()
    return tasks, sweep_pictures.looks(list(dict.fromkeys(map(variant, runs)))), figure, grid


def finished(figure: Any, grid: Any, across: str, up: str, title: str) -> bytes:
    """The figure as SVG, with what its axes are and one legend."""
    axes: Axes = grid[0, 0]
    figure.suptitle(title)
    figure.supxlabel(across, fontsize=10)
    figure.supylabel(up, fontsize=10)
    figure.tight_layout()
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=5, frameon=False, fontsize=9)
    return sweep_pictures.picture(figure, "svg")


def table(runs: Sequence[Measured]) -> str:
    """Every figure of some runs."""
    rows = []
    for one in sorted(runs, key=lambda one: (one["plan"]["task"], one["plan"]["size"])):
        plan, free = one["plan"], one["run"]["error_free"]
        rows += [
            (str(plan["task"]), variant(one), str(plan["size"]), f"{point['snr_db']:g}", str(point["questions"]),
             f"{point['accuracy']:.3f} [{point['accuracy_low']:.3f}, {point['accuracy_high']:.3f}]",
             f"{free['value']:.3f}", f"{one['run']['question_only']:.3f}",
             f"{point['payload_symbols_per_word']:.2f}", f"{point['masked_share']:.2f}", str(point["air_samples"]))
            for point in one["points"]
        ]  # fmt: skip
    head = ("task", "", "entries", "SNR (dB)", "questions", "answered right [95 %]", "understood as sent",
            "questions alone", "symbols a word", "masked", "air samples")  # fmt: skip
    return f"<details><summary>Figures</summary>\n\n{Table('', '', head, tuple(rows)).markdown()}\n</details>\n"


def against(part: str, runs: Sequence[Measured]) -> str:
    """Every run against the one that its part compares with: differences, dB, and what a mask saves."""
    references = {likeness(part, one): one for one in runs if variant(one) == REFERENCES[part]}
    rows = []
    for one in sorted(runs, key=lambda one: (one["plan"]["task"], one["plan"]["size"])):
        other = references.get(likeness(part, one))
        if other is None or other is one:
            continue
        answers = Answers(one["run"]["questions_of_stories"])
        less = decibels(answers.needs_less(one["points"], other["points"], LEVEL).as_json())
        known = {point["snr_db"]: point for point in other["points"]}
        for point, base in ((one, known[one["snr_db"]]) for one in one["points"] if one["snr_db"] in known):
            apart = answers.difference(point, base)
            rows.append((
                str(one["plan"]["task"]), variant(one), str(one["plan"]["size"]), f"{point['snr_db']:g}",
                f"{apart.value:+.3f} [{apart.low:+.3f}, {apart.high:+.3f}]", less, f"{point['masked_share']:.1%}",
                f"{1 - on_the_air(point) / on_the_air(base):.1%}",
                f"{1 - point['air_samples'] / base['air_samples']:.1%}",
            ))  # fmt: skip
    caption = (
        f"Against '{REFERENCES[part]}', question by question; stories are drawn. dB: how much less is needed for "
        f"{LEVEL:g} answered right. Masked are payload symbols; saved are symbols with all overhead, and samples."
    )
    head = ("task", "", "entries", "SNR (dB)", "more answered right [95 %]", "needs less (dB) [95 %]", "masked",
            "symbols saved", "air saved")  # fmt: skip
    return (
        f"<details><summary>Differences</summary>\n\n{Table('', caption, head, tuple(rows)).markdown()}\n</details>\n"
    )


def likeness(part: str, one: Measured) -> tuple[Any, ...]:
    """What a run has in common with the one that it is compared with."""
    return (one["plan"]["task"], *([one["plan"]["size"]] if part == "rules" else []))


def section(part: str, runs: Sequence[Measured], images: Path) -> list[str]:
    """A part: its pictures and figures, by channel, codec and level."""
    parts = [f"## {TITLES[part]}\n"]
    kinds = dict.fromkeys((one["plan"]["channel"], one["plan"]["codec"], one["plan"]["level"]) for one in runs)
    drawn = {"rules": {"": sizes}, "masks": {"": curves, "-spent": spent}}.get(part, {"": curves})
    for kind in kinds:
        own = [one for one in runs if tuple(one["plan"][name] for name in ("channel", "codec", "level")) == kind]
        channel, codec, level = kind
        title = f"{channel}, {codec}, level {level}"
        parts.append(f"### {title}\n")
        for name, draw in drawn.items():
            file = images / f"questions-{part}{name}-{channel}-{codec}-{level}.svg"
            file.write_bytes(draw(own, title))
            parts.append(f"![{TITLES[part]}: {title}](images/{file.name})\n")
        parts += [against(part, own), table(own)]
    return parts


def both_levels(found: Sequence[Measured]) -> str:
    """Of how many lines the very same became at level `flowgraph`."""
    rows = []
    for one in found:
        plan = one["plan"]
        what = (str(plan["task"]), plan["channel"], f"{plan['snr_db'][0]:g}", plan["mask"], plan["codec"])
        rows.append((*what, str(one["lines"]), str(one["same"])))
    caption = (
        "The first stories went through GNU Radio, too (level `flowgraph`, three processes). The very same means: "
        "verdict, text, symbols, answer, what is remembered, and how sure the reader is (to a thousandth)."
    )
    head = ("task", "channel", "SNR (dB)", "mask", "codec", "sentences and questions", "the very same")
    return f"## Both levels\n\n{Table('', caption, head, tuple(rows)).markdown()}"


def main() -> None:
    """Write the page and its pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="*", default=[KEPT])
    parser.add_argument("--levels", type=Path, default=LEVELS)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "questions.md")
    said = parser.parse_args()
    try:
        runs = merged([one for file in said.files for one in lines_of(file)])
        levels = lines_of(said.levels) if said.levels.exists() else []
        images = said.out.parent / "images"
        images.mkdir(parents=True, exist_ok=True)
        page = [BEGINNING]
        for part in TITLES:
            if own := [one for one in runs if one["plan"]["part"] == part]:
                page += section(part, own, images)
        page += [both_levels(levels)] if levels else []
        made = dict.fromkeys((one["run"]["commit"], one["plan"]["seed"]) for one in (*runs, *levels))
        page.append(
            "## To make it again\n\n```sh\npython benchmarks/questions.py accuracy rules told masks --data DIR\n"
            "python benchmarks/questions_levels.py --data DIR\npython benchmarks/questions_page.py\n```\n\n"
            + Table("", "", ("commit", "seed"), tuple((commit, str(seed)) for commit, seed in made)).markdown()
        )
    except ConfigError as error:
        print(f"questions_page.py: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        print(f"questions_page.py: {error!r}: measure with questions.py first", file=sys.stderr)
        raise SystemExit(2) from None
    said.out.write_text("\n".join(page), encoding="utf-8")
    print(f"{said.out}: {len(runs)} runs")


if __name__ == "__main__":
    main()
