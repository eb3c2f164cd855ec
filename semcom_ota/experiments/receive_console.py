"""A receive run in the terminal: texts as they come, and a line of counters below them."""

from typing import Any, Self

from rich.box import SIMPLE
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from semcom_ota.experiments.console import printable

TROUBLE = {
    "overflows": "overflow", "lost_samples": "lost sample", "clipped_samples": "clipped sample",
    "dropped_frames": "dropped frame",
}  # fmt: skip
"""Counters of `Health` that a receiver has, as one of each is called here."""
LOOKS = {
    "level_dbfs": ("level", "dBFS"), "peak_dbfs": ("peak", "dBFS"), "gain_db": ("gain", "dB"), "snr_db": ("SNR", "dB"),
}  # fmt: skip
BRIEF = {"level_dbfs", "snr_db"}

Line = dict[str, Any]


class Screen:
    """Shows what comes; nothing at all if it is to be quiet."""

    def __init__(self, quiet: bool, console: Console | None = None):
        """Nothing shown yet."""
        self._console, self._quiet = console or Console(), quiet
        self._live = Live(console=self._console, transient=True, auto_refresh=False)

    def __enter__(self) -> Self:
        """Begin."""
        if not self._quiet:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line of counters away."""
        self._live.stop()

    def show(self, row: Line) -> None:
        """A message with its SNR and how sure it is, or what went wrong."""
        if not self._quiet:
            self._console.print(_event(row) if "kind" in row else _message(row), soft_wrap=True, highlight=False)

    def look(self, line: Line, messages: int) -> None:
        """The counters, the level, the SNR."""
        if not self._quiet:
            self._live.update(Text(_counters(line, messages), style="dim"), refresh=True)


def print_received(summary: dict[str, Any], console: Console | None = None) -> None:
    """How many messages came of each codec, and what went wrong."""
    console = console or Console()
    run, points = summary["run"], summary["points"]
    if points:
        table = Table(
            "codec", box=SIMPLE, pad_edge=False, title=f"Level {run['level']}: what was sent is not known here"
        )
        for name in ("mean est. dB", "messages", "delivered", "corrupted", "failed"):
            table.add_column(name, justify="right")
        for point in points:
            counts = (str(point[name]) for name in ("messages", "delivered", "corrupted", "failed"))
            table.add_row(printable(point["codec"]), f"{point['snr_db']:.1f}", *counts)
        console.print(table)
    frames = f"{run['frames']} {'frame' if run['frames'] == 1 else 'frames'}"
    console.print(f"{frames} in {run['seconds']:.1f} s of samples; {_trouble(run['health']) or 'no samples lost'}.")


def brief(line: Line) -> str:
    """A look at the receiver in two short lines, to stand beside something else."""
    parts = [
        f"{name} {line[key]:.1f} {unit}"
        for key, (name, unit) in LOOKS.items()
        if key in BRIEF and line[key] is not None
    ]
    return f"{', '.join(parts) or 'no level'}\n{_trouble(line['health']) or 'no samples lost'}"


def _message(row: Line) -> str:
    verdict = {"delivered": "", "corrupted": " [yellow]not intact[/yellow]", "failed": " [red]failed[/red]"}
    sure = "" if row["status"] == "failed" else f"{row['confidence']:4.0%}"
    text = printable(row["received"]) or f"[dim]{printable(row['reason'] or 'nothing readable')}[/dim]"
    answer = "" if row["answer"] is None else f"  [bold]{_said(row['answer'])}[/bold] {row['answer_confidence']:.0%}"
    return (
        f"{row['received_s']:9.3f} s  {row['stream']}/{row['message']:<5} {printable(row['codec'])}"
        f"  {row['snr_db_estimated']:5.1f} dB {sure:>5}{verdict[row['status']]}  {text}{answer}"
    )


def _said(answer: str) -> str:
    return printable(answer) or "(no answer)"


def _event(event: Line) -> str:
    at = f"[dim]{event['at_s']:9.3f} s[/dim] "
    match event["kind"]:
        case "overflow":
            cut = len(event["cut"])
            frames = f", with {cut} {'message' if cut == 1 else 'messages'} in a frame that was cut off" if cut else ""
            return f"{at} [red]{event['lost_samples']} samples were lost{frames}[/red]"
        case "clock":
            return f"{at} [yellow]the device's clock was set[/yellow]"
        case "dropped":
            return f"{at} [red]a frame was dropped: the decoder does not follow[/red]"
        case "gain":
            return f"{at} gain {event['gain_db']:g} dB"
        case _:
            return f"{at} [yellow]the radio process was started again[/yellow]"


def _counters(line: Line, messages: int) -> str:
    parts = [f"{name} {line[key]:.1f} {unit}" for key, (name, unit) in LOOKS.items() if line[key] is not None]
    parts = [f"{line['at_s']:.0f} s", f"{messages} messages", *parts]
    return "  ".join([*parts, _trouble(line["health"]) or "no samples lost"])


def _trouble(health: dict[str, int]) -> str:
    counts = {label: health[name] for name, label in TROUBLE.items()}
    return ", ".join(f"{count} {label}{'' if count == 1 else 's'}" for label, count in counts.items() if count)
