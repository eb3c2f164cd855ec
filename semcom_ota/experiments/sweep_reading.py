"""What a sweep left behind: its rows and timings, however it ended. Nothing in the files is trusted.

Rows may be packed (`rows.jsonl.xz`, some 25 bytes a row), as those of docs/results/ are.
"""

import hashlib
import io
import json
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from semcom_ota.config import MAX_TEXT_BYTES, ConfigError, first_problem

ROWS, TIMINGS, MANIFEST = "rows.jsonl", "timings.jsonl", "manifest.json"
PACKED = ".xz"
MAX_UNPACKING_BYTES = 2**28
"""Of memory; 9e takes a quarter of it."""
MAX_LINE_BYTES = 2**18
MAX_ROWS = 5_000_000
MAX_MANIFEST_BYTES = 2**24
STAGES = ("encode", "transmit", "receive", "decode")

_Name = Annotated[str, Field(max_length=200)]
_Text = Annotated[str, Field(max_length=4 * MAX_TEXT_BYTES)]
_Count = Annotated[int, Field(ge=0, le=2**40)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]
_LENIENT = ConfigDict(extra="ignore")  # a later version may say more


@dataclass(frozen=True, slots=True, config=_LENIENT)
class Row:
    """What became of one message with one codec."""

    channel: _Name
    snr_db: _Number
    budget: _Number  # payload symbols a word that every codec was granted
    seed: _Count
    message: _Count  # which text
    codec: _Name  # its label
    status: Literal["delivered", "corrupted", "lost"]
    sent: _Text
    received: _Text
    words: _Count
    payload_symbols: _Count
    energy: Annotated[float, Field(ge=0, allow_inf_nan=False)]  # sum of |s|**2 over the payload symbols
    csi: _Name = "estimated"
    set: _Name = ""  # that the text is of
    does_not_fit: bool = False
    overhead_symbols: _Count = 0
    overhead_bits: _Count = 0
    air_samples: _Count = 0
    confidence: _Share = 0.0
    word_confidence: _Share | None = None  # None: as `confidence`
    snr_db_estimated: _Number | None = None

    @property
    def trust(self) -> float:
        """0..1, the share of its words that the codec expects to be right."""
        return self.confidence if self.word_confidence is None else self.word_confidence


@dataclass(frozen=True, slots=True, config=_LENIENT)
class Timing:
    """How long one message took in one codec's hands; a stage that was not timed has none."""

    codec: _Name
    parameters: _Count | None = None  # weights of its networks
    encode_ms: _Number | None = None
    transmit_ms: _Number | None = None
    receive_ms: _Number | None = None
    decode_ms: _Number | None = None


Line = TypeVar("Line")


def is_sweep(folder: Path) -> bool:
    """Whether a folder holds a sweep, be it begun only."""
    return _rows_of(folder).is_file() or (folder / MANIFEST).is_file()


def read_rows(folder: Path) -> list[Row]:
    """All rows of a sweep, in the order in which they were written.

    Raises:
        ConfigError: there is none, or a line is damaged; a last line that a killed sweep left unfinished is not.
    """
    rows = list(_lines(_rows_of(folder), TypeAdapter(Row)))
    if not rows:
        raise ConfigError(f"'{folder}' holds no measurement yet: run 'semcom sweep' until a first point has some")
    return rows


def read_timings(folder: Path) -> list[Timing]:
    """What was timed; empty where nothing was. Raises ConfigError as `read_rows`."""
    return list(_lines(folder / TIMINGS, TypeAdapter(Timing))) if (folder / TIMINGS).is_file() else []


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the sweep said of itself; empty where a killed one had not.

    Raises:
        ConfigError: it is not JSON, or not a manifest.
    """
    file = folder / MANIFEST
    if not file.is_file():
        return {}
    try:
        if file.stat().st_size > MAX_MANIFEST_BYTES:
            raise ConfigError(f"'{file}' is larger than {MAX_MANIFEST_BYTES} bytes: this is no sweep's manifest")
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"'{file}' cannot be read ({error}): name the folder of a sweep") from error
    if not isinstance(document, dict):
        return {}
    for name, kind in (("commits", list), ("earlier", list), ("config", dict)):
        if not isinstance(document.get(name, kind()), kind):
            raise ConfigError(f"'{file}' is damaged: '{name}' is no {kind.__name__}")
    if not all(isinstance(one, dict) for one in document.get("earlier", [])):
        raise ConfigError(f"'{file}' is damaged: 'earlier' holds something else than objects")
    return document


def digest(folder: Path) -> str:
    """SHA-256 of the rows: two sweeps with the same seed have the same."""
    with _opened(_rows_of(folder)) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def pack_rows(folder: Path, to: Path) -> None:
    """Keep a sweep in another folder: its manifest, and its rows packed. What was timed is left behind.

    Raises:
        ConfigError: there is none, it is not finished, the other folder keeps another sweep, or cannot be written.
    """
    manifest, kept = read_manifest(folder), read_manifest(to)
    if not manifest.get("finished", False):
        raise ConfigError(f"the sweep '{folder}' is not finished: the same 'semcom sweep' command goes on with it")
    if kept and kept.get("config_sha256") != manifest.get("config_sha256"):
        raise ConfigError(f"'{to}' keeps another sweep: delete it first, if that is to go")
    read_rows(folder)  # it is one
    try:
        with _opened(_rows_of(folder)) as stream:
            packed = lzma.compress(stream.read(), preset=9 | lzma.PRESET_EXTREME)
        to.mkdir(parents=True, exist_ok=True)
        part = to / f"{ROWS}.part"
        part.write_bytes(packed)
        part.replace(to / f"{ROWS}{PACKED}")
        (to / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot keep '{folder}' in '{to}' ({error.strerror}): choose another folder") from error


def _rows_of(folder: Path) -> Path:
    packed = folder / f"{ROWS}{PACKED}"
    return packed if packed.is_file() and not (folder / ROWS).is_file() else folder / ROWS


@contextmanager
def _opened(file: Path) -> Iterator[io.BufferedReader]:
    with file.open("rb") as stream:
        yield io.BufferedReader(_Unpacked(stream)) if file.suffix == PACKED else stream


class _Unpacked(io.RawIOBase):
    """The bytes of an xz file, unpacked as they are read: a small file may hold a lot."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_UNPACKING_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            while not self._unpacker.eof:
                more = self._packed.read(2**16) if self._unpacker.needs_input else b""
                if self._unpacker.needs_input and not more:
                    raise lzma.LZMAError("it ends too early")
                if data := self._unpacker.decompress(more, len(buffer)):
                    buffer[: len(data)] = data
                    return len(data)
        except lzma.LZMAError as error:
            raise ConfigError(f"'{self._packed.name}' is damaged ({error}): get it again") from error
        return 0


def _lines(file: Path, adapter: TypeAdapter[Line]) -> Iterator[Line]:
    try:
        with _opened(file) as stream:
            for number in range(1, MAX_ROWS + 2):
                line = stream.readline(MAX_LINE_BYTES + 1)
                if not line or (not line.endswith(b"\n") and len(line) <= MAX_LINE_BYTES):
                    return  # the end, or where a kill cut the last line
                if number > MAX_ROWS or len(line) > MAX_LINE_BYTES:
                    raise ConfigError(f"'{file}' is too large at line {number}: this is no sweep")
                yield adapter.validate_json(line)
    except OSError as error:
        raise ConfigError(f"cannot read '{file}' ({error.strerror}): name the folder of a sweep") from error
    except ValidationError as error:
        raise ConfigError(f"'{file}', line {number}, is damaged ({first_problem(error)}): measure again") from error
