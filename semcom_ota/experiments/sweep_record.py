"""The folder of a sweep: what was measured is kept whole, however the sweep ends, and nothing is measured twice."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

from semcom_ota.config import ConfigError
from semcom_ota.experiments.run_folder import write_json
from semcom_ota.experiments.sweep_plan import Measured, Unit
from semcom_ota.experiments.sweep_reading import MANIFEST, MAX_LINE_BYTES, MAX_MANIFEST_BYTES, PACKED, ROWS, TIMINGS

LOCK = ".lock"
MEASURED_BY = ("commit", "machine", "versions")
"""What of a manifest may change from one command to the next that measures a part of a sweep."""
Place = tuple[int, int]
"""First byte of a unit's lines in a file, and the one behind them."""


class Journal:
    """Lines of JSON, those of a unit in one piece. A piece that a kill cut short is cut off when it is opened again."""

    def __init__(self, path: Path, lines_of: dict[int, int]) -> None:
        """Open a file, or begin it.

        Args:
            path: of the file.
            lines_of: how many lines each unit has.

        Raises:
            ConfigError: it holds something else.
        """
        self._path = path
        path.touch()
        self.places = self._scan(lines_of)
        self._file: BinaryIO = path.open("r+b")
        self._end = max((stop for _, stop in self.places.values()), default=0)
        self._file.truncate(self._end)

    def _scan(self, lines_of: dict[int, int]) -> dict[int, Place]:
        """Where the whole units are; only behind the last of them may there be anything else."""
        places: dict[int, Place] = {}
        start = stop = 0
        unit, count = -1, 0
        with self._path.open("rb") as stream:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                found = _unit_of(line)
                if found is None or (found != unit and count) or found in places or found not in lines_of:
                    break
                stop += len(line)
                unit, count = found, count + 1
                if count == lines_of[unit]:
                    places[unit] = start, stop
                    start, count = stop, 0
            if line and (found is not None or stream.read(1)):
                raise ConfigError(
                    f"'{self._path}' is damaged behind byte {stop}: cut it there to measure the rest anew, or choose"
                    " another --out"
                )
        return places

    def append(self, unit: int, lines: Iterable[dict[str, Any]]) -> None:
        """Add the lines of a unit, and see to it that they are on the disk."""
        piece = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
        self._file.seek(self._end)
        self._file.write(piece)
        self._file.flush()
        os.fsync(self._file.fileno())
        self.places[unit] = self._end, self._end + len(piece)
        self._end += len(piece)

    def read(self, unit: int) -> list[dict[str, Any]]:
        """The lines of a unit."""
        return [json.loads(line) for line in self._piece(unit).splitlines()]

    def keep(self, units: Sequence[int]) -> None:
        """Let the file hold these units, in this order, and nothing else. At one stroke."""
        if list(self.places) == list(units):
            return
        part = self._path.with_name(f"{self._path.name}.part")
        with part.open("wb") as stream:
            places: dict[int, Place] = {}
            end = 0
            for unit in units:
                end += stream.write(piece := self._piece(unit))
                places[unit] = end - len(piece), end
            stream.flush()
            os.fsync(stream.fileno())
        self._file.close()
        part.replace(self._path)
        self._file = self._path.open("r+b")
        self.places, self._end = places, end

    def close(self) -> None:
        """Leave the file as it is."""
        self._file.close()

    def _piece(self, unit: int) -> bytes:
        start, stop = self.places[unit]
        self._file.seek(start)
        return self._file.read(stop - start)


class SweepRecord:
    """The folder of a sweep, which is this process's own while it is open."""

    def __init__(self, folder: Path, manifest: dict[str, Any], units: Sequence[Unit], codecs: int) -> None:
        """Open a folder, or begin it.

        Args:
            folder: where the sweep is, or is to be.
            manifest: what sweep it is; `config_sha256` tells it from others.
            units: its plan.
            codecs: how many rows each message of a unit has.

        Raises:
            ConfigError: the folder cannot be written, holds something else, or is another process's.
        """
        self.folder = folder
        self._stack = contextlib.ExitStack()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _check_ours(folder)
            lock = self._stack.enter_context((folder / LOCK).open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConfigError(f"'{folder}' is in use: another 'semcom sweep' writes there") from error
            self.manifest, self._to_come = _same_sweep(folder, manifest)
            if self._to_come is None:
                self._write_manifest(finished=False)
            lines_of = {unit.index: len(unit.messages) * codecs for unit in units}
            self._timings = self._stack.enter_context(contextlib.closing(Journal(folder / TIMINGS, lines_of)))
            self._rows = self._stack.enter_context(contextlib.closing(Journal(folder / ROWS, lines_of)))
            complete = [unit for unit in self._rows.places if unit in self._timings.places]
            self.keep(complete)
        except OSError as error:
            self._stack.close()
            raise ConfigError(f"cannot write to '{folder}' ({error.strerror}): choose another --out") from error
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave everything as it is."""
        self._stack.close()

    @property
    def units(self) -> set[int]:
        """Those that have been measured."""
        return set(self._rows.places)

    def rows(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """(unit, its rows) of all that has been measured."""
        for unit in list(self._rows.places):
            yield unit, self._rows.read(unit)

    def add(self, measured: Measured) -> None:
        """Keep a unit. Its timings come first: a unit with rows has both.

        Raises:
            ConfigError: the disk is full, or gone.
        """
        if self._to_come is not None:  # from here on this command has a part in it
            self.manifest, self._to_come = self._to_come, None
            self._write_manifest(finished=False)
        try:
            self._timings.append(measured.unit, measured.timings)
            self._rows.append(measured.unit, measured.rows)
        except OSError as error:
            raise ConfigError(f"cannot write to '{self.folder}' ({error.strerror}): what is there can go on") from error

    def keep(self, units: Sequence[int]) -> None:
        """Keep these units alone, in this order."""
        self._timings.keep(units)
        self._rows.keep(units)

    def finish(self, units: Sequence[int]) -> None:
        """The sweep is done, and these are the units that count."""
        self.keep(units)
        self._write_manifest(finished=True)

    def _write_manifest(self, finished: bool) -> None:
        self.manifest["finished"] = finished
        write_json(self.folder / MANIFEST, self.manifest)


def _unit_of(line: bytes) -> int | None:
    try:
        unit = json.loads(line)["unit"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return unit if isinstance(unit, int) and line.endswith(b"\n") else None


def _check_ours(folder: Path) -> None:
    """Raise ConfigError if a folder holds anything, but not a sweep."""
    strangers = [file.name for file in folder.iterdir() if file.name not in (LOCK, f"{MANIFEST}.part")]
    if strangers and not (folder / MANIFEST).exists():
        raise ConfigError(f"'{folder}' holds something else ('{strangers[0]}'): choose another --out")
    if (folder / f"{ROWS}{PACKED}").exists():
        raise ConfigError(f"'{folder}' holds a sweep whose rows are packed, which cannot go on: choose another --out")


def _same_sweep(folder: Path, manifest: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The manifest of the folder, and that of one in which this command has measured something; None: it is new.

    It says what sweep it is, each commit that took part, and who else measured it before.
    """
    path = folder / MANIFEST
    if not path.exists():
        return manifest | {"commits": [manifest["commit"]], "earlier": []}, None
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise ValueError("it is too large")
        known = json.loads(path.read_bytes())
        same = known["config_sha256"] == manifest["config_sha256"]
        commits = [str(commit) for commit in known["commits"]]
        earlier = list(known.get("earlier", []))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(f"'{path}' is no manifest of a sweep: choose another --out") from error
    if not same:
        raise ConfigError(
            f"'{folder}' holds another sweep (other settings, texts or weights): choose another --out, or delete it"
        )
    if manifest["commit"] not in commits:
        commits.append(manifest["commit"])
    before = {name: known.get(name) for name in MEASURED_BY}
    if before not in earlier and any(before[name] != manifest.get(name) for name in MEASURED_BY):
        earlier.append(before)
    return known, manifest | {"commits": commits, "earlier": earlier}
