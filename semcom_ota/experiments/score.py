"""`semcom score`: the run folders of a transmitter and of a receiver, which may be two machines, become one."""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from semcom_ota.codecs import registry
from semcom_ota.config import ConfigError, LinkConfig, first_problem
from semcom_ota.experiments import run_folder
from semcom_ota.experiments.score_account import Account, account, causes, mean_snr_db
from semcom_ota.experiments.score_rows import Event, ReceivedRow, SentRow
from semcom_ota.radio.settings import RadioSettings

LEVELS = ("recording", "flowgraph", "air")
"""From the least that a figure can be worth."""
MAX_LINES = 2**18
MAX_LINE_BYTES = 2**20

Line = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class TransmitterRun:
    """A run folder of `semcom tx`."""

    link: LinkConfig
    settings: RadioSettings
    rows: list[SentRow]


@dataclass(frozen=True, slots=True)
class ReceiverRun:
    """A run folder of `semcom rx`."""

    settings: RadioSettings
    rows: list[ReceivedRow]
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Scored:
    """What `semcom score` makes of two runs."""

    summary: Line
    messages: list[Line]
    unmatched: list[ReceivedRow]


def read_transmitter(folder: Path) -> TransmitterRun:
    """A run folder of a transmitter.

    Raises:
        ConfigError: it is none, or cannot be read.
    """
    settings = _settings(folder, "transmitter")
    return TransmitterRun(_read(folder / "config.json", LinkConfig), settings, _rows(folder, SentRow))


def read_receiver(folder: Path) -> ReceiverRun:
    """A run folder of a receiver.

    Raises:
        ConfigError: it is none, or cannot be read.
    """
    settings = _settings(folder, "receiver")
    lines = _lines(folder / "events.jsonl") if (folder / "events.jsonl").exists() else ()
    found = [_checked(folder / "events.jsonl", line, Event) for line in lines]
    return ReceiverRun(settings, _rows(folder, ReceivedRow), found)


def score(transmitter: TransmitterRun, receiver: ReceiverRun) -> Scored:
    """Join two runs.

    Raises:
        ConfigError: nothing was sent.
    """
    if not transmitter.rows:
        raise ConfigError("the transmitter sent nothing: there is nothing to score")
    port = receiver.settings.receiver
    rate = port.sample_rate if port else transmitter.link.phy.sample_rate
    has_checksum = functools.cache(registry.has_checksum)
    joined = account(transmitter.rows, receiver.rows, receiver.events, rate, has_checksum)
    link, kind = transmitter.link, transmitter.settings.kind
    level = min(transmitter.settings.level, receiver.settings.level, key=LEVELS.index)
    run = run_folder.describe(level, link, seed=0) | _facts(joined, receiver)
    points = run_folder.points(joined.messages, kind, link, 0, link.mask.kind)
    for point in points:
        mine = [message for message in joined.messages if message["codec"] == point["codec"]]
        point["snr_db"] = mean_snr_db(mine)
        point["false"] = sum(message["false"] for message in mine)
        point["causes"] = causes(mine)
    return Scored({"run": run, "points": points}, joined.messages, joined.unmatched)


def write(scored: Scored, link: LinkConfig, folder: Path) -> None:
    """Write the run folder, all but the report; `unmatched.jsonl` is there if anything was."""
    (folder / "config.json").write_text(link.model_dump_json(indent=1) + "\n", encoding="utf-8")
    lines = [{"index": index, **message} for index, message in enumerate(scored.messages)]
    _write_lines(folder / "messages.jsonl", lines)
    if scored.unmatched:
        _write_lines(folder / "unmatched.jsonl", [row.model_dump(mode="json") for row in scored.unmatched])
    run_folder.write_json(folder / "summary.json", scored.summary)


def _facts(joined: Account, receiver: ReceiverRun) -> Line:
    gaps = [event for event in receiver.events if event.kind == "overflow"]
    return {
        "unmatched": len(joined.unmatched),
        "clock_ppm": 1e6 * joined.rate_error if joined.rate_error is not None else None,
        "overflows": len(gaps),
        "lost_samples": sum(gap.lost_samples or 0 for gap in gaps),
    }


def _settings(folder: Path, end: Literal["transmitter", "receiver"]) -> RadioSettings:
    if not folder.is_dir():
        raise ConfigError(f"'{folder}' is no run folder: give those of the transmitter and of the receiver")
    settings = _read(folder / "radio.json", RadioSettings)
    if getattr(settings, end) is None:
        raise ConfigError(f"'{folder}' is no run of a {end}: give first the transmitter's, then the receiver's")
    return settings


def _rows(folder: Path, model: type[Model]) -> list[Model]:
    file = folder / "messages.jsonl"
    return [_checked(file, line, model) for line in _lines(file)]


def _lines(file: Path) -> Iterator[Line]:
    """JSON objects; a last one that a kill cut off is left out."""
    try:
        with file.open("rb") as stream:
            for count, line in enumerate(iter(lambda: stream.readline(MAX_LINE_BYTES), b"")):
                if not line.endswith(b"\n"):
                    if len(line) == MAX_LINE_BYTES:
                        raise ConfigError(f"'{file}', line {count + 1}, is too long: this is no run of ours")
                    return
                if count == MAX_LINES:
                    raise ConfigError(f"'{file}' has more than {MAX_LINES} lines: this is no run of ours")
                yield _object(file, line)
    except OSError as error:
        raise ConfigError(f"cannot read '{file}' ({error.strerror}): give the folder of a run") from error


def _object(file: Path, line: bytes) -> Line:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise ConfigError(f"'{file}' holds something else than JSON objects, one a line: this is no run of ours")
    return told


def _checked(file: Path, line: Line, model: type[Model]) -> Model:
    try:
        return model.model_validate(line)
    except ValidationError as error:
        raise ConfigError(f"'{file}', {first_problem(error)}: this is no run of ours") from error


def _read(file: Path, model: type[Model]) -> Model:
    try:
        with file.open("rb") as stream:
            return model.model_validate_json(stream.read(MAX_LINE_BYTES))
    except OSError as error:
        raise ConfigError(f"cannot read '{file}' ({error.strerror}): give the folder of a run") from error
    except ValidationError as error:
        raise ConfigError(f"'{file}', {first_problem(error)}: this is no run of ours") from error


def _write_lines(file: Path, lines: list[Line]) -> None:
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
