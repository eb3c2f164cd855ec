"""Proves that a sweep at level `waveform` and GNU Radio agree: sends a part of it again, and the same has to come out.

    semcom sweep sweeps/awgn.yml --data DIR
    python benchmarks/levels.py sweeps/awgn.yml --snr=0,3,9 [--count 250] [--data DIR] [--waveform runs/awgn]
                                [--out runs/awgn-flowgraph] [--json FILE]

The sweep's first texts go through GNU Radio, at some of its SNRs: level `flowgraph`, three processes, real sockets,
estimated CSI. Every message has to come out with the verdict, the text and the symbols that it had in the sweep. A
Markdown table says of how many it did. It can be stopped, and the same command goes on with it. Exit status 1 if a
message came out otherwise, or if the sweep has not measured all of them (then there is no proof); 2 if it cannot work.

Each unit starts its processes anew, so units are large here. Only where the receiver has to learn its own faults
(channels `radios` and `impaired`) they are as large as the sweep's: what it has learnt ends with the unit.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from semcom_ota.cli.application import check_codecs
from semcom_ota.config import ChannelConfig, ConfigError, first_problem
from semcom_ota.experiments import run_folder, sweep
from semcom_ota.experiments.sweep_config import SweepConfig, load_sweep
from semcom_ota.experiments.sweep_figures import Record, agreement
from semcom_ota.experiments.sweep_plan import plan
from semcom_ota.experiments.sweep_reading import Row, read_manifest, read_rows
from semcom_ota.experiments.sweep_tables import Table
from semcom_ota.experiments.sweep_workers import LocalWorkers
from semcom_ota.services.process import ServiceFailed

UNIT_MESSAGES = 250
LEARNT = ("iq_gain_db", "iq_phase_deg", "dc_dbc")
"""The faults of a receiver that it takes out of its stream once it has learnt them."""
NAMED = 5
"""So many of the messages that differ are named."""
HEAD = ("channel", "symbols a word", "SNR (dB)", "messages sent", "of these in the sweep", "the very same")


def main() -> None:
    """Repeat, compare, print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sweep", type=Path, metavar="SWEEP", help="YAML file of a sweep of level waveform")
    parser.add_argument("--snr", required=True, metavar="DB", help="some of its SNRs: --snr=0,3,9")
    parser.add_argument("--count", type=int, default=250, help="its first texts  [default: 250]")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", default=os.environ.get("SEMCOM_DATA"),
        help="folder of the data sets (docs/data.md)  [default: SEMCOM_DATA]",
    )  # fmt: skip
    parser.add_argument("--waveform", type=Path, metavar="DIR", help="folder of the sweep  [default: runs/NAME]")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of what is sent again  [default: runs/NAME-flowgraph]"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures to this file")
    try:
        if objection := prove(parser.parse_args()):
            end(objection, 1)
    except (ConfigError, ServiceFailed) as error:
        end(error, 2)
    except KeyboardInterrupt:
        end("stopped; the same command goes on with it", 130)


def end(sentence: object, status: int) -> NoReturn:
    """Say why, and end."""
    print(f"levels.py: {sentence}", file=sys.stderr)
    raise SystemExit(status)


def prove(arguments: argparse.Namespace) -> str | None:
    """Repeat a part of a sweep, and print what became of it.

    Returns:
        The sentence that says why the two levels do not agree, or why that is not known; None: they agree.

    Raises:
        ConfigError: it makes no sense, or a folder is not what it should be.
        ServiceFailed: a codec or a process broke.
    """
    whole = load_sweep(arguments.sweep)
    part = repetition(whole, numbers(arguments.snr), arguments.count)
    check_codecs(dict.fromkeys(codec.name for codec in part.codecs))
    texts = sweep.texts_of(part.texts, arguments.data)
    folder = arguments.waveform or Path("runs") / whole.name
    check_level(folder)
    check_same(folder, whole, arguments.data)
    out = arguments.out or Path("runs") / part.name
    quiet = not sys.stdout.isatty()  # a bar has no place in a file
    # A unit keeps three processes busy: one at a time.
    finished = sweep.run(part, texts, out, lambda: LocalWorkers(1, part.device.threads), quiet)
    if finished.given_up:
        lost, count = finished.given_up[0], len(finished.given_up)
        return f"{count} units were not measured ({lost.unit}: {lost.reason}): the same command tries again"

    rows, again = read_rows(folder), read_rows(out)
    points, different = compare(rows, again), differing(rows, again)
    print(table(whole.name, points).markdown())
    if arguments.json:
        run = {"sweep": whole.name, "texts": len(texts)} | {
            level: {name: read_manifest(one).get(name) for name in ("commits", "config_sha256")}
            for level, one in (("waveform", folder), ("flowgraph", out))
        }
        differ = [{"place": place(row), "received": row.received} for row in different]
        run_folder.write_json(arguments.json, {"run": run, "points": points, "different": differ})
    return verdict(points, different)


def numbers(text: str) -> tuple[float, ...]:
    """The value of --snr. Raises ConfigError if it is none."""
    try:
        return tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError as error:
        raise ConfigError(f"--snr '{text}' is no list of numbers: write --snr=0,3,9") from error


def repetition(whole: SweepConfig, snr_db: Sequence[float], count: int) -> SweepConfig:
    """The part of a sweep that is sent again, as a sweep of level `flowgraph`.

    Raises:
        ConfigError: the sweep has no such part.
    """
    if whole.level != "waveform":
        raise ConfigError(f"sweep '{whole.name}' is of level {whole.level}: name one of level waveform")
    if "estimated" not in whole.csi:
        raise ConfigError(f"sweep '{whole.name}' has perfect CSI only, which no receiver in a flowgraph has")
    if strange := [each for each in snr_db if each not in whole.snr_db]:
        known = ", ".join(f"{each:g}" for each in whole.snr_db)
        raise ConfigError(f"--snr: {strange[0]:g} dB is none of the SNRs of sweep '{whole.name}', which are {known}")
    if whole.texts.count is not None and count > whole.texts.count:
        raise ConfigError(f"--count is {count}, and sweep '{whole.name}' has {whole.texts.count} texts: ask for fewer")
    values = whole.model_dump(exclude_unset=True)
    values |= {"name": f"{whole.name}-flowgraph", "level": "flowgraph", "csi": "estimated", "snr_db": snr_db}
    values |= {"texts": values["texts"] | {"count": count}, "stop": None}
    if not any(has_to_learn(one.channel) for one in whole.channels):
        values["unit_messages"] = UNIT_MESSAGES
    try:
        return SweepConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"no such part of sweep '{whole.name}': {first_problem(error)}") from error


def has_to_learn(channel: ChannelConfig) -> bool:
    """Whether the receiver has faults of its own there, which it knows the better the longer it has listened."""
    return any(getattr(channel, name) for name in LEARNT)


def check_level(folder: Path) -> None:
    """Raise ConfigError unless this is the folder of a sweep of level `waveform`: nothing is proved by itself."""
    level = read_manifest(folder).get("level")
    if level != "waveform":
        what = f"a sweep of level {level}" if level else "no sweep"
        raise ConfigError(f"'{folder}' holds {what}: name the folder of the sweep of level waveform with --waveform")


def check_same(folder: Path, whole: SweepConfig, data: Path | None) -> None:
    """Raise ConfigError unless a folder is of this very sweep: its settings, texts, and the weights of today."""
    texts = sweep.texts_of(whole.texts, data)
    today = sweep.manifest(whole, texts, plan(whole, len(texts)))
    known = read_manifest(folder)
    if known.get("config_sha256") != today["config_sha256"]:
        what = "weights" if known.get("weights_sha256") != today["weights_sha256"] else "settings or texts"
        raise ConfigError(f"'{folder}' was measured with other {what} than those of today: measure it again")


def compare(rows: Iterable[Row], again: Iterable[Row]) -> list[Record]:
    """By channel, budget and SNR: how many were sent again, are in the sweep too, and came out the very same."""
    known, sent = by_point(rows), by_point(again)
    return [
        {"channel": point[0], "budget": point[1], "snr_db": point[2], "sent": len(own)}
        | (agreement(known.get(point, []), own) or {"messages": 0, "same": 0})
        for point, own in sent.items()
    ]


def by_point(rows: Iterable[Row]) -> dict[tuple[str, float, float], list[Row]]:
    """(channel, budget, SNR) -> its rows."""
    found: dict[tuple[str, float, float], list[Row]] = {}
    for row in rows:
        found.setdefault((row.channel, row.budget, row.snr_db), []).append(row)
    return found


def differing(rows: Iterable[Row], again: Iterable[Row]) -> list[Row]:
    """Those of `again` that came out otherwise."""
    known: dict[tuple[str, int], list[Row]] = {}  # few rows each: every row is compared with these alone
    for row in rows:
        known.setdefault((row.sent, row.message), []).append(row)
    both = ((row, agreement(known.get((row.sent, row.message), []), [row])) for row in again)
    return [row for row, found in both if found and not found["same"]]


def table(name: str, points: Sequence[Record]) -> Table:
    """What the two levels made of the same messages."""
    caption = (
        f"Sweep `{name}`, level `waveform`, and what came out of the same messages at level `flowgraph`. The very same "
        "means: verdict, text and symbols spent. A message counts once for each codec and seed."
    )
    cells = [
        (point["channel"], f"{point['budget']:g}", f"{point['snr_db']:g}",
         *(str(point[count]) for count in ("sent", "messages", "same")))
        for point in points
    ]  # fmt: skip
    return Table("", caption, HEAD, tuple(cells))


def verdict(points: Sequence[Record], different: Sequence[Row]) -> str | None:
    """Why this is no proof that the levels agree; None: it is one."""
    sent, compared = (sum(point[count] for point in points) for count in ("sent", "messages"))
    if different:
        named = "; ".join(place(row) for row in different[:NAMED])
        more = f"; and {len(different) - NAMED} more" if len(different) > NAMED else ""
        return f"{len(different)} of {compared} messages came out otherwise in GNU Radio: {named}{more}"
    if compared < sent:
        return (
            f"only {compared} of {sent} messages are in the sweep: run 'semcom sweep' to its end, or take a smaller "
            "--count if its stop rule ended points earlier"
        )
    return None


def place(row: Row) -> str:
    """Which message."""
    return (
        f"message {row.message} with {row.codec} ({row.channel}, {row.budget:g} symbols a word, {row.snr_db:g} dB, "
        f"seed {row.seed})"
    )


if __name__ == "__main__":
    main()
