"""The tables of a sweep, from its summary: the same for a page, for Markdown and for docs/results.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from semcom_ota.experiments import trust
from semcom_ota.experiments.calibration import TRUSTED
from semcom_ota.experiments.sweep_data import curve_name
from semcom_ota.experiments.sweep_figures import FADE_DB
from semcom_ota.experiments.sweep_reading import Row

_SHOWN_CHARACTERS = 160

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of plain text."""

    title: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """As Markdown, without its title."""
        lines = [self.head, *self.rows]
        cells = [
            "| " + " | ".join(escape(cell, quote=False).replace("|", "\\|") for cell in line) + " |" for line in lines
        ]
        cells.insert(1, "|" + " --- |" * len(self.head))
        return f"{self.caption}\n\n" + "\n".join(cells) + "\n"

    def html(self) -> str:
        """As HTML, without its title."""
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.head)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        return (
            f'<p class="lead">{escape(self.caption)}</p><div class="scroll"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )


def quality(points: Sequence[Record]) -> Table:
    """Every figure of quality at every point of a panel."""
    metrics = {"bleu1": "BLEU-1 [95 %]", "bleu2": "BLEU-2", "bleu3": "BLEU-3", "bleu4": "BLEU-4",
               "bleu1_guess": "BLEU-1, a guess for silence [95 %]", "similarity": "similarity [95 %]",
               "word_error_rate": "word error rate", "words_right": "words right",
               "exact_match": "exact [95 %]"}  # fmt: skip
    shown = {name: title for name, title in metrics.items() if points and name in points[0]}
    rows = [
        (point["codec"], f"{point['snr_db']:g}", str(point["messages"]),
         *(interval(point, name) if "[" in title else f"{point[name]:.3f}" for name, title in shown.items()))
        for point in points
    ]  # fmt: skip
    caption = "Every message counts; one that did not arrive is an empty text and scores zero."
    return Table("Quality", caption, ("codec", "SNR (dB)", "messages", *shown.values()), tuple(rows))


def levels(summary: Record) -> Table:
    """The SNR at which each curve reaches each level."""
    head = ("channel", "symbols a word", "codec", "messages", "figure", "level", "reached at (dB) [95 %]",
            "measured at (dB)")  # fmt: skip
    rows = tuple(
        (one["channel"], f"{one['budget']:g}", one["codec"], one["length"], one["metric"], f"{one['level']:g}",
         reached(one, summary["run"]["snr_db"]), " and ".join(f"{snr_db:g}" for snr_db in one["between"]))
        for one in summary["crossings"]
    )  # fmt: skip
    low, high = summary["run"]["short_words"], summary["run"]["long_words"]
    caption = (
        "By linear interpolation in dB between measured points, of a curve that is first made never to fall "
        "(isotonic regression). The interval is what other messages could have given, with the same interpolation: "
        "that the curve is no straight line is not in it, and what is certain is that it crosses between the SNRs in "
        f"the last column. Short messages have at most {low} words, long ones at least {high}."
    )
    return Table("SNR at a level", caption, head, rows)


def gaps(summary: Record, channel: str, budget: float, metric: str, level: float, length: str) -> Table:
    """By how many dB the codec of a row needs less than that of a column."""
    found = {
        (one["codec"], one["other"]): one
        for one in summary["gaps"]
        if (one["channel"], one["budget"], one["metric"], one["level"], one["length"])
        == (channel, budget, metric, level, length)
    }
    names = list(dict.fromkeys(name for name, _ in found))
    rows = tuple((name, *("" if name == other else decibels(found[name, other]) for other in names)) for name in names)
    caption = (
        f"dB that the row's codec needs less than the column's for {metric} {level:g}, {length} messages; paired. "
        "Interpolated as in 'SNR at a level', with what is said there."
    )
    return Table(f"Gaps at {metric} {level:g}, {length} messages", caption, ("codec", *names), rows)


def differences(records: Sequence[Record]) -> Table:
    """Differences to the reference at each point."""
    rows = tuple((one["codec"], f"{one['snr_db']:g}", interval(one, "bleu1", "+.3f")) for one in records)
    reference = records[0]["reference"] if records else ""
    caption = f"BLEU-1 less that of {reference}, over the same messages on the same realisations; paired bootstrap."
    return Table(f"Against {reference}", caption, ("codec", "SNR (dB)", "BLEU-1 difference [95 %]"), rows)


def adaptations(records: Sequence[Record]) -> Table:
    """What LoRA recovers of the gain of full fine-tuning."""
    rows = tuple(
        (one["channel"], f"{one['budget']:g}", f"{one['snr_db']:g}",
         *(f"{one[name]:.3f}" for name in ("frozen", "LoRA", "full")),
         "gain not established" if one["recovered"] is None else interval(one, "recovered", ".1%"))
        for one in records
    )  # fmt: skip
    head = ("channel", "symbols a word", "SNR (dB)", "BLEU-1 frozen", "LoRA", "full", "share recovered [95 %]")
    caption = "Share of full fine-tuning's gain in BLEU-1 over the frozen model that LoRA has; paired bootstrap."
    return Table("What LoRA recovers", caption, head, rows)


def fates(points: Sequence[Record]) -> Table:
    """Delivered, corrupted, lost; wrong texts that were taken for whole; outage."""
    head = ("codec", "SNR (dB)", "delivered", "of these wrong [95 %]", "wrong with confidence ≥ 0.9 [95 %]",
            "numbers altered [95 %]", "corrupted", "lost", "did not fit", "no frame found", "in a fade",
            "outage [95 %]", "BLEU-1 where there was no fade")  # fmt: skip
    rows = tuple(
        (point["codec"], f"{point['snr_db']:g}", str(point["delivered"]), *wrongs(point), str(point["corrupted"]),
         str(point["lost"]), str(point["does_not_fit"]), str(point["no_frame"]), str(point["faded"]),
         interval(point, "outage"), _number(point["bleu1_without_fade"]))
        for point in points
    )  # fmt: skip
    caption = (
        "Delivered is the receiver's own verdict: a checksum that held, and whatever else the codec goes by. A fade is "
        f"a message whose receiver estimated an SNR {FADE_DB:g} dB or more below the channel's mean. Outage is what "
        "did not come out as it was sent, in a fade or because no frame was found; beside it, BLEU-1 over all messages "
        f"that fitted and met neither. {WRONG}"
    )
    return Table("What became of the messages", caption, head, rows)


def spending(points: Sequence[Record]) -> Table:
    """Symbols, energy and overhead of each codec in a panel, over all SNRs."""
    head = ("codec", "payload symbols a word", "mean |s|² a symbol", "least and most of a message",
            "overhead symbols a message", "overhead bits a message", "air samples a message")  # fmt: skip
    rows = []
    for name in dict.fromkeys(point["codec"] for point in points):
        mine = [point for point in points if point["codec"] == name and point["payload_symbols_per_word"]]
        if not mine:
            rows.append((name, *["nothing was sent"] * 6))
            continue
        weights = [point["messages"] - point["does_not_fit"] for point in mine]
        mean = {key: sum(w * point[key] for w, point in zip(weights, mine, strict=True)) / sum(weights)
                for key in ("payload_symbols_per_word", "energy_per_symbol", "overhead_symbols_per_message",
                            "overhead_bits_per_message", "air_samples_per_message")}  # fmt: skip
        least = min(point["energy_per_symbol_min"] for point in mine)
        most = max(point["energy_per_symbol_max"] for point in mine)
        rows.append((
            name, f"{mean['payload_symbols_per_word']:.3f}", f"{mean['energy_per_symbol']:.5f}",
            f"{least:.5f}, {most:.5f}", f"{mean['overhead_symbols_per_message']:.1f}",
            f"{mean['overhead_bits_per_message']:.1f}", f"{mean['air_samples_per_message']:.0f}",
        ))  # fmt: skip
    caption = "Of the messages that were sent. Symbols of preamble, header, pilots and filling are overhead."
    return Table("Symbols and energy", caption, head, tuple(rows))


def calibration(summary: Record) -> Table:
    """Expected calibration error of each codec's confidence."""
    head = ("codec", "channel", "against", "texts", "calibration error [95 %]", "of a calibrated one, by chance",
            "bias: confidence less outcome [95 %]", "undecided", "they say", "and are [95 %]")  # fmt: skip
    names = {"exact_match": "exact copies", "words_right": "share of words right"}
    several = len({one["channel"] for one in summary["calibration"]} - {"all"}) > 1
    rows = tuple(
        (one["codec"], one["channel"], names[one["outcome"]], str(one["messages"]), interval(one, "error"),
         f"{one['error_if_calibrated']:.3f}" if one["outcome"] == "exact_match" else "",
         interval(one, "bias", "+.3f"), *_undecided(one["undecided"]))
        for one in summary["calibration"]
        if several or one["channel"] != "all"
    )  # fmt: skip
    caption = (
        "A codec's own estimate that the whole text is right, against exact copies; and how many of its words it "
        "expects to be right (the same figure, of a codec that has no other), against how many are. Over all texts "
        "that came out, at all SNRs; ten equal bins. A positive bias is overconfidence. Most messages of a sweep are "
        "as good as certain: how the others come out (confidence from 0.1 to 0.9) stands by itself."
    )
    return Table("Is the confidence calibrated?", caption, head, rows)


def _undecided(found: Record | None) -> tuple[str, str, str]:
    if found is None:
        return "0", "", ""
    return str(found["messages"]), f"{found['confidence']:.3f}", interval(found, "outcome")


def wrong_texts(summary: Record) -> Table:
    """The wrong texts that a receiver was surest of."""
    head = ("codec", "channel", "SNR (dB)", "confidence", "sent", "received")
    rows = tuple(
        (one["codec"], one["channel"], f"{one['snr_db']:g}", f"{one['confidence']:.3f}",
         _shown(one["sent"]), _shown(one["received"]))
        for one in summary["wrong_texts"]
    )  # fmt: skip
    caption = "Taken for whole, and wrong: of each codec, those with the highest confidence in the whole sweep."
    return Table("Wrong texts that were trusted most", caption, head, rows)


def altered_numbers(sweeps: Mapping[str, Sequence[Row]]) -> Table:
    """Every wrong number of several sweeps that a receiver vouched for.

    Args:
        sweeps: name -> rows.
    """
    head = ("sweep", "codec", "channel", "SNR (dB)", "symbols a word", "confidence", "sent", "received")
    found = [(name, row) for name, rows in sweeps.items() for row in rows if trust.altered_numbers(row)]
    rows = tuple(
        (name, curve_name(row), row.channel, f"{row.snr_db:g}", f"{row.budget:g}", f"{row.confidence:.3f}",
         _shown(row.sent), _shown(row.received))
        for name, row in sorted(found, key=lambda one: -one[1].confidence)
    )  # fmt: skip
    sent = sum(bool(row.payload_symbols) and bool(trust.numbers(row.sent)) for rows in sweeps.values() for row in rows)
    sure = sum(row.confidence >= TRUSTED for _, row in found)
    caption = (
        f"{len(found)} of {sent} messages with numbers, of all sweeps above; {sure} of them with a confidence of "
        f"{TRUSTED:g} or more. The receiver took them for whole and their numbers are others. "
        "A message that two sweeps share stands here twice, and counts twice."
    )
    return Table("Numbers that became other numbers", caption, head, rows)


def sets(records: Sequence[Record]) -> Table:
    """What became of the texts of each set."""
    head = ("codec", "texts of", "symbols a word", "messages", "right", "of the delivered wrong [95 %]",
            "wrong with confidence ≥ 0.9 [95 %]", "numbers altered [95 %]", "said to be damaged", "lost",
            "said not to fit")  # fmt: skip
    rows = tuple(
        (one["codec"], one["set"], f"{one['budget']:g}", str(one["messages"]), str(one["right"]), *wrongs(one),
         str(one["corrupted"]), str(one["lost"]), str(one["does_not_fit"]))
        for one in records
    )  # fmt: skip
    return Table("What became of each set of texts", f"Over all channels and SNRs. {WRONG}", head, rows)


WRONG = (
    "Wrong with confidence ≥ 0.9 are all texts that came with it, said to be damaged or not. "
    "Numbers altered are of wrong texts that were delivered: digits or number words differ from those that were sent "
    "('2' and 'two' do, ordinals are not looked at). Intervals of counts are what they could have been with as many "
    "other texts; a text that was sent several times counts as one."
)


def wrongs(record: Record) -> tuple[str, str, str]:
    """The three counts of wrong texts that were delivered."""

    def one(name: str) -> str:
        return f"{record[name]} [{record[f'{name}_low']:.1f}, {record[f'{name}_high']:.1f}]"

    return one("wrong_delivered"), one("wrong_trusted"), one("wrong_numbers")


def latency(summary: Record) -> Table:
    """Median and 99th percentile by stage."""
    stages = list(dict.fromkeys(one["stage"] for one in summary["latency"]))
    found = {(one["codec"], one["stage"]): one for one in summary["latency"]}
    weights = {one["codec"]: one["parameters"] for one in summary["latency"]}

    def size(codec: str) -> str:
        return "" if weights[codec] is None else f"{weights[codec] / 1e6:.1f}"

    def stage_of(codec: str, stage: str) -> str:
        one = found.get((codec, stage))
        return f"{one['p50_ms']:.1f} / {one['p99_ms']:.1f}" if one else ""

    rows = tuple((codec, size(codec), *(stage_of(codec, stage) for stage in stages)) for codec in weights)
    caption = (
        "Milliseconds a message, median / 99th percentile, on the machine of the sweep while it was busy with it; "
        "messages are decoded in batches. benchmarks/latency.py measures one message at a time."
    )
    return Table("Where the time went", caption, ("codec", "weights (millions)", *stages), rows)


def interval(record: Record, name: str, form: str = ".3f") -> str:
    """A figure with its interval."""
    return f"{record[name]:{form}} [{record[f'{name}_low']:{form}}, {record[f'{name}_high']:{form}}]"


def reached(one: Record, snrs: Sequence[float]) -> str:
    """Where a curve reaches a level, or that it does not."""
    if one["at_most"] is None:
        return f"not reached up to {max(snrs) if one['at_least'] is None else one['at_least']:g}"
    if one["at_least"] is None:
        return f"above it from {one['at_most']:g} on, the lowest measured"
    return decibels(one)


def decibels(one: Record) -> str:
    """A bounded figure in dB."""
    least, most = one["at_least"], one["at_most"]
    low, high = (f"{one[end]:.2f}" if one[end] is not None else "open" for end in ("low", "high"))
    if least is None and most is None:
        return "unknown"
    bound = f"{least:.2f}" if least == most else f"≥ {least:.2f}" if most is None else f"≤ {most:.2f}"
    return f"{bound} [{low}, {high}]"


def _shown(text: str) -> str:
    """A text on one line, cut where it is long; bytes that are no text are spelled out."""
    line = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}..."


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
