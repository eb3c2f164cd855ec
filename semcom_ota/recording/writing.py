"""A recording's `.sigmf-meta` file, for an existing `.sigmf-data` file of complex64 samples."""

import json
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from semcom_ota import __version__
from semcom_ota.config import PhyConfig
from semcom_ota.recording.fields import NAMESPACE, VERSION, Contents, FrameMark, Simulation, Unsent

DATATYPE = "cf32_le"
MAX_META_BYTES = 2**27
"""Of a `.sigmf-meta` file: what does not fit is left out when it is written, and larger ones are not read."""
MAX_INDENTED = 1000
"""Annotations of a file that is laid out for people."""


class Missing(NamedTuple):
    """Samples that were lost before one of a recording."""

    sample: int  # index in the file of the first one behind them
    lost_samples: int


def write_meta(
    data_file: Path,
    sample_rate: float,
    description: str,
    frames: Iterable[FrameMark],
    phy: PhyConfig,
    codecs: dict[int, str],
    simulation: Simulation | None = None,
    complete: bool = True,
    frequency_hz: float | None = None,
    missing: Sequence[Missing] = (),
) -> Path:
    """Describe a recording, one annotation a frame.

    Args:
        data_file: ends in `.sigmf-data`; little-endian complex64.
        sample_rate: samples/s.
        description: what was recorded, for people.
        frames: in any order.
        phy: the air interface of the frames.
        codecs: names by the number in the frame header.
        simulation: None on the air.
        complete: the samples are there; if they are still to come, there is no checksum of them.
        frequency_hz: of the carrier, if there was one.
        missing: where samples were lost, in order.

    Returns:
        The path of the `.sigmf-meta` file, checked against the standard's schema.
    """
    import sigmf  # slow to import, and only needed when recording

    marks = sorted(frames, key=lambda mark: mark.start)
    annotations = _that_fit([mark.annotation() for mark in marks], MAX_META_BYTES // 2)
    if len(annotations) < len(marks):
        description += f"; of its {len(marks)} frames the first {len(annotations)} are annotated"
    if simulation is not None:
        unsent = _that_fit([message.model_dump() for message in simulation.unsent], MAX_META_BYTES // 4)
        simulation = simulation.model_copy(update={"unsent": tuple(Unsent(**message) for message in unsent)})
    contents = Contents(phy=phy, codecs=codecs, simulation=simulation).model_dump(mode="json", exclude_none=True)
    meta = sigmf.SigMFFile(
        {
            "global": {
                sigmf.DATATYPE_KEY: DATATYPE,
                sigmf.SAMPLE_RATE_KEY: sample_rate,
                sigmf.DESCRIPTION_KEY: description,
                sigmf.RECORDER_KEY: f"semcom-ota {__version__}",
                sigmf.EXTENSIONS_KEY: [{"name": NAMESPACE, "version": VERSION, "optional": True}],
            }
            | {f"{NAMESPACE}:{name}": value for name, value in contents.items()},
            "captures": _captures(frequency_hz, missing),
            "annotations": annotations,
        },
        data_file=str(data_file) if complete else None,
    )
    meta.validate()
    path = data_file.with_suffix(".sigmf-meta")
    meta.tofile(str(path), pretty=len(annotations) <= MAX_INDENTED, overwrite=True, skip_validate=True)
    return path


def _captures(frequency_hz: float | None, missing: Sequence[Missing]) -> list[dict[str, Any]]:
    """One before and one behind each gap; `core:global_index` counts the samples that were lost, too."""
    lost = accumulate((gap.lost_samples for gap in missing), initial=0)
    starts = zip((0, *(gap.sample for gap in missing)), lost, strict=True)
    captures = [{"core:sample_start": start, "core:global_index": start + before} for start, before in starts]
    return [capture | ({"core:frequency": frequency_hz} if frequency_hz else {}) for capture in captures]


def _that_fit(objects: Sequence[dict[str, Any]], limit: int) -> Sequence[dict[str, Any]]:
    """The first of them, so many that together they take at most `limit` bytes as JSON."""
    size = 0
    for count, value in enumerate(objects):
        size += len(json.dumps(value)) + 2
        if size > limit:
            return objects[:count]
    return objects
