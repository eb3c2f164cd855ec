"""`report.html`: one self-contained page that shows a run to a person."""

import base64
import json
from collections.abc import Sequence
from html import escape
from itertools import chain, groupby
from pathlib import Path
from string import Template

from numpy.typing import NDArray

from semcom_ota.differences import differences
from semcom_ota.experiments import plots
from semcom_ota.experiments.run_folder import median_stages

PAGE = Path(__file__).parent / "report_template.html"
MAX_ROWS = 300
SIMULATED = (
    "The receiver estimated the channel from pilots; nothing told it the truth. The coded links were told the true mean"
    " SNR when they chose their modulation order."
)
ON_AIR = (
    "Nobody knows the channel: the receiver estimated it from pilots, and every SNR here is its estimate, over the"
    " messages that arrived."
)


def write_report(
    folder: Path, captures: dict[tuple[float, str], dict[str, NDArray]], carrier_spacing_hz: float
) -> Path:
    """Write `report.html` from a run folder's `summary.json` and `messages.jsonl`.

    Args:
        folder: the run folder.
        captures: (SNR in dB, codec) -> arrays `symbols` (N,) and `frequency_response` (OFDM symbols, carriers) of one
            message, for the pictures.
        carrier_spacing_hz: of those responses.

    Returns:
        The page's path.
    """
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    with (folder / "messages.jsonl").open(encoding="utf-8") as lines:  # splitlines would cut at U+2028
        messages = [json.loads(line) for line in lines]
    run, points = summary["run"], summary["points"]
    simulated = any(message["snr_db"] is not None for message in messages)
    alike = "the same channel realisations" if simulated else "their turns on the same channel"
    placed = [point for point in points if point["snr_db"] is not None]
    pictures = []
    if placed:
        pictures = [
            ("Quality against SNR", plots.quality_against_snr(placed, "bleu1", "BLEU-1 (lost messages count as zero)"),
             "Whiskers are 95 % intervals of a bootstrap over messages. Every codec had the same payload symbols, the "
             f"same energy and {alike}."),
            ("Words in the right place",
             plots.quality_against_snr(placed, "words_right", "share of words received right"),
             "Share of the sent words that came out unchanged and in order."),
        ]  # fmt: skip
    symbols = _by_snr(captures, "symbols")
    responses = {snr: next(iter(row.values())) for snr, row in _by_snr(captures, "frequency_response").items()}
    if symbols:
        pictures.append((
            "Constellations after equalisation", plots.constellations(symbols),
            "The first message at each SNR. A learned codec has no fixed grid of points; a coded one sends QAM.",
        ))  # fmt: skip
        pictures.append((
            "The channel, as estimated from pilots", plots.channel_over_time(responses, carrier_spacing_hz),
            "|H| over one frame, carrier by carrier. Dark stripes are faded carriers: their symbols arrive with a "
            "higher noise variance, and the decoder is told so.",
        ))  # fmt: skip
    masked = sorted((message for message in messages if message.get("outlook")), key=lambda row: row["index"])
    if masked:
        pictures.append((
            "How the mask followed the channel", plots.mask_over_time(masked, _faults(folder)),
            "Every message, in the order of sending: the SNR that was expected of the channel when it was encoded, the "
            "one that was then measured, how much of it was sent, how many of its words arrived and how sure answers "
            "were, and how many entries of its user the receiver then had. Nothing is left out where nothing is known. "
            "Grey: no link report came back; red: the decoder was killed behind it." + _followed(summary.get("mask")),
        ))  # fmt: skip
    stages = median_stages(messages)
    if stages:
        pictures.append(
            ("Where the time goes", plots.latency_by_stage(stages), "Air time is samples over sample rate.")
        )
    page = Template(PAGE.read_text(encoding="utf-8")).substitute(
        level=escape(run["level"]),
        channel=escape(points[0]["channel"]),
        known=SIMULATED if simulated else ON_AIR,
        facts="".join(f"<dt>{escape(name)}</dt><dd>{escape(_short(value))}</dd>" for name, value in run.items()),
        points=_points_table(points),
        pictures="".join(_picture(*picture) for picture in pictures),
        messages=_messages_table(messages),
    )
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _faults(folder: Path) -> list[dict]:
    """What was made to go wrong in a loopback run."""
    file = folder / "events.jsonl"
    events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    return [event for event in events if event["kind"] in ("reports_cut", "decoder_killed")]


def _followed(mask: dict | None) -> str:
    """Sentences about steps of the SNR and about forecasts (`mask_following.following`)."""
    said = []
    if mask and mask["steps"]:
        told = ", ".join(
            f"{step['before_db']:g} to {step['after_db']:g} dB at message {step['message']}: "
            + ("never" if step["frames"] is None else f"{step['frames']}")
            for step in mask["steps"]
        )
        said.append(f"Frames that left after a step of the SNR before the mask went by the new one: {told}.")
    if mask and mask["messages"]:
        said.append(
            f"What was expected was off by {mask['expected_error_db']:.2f} dB (mean of {mask['messages']} messages), "
            f"the last report would have been by {mask['last_report_error_db']:.2f} dB."
        )
    return "".join(f" {sentence}" for sentence in said)


def mark_differences(sent: str, received: str) -> str:
    """`received` as HTML, with the words that differ from `sent` marked."""
    parts = []
    for run, same in differences(sent, received):
        if run:
            parts.append(escape(run) if same else f"<mark>{escape(run)}</mark>")
        elif not same:
            parts.append('<mark title="missing">&nbsp;</mark>')
    return " ".join(parts)


def _by_snr(captures: dict[tuple[float, str], dict[str, NDArray]], name: str) -> dict[float, dict[str, NDArray]]:
    rows: dict[float, dict[str, NDArray]] = {}
    for (snr, codec), arrays in captures.items():
        rows.setdefault(snr, {})[codec] = arrays[name]
    return dict(sorted(rows.items()))


def _picture(title: str, png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode()
    return (
        f'<figure><h2>{escape(title)}</h2><img alt="{escape(title)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _points_table(points: list[dict]) -> str:
    head = (
        "codec", "SNR (dB)", "BLEU-1 [95 %]", "words right [95 %]", "word errors", "exact", "messages", "delivered",
        "corrupted", "lost", "symbols a word", "overhead symbols", "energy a symbol",
    )  # fmt: skip
    rows = []
    for point in points:
        rows.append((
            point["codec"], _decibels(point["snr_db"]),
            f"{point['bleu1']:.3f} [{point['bleu1_low']:.3f}, {point['bleu1_high']:.3f}]",
            f"{point['words_right']:.3f} [{point['words_right_low']:.3f}, {point['words_right_high']:.3f}]",
            f"{point['word_error_rate']:.3f}", f"{point['exact_match']:.3f}", point["messages"], point["delivered"],
            point["corrupted"], point["lost"], f"{point['payload_symbols_per_word']:.2f}", point["overhead_symbols"],
            f"{point['mean_symbol_energy']:.3f}",
        ))  # fmt: skip
    return _table(head, [tuple(escape(str(cell)) for cell in row) for row in rows])


def _messages_table(messages: list[dict]) -> str:
    rows, shown = [], None
    texts = [list(group) for _, group in groupby(messages, key=lambda message: message["message"])]
    step = -(-len(messages) // MAX_ROWS)
    for message in chain.from_iterable(texts[::step]):
        sent = "" if message["message"] == shown else escape(message["sent"])
        shown = message["message"]
        received = (
            mark_differences(message["sent"], message["received"])
            or f"<i>{escape(message['reason'] or message.get('cause') or 'lost')}</i>"
        )
        if message.get("answer") is not None:
            received += f"<br><b>{escape(message['answer'] or '(no answer)')}</b> {message['answer_confidence']:.0%}"
        rows.append((
            _decibels(message["snr_db"]), _decibels(message["snr_db_estimated"]), escape(message["codec"]),
            sent, received,
            escape(message["status"]), f"{message['confidence']:.2f}", str(message["payload_symbols"]),
        ))  # fmt: skip
    head = ("SNR (dB)", "estimated", "codec", "sent", "received", "status", "confidence", "payload symbols")
    more = f"<p>One message in {step} is shown; all of them are in messages.jsonl.</p>" if step > 1 else ""
    return _table(head, rows) + more


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    header = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>'


def _decibels(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _short(value: object) -> str:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
