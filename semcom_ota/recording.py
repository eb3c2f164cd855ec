"""Captured IQ as SigMF (https://sigmf.org): a `.sigmf-data` file of cf32_le samples and its `.sigmf-meta`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from semcom_ota import __version__

DATATYPE = "cf32_le"


@dataclass(frozen=True, slots=True)
class FrameMark:
    """Where a frame stands in a recording."""

    start: int  # index of its first sample
    length: int  # samples
    stream: int
    message: int
    fragment: int
    snr_db: float | None = None  # what the simulated channel was set to; None on the air


def write_meta(data_file: Path, sample_rate: float, description: str, frames: Iterable[FrameMark]) -> Path:
    """Describe an existing `.sigmf-data` file of complex64 samples, one annotation a frame.

    Args:
        data_file: ends in `.sigmf-data`.
        sample_rate: samples/s.
        description: what was recorded, for people.
        frames: in any order.

    Returns:
        The path of the `.sigmf-meta` file, checked against the standard's schema.
    """
    import sigmf  # slow to import, and only needed when recording

    meta = sigmf.SigMFFile(
        data_file=str(data_file),
        global_info={
            sigmf.DATATYPE_KEY: DATATYPE,
            sigmf.SAMPLE_RATE_KEY: sample_rate,
            sigmf.DESCRIPTION_KEY: description,
            sigmf.RECORDER_KEY: f"semcom-ota {__version__}",
            sigmf.EXTENSIONS_KEY: [{"name": "semcom", "version": "0.1.0", "optional": True}],
        },
    )
    meta.add_capture(0)
    for frame in sorted(frames, key=lambda mark: mark.start):
        fields = {
            sigmf.LABEL_KEY: f"stream {frame.stream} message {frame.message}.{frame.fragment}",
            "semcom:stream": frame.stream,
            "semcom:message": frame.message,
            "semcom:fragment": frame.fragment,
        }
        if frame.snr_db is not None:
            fields["semcom:channel_snr_db"] = frame.snr_db
        meta.add_annotation(frame.start, frame.length, metadata=fields)
    meta.validate()
    path = data_file.with_suffix(".sigmf-meta")
    meta.tofile(str(path), overwrite=True)
    return path
