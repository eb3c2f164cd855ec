"""Makes docs/results.md and its pictures from sweep folders: curves, tables, conventions, what lost and why.

    semcom sweep FILE.yml --data DIR --out runs/NAME         # each of the sweeps, hours
    python benchmarks/levels.py FILE.yml --snr=DB,DB --data DIR   # a part of it through GNU Radio: runs/NAME-flowgraph
    python benchmarks/latency.py --data DIR --json runs/latency.json
    python benchmarks/repeatable.py FILE.yml                      # the same twice, and killed
    python benchmarks/keep.py runs/NAME [runs/OTHER ...] [runs/latency.json] [runs/repeatable/repeatable.json]
    python benchmarks/results.py [runs/NAME ...] [--latency runs/latency.json] [--repeatable FILE]
                                 [--language-model NAME] [--encoder NAME] [--device cpu] [--out docs/results.md]

Without a folder the page is of all that was kept in docs/results/: measured once, it can be made again.
Remarks by hand are in benchmarks/results_remarks.md: below a heading `## NAME` those on the sweep of that name, below
any other heading a section of their own. Where two sweeps have messages in common, the page says of how many of them
the very same came out. A sweep of level flowgraph whose messages are all in another one's (benchmarks/levels.py makes
such) is shown there alone, without curves. Exit status 1, once the page is written, if any two sweeps disagree; 2 if
there can be no page.
"""

import argparse
import itertools
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from semcom_ota.codecs.device import named_device
from semcom_ota.codecs.language_model import LanguageModel
from semcom_ota.config import ConfigError
from semcom_ota.experiments import sweep_pictures, sweep_report, sweep_tables
from semcom_ota.experiments.bits_a_word import model_bits
from semcom_ota.experiments.sweep_agreement import in_common
from semcom_ota.experiments.sweep_figures import Record
from semcom_ota.experiments.sweep_reading import MANIFEST, Row, read_rows
from semcom_ota.experiments.sweep_report import Summary
from semcom_ota.experiments.sweep_tables import Table
from semcom_ota.experiments.text_bound import bounds, distances

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "results"
BEGINNING = """# Results

<!-- written by benchmarks/results.py from folders of sweeps; remarks by hand: benchmarks/results_remarks.md -->

What the codecs make of the same texts, with the same symbols and the same energy, over the same channel. Every table
and picture names its level: `waveform` is the numpy PHY in one process, `flowgraph` is GNU Radio with its processes.

"""
MEANINGS = "## What the figures mean\n\nThe same in every sweep:\n"

COUNTED = (
    "Messages measured by both, with the same channel, SNR, budget, seed, codec and text. The very same means: "
    "verdict, text and symbols spent. Two sweeps of one level have messages in common where they share a curve."
)
MAX_DOCUMENT_BYTES = 2**24
HEAD = ("sweep", "and", "channel", "symbols a word", "codecs", "SNRs (dB)", "messages in both", "the very same")


def main() -> None:
    """Write the page and its pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sweeps", type=Path, nargs="*", metavar="SWEEP", help="folder of a sweep  [default: all kept]")
    parser.add_argument("--latency", type=Path, nargs="*", default=[], help="what benchmarks/latency.py --json wrote")
    parser.add_argument("--repeatable", type=Path, nargs="*", default=[], help="what benchmarks/repeatable.py wrote")
    parser.add_argument("--language-model", help="under which texts cost what the bounds say  [default: what ships]")
    parser.add_argument("--encoder", help="sentence encoder  [default: that of the extra similarity]")
    parser.add_argument("--device", default="cpu", help="where the encoder runs")
    parser.add_argument("--remarks", type=Path, default=Path(__file__).with_name("results_remarks.md"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results.md")
    arguments = parser.parse_args()
    if not arguments.sweeps:
        arguments.sweeps = sorted(file.parent for file in KEPT.glob(f"*/{MANIFEST}"))
        arguments.latency = arguments.latency or sorted(KEPT.glob("latency*.json"))
        arguments.repeatable = arguments.repeatable or sorted(KEPT.glob("repeatable*.json"))
    if not arguments.sweeps:
        end(f"no sweep was kept in '{KEPT}': name the folder of one", 2)
    try:
        rows = {folder: read_rows(folder) for folder in arguments.sweeps}
        summaries = {
            folder: sweep_report.summarise(folder, arguments.encoder, arguments.device) for folder in arguments.sweeps
        }
        model = LanguageModel.load(arguments.language_model, named_device(arguments.device))
        latencies = {file: read_document(file, latency_section) for file in arguments.latency}
        repeated_runs = {file: read_document(file, repeated_section) for file in arguments.repeatable}
    except ConfigError as error:
        end(error, 2)
    remarks = sections(arguments.remarks.read_text(encoding="utf-8")) if arguments.remarks.is_file() else {}
    images = arguments.out.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    conventions = dict.fromkeys(line for summary in summaries.values() for line in sweep_report.conventions(summary))
    common = in_common(rows, {folder: summary["manifest"] for folder, summary in summaries.items()})
    repeated = repetitions(common, summaries)
    titles = [summary["run"]["name"] for folder, summary in summaries.items() if folder not in repeated]
    page = [BEGINNING + contents(titles, remarks), MEANINGS, "\n".join(f"- {line}" for line in conventions) + "\n"]
    for folder, summary in summaries.items():
        if folder not in repeated:
            remark = remarks.pop(summary["run"]["name"], "")
            page += sweep_section(summary, rows[folder], model, images, remark)
    distinct = {summaries[folder]["run"]["name"]: own for folder, own in rows.items() if folder not in repeated}
    wrong = sweep_tables.altered_numbers(distinct)
    page.append(f"## {wrong.title}\n\n{wrong.markdown()}")
    page += levels_section(common, summaries, repeated, remarks)
    page += [latency_section(document) for document in latencies.values()]
    page += [repeated_section(document) for document in repeated_runs.values()]
    page += [f"## {title}\n\n{text}\n" for title, text in remarks.items() if text]
    page.append(again(summaries, repeated, latencies, arguments))
    arguments.out.write_text("\n".join(page), encoding="utf-8")
    print(f"{arguments.out}: {len(summaries)} sweeps")
    if objection := disagreement(common, summaries):
        end(objection, 1)


def end(sentence: object, status: int) -> NoReturn:
    """Say why, and end."""
    print(f"results.py: {sentence}", file=sys.stderr)
    raise SystemExit(status)


def sections(text: str) -> dict[str, str]:
    """The sections of a Markdown text by their `##` headings; what stands before the first one is for its editor."""
    parts = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def contents(names: Sequence[str], remarks: dict[str, str]) -> str:
    """A line for each sweep: its name and the first paragraph of the remark on it, which says what it showed."""
    found = {name: remarks.get(name, "").split("\n\n")[0] for name in names}
    return "".join(f"- **[{name}](#{name})**{': ' * bool(first)}{first}\n" for name, first in found.items())


def sweep_section(summary: Summary, rows: Sequence[Row], model: LanguageModel, images: Path, remark: str) -> list[str]:
    """A sweep: pictures and tables of each panel, then what is of the whole sweep."""
    run = summary["run"]
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", run["name"])
    seeds = ", ".join(map(str, run["seeds"]))
    parts = [f"## {run['name']}\n", f"Level `{run['level']}`, {run['texts']} texts, seed {seeds}.\n"]
    parts += [f"**{note}**\n" for note in summary["notes"]] + ([f"{remark}\n"] if remark else [])
    texts = list(dict.fromkeys(row.sent for row in rows))
    bits = model_bits(model, texts)
    for channel, budget in sweep_report.panels(summary):
        points = sweep_report.points_of(summary, channel, budget)
        title = f"{channel}, {budget:g} payload symbols a word"
        limits = bounds(points, texts, bits, budget) if is_awgn(summary, channel) else {}
        stem = re.sub(r"[^A-Za-z0-9-]", "_", f"results-{name}-{channel}-{budget:g}")
        curves = sweep_pictures.curves(points, f"{title}, level {run['level']}", sweep_report.style(summary), limits)
        fates = sweep_pictures.fates(points, f"What became of the messages: {title}")
        parts.append(f"### {title}\n\n{image(curves, images / f'{stem}.svg', f'Curves: {title}')}")
        if limits:
            reached = [one for one in summary["crossings"] if (one["channel"], one["budget"]) == (channel, budget)]
            parts.append(folded(distances(reached, limits)))
        parts += [folded(table) for table in sweep_report.panel_tables(summary, channel, budget)]
        parts.append(image(fates, images / f"{stem}-fates.svg", f"What became of the messages: {title}"))
    if figure := sweep_report.reliability(summary):
        parts.append(image(figure, images / f"results-{name}-reliability.svg", "Reliability of the confidence"))
    return [*parts, *map(folded, sweep_report.overall(summary))]


def repetitions(common: Sequence[Record], summaries: dict[Path, Summary]) -> dict[Path, Path]:
    """Folders of level flowgraph all of whose messages are in a folder of another level -> the latter."""
    messages: Counter[frozenset[Path]] = Counter()
    for one in common:
        messages[frozenset(one["sweeps"])] += one["messages"]
    runs = {folder: summary["run"] for folder, summary in summaries.items()}
    return {
        folder: whole
        for whole, folder in itertools.permutations(runs, 2)
        if runs[folder]["level"] == "flowgraph" != runs[whole]["level"]
        and messages[frozenset((folder, whole))] == runs[folder]["rows"]
    }


def levels_section(
    common: Sequence[Record], summaries: dict[Path, Summary], repeated: dict[Path, Path], remarks: dict[str, str]
) -> list[str]:
    """Sweeps that have messages in common: did the same come out? With notes and remarks on those without curves."""
    if not common:
        return []
    cells = tuple(
        (*(summaries[folder]["run"]["name"] for folder in one["sweeps"]), one["channel"], f"{one['budget']:g}",
         ", ".join(one["codecs"]), ", ".join(f"{snr_db:g}" for snr_db in sorted(one["snr_db"])),
         str(one["messages"]), str(one["same"]))
        for one in common
    )  # fmt: skip
    parts = [f"## The same at both levels\n\n{Table('', COUNTED, HEAD, cells).markdown()}"]
    for folder, whole in repeated.items():
        run = summaries[folder]["run"]
        notes = [note for note in summaries[folder]["notes"] if note not in summaries[whole]["notes"]]
        parts.append(f"`{run['name']}`: level `{run['level']}`, {run['texts']} texts.\n")
        parts += [f"**{run['name']}: {note}**\n" for note in notes]
        parts += [f"{remark}\n"] if (remark := remarks.pop(run["name"], "")) else []
    return parts


def disagreement(common: Sequence[Record], summaries: dict[Path, Summary]) -> str | None:
    """Where two sweeps do not agree; None: nowhere."""
    wrong = [
        " and ".join(summaries[folder]["run"]["name"] for folder in one["sweeps"])
        + f" on {one['messages'] - one['same']} of {one['messages']} messages"
        + f" ({one['channel']}, {one['budget']:g} symbols a word)"
        for one in common
        if one["same"] < one["messages"]
    ]
    return f"sweeps disagree: {'; '.join(wrong)}" if wrong else None


def read_document(file: Path, section: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
    """What another script measured; raises ConfigError if a file holds something else."""
    try:
        if file.stat().st_size > MAX_DOCUMENT_BYTES:
            raise ValueError("it is too large")
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        section(document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"'{file}' is not what is measured today ({error!r}): measure it again") from error
    return document


def repeated_section(document: dict[str, Any]) -> str:
    """The section of what benchmarks/repeatable.py wrote."""
    cells = tuple((name, *(one[:16] for one in found.values())) for name, found in document["digests"].items())
    machine = ", ".join(f"{key} {value}" for key, value in document["machine"].items())
    same = "All three are the same." if document["objection"] is None else f"Not the same: {document['objection']}."
    caption = (
        f"`{document['command']}`, commit {document['commit']}, {machine}: {document['messages']} messages measured "
        f"three times, the third time killed with SIGKILL at random, {document['kills']} times, {document['amid']} of "
        f"them between the first and the last of its {document['units']} units, of which {document['twice']} were "
        f"measured twice. {same} First 16 digits of SHA-256."
    )
    table = Table("", caption, ("sweep", "rows", "figures"), cells)
    return f"## The same seed twice, and killed\n\n{table.markdown()}"


def latency_section(document: dict[str, Any]) -> str:
    """The section of one document."""
    stages = {"encode": "encode", "transmit": "transmit", "receive": "receive", "decode": "decode",
              "total": "end to end", "air": "on the air"}  # fmt: skip
    rows = []
    for row in document["rows"]:
        found = row["stages"]
        times = (f"{found[one]['p50_ms']:.1f} / {found[one]['p99_ms']:.1f}" if one in found else "" for one in stages)
        speed = row["sentences_per_second"]
        weights = f"{row['parameters'] / 1e6:.1f}"
        start = row["codec"], f"{row['snr_db']:g}", row["device"], weights
        rows.append((*start, *times, "" if speed is None else f"{speed:.0f}", str(row["lost"])))
    settings, machine = document["settings"], document["machine"]
    caption = (
        f"Milliseconds, median / 99th percentile; one sentence at a time, level `waveform`, {document['texts']}, "
        f"{settings['budget']} symbols a word, {machine['processor']}, {settings['threads']} "
        f"threads, seed {settings['seed']}; a batch of {settings['batch']} for the throughput of decoding."
    )
    head = ("codec", "SNR (dB)", "device", "weights (millions)", *stages.values(), "sentences a second", "lost")
    return f"## Latency\n\n{Table('', caption, head, tuple(rows)).markdown()}"


def again(
    summaries: dict[Path, Summary],
    repeated: dict[Path, Path],
    latencies: dict[Path, dict[str, Any]],
    arguments: argparse.Namespace,
) -> str:
    """Commands, machine and versions."""
    folders = " ".join(f"runs/{summary['run']['name']}" for summary in summaries.values())
    files = "".join(f" runs/{file.name}" for file in (*arguments.latency, *arguments.repeatable))
    lines = ["## To make it again\n", "```sh", "pip install -e '.[similarity]'   # the sentence encoder"]
    lines += [command(summary, summaries[repeated.get(folder, folder)]) for folder, summary in summaries.items()]
    for file, document in latencies.items():
        said = " ".join(f"--{name}={value}" for name, value in document["settings"].items() if value)
        lines.append(f"python benchmarks/latency.py --data DIR {said} --json runs/{file.name}")
    options = f" --language-model {Path(arguments.language_model).name}" if arguments.language_model else ""
    lines.append(f"python benchmarks/keep.py {folders}{files}")
    lines += [f"python benchmarks/results.py{options}", "```\n"]
    lines.append("A sweep of checkpoints below `runs/` says in the first lines of its file how they are trained.\n")
    cells = []
    for summary in summaries.values():
        manifest, run = summary["manifest"], summary["run"]
        cells.append((
            run["name"], ", ".join(map(str, manifest.get("commits", [manifest.get("commit", "unknown")]))),
            str(manifest.get("config_sha256", ""))[:16], run["rows_sha256"][:16], ", ".join(map(str, run["seeds"])),
            ", ".join(f"{key} {value}" for key, value in manifest.get("machine", {}).items()),
            run["encoder"] or "none",
        ))  # fmt: skip
    head = ("sweep", "commit", "configuration", "rows", "seeds", "machine", "sentence encoder")
    table = Table("", "First 16 digits of SHA-256 where a digest is meant.", head, tuple(cells))
    return "\n".join([*lines, table.markdown()])


def command(summary: Summary, whole: Summary) -> str:
    """What measures a sweep, which may be a part of another one."""
    name, file = summary["run"]["name"], f"sweeps/{whole['run']['name']}.yml"
    if name != f"{whole['run']['name']}-flowgraph":
        return f"semcom sweep sweeps/{name}.yml --data DIR --out runs/{name}"
    snrs = ",".join(f"{snr_db:g}" for snr_db in summary["run"]["snr_db"])
    count = summary["manifest"].get("plan", {}).get("texts", summary["run"]["texts"])
    return f"python benchmarks/levels.py {file} --snr={snrs} --count {count} --data DIR"


def is_awgn(summary: Summary, channel: str) -> bool:
    """Whether the bound is one of this channel: it does not fade."""
    config = summary["manifest"].get("config", {})
    found = [one["channel"] for one in config.get("channels", []) if one["name"] == channel]
    return bool(found) and found[0].get("fading") == "none" and not found[0].get("noise_only")


def folded(table: Table) -> str:
    """A table behind its title."""
    return f"<details><summary>{table.title}</summary>\n\n{table.markdown()}\n</details>\n"


def image(figure: Any, file: Path, title: str) -> str:
    """Draw a picture, and the line that shows it."""
    file.write_bytes(sweep_pictures.picture(figure, "svg"))
    return f"![{title}](images/{file.name})\n"


if __name__ == "__main__":
    main()
