"""Shows that a sweep can be repeated: the same seed gives the same figures, also if it is killed again and again.

    python benchmarks/repeatable.py sweeps/quick.yml [--data DIR] [--kill-every SECONDS] [--out runs/repeatable]
                                    [--seed 0]

`semcom sweep` measures the sweep three times, into OUT/first, OUT/second and OUT/killed. Its whole process group is
killed with SIGKILL at random times the third time, and the same command is given again, until it ends by itself. If
nothing new was kept between two kills, the next one waits half as long again, so that it does end. (At level flowgraph
the processes of GNU Radio have groups of their own, and end with the one that started them.)

Printed are SHA-256 of `rows.jsonl` and of all figures of `semcom report` but times, and how many units were measured
twice: such a unit was whole on the disk when the sweep was killed, and its times (no two measurements have the same)
are others later. OUT/repeatable.json has the same, for benchmarks/keep.py. Exit status 1 if anything differs; 2 if
nothing was shown, because no kill fell between the first unit and the last one.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from semcom_ota.config import ConfigError
from semcom_ota.experiments import provenance, run_folder, sweep
from semcom_ota.experiments.sweep_config import load_sweep
from semcom_ota.experiments.sweep_plan import plan
from semcom_ota.experiments.sweep_reading import ROWS, TIMINGS, digest
from semcom_ota.experiments.sweep_report import summarise
from semcom_ota.experiments.sweep_tables import Table

TIMES_IN_FIRST = 5
"""By default the sweep is killed about so many times as the first one took."""
PATIENCE = 1.5
NO_FIGURES = ("run", "manifest", "notes", "latency")
"""Parts of a summary that say when, where and how fast it was measured."""

Start = Callable[[Path], "subprocess.Popen[bytes]"]


@dataclass(slots=True)
class Killed:
    """How a sweep fared that was killed again and again."""

    kills: int = 0
    amid: int = 0  # of them when some of the units were on the disk
    seen: dict[int, list[bytes]] = field(default_factory=dict)  # unit -> its times, when it was first found whole
    twice: set[int] = field(default_factory=set)  # units that were measured again all the same

    def look(self, units: dict[int, list[bytes]]) -> bool:
        """Take note of what is on the disk; whether there is anything new."""
        new = not units.keys() <= self.seen.keys()
        for unit, times in units.items():
            if self.seen.setdefault(unit, times) != times:
                self.twice.add(unit)
        return new


def main() -> None:
    """Measure three times and compare."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the sweep that runs is ended, too
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sweep", type=Path, metavar="SWEEP", help="YAML file of a sweep")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", default=os.environ.get("SEMCOM_DATA"),
        help="folder of the data sets (docs/data.md)  [default: SEMCOM_DATA]",
    )  # fmt: skip
    parser.add_argument(
        "--kill-every", type=float, metavar="S", help="seconds  [default: a fifth of what the first took]"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", default=Path("runs") / "repeatable")
    parser.add_argument("--seed", type=int, default=0, help="of the times at which it is killed")
    try:
        if objection := show(parser.parse_args()):
            end(objection, 1)
    except ConfigError as error:
        end(error, 2)
    except KeyboardInterrupt:
        end("stopped", 130)


def end(sentence: object, status: int) -> NoReturn:
    """Say why, and end."""
    print(f"repeatable.py: {sentence}", file=sys.stderr)
    raise SystemExit(status)


def show(arguments: argparse.Namespace) -> str | None:
    """Measure a sweep three times, and print what is the same.

    Returns:
        The sentence that says what is not; None: everything is.

    Raises:
        ConfigError: it cannot be measured, or it was not killed as it should be.
    """
    config = load_sweep(arguments.sweep)
    units = plan(config, len(sweep.texts_of(config.texts, arguments.data)))
    lines_of = {unit.index: len(unit.messages) * len(config.codecs) for unit in units}
    if arguments.kill_every is not None and not 0 < arguments.kill_every < float("inf"):
        raise ConfigError(f"--kill-every is {arguments.kill_every:g}: give a number of seconds")
    folders = [arguments.out / name for name in ("first", "second", "killed")]
    if there := [folder for folder in folders if folder.exists()]:
        raise ConfigError(f"'{there[0]}' is there already: delete it, or choose another --out")

    def start(folder: Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "semcom_ota.cli", "sweep", str(arguments.sweep), "--out", str(folder)]
        data = ["--data", str(arguments.data)] if arguments.data else []
        return subprocess.Popen([*command, *data, "--quiet"], stdout=subprocess.DEVNULL, start_new_session=True)

    took_s = [measure(start, folder) for folder in folders[:2]]
    every_s = arguments.kill_every or took_s[0] / TIMES_IN_FIRST
    killed = kill_again_and_again(start, folders[2], lines_of, every_s, random.Random(arguments.seed))
    if not killed.amid:
        raise ConfigError(
            f"nothing was shown: '{folders[2]}' was killed {killed.kills} times, never between its first unit and its"
            f" last one; choose a --kill-every other than {every_s:.3g}, or a larger sweep"
        )
    found = {folder.name: digests(folder) for folder in folders}
    print(table(config.name, found).markdown())
    print(
        f"Killed {killed.kills} times, {killed.amid} of them between the first and the last of {len(units)} units."
        f" Units measured twice: {len(killed.twice)}."
    )
    objection = verdict(found, killed)
    document = {
        "sweep": config.name, "messages": sum(lines_of.values()), "units": len(units), "kills": killed.kills,
        "amid": killed.amid, "twice": len(killed.twice), "digests": found, "objection": objection,
        "commit": provenance.commit(), "machine": provenance.machine(),
        "command": f"python benchmarks/repeatable.py sweeps/{arguments.sweep.name} --kill-every {every_s:.3g}",
    }  # fmt: skip
    run_folder.write_json(arguments.out / "repeatable.json", document)
    return objection


@contextlib.contextmanager
def own_group(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    """A process that leads a group. Whoever leaves kills the group, unless its leader has ended."""
    try:
        yield process
    finally:
        if process.returncode is None:  # not waited for yet, so that no other process can have its number
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def measure(start: Start, folder: Path) -> float:
    """Measure a sweep without interruption; how many seconds it took."""
    say(f"{folder.name}: under way")
    began = time.monotonic()
    with own_group(start(folder)) as process:
        check(process.wait())
    took_s = time.monotonic() - began
    say(f"{folder.name}: done in {took_s:.1f} s")
    return took_s


def kill_again_and_again(
    start: Start, folder: Path, lines_of: dict[int, int], every_s: float, chance: random.Random
) -> Killed:
    """Measure a sweep that is killed every now and then.

    Args:
        start: the sweep, in a process group of its own.
        folder: of the sweep.
        lines_of: how many rows each unit has.
        every_s: when, more or less.
        chance: says when exactly: from half of it to half more.
    """
    killed = Killed()
    while True:
        wait_s = every_s * chance.uniform(0.5, 1.5)
        with contextlib.suppress(subprocess.TimeoutExpired), own_group(start(folder)) as process:
            check(process.wait(wait_s))
        units = kept(folder, lines_of)
        new = killed.look(units)
        if process.returncode != -signal.SIGKILL:
            check(process.returncode)  # it may have ended at the last moment
            say(f"{folder.name}: done, with {len(units)} units")
            return killed
        killed.kills += 1
        killed.amid += 0 < len(units) < len(lines_of)
        say(f"{folder.name}: killed after {wait_s:.1f} s, with {len(units)} units")
        every_s *= 1 if new else PATIENCE


def check(status: int) -> None:
    """Raise ConfigError if a sweep ended otherwise than it should."""
    if status:
        raise ConfigError(f"'semcom sweep' ended with status {status}: see what it said")


def kept(folder: Path, lines_of: dict[int, int]) -> dict[int, list[bytes]]:
    """Each unit whose rows are all on the disk, with the lines of its times."""
    rows = Counter(unit for unit, _ in lines(folder / ROWS))
    times: dict[int, list[bytes]] = {}
    for unit, line in lines(folder / TIMINGS):
        times.setdefault(unit, []).append(line)
    return {unit: found for unit, found in times.items() if rows[unit] == lines_of[unit]}


def lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """(unit, line) of a file of a sweep, without a last line that a kill cut short."""
    whole = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    return ((json.loads(line)["unit"], line) for line in whole)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the rows of a sweep and of its figures."""
    say(f"{folder.name}: figures")
    return {"rows.jsonl": digest(folder), "figures": of_figures(summarise(folder))}


def of_figures(summary: dict[str, Any]) -> str:
    """SHA-256 of all figures of a summary but times."""
    figures = {name: value for name, value in summary.items() if name not in NO_FIGURES}
    return hashlib.sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()


def table(name: str, found: dict[str, dict[str, str]]) -> Table:
    """The digests of all three."""
    cells = tuple((folder, *one.values()) for folder, one in found.items())
    return Table("", f"Sweep `{name}`, measured three times: SHA-256.", ("sweep", "rows.jsonl", "figures"), cells)


def verdict(found: dict[str, dict[str, str]], killed: Killed) -> str | None:
    """What is not the same; None: everything is."""
    first, *others = found
    for other in others:
        for what, value in found[other].items():
            if value != found[first][what]:
                return f"'{other}' differs from '{first}': {what}"
    return f"units were measured twice: {listed(sorted(killed.twice))}" if killed.twice else None


def listed(units: Sequence[int]) -> str:
    """The first few."""
    return ", ".join(map(str, units[:10])) + (", ..." if len(units) > 10 else "")


def say(sentence: str) -> None:
    """Progress."""
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
