"""What a receiver found in the samples that are being recorded or replayed: a file of JSON lines, one a frame."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from semcom_ota.recording.fields import header_fields
from semcom_ota.types import FrameHeader, ReceivedFrame

MEASURED = ("start", "stop", "snr_db", "cfo_hz", "sro_ppm", "lost_samples")


@dataclass(frozen=True, slots=True)
class FoundFrame:
    """A received frame without its payload. Several messages that share a frame are several of these."""

    start: int  # index of the first sample, in the file
    stop: int  # one past the last
    snr_db: float
    cfo_hz: float
    sro_ppm: float
    header: FrameHeader
    lost_samples: int = 0  # in gaps between the frame before and this one


class FrameLog:
    """Appends a line for each frame."""

    def __init__(self, file: Path, offset: int = 0):
        """For a receiver whose stream begins at sample `offset` of the file.

        A process that is killed and started again goes on behind the last whole line.
        """
        self._file, self._offset = file, offset
        self._lines: TextIO | None = None

    def open(self) -> None:
        """Begin."""
        if self._file.exists():
            os.truncate(self._file, self._file.read_bytes().rfind(b"\n") + 1)
        self._lines = self._file.open("a", encoding="utf-8")

    def write(self, frame: ReceivedFrame) -> None:
        """Append a frame; to be called between `open` and `close`."""
        assert self._lines is not None
        line = {
            "start": frame.start_sample + self._offset,
            "stop": frame.stop_sample + self._offset,
            "snr_db": float(frame.csi.snr_db),
            "cfo_hz": float(frame.csi.cfo_hz),
            "sro_ppm": float(frame.csi.sro_ppm),
            "lost_samples": frame.lost_samples,
        }
        self._lines.write(json.dumps(line | header_fields(frame.header)) + "\n")
        self._lines.flush()

    def close(self) -> None:
        """End; may be called twice."""
        if self._lines is not None:
            self._lines.close()


def read_log(file: Path) -> Iterator[FoundFrame]:
    """The frames of a file that a `FrameLog` of ours wrote; none if it is not there."""
    if not file.exists():
        return
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError):  # cut when the process was killed
                found = json.loads(line)
                header = FrameHeader(**{name: found[name] for name in FrameHeader.__dataclass_fields__})
                yield FoundFrame(**{name: found[name] for name in MEASURED}, header=header)
