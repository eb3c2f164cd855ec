"""A run's tables in the terminal."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

MAX_TEXTS = 16
STAGES = ("encode", "transmit", "air", "receive", "decode")


def print_messages(messages: Sequence[dict[str, Any]], console: Console | None = None) -> None:
    """What was sent, what each codec received, and what it took; the first MAX_TEXTS messages."""
    console = console or Console()
    table = Table(title="Messages", show_lines=True)
    for name in ("SNR true / est. (dB)", "codec", "text", "words right", "symbols", "air samples"):
        table.add_column(name, overflow="fold")
    table.add_column("ms: " + " + ".join(STAGES), overflow="fold")
    texts = [list(group) for _, group in groupby(messages, key=lambda message: message["message"])]
    step = -(-len(texts) // MAX_TEXTS)
    for group in texts[::step]:
        first = group[0]
        table.add_row(f"{first['snr_db']:g}", "sent", f"[bold]{_escape(first['sent'])}[/bold]", "", "", "", "")
        for message in group:
            estimated = message["snr_db_estimated"]
            table.add_row(
                "" if estimated is None else f"{estimated:.1f}",
                message["codec"],
                _escape(message["received"])
                if message["received"]
                else f"[dim]{_escape(message['reason'] or 'lost')}[/dim]",
                f"{message['words_right']}/{message['words']}",
                str(message["payload_symbols"]),
                str(message["air_samples"]),
                " + ".join(f"{message['latency_ms'].get(stage, 0):.1f}" for stage in STAGES),
            )
    console.print(table)
    if step > 1:
        console.print(f"every {step}th message shown; all of them are in messages.jsonl and report.html")


def print_points(points: Sequence[dict[str, Any]], console: Console | None = None) -> None:
    """Quality of each codec at each SNR, level `flowgraph`, with 95 % intervals."""
    table = Table(title="Quality at level flowgraph, estimated CSI, 95 % intervals")
    for name in (
        "SNR (dB)",
        "codec",
        "BLEU-1",
        "words right",
        "delivered",
        "corrupted",
        "lost",
        "symbols a word",
        "energy",
    ):
        table.add_column(name, justify="left" if name == "codec" else "right")
    for point in points:
        table.add_row(
            f"{point['snr_db']:g}",
            point["codec"],
            f"{point['bleu1']:.3f} ({point['bleu1_low']:.3f}..{point['bleu1_high']:.3f})",
            f"{point['words_right']:.3f}",
            f"{point['delivered']}/{point['messages']}",
            str(point["corrupted"]),
            str(point["lost"]) + (f" ({point['does_not_fit']} fit no order)" if point["does_not_fit"] else ""),
            f"{point['payload_symbols_per_word']:.2f}",
            f"{point['mean_symbol_energy']:.3f}",
        )
    (console or Console()).print(table)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
