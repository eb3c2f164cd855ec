"""Entries on the disk, or in a database in memory: SQLite, because a killed process leaves it whole.

A file is not trusted: it has to carry our mark, its columns are read with bounds, and nothing in it is run.
"""

import fcntl
import logging
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from semcom_ota.config import MAX_TEXT_BYTES, ConfigError
from semcom_ota.memory.entry import Clock, CsiSummary, MemoryEntry, Understood, text_mark
from semcom_ota.memory.index import Known
from semcom_ota.types import ComplexArray, Csi, FloatArray

MARK = 0x53434D32  # "SCM2", SQLite's application_id; its last byte is the version of the tables
MAX_ARRAY_BYTES = 2**26
_OVERHEAD = 256  # of what is not an array
AT_A_TIME = 500  # entries of one query
_CSI = struct.Struct("<IIddddd")  # OFDM symbols, carriers, SNR, CFO, sample rate, spacing, SRO
_TABLES = """
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY, user INTEGER NOT NULL, message INTEGER NOT NULL, task INTEGER NOT NULL,
    modality TEXT NOT NULL, text TEXT NOT NULL, confidence REAL NOT NULL, intact INTEGER NOT NULL,
    reader TEXT NOT NULL, vectors INTEGER NOT NULL, features BLOB NOT NULL,
    reliability BLOB NOT NULL, snr_db REAL, cfo_hz REAL NOT NULL,
    carrier_snr_db BLOB NOT NULL, slot_snr_db BLOB NOT NULL, channel BLOB NOT NULL,
    sent INTEGER NOT NULL, time INTEGER NOT NULL,
    lost_samples INTEGER NOT NULL, value REAL NOT NULL, digest BLOB NOT NULL, bytes INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS users (user INTEGER PRIMARY KEY, clock BLOB NOT NULL, asked BLOB NOT NULL);
"""
_COLUMNS = ("number, user, message, task, modality, text, confidence, intact, reader, vectors, features, reliability,"
            " snr_db, cfo_hz, carrier_snr_db, slot_snr_db, channel, sent, time, lost_samples, value, digest,"
            " bytes")  # fmt: skip
_log = logging.getLogger(__name__)


class Disk:
    """A table of entries. One process at a time may write a file; others may look on."""

    def __init__(self, file: Path | None, looks_on: bool = False) -> None:
        """Open a file, or begin it; None is a database in memory.

        Args:
            file: of the entries.
            looks_on: nothing is to be written, and the file has to be there. What is seen is as it was when it was
                opened, whatever another process writes meanwhile.

        Raises:
            ConfigError: the file cannot be written, is something else, or another process writes it.
        """
        self._file = file
        self._stack = ExitStack()
        try:
            if file is not None and looks_on and not file.is_file():
                raise ConfigError(f"there is no memory '{file}': name the file of the link's memory.file")
            if file is not None and not looks_on:
                file.parent.mkdir(parents=True, exist_ok=True)
                self._stack.enter_context(_alone(file))
            self._base = sqlite3.connect(
                ":memory:" if file is None else file, isolation_level=None, check_same_thread=False
            )
            self._stack.callback(self._base.close)
            self._base.execute("PRAGMA trusted_schema = OFF")
            if looks_on:
                self._base.execute("BEGIN")  # one state of it for all that is read
            (mark,) = self._base.execute("PRAGMA application_id").fetchone()
            (tables,) = self._base.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            if mark != MARK and mark >> 8 == MARK >> 8:
                raise ConfigError(f"the memory '{file}' is of another version of semcom: delete it, or name another")
            if mark != MARK and (tables or looks_on):
                raise ConfigError(f"'{file}' is another program's database: name the file of a memory")
            if not looks_on:
                self._base.execute(f"PRAGMA application_id = {MARK}")
                self._base.execute("PRAGMA journal_mode = WAL")
                self._base.execute("PRAGMA synchronous = NORMAL")  # a crash of the system may cost the last entries
                self._base.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            self._stack.close()
            raise ConfigError(f"cannot open the memory '{file}' ({error}): name another file") from error
        except BaseException:
            self._stack.close()
            raise

    def change(
        self,
        add: tuple[MemoryEntry, bytes] | None = None,
        gone: Iterable[int] = (),
        values: Mapping[int, float] | None = None,
        users: Mapping[int, tuple[bytes, FloatArray]] | None = None,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        """Change what is there: all or nothing.

        Args:
            add: an entry, with the digest of its symbols.
            gone: numbers of entries to remove.
            values: of entries, by number.
            users: of each his clock (`Clock.packed`), and what was asked of late, (width,).
            counts: of counters, by name.

        Raises:
            ConfigError: the disk is full, or gone, or the file is damaged; nothing is changed.
        """
        with self._transaction():
            self._base.executemany("DELETE FROM entries WHERE number = ?", [(number,) for number in gone])
            if add is not None:
                places = ", ".join("?" * len(_COLUMNS.split(",")))
                self._base.execute(f"INSERT INTO entries ({_COLUMNS}) VALUES ({places})", _row(*add))
            judged = [(value, number) for number, value in (values or {}).items()]
            self._base.executemany("UPDATE entries SET value = ? WHERE number = ?", judged)
            known = [(user, clock, _halves(asked)) for user, (clock, asked) in (users or {}).items()]
            self._base.executemany("INSERT OR REPLACE INTO users VALUES (?, ?, ?)", known)
            self._base.executemany("INSERT OR REPLACE INTO counters VALUES (?, ?)", (counts or {}).items())

    def read_anew(self, entries: Iterable[MemoryEntry]) -> None:
        """Set the features of entries, and forget all that was asked. Raises ConfigError as `change`."""
        rows = [
            (one.understood.reader, len(one.understood.features), _halves(one.understood.features), size_of(one),
             one.number) for one in entries
        ]  # fmt: skip
        with self._transaction():
            columns = "reader = ?, vectors = ?, features = ?, bytes = ?"
            self._base.executemany(f"UPDATE entries SET {columns} WHERE number = ?", rows)
            self._base.execute("UPDATE users SET asked = x''")

    def forget(self, users: Iterable[int]) -> None:
        """Remove all that is there of users. Raises ConfigError as `change`."""
        with self._transaction():
            for table in ("entries", "users"):
                self._base.executemany(f"DELETE FROM {table} WHERE user = ?", [(user,) for user in users])

    def entries(self, numbers: Sequence[int]) -> list[MemoryEntry]:
        """Entries by number, in this order.

        Raises:
            ConfigError: the file is damaged.
        """
        found: dict[int, MemoryEntry] = {}
        with self._reading():
            for first in range(0, len(numbers), AT_A_TIME):
                some = numbers[first : first + AT_A_TIME]
                places = ", ".join("?" * len(some))
                rows = self._base.execute(f"SELECT {_COLUMNS} FROM entries WHERE number IN ({places})", some)
                found |= {row[0]: _entry(row) for row in rows}
            if missing := set(numbers) - found.keys():
                raise ValueError(f"entry {min(missing)} is missing")
        return [found[number] for number in numbers]

    def known(self) -> Iterator[tuple[Known, FloatArray]]:
        """What a store has to have at hand of each entry, and its (vectors, width) features, in the order of arrival.

        Raises:
            ConfigError: the file is damaged.
        """
        columns = "number, user, message, sent, time, value, text, reader, digest, bytes, vectors, features"
        with self._reading():
            yield from map(_known, self._base.execute(f"SELECT {columns} FROM entries ORDER BY number"))

    def users(self) -> dict[int, tuple[Clock, FloatArray]]:
        """Of each user his clock and what was asked of late. Raises ConfigError: the file is damaged."""
        with self._reading():
            rows = self._base.execute("SELECT user, clock, asked FROM users")
            return {int(user): (Clock(clock), _from_halves(asked)) for user, clock, asked in rows}

    def counters(self) -> dict[str, int]:
        """As `change` left them. Raises ConfigError: the file is damaged."""
        with self._reading():
            return {str(name): int(count) for name, count in self._base.execute("SELECT name, count FROM counters")}

    def close(self) -> None:
        """Leave the file as it is."""
        self._stack.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._base.execute("COMMIT")
            except BaseException:
                if self._base.in_transaction:  # where the disk is full, SQLite has ended it itself
                    self._base.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise ConfigError(
                f"cannot write the memory '{self._file}' ({error}): make room, or name another"
            ) from error
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError, struct.error, OverflowError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> ConfigError:
        return ConfigError(f"the memory '{self._file}' is damaged ({error}): delete it, or name another")


@lru_cache(64)
def say_once(trouble: str) -> None:
    """Write a memory's trouble to the log, and the same one not again."""
    _log.error("%s", trouble)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(f"the memory '{file}' is in use: end the receiver that writes it first") from error
        yield


def size_of(entry: MemoryEntry) -> int:
    """Bytes that an entry takes, nearly: arrays and text."""
    arrays = entry.understood.features.size + entry.reliability.size + entry.csi.carrier_snr_db.size
    return 2 * arrays + len(entry.understood.text.encode()) + sum(map(_channel_bytes, entry.channel)) + _OVERHEAD


def _channel_bytes(csi: Csi) -> int:
    return 4 * csi.frequency_response.size + 4 * csi.noise_variance.size + _CSI.size


def _row(entry: MemoryEntry, digest: bytes) -> tuple[Any, ...]:
    said = entry.understood
    return (
        entry.number, entry.user, entry.message, entry.task, said.modality, said.text, said.confidence,
        said.intact, said.reader, len(said.features), _halves(said.features), _halves(entry.reliability),
        entry.csi.snr_db, entry.csi.cfo_hz, _halves(entry.csi.carrier_snr_db), _halves(entry.csi.slot_snr_db),
        b"".join(map(_pack_csi, entry.channel)), entry.sent, entry.time, entry.lost_samples, entry.value, digest,
        size_of(entry),
    )  # fmt: skip


def _entry(row: Sequence[Any]) -> MemoryEntry:
    (number, user, message, task, modality, text, confidence, intact, reader, vectors, features, trust, snr_db,
     cfo_hz, carriers, slots, channel, sent, time, lost_samples, value, _, _) = row  # fmt: skip
    if not 0 <= user < 256 or len(text) > 4 * MAX_TEXT_BYTES or not 0 <= confidence <= 1:
        raise ValueError("a value is out of range")
    return MemoryEntry(
        int(number), int(user), int(message), int(task),
        Understood(str(text), float(confidence), bool(intact), _matrix(features, vectors), str(modality), str(reader)),
        _from_halves(trust),
        CsiSummary(
            -np.inf if snr_db is None else float(snr_db), _from_halves(carriers), _from_halves(slots), float(cfo_hz)
        ),
        tuple(_unpack_csi(channel)), int(sent), int(time), int(lost_samples), float(value),
    )  # fmt: skip


def _known(row: Sequence[Any]) -> tuple[Known, FloatArray]:
    number, user, message, sent, time, value, text, reader, digest, size, vectors, features = row
    known = Known(
        int(number), int(user), int(message), int(sent), int(time), float(value), text_mark(str(text)), str(reader),
        bytes(memoryview(digest)), int(size),
    )  # fmt: skip
    return known, _matrix(features, vectors)


def _halves(values: FloatArray) -> bytes:
    return np.ascontiguousarray(values, "<f2").tobytes()


def _from_halves(blob: bytes) -> FloatArray:
    if len(blob) > MAX_ARRAY_BYTES:
        raise ValueError("an array is too large")
    return np.frombuffer(blob, "<f2").astype(np.float32)


def _matrix(blob: bytes, rows: int) -> FloatArray:
    values = _from_halves(blob)
    if not 0 <= rows <= max(values.size, 0) or (rows and values.size % rows) or (not rows and values.size):
        raise ValueError("features are of no shape")
    return values.reshape(rows, values.size // rows if rows else 0)


def _pack_csi(csi: Csi) -> bytes:
    symbols, carriers = csi.frequency_response.shape
    head = _CSI.pack(
        symbols, carriers, csi.snr_db, csi.cfo_hz, csi.sample_rate, csi.carrier_spacing_hz, csi.sro_ppm
    )  # fmt: skip
    response = np.ascontiguousarray(csi.frequency_response, np.complex64).view(np.float32)
    return head + _halves(response) + np.ascontiguousarray(csi.noise_variance, "<f4").tobytes()


def _unpack_csi(blob: bytes) -> Iterator[Csi]:
    if len(blob) > MAX_ARRAY_BYTES:  # a receiver holds less of what it has not decoded yet
        raise ValueError("a channel is too large")
    at = 0
    while at < len(blob):
        symbols, carriers, snr_db, cfo_hz, rate, spacing, sro_ppm = _CSI.unpack_from(blob, at)
        at += _CSI.size
        behind = at + 4 * symbols * carriers + 4 * carriers
        if behind > len(blob) or not symbols * carriers:
            raise ValueError("a channel is cut short")
        values = np.frombuffer(blob, "<f2", 2 * symbols * carriers, at).astype(np.float32)
        response: ComplexArray = values.view(np.complex64).reshape(symbols, carriers)
        noise = np.frombuffer(blob, "<f4", carriers, behind - 4 * carriers).astype(np.float32)
        yield Csi(response, noise, snr_db, cfo_hz, rate, spacing, sro_ppm)
        at = behind
