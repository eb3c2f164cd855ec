"""What people see of `semcom qa`."""

from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table


def show(figures: dict[str, Any]) -> None:
    """A table with a row for each SNR, between what was to be reached at best and what needs no memory."""
    run, points = figures["run"], figures["points"]
    first = points[0]
    table = Table("SNR (dB)", "answered right", "95 % interval", "confidence", "lost", "symbols a word", "masked",
                  box=SIMPLE, pad_edge=False,
                  title=f"task {first['task']}, {first['questions']} questions, {first['codec']}, {first['channel']}, "
                        f"memory {first['memory']} of {first['size']}, mask {first['mask']}, level {run['level']}",
                  )  # fmt: skip
    for point in points:
        sure = "" if point["confidence"] is None else f"{point['confidence']:.2f}"
        table.add_row(
            f"{point['snr_db']:g}", f"{point['accuracy']:.1%}",
            f"{point['accuracy_low']:.1%} to {point['accuracy_high']:.1%}", sure,
            f"{point['lost'] / point['messages']:.1%}", f"{point['payload_symbols_per_word']:.2f}",
            f"{point['masked_share']:.0%}",
        )  # fmt: skip
    console = Console()
    console.print(table)
    console.print(f"understood as sent: {run['error_free']['value']:.1%}; from the questions alone at best: "
                  f"{run['question_only']:.1%}")  # fmt: skip
