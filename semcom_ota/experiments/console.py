"""A run's tables in the terminal."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from semcom_ota.experiments.run_folder import STAGES, median_stages
from semcom_ota.radio.settings import RadioSettings

JOINER = "\u200d"
"""Makes one emoji of several."""
DELIVERED = "Delivered: the receiver itself vouches for the whole text."
MAX_TEXTS = 16
MAX_ROWS = 48
MAX_REASONS = 4
SETTINGS = {
    "device": ("device", "{}"),
    "sample_rate": ("samples/s", "{:.12g}"),
    "frequency_hz": ("carrier, Hz", "{:.12g}"),
    "lo_offset_hz": ("LO offset, Hz", "{:.12g}"),
    "gain_db": ("gain, dB", "{:g}"),
    "gain_range_db": ("gain range, dB", "{0[0]:g} to {0[1]:g}"),
    "antenna": ("antenna", "{}"),
    "bandwidth_hz": ("filter, Hz", "{:.12g}"),
}
"""What a radio says of each of its ends: what people call it, and how it is written."""
SPENT = {
    "messages": ("messages", "{}"),
    "acknowledged": ("acknowledged", "{}"),
    "unacknowledged": ("nothing said of", "{}"),
    "late": ("late", "{}"),
    "underflow": ("underflows", "{}"),
    "does_not_fit": ("do not fit", "{}"),
    "failed": ("failed", "{}"),
    "payload_symbols": ("payload symbols", "{}"),
    "air_samples": ("air samples", "{}"),
    "limited_samples": ("limited samples", "{}"),
    "time_on_air_s": ("seconds on air", "{:.3f}"),
}
"""What is said of each codec's messages at a transmitter."""
RARE = {"unacknowledged", "does_not_fit", "failed"}


def print_messages(messages: Sequence[dict[str, Any]], console: Console | None = None) -> None:
    """What was sent and what each codec received; the first of every few messages if there are more than MAX_TEXTS."""
    console = console or Console()
    table = Table("dB", "est.", "codec", Column("text", overflow="fold", ratio=1), box=SIMPLE, pad_edge=False)
    for name in ("words", "symbols", "samples"):
        table.add_column(name, justify="right")
    texts = [list(group) for _, group in groupby(messages, key=lambda message: message["message"])]
    step = -(-len(texts) // MAX_TEXTS)
    for group in texts[::step]:
        sent = group[0]
        snr = "" if sent["snr_db"] is None else f"{sent['snr_db']:g}"
        table.add_row(snr, "", "sent", f"[bold]{printable(sent['sent'])}[/bold]", str(sent["words"]))
        for message in group:
            estimated = message["snr_db_estimated"]
            nothing = message.get("cause") or message["reason"] or message["status"]
            nothing = "does not fit" if message["does_not_fit"] else nothing
            received = printable(message["received"]) or f"[dim]{printable(nothing)}[/dim]"
            table.add_row(
                "",
                "" if estimated is None else f"{estimated:.1f}",
                message["codec"],
                received,
                f"{message['words_right']}/{message['words']}",
                str(message["payload_symbols"]),
                str(message["air_samples"]),
            )
        table.add_section()
    console.print(table)
    if step > 1:
        console.print(f"One message in {step} is shown; all of them are in messages.jsonl and report.html.")


def print_latency(messages: Sequence[dict[str, Any]], console: Console | None = None) -> None:
    """Median time of each stage, in milliseconds."""
    table = Table("codec", *STAGES, box=SIMPLE, pad_edge=False, title="Median milliseconds a message, by stage")
    for codec, stages in median_stages(messages).items():
        table.add_row(codec, *(f"{stages[stage]:.1f}" for stage in STAGES))
    (console or Console()).print(table)


def print_points(points: Sequence[dict[str, Any]], channel: str = "", console: Console | None = None) -> None:
    """Quality of each codec at each mean SNR over `channel`, level `flowgraph`, with 95 % intervals."""
    title = ", ".join(filter(None, ("Level flowgraph", channel, "estimated CSI, 95 % intervals")))
    table = Table(*(Column(name, no_wrap=True) for name in ("dB", "codec")), box=SIMPLE, pad_edge=False, title=title)
    for name in ("BLEU-1", "words right", "deli- vered", "cor- rupted", "lost", "symbols /word"):
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    for point in points:
        table.add_row(
            f"{point['snr_db']:g}",
            point["codec"],
            escape(f"{point['bleu1']:.2f} [{point['bleu1_low']:.2f}, {point['bleu1_high']:.2f}]"),
            f"{point['words_right']:.2f}",
            str(point["delivered"]),
            str(point["corrupted"]),
            str(point["lost"]),
            f"{point['payload_symbols_per_word']:.2f}",
        )
    console = console or Console()
    console.print(table)
    unfit, failed = (sum(point[name] for point in points) for name in ("does_not_fit", "failed"))
    if unfit:
        console.print(f"{unfit} messages count as lost because no order and rate could carry them in so few symbols.")
    if failed:
        console.print(f"{failed} messages count as lost because a process failed at them: see messages.jsonl.")
    console.print(DELIVERED)


def print_replayed(messages: Sequence[dict[str, Any]], console: Console | None = None) -> None:
    """What came out of a recording, all codecs of every few message numbers if there are more than MAX_ROWS lines."""
    console = console or Console()
    table = Table("s", "stream", "message", "codec", "est. dB", box=SIMPLE, pad_edge=False)
    table.add_column("text", overflow="fold", ratio=1)
    table.add_column("verdict", no_wrap=True)
    step = max(1, -(-len(messages) // MAX_ROWS))
    groups = [list(group) for _, group in groupby(messages, key=lambda message: message["message"])]
    for message in chain.from_iterable(groups[::step]):
        time_s, estimated = message["time_s"], message["snr_db_estimated"]
        nothing = "does not fit" if message["does_not_fit"] else message["reason"] or message["status"]
        table.add_row(
            "" if time_s is None else f"{time_s:.3f}",
            str(message["stream"]),
            str(message["message"]),
            printable(message["codec"]),
            "" if estimated is None else f"{estimated:.1f}",
            printable(message["received"]) or f"[dim]{printable(nothing)}[/dim]",
            message["status"],
        )
    console.print(table)
    if step > 1:
        console.print(f"One message in {step} is shown; all of them are in messages.jsonl.")


def print_replay_summary(summary: dict[str, Any], console: Console | None = None) -> None:
    """How much was found, and what the messages are worth if the recording knows what was sent."""
    console = console or Console()
    run, points = summary["run"], summary["points"]
    if points and "bleu1" in points[0]:
        print_points(points, console=console)
    elif points:
        table = Table("codec", box=SIMPLE, pad_edge=False, title=f"Level {run['level']}: what was sent is not known")
        for name in ("mean est. dB", "messages", "delivered", "corrupted", "failed"):
            table.add_column(name, justify="right")
        for point in points:
            snr = "" if point["snr_db"] is None else f"{point['snr_db']:.1f}"
            counts = (str(point[name]) for name in ("messages", "delivered", "corrupted", "failed"))
            table.add_row(printable(point["codec"]), snr, *counts)
        console.print(table)
    console.print(
        f"{run['frames']} {'frame' if run['frames'] == 1 else 'frames'} in {run['seconds']:.3f} s of samples."
    )
    if run["frames_cut_off"]:
        console.print(
            f"The samples end before {run['frames_cut_off']} of the annotated frames: messages in them count as lost."
        )
    for what_to_do, count in run["not_loaded"].items():
        messages = "message was" if count == 1 else "messages were"
        console.print(f"{count} {messages} not decoded: {printable(what_to_do)}.")


def print_radio(settings: RadioSettings, console: Console | None = None) -> None:
    """What the radio says that it is set to."""
    ends = {name: end for name in ("transmitter", "receiver") if (end := getattr(settings, name)) is not None}
    table = Table("", *ends, box=SIMPLE, pad_edge=False)
    for name, (label, form) in SETTINGS.items():
        values = [getattr(end, name) for end in ends.values()]
        if any(value is not None for value in values):
            table.add_row(label, *("" if value is None else printable(form.format(value)) for value in values))
    console = console or Console()
    console.print(table)
    clocks = {"clock from": settings.clock_source, "time from": settings.time_source}
    clocks |= {"master clock": f"{settings.clock_rate_hz:.12g} Hz" if settings.clock_rate_hz else None}
    told = [f"{name} {value}" for name, value in (*clocks.items(), *settings.sensors.items()) if value]
    if told:
        console.print(printable(", ".join(told)) + ".")
    if settings.receiver is not None and not settings.tells_gaps:
        console.print(
            "This receiver cannot tell of samples that were lost: a text over a gap may come out wrong, and a codec"
            " without a checksum delivers it."
        )


def print_transmitted(
    points: Sequence[dict[str, Any]], messages: Sequence[dict[str, Any]], console: Console | None = None
) -> None:
    """What became of the messages of each codec at the transmitter, what they took of the air, and what went wrong."""
    console = console or Console()
    table = Table("", box=SIMPLE, pad_edge=False)
    for point in points:
        table.add_column(printable(point["codec"]), justify="right")
    for name, (label, form) in SPENT.items():
        values = [point[name] for point in points]
        if name not in RARE or any(values):
            table.add_row(label, *(form.format(value) for value in values))
    console.print(table)
    reasons = Counter(message["reason"] for message in messages if message["reason"])
    for reason, count in reasons.most_common(MAX_REASONS):
        console.print(f"{count} {'message' if count == 1 else 'messages'}: {printable(reason)}.")
    if len(reasons) > MAX_REASONS:
        console.print("There are more reasons: see messages.jsonl.")


def printable(text: str) -> str:
    """Text that is safe to print: received bytes may hold terminal escapes."""
    return escape("".join(letter if letter.isprintable() or letter == JOINER else "\ufffd" for letter in text))
