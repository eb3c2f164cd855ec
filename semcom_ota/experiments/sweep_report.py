"""`semcom report DIR` of a sweep: `summary.json`, `tables.md`, and `report.html`, one self-contained page."""

import base64
from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from matplotlib.figure import Figure

from semcom_ota.config import ConfigError
from semcom_ota.experiments import provenance, run_folder, sweep_figures, sweep_pictures, sweep_tables, trust
from semcom_ota.experiments.adaptation import adaptations
from semcom_ota.experiments.similarity import SentenceEncoder
from semcom_ota.experiments.statistics import RESAMPLES, bleu_signature
from semcom_ota.experiments.sweep_data import GUESS, SweepData, curve_name, similarities
from semcom_ota.experiments.sweep_reading import digest, read_manifest, read_rows, read_timings
from semcom_ota.experiments.sweep_tables import Table

PAGE = Path(__file__).parent / "sweep_report_template.html"
BASELINE = "huffman"
CONVENTIONS = (
    "SNR is the mean Es/N0 of the payload symbols after the receiver's FFT, for every codec alike; the channel's power "
    "is 1 on average, so that a fade lowers the SNR of a message and not the figure on the axis.",
    "Every codec gets the same payload symbols for a text, the budget times its words (runs between white space), and "
    "spends an energy of mean |s|² = 1 on them. A codec that cannot carry a text with them sends nothing, and has lost "
    "it. Preamble, header, pilots and filling are the same for all and are counted beside the payload, as are the bits "
    "that the header spends on a message's own parameters: up to 24, in which a codec tells what it likes (a length, "
    "an order, a checksum) and which it then need not tell among its symbols.",
    "A transmitter knows the channel's mean SNR, for link adaptation, and nothing of the fade that a message meets. A "
    "receiver estimates timing, carrier, channel and noise from the signal; where it says (perfect CSI), it was told "
    "these and the header, and no frame is missed.",
    "Checked, row by row: of $unequal messages the symbols differed between codecs, or the energy from 1 a symbol.",
    "All codecs meet the same realisations of channel and noise, given by seed and message. Those with the same "
    "settings take turns frame by frame in one link; one with settings of its own has a link of its own.",
    "Intervals are 95 %, by a percentile bootstrap ($draws draws) over $drawn, which all codecs share; those of shares "
    "of exact copies and of outages are Wilson's, the former of as many messages as are independent where a text was "
    "sent several times. An interval of no width says that all messages were alike. A point that a stop rule ended "
    "(`stop`) has an interval that is a little too narrow, because it was looked at again and again.",
    "BLEU: $bleu, 0 to 1. Its penalty for brevity punishes what is missing more than what is wrong, and so a codec "
    "that shows nothing of a text that it lost more than one that shows what is left of it. bleu1_guess is BLEU-1 "
    "without that: wherever a codec showed no word, it gets as many words as were sent of a sentence that is the same "
    "for all, '$guess'",
)

_LONG = ("config", "weights_sha256")  # of the manifest, whose digest is there

Summary = dict[str, Any]


def summarise(folder: Path, encoder: str | None = None, device: str = "cpu", seed: int = 0) -> Summary:
    """All figures of a sweep, whole or not.

    Args:
        folder: of the sweep.
        encoder: of sentences: a folder or a hub name; None is that of the extra `similarity`, if it is installed.
        device: where the encoder runs.
        seed: of the bootstrap.

    Raises:
        ConfigError: the folder holds no measurement or a damaged one, or `encoder` cannot be loaded.
    """
    rows, manifest, notes = read_rows(folder), read_manifest(folder), []
    model = None
    try:
        model = SentenceEncoder.load(encoder, device)
    except ConfigError as error:
        if encoder is not None:
            raise
        notes.append(f"No sentence similarity: {error}.")
    data = SweepData(rows, similarities(rows, model, folder) if model else None, seed)
    points = sweep_figures.points(data)
    reached, gaps = sweep_figures.crossings(data)
    names = list(dict.fromkeys(curve.name for curve in data.curves))
    reference = BASELINE if BASELINE in names else names[0]
    unequal = sweep_figures.unequal(rows)
    short, long = sweep_figures.length_bounds(data)
    return {
        "run": {
            "name": str(manifest.get("name", folder.resolve().name)),
            "level": str(manifest.get("level", "unknown")),
            "rows": len(rows),
            "rows_sha256": digest(folder),
            "seeds": sorted({row.seed for row in rows}),
            "snr_db": sorted({row.snr_db for row in rows}),
            "texts": len({row.sent for row in rows}),
            "drawn": data.drawn,
            "bleu": bleu_signature(),
            "encoder": f"{model.name}, SHA-256 {model.digest}" if model else None,
            "bootstrap_seed": seed,
            "report_commit": provenance.commit(),
            "short_words": short,
            "long_words": long,
            "reference": reference,
        },
        "manifest": manifest,
        "notes": notes + _notes(manifest, len(rows), points, unequal),
        "unequal_messages": unequal,
        "points": points,
        "crossings": reached,
        "gaps": gaps,
        "differences": sweep_figures.differences(data, reference),
        "adaptations": adaptations(data),
        "calibration": sweep_figures.calibrations(data),
        "wrong_texts": sweep_figures.wrong_texts(data),
        "sets": trust.by_set(rows, curve_name),
        "latency": sweep_figures.latencies(read_timings(folder)),
    }


def write(folder: Path, summary: Summary) -> Path:
    """Write `summary.json`, `tables.md` and `report.html` into the folder.

    Returns:
        The page's path.

    Raises:
        ConfigError: the folder cannot be written.
    """
    run_folder.write_json(folder / "summary.json", summary)
    page = Template(PAGE.read_text(encoding="utf-8")).substitute(
        name=escape(summary["run"]["name"]),
        level=escape(summary["run"]["level"]),
        notes="".join(f"<p><b>{escape(note)}</b></p>" for note in summary["notes"]),
        conventions="".join(f"<li>{escape(line)}</li>" for line in conventions(summary)),
        panels="".join(_panel(summary, *panel) for panel in panels(summary)),
        overall="".join(_section(table) for table in overall(summary)),
        reliability=_image(reliability(summary), "Reliability diagram"),
        facts="".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts(summary)),
    )
    try:
        (folder / "tables.md").write_text(_markdown(summary), encoding="utf-8")
        path = folder / "report.html"
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write to '{folder}' ({error.strerror}): report on a folder of your own") from error
    return path


def conventions(summary: Summary) -> list[str]:
    """What the figures mean, in sentences."""
    run, unequal = summary["run"], summary["unequal_messages"] or "no"
    said = {"draws": RESAMPLES, "drawn": run["drawn"], "bleu": run["bleu"], "unequal": unequal, "guess": GUESS}
    return [Template(line).substitute(said) for line in CONVENTIONS]


def panels(summary: Summary) -> list[tuple[str, float]]:
    """Channels and budgets that were measured."""
    return list(dict.fromkeys((point["channel"], point["budget"]) for point in summary["points"]))


def points_of(summary: Summary, channel: str, budget: float) -> list[dict[str, Any]]:
    """The points of a panel, curve by curve."""
    return [point for point in summary["points"] if (point["channel"], point["budget"]) == (channel, budget)]


def style(summary: Summary) -> sweep_pictures.Looks:
    """Each curve looks the same in all pictures of a sweep."""
    return sweep_pictures.looks(list(dict.fromkeys(point["codec"] for point in summary["points"])))


def panel_tables(summary: Summary, channel: str, budget: float) -> list[Table]:
    """The tables of one panel."""
    points = points_of(summary, channel, budget)
    against = [one for one in summary["differences"] if (one["channel"], one["budget"]) == (channel, budget)]
    tables = [sweep_tables.quality(points)]
    for metric, levels in sweep_figures.LEVELS.items():
        if metric in points[0] and len({point["codec"] for point in points}) > 1:
            level = 0.9 if 0.9 in levels else levels[0]
            lengths = dict.fromkeys(one["length"] for one in summary["gaps"] if one["metric"] == metric)
            tables += [sweep_tables.gaps(summary, channel, budget, metric, level, length) for length in lengths]
    if against:
        tables.append(sweep_tables.differences(against))
    return [*tables, sweep_tables.fates(points), sweep_tables.spending(points)]


def overall(summary: Summary) -> list[Table]:
    """The tables that are of the whole sweep."""
    tables = [sweep_tables.levels(summary), sweep_tables.calibration(summary)]
    tables += [sweep_tables.adaptations(summary["adaptations"])] if summary["adaptations"] else []
    tables += [sweep_tables.sets(summary["sets"])] if summary["sets"] else []
    tables.append(sweep_tables.wrong_texts(summary))
    return [*tables, sweep_tables.latency(summary)] if summary["latency"] else tables


def reliability(summary: Summary) -> Figure | None:
    """The reliability diagram over all channels; None where no text came out."""
    records = [one for one in summary["calibration"] if one["channel"] == "all"]
    return sweep_pictures.reliability(records, style(summary)) if records else None


def facts(summary: Summary) -> list[tuple[str, str]]:
    """What is needed to get the same figures again."""
    manifest = {name: value for name, value in summary["manifest"].items() if name not in _LONG}
    return [(name, _flat(value)) for name, value in (manifest | summary["run"]).items()]


def _notes(manifest: dict[str, Any], rows: int, points: Iterable[dict[str, Any]], unequal: int) -> list[str]:
    notes = []
    if not manifest.get("finished", False):
        plan = manifest.get("plan")
        most = f" of {plan.get('rows')} at most" if isinstance(plan, dict) else ""
        notes.append(f"The sweep is not finished: {rows} rows{most}. The same 'semcom sweep' command goes on with it.")
    counts = [point["messages"] for point in points]
    if min(counts) < max(counts):
        notes.append(f"Points have from {min(counts)} to {max(counts)} messages: each says how many.")
    if len(commits := manifest.get("commits", [])) > 1:
        notes.append(f"Measured by {len(commits)} commits, whose code may differ: {', '.join(map(str, commits))}.")
    machines = [manifest.get("machine"), *(one.get("machine") for one in manifest.get("earlier", []))]
    if any(machine != machines[0] for machine in machines):
        notes.append("Measured on more than one machine; times are of all of them.")
    if unequal:
        notes.append(f"UNFAIR: {unequal} messages did not cost the same symbols and energy with every codec.")
    return notes


def _panel(summary: Summary, channel: str, budget: float) -> str:
    points = points_of(summary, channel, budget)
    title = f"{channel}, {budget:g} payload symbols a word"
    curves = sweep_pictures.curves(points, f"{title}, level {summary['run']['level']}", style(summary))
    fates = sweep_pictures.fates(points, f"What became of the messages: {title}")
    pictures = _image(curves, f"Curves: {title}") + _image(fates, f"Fates: {title}")
    return f"<h2>{escape(title)}</h2>{pictures}" + "".join(map(_section, panel_tables(summary, channel, budget)))


def _section(table: Table) -> str:
    return f"<details><summary>{escape(table.title)}</summary>{table.html()}</details>"


def _image(figure: Figure | None, title: str) -> str:
    if figure is None:
        return ""
    data = base64.b64encode(sweep_pictures.picture(figure)).decode()
    return f'<img alt="{escape(title)}" src="data:image/png;base64,{data}">'


def _markdown(summary: Summary) -> str:
    parts = [f"# {summary['run']['name']}, level {summary['run']['level']}\n", *(f"{n}\n" for n in summary["notes"])]
    parts += [f"- {line}\n" for line in conventions(summary)]
    for channel, budget in panels(summary):
        parts.append(f"\n## {channel}, {budget:g} payload symbols a word\n")
        parts += [f"\n### {table.title}\n\n{table.markdown()}" for table in panel_tables(summary, channel, budget)]
    parts += [f"\n## {table.title}\n\n{table.markdown()}" for table in overall(summary)]
    return "\n".join(parts)


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(one)}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
