"""The curves of a bench as a picture."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

from semcom_ota.config import ConfigError
from semcom_ota.experiments.bench.exchange import AWGN, RAYLEIGH, TDL_A
from semcom_ota.experiments.bench.figures import Figure

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

COLOURS = {AWGN: "#1f6feb", TDL_A: "#d1570b", RAYLEIGH: "#2f8a4c"}
MISSED = (  # name, line, marker, who
    ("header_missed", "-", "o", "receiver"),
    ("header_missed_genie", "--", "s", "genie"),
    ("stock_ofdm_headers_missed", ":", "x", "GNU Radio's ofdm_rx"),
)
STOCK_THRESHOLD = 0.9  # its default


def draw(figures: Sequence[Figure], file: Path) -> None:
    """Missed headers beside the genie's and GNU Radio's, and the payload's loss, against SNR.

    Args:
        figures: of a run.
        file: its name's ending says the format.

    Raises:
        ConfigError: it cannot be written, or in no such format.
    """
    picture, (missed, loss) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    for name, line, marker, who in MISSED:
        mine = [figure for figure in figures if figure.name == name]
        if name.startswith("stock"):
            mine = [figure for figure in mine if _as_shipped(figure)]
        for channel, points in _by_channel(mine).items():
            _curve(missed, points, f"{channel}, {who}", line, marker, channel)
    missed.set(title="Frames missed, or their header wrong", yscale="log", ylim=(5e-5, 1.2), ylabel="share of frames")

    losses = [figure for figure in figures if figure.name == "payload_loss" and figure.value is not None]
    for channel, points in _by_channel(losses).items():
        for symbols in sorted({point.conditions["symbols"] for point in points}):
            marker = "o" if symbols < 1000 else "s"
            still = [point for point in points if point.conditions["symbols"] == symbols and not _drifts(point)]
            drifting = [point for point in points if point.conditions["symbols"] == symbols and _drifts(point)]
            _curve(loss, still, f"{channel}, {symbols} symbols", "-", marker, channel)
            _curve(loss, drifting, f"{channel}, {symbols} symbols, SRO and phase noise", ":", marker, channel)
    loss.set(title="Implementation loss of the payload", ylabel="dB above the genie's error")

    for axes in (missed, loss):
        axes.set_xlabel("SNR: Es/N0 on a data subcarrier (dB)")
        axes.grid(alpha=0.25)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=7)
    picture.suptitle("CFO within one subcarrier, random delay, 95 % intervals; triangles: none seen, bound", fontsize=9)
    try:
        picture.savefig(file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot write the picture '{file}': {error}") from error
    finally:
        plt.close(picture)


def _as_shipped(figure: Figure) -> bool:
    return figure.conditions["threshold"] == STOCK_THRESHOLD and figure.conditions["max_cfo_subcarriers"] == 1.0


def _drifts(figure: Figure) -> bool:
    return "oscillators" in figure.conditions


def _by_channel(figures: Sequence[Figure]) -> dict[str, list[Figure]]:
    channels = dict.fromkeys(str(figure.conditions["channel"]) for figure in figures)
    return {channel: [figure for figure in figures if figure.conditions["channel"] == channel] for channel in channels}


def _curve(axes: Axes, points: Sequence[Figure], label: str, line: str, marker: str, channel: str) -> None:
    """A curve with its intervals; where nothing was seen, a triangle at the upper bound."""
    colour = COLOURS.get(channel)
    shown = sorted((point.conditions["snr_db"], point.value, point.low, point.high) for point in points if point.value)
    if shown:
        snrs_db, values, lows, highs = zip(*shown, strict=True)
        below = [max(value - low, 0) for value, low in zip(values, lows, strict=True)]
        above = [max(high - value, 0) for value, high in zip(values, highs, strict=True)]
        axes.errorbar(
            snrs_db, values, (below, above), linestyle=line, marker=marker, label=label, color=colour, capsize=2,
            linewidth=1.2, markersize=4, markerfacecolor=None if line == "-" else "none",
        )  # fmt: skip
    none = [point for point in points if point.value == 0]
    axes.plot(
        [point.conditions["snr_db"] for point in none], [point.high or 1.0 for point in none],
        linestyle="", marker="v", color=colour, markersize=4, markerfacecolor=None if line == "-" else "none",
    )  # fmt: skip
