"""A recording as a file says it is: ours, or anybody's. Nothing in the file is trusted."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from semcom_ota.config import ConfigError, first_problem
from semcom_ota.recording.fields import NAMESPACE, Contents, FrameMark
from semcom_ota.recording.samples import RAW, SampleFile
from semcom_ota.recording.writing import MAX_META_BYTES, Missing

META, DATA = ".sigmf-meta", ".sigmf-data"
_OURS = f"{NAMESPACE}:"
_GIVE = f"give the {META} file of one, or bare samples ({', '.join(RAW)})"
_Object = dict[str, Any]


class _Core(BaseModel):
    """Those of SigMF's own fields that matter here."""

    model_config = ConfigDict(extra="ignore")

    datatype: str
    sample_rate: float | None = Field(None, gt=0, le=1e12)
    num_channels: int = Field(1, ge=1, le=2**16)
    dataset: str | None = Field(None, max_length=255)
    trailing_bytes: int = 0


class _Capture(BaseModel):
    model_config = ConfigDict(extra="ignore")

    header_bytes: int = Field(0, alias="core:header_bytes")
    sample_start: int = Field(0, ge=0, lt=2**53, alias="core:sample_start")
    global_index: int | None = Field(None, ge=0, lt=2**53, alias="core:global_index")


class _Meta(BaseModel):
    model_config = ConfigDict(extra="ignore")

    global_: _Object = Field(alias="global")
    captures: Annotated[list[_Capture], Field(max_length=2**20)] = []
    annotations: Annotated[list[_Object], Field(max_length=2**20)] = []


@dataclass(frozen=True, slots=True)
class Recording:
    """What a file says, and where its samples are."""

    samples: SampleFile
    sample_rate: float | None  # samples/s; None if the file does not say
    contents: Contents
    frames: tuple[FrameMark, ...]  # those that are annotated as frames of ours
    missing: tuple[Missing, ...] = ()  # where samples are missing, in order


def read_recording(path: Path) -> Recording:
    """Read what there is about a recording, not its samples.

    Args:
        path: its `.sigmf-meta`, its `.sigmf-data`, what both have in common, or a file of bare samples whose suffix
            says how they are stored (`samples.RAW`).

    Raises:
        ConfigError: it cannot be read, or makes no sense.
    """
    if path.suffix in RAW:
        return Recording(SampleFile(path, RAW[path.suffix]), None, Contents(), ())
    if path.suffix == ".sigmf":
        raise ConfigError(f"'{path}' is an archive: unpack it with 'tar -xf' and give the {META} file in it")
    if not path.name:
        raise ConfigError(f"'{path}' is no recording: give its {META} file")
    meta = path.with_suffix(META) if path.suffix in (META, DATA) else path.with_name(path.name + META)
    try:
        told = _Meta.model_validate(_load(meta))
        core = _Core.model_validate(_named(told.global_, "core:"))
        contents = Contents.model_validate(_named(told.global_, _OURS))
    except ValidationError as error:
        raise ConfigError(f"'{meta}': {_printable(first_problem(error))}") from error
    frames = []
    for index, annotation in enumerate(told.annotations):
        if any(name.startswith(_OURS) for name in annotation):
            try:
                frames.append(FrameMark.from_annotation(annotation))
            except ValidationError as error:
                raise ConfigError(f"'{meta}', annotation {index}, {_printable(first_problem(error))}") from error
    if core.num_channels != 1:
        raise ConfigError(f"'{meta}' has {core.num_channels} channels side by side: only one can be replayed")
    if core.trailing_bytes or any(capture.header_bytes for capture in told.captures):
        raise ConfigError(f"'{meta}' has other bytes among its samples: only bare samples can be replayed")
    samples = SampleFile(_data_file(meta, core.dataset), core.datatype)
    return Recording(samples, core.sample_rate, contents, tuple(frames), tuple(_missing(told.captures)))


def _missing(captures: list[_Capture]) -> Iterator[Missing]:
    """Where the index in the recorded stream goes on by more than that in the file."""
    told = sorted((one.sample_start, one.global_index) for one in captures if one.global_index is not None)
    for (sample, index), (next_sample, next_index) in pairwise(told):
        if next_sample > sample and next_index - index > next_sample - sample:
            yield Missing(next_sample, next_index - index - (next_sample - sample))


def _load(meta: Path) -> Any:
    try:
        with meta.open("rb") as stream:
            content = stream.read(MAX_META_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        if isinstance(error, FileNotFoundError) and (other := meta.with_suffix("")).is_file():
            raise ConfigError(f"'{other}' is no recording: {_GIVE}") from error
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"cannot read '{meta}' ({reason}): {_GIVE}") from error
    if len(content) > MAX_META_BYTES:
        raise ConfigError(f"'{meta}' is larger than {MAX_META_BYTES} bytes: this is no description of a recording")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError(f"'{meta}' is not JSON: {reason}") from error


def _named(fields: _Object, prefix: str) -> _Object:
    return {name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)}


def _data_file(meta: Path, dataset: str | None) -> Path:
    if dataset is None:
        return meta.with_suffix(DATA)
    if dataset in ("", ".", "..") or "/" in dataset or "\0" in dataset:
        raise ConfigError(f"'{meta}' says that its samples are elsewhere ({dataset!a}): only beside it are they read")
    return meta.with_name(dataset)


def _printable(sentence: str) -> str:
    """Names of fields come from the file: without terminal escapes, and not without end."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in sentence[:300])
