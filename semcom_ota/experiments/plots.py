"""The pictures of a report, as PNG bytes. Every one names its level and its units."""

import io
from bisect import bisect_left
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from numpy.typing import NDArray

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from semcom_ota.experiments.mask_following import measured

COLOURS = ("#1f6feb", "#d1570b", "#2f8a4c", "#8250df", "#b3261e", "#5b6470")
MAX_POINTS = 4000
LOOKS = {"level_dbfs": "level (dBFS)", "peak_dbfs": "peak (dBFS)", "gain_db": "gain (dB)"}
LOWEST_DBFS = -120.0
"""Nothing at all is drawn here."""


def quality_against_snr(points: Sequence[Mapping], metric: str, label: str) -> bytes:
    """One curve a codec with 95 % intervals. `points` are a summary's points."""
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    for colour, codec in zip(_cycle(COLOURS), dict.fromkeys(point["codec"] for point in points), strict=False):
        mine = sorted((point for point in points if point["codec"] == codec), key=lambda point: point["snr_db"])
        snr = [point["snr_db"] for point in mine]
        value = np.array([point[metric] for point in mine])
        low = np.maximum(value - [point[f"{metric}_low"] for point in mine], 0)
        high = np.maximum([point[f"{metric}_high"] for point in mine] - value, 0)
        axes.errorbar(snr, value, (low, high), label=codec, color=colour, marker="o", capsize=3, linewidth=1.8)
    axes.set(xlabel="SNR: Es/N0 on a data subcarrier (dB)", ylabel=label, ylim=(-0.03, 1.03))
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return _png(figure)


def constellations(rows: Mapping[float, Mapping[str, NDArray[np.complex64]]]) -> bytes:
    """Equalised payload symbols: a row for each SNR, a column for each codec.

    Args:
        rows: SNR in dB -> codec -> (N,) symbols.
    """
    codecs = list(dict.fromkeys(codec for row in rows.values() for codec in row))
    figure, grid = plt.subplots(len(rows), len(codecs), figsize=(2.5 * len(codecs), 2.6 * len(rows)), squeeze=False)
    for axes_row, (snr, row) in zip(grid, rows.items(), strict=True):
        for axes, codec in zip(axes_row, codecs, strict=True):
            axes.set(xlim=(-2.5, 2.5), ylim=(-2.5, 2.5), aspect="equal", title=f"{codec}, {snr:g} dB")
            axes.grid(alpha=0.25)
            axes.tick_params(labelsize=7)
            if codec in row:
                symbols = row[codec][:MAX_POINTS]
                axes.plot(symbols.real, symbols.imag, ".", markersize=2.2, alpha=0.6, color=COLOURS[0])
            else:
                axes.text(0, 0, "nothing arrived", ha="center", va="center", fontsize=8)
    return _png(figure)


def channel_over_time(responses: Mapping[float, NDArray[np.complex64]], carrier_spacing_hz: float) -> bytes:
    """|H| in dB over time and frequency, a panel for each SNR.

    Args:
        responses: SNR in dB -> (OFDM symbols, carriers), carriers in ascending frequency without DC.
        carrier_spacing_hz: between neighbouring carriers.
    """
    rows = -(-len(responses) // 2)
    figure, grid = plt.subplots(rows, 2, figsize=(7.2, 3.2 * rows), squeeze=False)
    for axes in grid.flat[len(responses) :]:
        axes.set_axis_off()
    for axes, (snr, response) in zip(grid.flat, responses.items(), strict=False):
        edge = response.shape[1] / 2 * carrier_spacing_hz / 1e3
        image = axes.imshow(
            20 * np.log10(np.abs(response.T) + 1e-6),
            origin="lower", aspect="auto", vmin=-15, vmax=6, extent=(0, len(response), -edge, edge),
        )  # fmt: skip
        axes.set(xlabel="OFDM symbol", ylabel="frequency (kHz)", title=f"{snr:g} dB")
        figure.colorbar(image, ax=axes, label="|H| (dB)")
    return _png(figure)


def latency_by_stage(stages: Mapping[str, Mapping[str, float]]) -> bytes:
    """Stacked bars: codec -> stage -> median milliseconds."""
    figure, axes = plt.subplots(figsize=(6.4, 0.6 + 0.5 * len(stages)))
    names = list(dict.fromkeys(name for row in stages.values() for name in row))
    left = np.zeros(len(stages))
    for colour, name in zip(_cycle(COLOURS), names, strict=False):
        width = np.array([row.get(name, 0.0) for row in stages.values()])
        axes.barh(list(stages), width, left=left, color=colour, label=name, height=0.6)
        left += width
    axes.invert_yaxis()
    axes.set_xlabel("median milliseconds a message")
    axes.legend(frameon=False, ncols=len(names), fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.35))
    return _png(figure)


def power_spectra(
    frequency_hz: NDArray[np.float32],
    quiet: NDArray[np.float32],
    busy: NDArray[np.float32] | None,
    edge_hz: float,
    carrier_hz: float | None,
) -> bytes:
    """What a receiver hears while nobody transmits, and while somebody does.

    Args:
        frequency_hz: (n,) from the carrier, ascending.
        quiet: (n,) dBFS/Hz.
        busy: likewise; None: there was nothing.
        edge_hz: the air interface uses the carriers up to this distance.
        carrier_hz: for the title.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.4))
    axes.axvspan(-edge_hz / 1e3, edge_hz / 1e3, color=COLOURS[5], alpha=0.1, label="the air interface's band")
    if busy is not None:
        axes.plot(frequency_hz / 1e3, busy, color=COLOURS[0], linewidth=1.2, label="while something is on the air")
    axes.plot(frequency_hz / 1e3, quiet, color=COLOURS[1], linewidth=1.2, label="while it is quiet")
    lowest, highest = quiet.min() - 5, max(part.max() for part in (quiet, busy) if part is not None) + 10
    axes.set_ylim(lowest, max(highest, lowest + 40))  # what is flat looks flat
    carrier = "the carrier" if carrier_hz is None else f"{carrier_hz / 1e6:g} MHz"
    axes.set(xlabel=f"frequency from {carrier} (kHz)", ylabel="power density (dBFS/Hz)")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    return _png(figure)


def signal_over_time(snrs: Sequence[tuple[float, float]], looks: Sequence[Mapping], events: Sequence[Mapping]) -> bytes:
    """A receiver's SNR, level and gain, and where samples were lost.

    Args:
        snrs: (seconds, dB) of each message.
        looks: what a radio process says of level and gain (semcom_flowgraphs.receive_side).
        events: rows of `events.jsonl`.
    """
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(6.4, 4.8), sharex=True)
    upper.plot([at for at, _ in snrs], [snr for _, snr in snrs], ".", color=COLOURS[0], markersize=4)
    upper.set_ylabel("SNR of messages (dB)")
    times = [look["at_s"] for look in looks]
    for colour, (name, label) in zip(_cycle(COLOURS), LOOKS.items(), strict=False):
        values = [np.nan if look[name] is None else look[name] for look in looks]
        if not np.isnan(values).all():
            lower.plot(times, np.maximum(values, LOWEST_DBFS), color=colour, label=label, linewidth=1.2)
    for axes in (upper, lower):
        for event in events:
            if event["kind"] == "overflow":
                axes.axvline(event["at_s"], color=COLOURS[4], linewidth=0.6, alpha=0.6)
        axes.grid(alpha=0.25)
    lower.set(xlabel="seconds (lines: samples were lost)", ylabel="dBFS, dB")
    if lower.lines:
        lower.legend(frameon=False, fontsize=8)
    return _png(figure)


def mask_over_time(messages: Sequence[Mapping], events: Sequence[Mapping] = ()) -> bytes:
    """What the mask expected of the channel, what the receiver then measured, the share of symbols that was sent, what
    arrived, how sure answers were, and, if there is a memory, how many entries it had then.

    The mask goes by the effective SNR (`masking.outlook.effective_snr_db`), which lies below the mean over the carriers
    where they fade apart; a receiver that does not say it is drawn by its mean.

    Args:
        messages: rows of `messages.jsonl` in the order of sending, of which the mask said what it went by.
        events: rows of `events.jsonl`: where the way back was cut, and where the decoder was killed.
    """
    remembers = any(row.get("remembered") for row in messages)
    heights = (2, 2, 1, 1)[: 3 + remembers]
    size = (6.4, 1.2 * sum(heights))
    figure, panels = plt.subplots(len(heights), 1, figsize=size, sharex=True, height_ratios=heights)
    upper, lower, lowest = panels[:3]
    numbers = sorted(row["message"] for row in messages)
    for event in events:
        begun = bisect_left(numbers, event["message"]) - 0.5
        for axes in panels:
            if event["kind"] == "reports_cut":
                axes.axvspan(begun, bisect_left(numbers, event["until"] + 1) - 0.5, color=COLOURS[5], alpha=0.18)
            else:
                axes.axvline(begun + 1, color=COLOURS[4], linestyle="--", linewidth=1)
    rows = dict(enumerate(messages))
    effective = any(row.get("snr_db_effective") is not None for row in messages)
    of_what = "effective" if effective else "mean of the carriers"
    drawn = ((measured, f"measured: {of_what}", "-"), (_expected, "expected: effective", "x"))
    for colour, (value, label, mark) in zip(COLOURS, drawn, strict=False):
        known = {place: snr for place, row in rows.items() if (snr := value(row)) is not None}
        upper.plot(list(known), list(known.values()), mark, color=colour, label=label, markersize=4)
    whole = {place: row["payload_symbols"] + row["masked_symbols"] for place, row in rows.items()}
    for colour, outlook in zip(_cycle(COLOURS), ("reported", "predicted", "stale", "unknown"), strict=False):
        shares = {
            place: row["payload_symbols"] / whole[place]
            for place, row in rows.items()
            if row["outlook"] == outlook and whole[place]
        }
        if shares:
            lower.plot(list(shares), list(shares.values()), "o", color=colour, label=outlook, markersize=4)
    right = [row["words_right"] / max(row["words"], 1) for row in messages]
    lowest.plot(right, ".", color=COLOURS[0], markersize=4)
    sure = {place: row["answer_confidence"] for place, row in rows.items() if row.get("answer") is not None}
    if sure:
        lowest.plot(
            list(sure), list(sure.values()), "*", color=COLOURS[1], markersize=5, label="an answer's confidence"
        )
    if remembers:
        counted = {place: row["remembered"] for place, row in rows.items() if row["status"] != "lost"}
        panels[3].plot(list(counted), list(counted.values()), ".", color=COLOURS[0], markersize=4)
        panels[3].set(ylabel="remembered", ylim=(0, None))
    upper.set_ylabel("SNR (dB)")
    lower.set(ylabel="share of symbols sent", ylim=(0, 1.05))
    lowest.set(ylabel="words right", ylim=(-0.05, 1.05))
    panels[-1].set_xlabel("message")
    for axes in panels:
        axes.grid(alpha=0.25)
    for axes in (upper, lower, lowest)[: 2 + bool(sure)]:
        axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def _expected(row: Mapping) -> float | None:
    return row.get("snr_db_expected")


def _cycle(values: Sequence[str]) -> list[str]:
    return list(values) * 16


def _png(figure: Figure) -> bytes:
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, bbox_inches="tight")
    plt.close(figure)
    return buffer.getvalue()
