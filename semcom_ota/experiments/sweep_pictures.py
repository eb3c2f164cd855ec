"""The pictures of a sweep: curves with their bands, what became of messages, reliability diagrams.

Colours are those of M. Okabe and K. Ito ("Color Universal Design", 2008), and every curve has a marker of its own, so
that nothing is said by colour alone.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#8C6D31")
MARKERS = "osD^vPX*<>hp"
METRICS = {
    "bleu1": "BLEU-1",
    "exact_match": "share of exact copies",
    "similarity": "sentence similarity (cosine)",
    "word_error_rate": "word error rate",
}
FATES = (  # name in a point, in the legend, colour, hatch
    ("right", "right, and taken for whole", "#009E73", ""),
    ("wrong_delivered", "wrong, taken for whole", "#D55E00", "//"),
    ("corrupted", "not whole, and known to be", "#F0E442", "--"),
    ("no_frame", "no frame found", "#56B4E9", "\\\\"),
    ("does_not_fit", "did not fit", "#999999", "xx"),
)
SNR = "mean Es/N0 of payload symbols (dB)"
_BAND = 0.18
_COUNTS = "#d6d6d6"

Record = Mapping[str, Any]
Looks = Mapping[str, tuple[str, str]]
"""Curve -> colour and marker."""
Bound = tuple[Sequence[float], Sequence[float]]
"""SNRs and BLEU-1 of a bound."""


def looks(names: Sequence[str]) -> Looks:
    """A colour and a marker for each curve. A codec keeps its colour where its receiver was told the channel."""
    plain = list(dict.fromkeys(name.removesuffix(_PERFECT) for name in names))
    return {
        name: (COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)])
        for name in names
        for place in [plain.index(name.removesuffix(_PERFECT))]
    }


def curves(points: Sequence[Record], title: str, style: Looks, bounds: Mapping[str, Bound] | None = None) -> Figure:
    """A panel of the sweep: every metric there is against SNR, with bands of 95 %.

    Args:
        points: of one channel and budget.
        title: of the figure.
        style: of each curve.
        bounds: two at most, by what they are called; drawn in grey beside BLEU-1.
    """
    shown = [metric for metric in METRICS if metric in points[0]]
    figure, grid = plt.subplots(-(-len(shown) // 2), 2, figsize=(10.5, 3.7 * -(-len(shown) // 2)), squeeze=False)
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    for axes, metric in zip(grid.flat, shown, strict=False):
        for name in dict.fromkeys(point["codec"] for point in points):
            _curve(axes, [point for point in points if point["codec"] == name], metric, style[name], name)
        for (label, bound), line in zip((bounds or {}).items() if metric == "bleu1" else (), ("-.", ":"), strict=False):
            axes.plot(*bound, color="#444444", linestyle=line, linewidth=1.4, label=label)
        top = max([1.0, *(point[f"{metric}_high"] for point in points)]) if metric == "word_error_rate" else 1.0
        axes.set(xlabel=SNR, ylabel=METRICS[metric], ylim=(-0.03, min(top, 2.0) * 1.03))
        axes.grid(alpha=0.3)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.suptitle(title)
    figure.tight_layout()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, frameon=False)
    return figure


def fates(points: Sequence[Record], title: str) -> Figure:
    """What became of the messages: shares over SNR, one panel a curve."""
    names = list(dict.fromkeys(point["codec"] for point in points))
    figure, grid = plt.subplots(
        -(-len(names) // 3), 3, figsize=(10.5, 2.7 * -(-len(names) // 3)), squeeze=False, sharey=True
    )
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for axes, name in zip(grid.flat, names, strict=False):
        mine = sorted((point for point in points if point["codec"] == name), key=lambda point: point["snr_db"])
        place, bottom = np.arange(len(mine)), np.zeros(len(mine))
        for key, _, colour, hatch in FATES:
            share = np.array([_fate(point, key) / point["messages"] for point in mine])
            there = share > 0
            look = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.4}
            axes.bar(place[there], share[there], 0.9, bottom[there], **look)
            bottom += share
        axes.set_title(name, fontsize=10)
        axes.set_xticks(place, [f"{point['snr_db']:g}" for point in mine], fontsize=8)
        axes.set(xlabel="SNR (dB)", xlim=(-0.6, len(mine) - 0.4), ylim=(0, 1))
    for row in grid:
        row[0].set_ylabel("share of messages")
    handles = [Patch(facecolor=colour, hatch=hatch, edgecolor="white") for _, _, colour, hatch in FATES]
    labels = [label for _, label, _, _ in FATES]
    figure.suptitle(title)
    figure.tight_layout()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=5, frameon=False, fontsize=9)
    return figure


def reliability(records: Sequence[Record], style: Looks) -> Figure:
    """Confidence against what came true, one panel a codec: exact copies (filled) and share of right words (open)."""
    names = list(dict.fromkeys(record["codec"] for record in records))
    figure, grid = plt.subplots(-(-len(names) // 3), 3, figsize=(10.5, 3.6 * -(-len(names) // 3)), squeeze=False)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for axes, name in zip(grid.flat, names, strict=False):
        axes.plot([0, 1], [0, 1], color="#888888", linewidth=1, linestyle=":")
        colour, marker = style[name]
        for record in (record for record in records if record["codec"] == name):
            copies = record["outcome"] == "exact_match"
            parts = record["bins"]
            value = np.array([part["outcome"] for part in parts])
            whiskers = [
                np.maximum(value - [part["outcome_low"] for part in parts], 0),
                np.maximum([part["outcome_high"] for part in parts] - value, 0),
            ]
            axes.errorbar(
                [part["confidence"] for part in parts], value, whiskers, color=colour, capsize=2,
                marker=marker, markerfacecolor=colour if copies else "white", linestyle="-" if copies else "--",
            )  # fmt: skip
            if copies:
                most = max(part["messages"] for part in parts)
                heights = [0.15 * part["messages"] / most for part in parts]
                axes.bar([part["confidence"] for part in parts], heights, 0.05, color=_COUNTS, zorder=0)
        axes.set_title(name, fontsize=10)
        axes.set(xlabel="confidence", ylabel="came true", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
        axes.grid(alpha=0.3)
    handles = [
        Line2D([], [], color="#444444", marker="o", label="exact copies"),
        Line2D([], [], color="#444444", marker="o", markerfacecolor="white", linestyle="--", label="words right"),
        Patch(facecolor=_COUNTS, label="how many messages"),
        Line2D([], [], color="#888888", linewidth=1, linestyle=":", label="calibrated"),
    ]
    figure.tight_layout()
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=4, frameon=False, fontsize=9)
    return figure


def picture(figure: Figure, form: str = "png") -> bytes:
    """A figure as a file of this format, the same bytes each time; and that is the end of the figure."""
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "semcom-ota", "svg.fonttype": "none"}):
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(buffer, format=form, dpi=105, bbox_inches="tight", metadata=metadata)
    plt.close(figure)
    return buffer.getvalue()


_PERFECT = " (perfect CSI)"


def _curve(axes: Axes, points: Sequence[Record], metric: str, look: tuple[str, str], name: str) -> None:
    points = sorted(points, key=lambda point: point["snr_db"])
    snr, colour, told = [point["snr_db"] for point in points], look[0], name.endswith(_PERFECT)
    axes.plot(
        snr, [point[metric] for point in points], color=colour, marker=look[1], label=name, linewidth=1.8, markersize=5,
        markerfacecolor="white" if told else colour, linestyle="--" if told else "-",
    )  # fmt: skip
    low, high = ([point[f"{metric}_{end}"] for point in points] for end in ("low", "high"))
    axes.fill_between(snr, low, high, color=colour, alpha=_BAND, linewidth=0)


def _fate(point: Record, key: str) -> int:
    return int(point["delivered"] - point["wrong_delivered"] if key == "right" else point[key])
