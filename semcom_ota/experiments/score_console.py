"""The table of `semcom score` and `semcom trx`."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from semcom_ota.experiments.console import DELIVERED, printable


def print_score(summary: dict[str, Any], console: Console | None = None) -> None:
    """What came of the messages of each codec, and why those are missing that are."""
    console = console or Console()
    run, points = summary["run"], summary["points"]
    title = f"Level {run['level']}, estimated CSI, 95 % intervals"
    table = Table("", box=SIMPLE, pad_edge=False, title=title)
    for point in points:
        table.add_column(printable(point["codec"]), justify="right")
    for label, cells in _lines(points):
        table.add_row(label, *cells)
    console.print(table)
    if run["unmatched"]:
        rows = "row of the receiver belongs" if run["unmatched"] == 1 else "rows of the receiver belong"
        console.print(
            f"{run['unmatched']} {rows} to no message of this transmitter's run, but to another run or another"
            " transmitter: see unmatched.jsonl."
        )
    if run["lost_samples"]:
        console.print(f"The receiver lost {run['lost_samples']} samples in {run['overflows']} gaps.")
    console.print(DELIVERED)


def _lines(points: Sequence[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    lines = [("mean estimated dB", ["" if point["snr_db"] is None else f"{point['snr_db']:.1f}" for point in points])]
    for label, name in (("BLEU-1", "bleu1"), ("words right", "words_right")):
        lines.append((label, [
            f"{point[name]:.2f} ({point[f'{name}_low']:.2f} to {point[f'{name}_high']:.2f})" for point in points
        ]))  # fmt: skip
    lines += [(name, [str(point[name]) for point in points]) for name in ("messages", "delivered", "corrupted", "lost")]
    rare = [(f"  {cause}", [point["causes"][cause] for point in points]) for cause in points[0]["causes"]]
    for label, name in (("  does not fit", "does_not_fit"), ("  a process failed", "failed")):
        rare.append((label, [point[name] for point in points]))
    rare.append(("delivered and wrong", [point["false"] for point in points]))
    lines += [(label, [str(count) for count in counts]) for label, counts in rare if any(counts)]
    lines.append(("symbols a word", [f"{point['payload_symbols_per_word']:.2f}" for point in points]))
    return lines
