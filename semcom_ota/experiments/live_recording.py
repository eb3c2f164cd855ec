"""The description of what a radio received and a run kept: where frames are, and where samples are missing."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from semcom_ota.codecs import registry
from semcom_ota.config import LinkConfig
from semcom_ota.radio.settings import RadioSettings
from semcom_ota.recording.fields import FrameMark, Part, header_fields
from semcom_ota.recording.frame_log import FoundFrame, read_log
from semcom_ota.recording.writing import Missing, write_meta
from semcom_ota.types import FrameHeader

DATA_FILE = "capture.sigmf-data"
HEADER = tuple(FrameHeader.__dataclass_fields__)
AT_LEAST = 1
"""Samples that are missing where nobody knows how many are."""

Line = dict[str, Any]


def describe(data_file: Path, link: LinkConfig, settings: RadioSettings) -> Path:
    """Write the `.sigmf-meta` file.

    A frame that a gap cut off is annotated, if its header was known, with the samples that it lost there.

    Args:
        data_file: the samples, in a run folder with the `frames.jsonl` and `events.jsonl` of the same run.
        link: of the run.
        settings: of the radio.
    """
    with (data_file.parent / "events.jsonl").open(encoding="utf-8") as lines:
        gaps = [event for event in map(json.loads, lines) if "cut" in event]
    marks = [*_found(read_log(data_file.parent / "frames.jsonl")), *(mark for gap in gaps for mark in _cut(gap))]
    port = settings.receiver
    rate = port.sample_rate if port else link.phy.sample_rate
    numbers = {part.codec for mark in marks for part in mark.parts}
    return write_meta(
        data_file,
        rate,
        f"received with a radio of kind {settings.kind}" + (f", {port.device}" if port else ""),
        marks,
        link.phy,
        {number: name for number in sorted(numbers) if (name := registry.name_of(number))},
        frequency_hz=port.frequency_hz if port else None,
        missing=[Missing(gap["sample"], gap["lost_samples"] or AT_LEAST) for gap in gaps],
    )


def _found(frames: Iterator[FoundFrame]) -> Iterator[FrameMark]:
    for start, group in groupby(frames, key=lambda frame: frame.start):
        together = list(group)
        first = together[0]
        yield FrameMark(
            start=start,
            length=max(frame.stop for frame in together) - start,
            parts=tuple(Part(**header_fields(frame.header)) for frame in together),
            received=True,
            snr_db=first.snr_db,
            cfo_hz=first.cfo_hz,
            sro_ppm=first.sro_ppm,
        )


def _cut(gap: Line) -> Iterator[FrameMark]:
    known = [message for message in gap["cut"] if message is not None]
    for start, group in groupby(known, key=lambda message: message["start"]):
        yield FrameMark(
            start=start,
            length=max(1, gap["sample"] - start),
            parts=tuple(Part(**{name: message[name] for name in HEADER}) for message in group),
            received=False,
            lost_samples=gap["lost_samples"] or AT_LEAST,
        )
