"""What a probe found, in the terminal."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from semcom_ota.codecs import registry
from semcom_ota.experiments.console import print_radio
from semcom_ota.experiments.probe import Probed
from semcom_ota.radio.settings import PortSettings
from semcom_ota.radio.survey import FramesHeard, Survey
from semcom_ota.radio.verdicts import HEADROOM_DB, hertz
from semcom_ota.types import FloatArray

LEVELS = " ▁▂▃▄▅▆▇█"
ROWS = 8
LEAST_DB, MOST_DB = 40, 120
"""From the lowest to the highest row: what is flat looks flat."""
MARKS = {"good": "[green]good[/]", "note": "[yellow]note[/]", "trouble": "[red]TROUBLE[/]"}


def print_readings(readings: Sequence[dict[str, Any]], choice: dict[str, Any], console: Console | None = None) -> None:
    """What was heard at each gain, ascending; the chosen one, if any, is marked."""
    mark = "<- default" if choice["judged_by"] == "noise" else "[green]<- best"
    title = f"dBFS at each gain; peaks are to stay below {-HEADROOM_DB:g}"
    table = Table("gain", box=SIMPLE, pad_edge=False, title=title)
    for name in ("noise", "on the air", "peak", "clipped", "frames", "SNR", ""):
        table.add_column(name, justify="right")
    for one in sorted(readings, key=lambda one: one["gain_db"]):
        table.add_row(
            f"{one['gain_db']:g} dB",
            f"{one['noise_dbfs']:.1f}",
            _or_nothing(one["busy_dbfs"]),
            f"{one['peak_dbfs']:.1f}",
            f"{100 * one['clipping']:.2g} %" if one["clipping"] else "",
            str(one["frames"] or ""),
            _or_nothing(one["snr_db"]),
            mark if one["gain_db"] == choice["gain_db"] else "",
        )
    (console or Console()).print(table)


def print_probe(done: Probed, console: Console | None = None) -> None:
    """What the radio is set to, figures and spectrum."""
    console = console or Console()
    print_radio(done.settings, console)
    console.print()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, said in figures(done.survey, done.receiver):
        table.add_row(name, escape(said))
    console.print(table)
    console.print()
    busy = done.spectra.busy
    shown, what = (done.spectra.quiet, "while it is quiet") if busy is None else (busy, "while something is on the air")
    columns = max(32, min(100, console.width - 8))
    for line in spectrum_lines(done.spectra.frequency_hz, shown, columns):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(f"[dim]      dBFS/Hz over the distance from the carrier, {what}[/]", highlight=False)


def print_verdicts(done: Probed, console: Console | None = None) -> None:
    """What it means."""
    console = console or Console()
    console.print()
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for verdict in done.verdicts:
        table.add_row(MARKS[verdict.kind], escape(verdict.sentence))
    console.print(table)


def figures(seen: Survey, receiver: PortSettings) -> list[tuple[str, str]]:
    """What was measured, in words: name and value."""
    gaps = "1 gap" if seen.gaps == 1 else f"{seen.gaps} gaps"
    lost = f"{gaps}, {seen.lost_samples} samples lost" if seen.gaps else "no sample lost"
    clipped = f"{100 * seen.clipping:.2g} % clipped" if seen.clipping else "none clipped"
    found = [
        ("received", f"{seen.seconds:.3g} s, {lost}"),
        ("level", f"{seen.level_dbfs:.1f} dBFS, peaks at {seen.peak_dbfs:.1f} dBFS, {clipped}"),
        ("noise", f"{seen.noise_dbfs:.1f} dBFS, {seen.noise_dbfs_per_hz:.1f} dBFS/Hz"),
        ("DC", f"{seen.dc_dbfs:.1f} dBFS"),
    ]
    found += [("tone", f"{tone.dbfs:.1f} dBFS at {hertz(tone.frequency_hz, sign=True)}") for tone in seen.tones]
    bursts, heard = seen.bursts, seen.heard if seen.heard.frames else seen.heard_beyond
    if bursts.dbfs is not None:
        said = f"{100 * bursts.share:.2g} % of the time, {bursts.dbfs:.1f} dBFS"
        if bursts.width_hz is not None and bursts.centre_hz is not None:
            said += f", {hertz(bursts.width_hz)} wide around {hertz(bursts.centre_hz, sign=True)}"
        found.append(("on the air", said))
    else:
        found.append(("on the air", "nothing"))
    found.append(("frames", str(heard.frames) + (f": {_who(heard)}" if heard.frames else "")))
    if heard.frames:
        found.append(("SNR", f"{heard.snr_db:.1f} dB, from {heard.lowest_snr_db:.1f} to {heard.highest_snr_db:.1f}"))
        ppm = f", {1e6 * (heard.cfo_hz or 0) / receiver.frequency_hz:+.2f} ppm" if receiver.frequency_hz else ""
        found.append(("CFO", f"{hertz(heard.cfo_hz or 0, sign=True)}{ppm}"))
        error = f" (+-{2 * heard.sro_ppm_error:.1f})" if heard.sro_ppm_error is not None else ""
        found.append(("sample clocks", f"{heard.sro_ppm or 0:+.1f} ppm apart{error}"))
    return found


def spectrum_lines(frequency_hz: FloatArray, density: FloatArray, columns: int, rows: int = ROWS) -> list[str]:
    """A spectrum in letters: the highest value in each column, bars of an eighth of a row, both axes.

    Args:
        frequency_hz: (n,) ascending.
        density: (n,) dBFS/Hz.
        columns: for the bars, n at most are used.
        rows: likewise.
    """
    columns = min(columns, density.size)
    highest = [float(part.max()) for part in np.array_split(density, columns)]
    bottom = 10 * math.floor(max(min(highest), max(highest) - MOST_DB) / 10)
    top = max(10 * math.ceil(max(highest) / 10), bottom + LEAST_DB)
    eighths = [round((value - bottom) / (top - bottom) * rows * 8) for value in highest]
    lines = []
    for row in reversed(range(rows)):
        label = {rows - 1: f"{top:5d}", 0: f"{bottom:5d}"}.get(row, " " * 5)
        lines.append(f"{label} " + "".join(LEVELS[min(8, max(0, level - 8 * row))] for level in eighths).rstrip())
    edge = hertz(float(-frequency_hz[0]))
    middle, right = "0".center(columns), f"+{edge}"
    left = f"-{edge}"
    lines.append(" " * 6 + left + middle[len(left) : columns - len(right)] + right)
    return lines


def _who(heard: FramesHeard) -> str:
    names = {number: registry.name_of(number) or f"codec {number}" for number in heard.codecs}
    codecs = ", ".join(f"{count} {names[number]}" for number, count in heard.codecs.items())
    streams = f"stream{'s' if len(heard.streams) > 1 else ''} {', '.join(map(str, heard.streams))}"
    return f"{codecs}; {streams}"


def _or_nothing(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
