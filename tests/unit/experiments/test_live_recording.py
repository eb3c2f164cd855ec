"""What is said of a recording from the air: frames that were found, frames that were cut off, and the gaps."""

import json
from pathlib import Path

import numpy as np

from semcom_ota.config import LinkConfig
from semcom_ota.experiments import live_recording
from semcom_ota.radio.settings import PortSettings, RadioSettings
from semcom_ota.recording.fields import header_fields
from semcom_ota.recording.frame_log import FrameLog
from semcom_ota.recording.reading import read_recording
from semcom_ota.types import Csi, FrameHeader, ReceivedFrame

CSI = Csi(np.ones((2, 4), np.complex64), np.ones(4, np.float32), 6.5, -3.25, 1e6, 15625.0, 1.5)
PORT = PortSettings(device="B210 X", sample_rate=1e6, frequency_hz=2.45e9)
SETTINGS = RadioSettings(kind="uhd", level="air", receiver=PORT)


def found(message: int, start: int, place: int = 0) -> ReceivedFrame:
    header = FrameHeader(codec=1, message=message, message_symbols=2)
    return ReceivedFrame(header, np.zeros(2, np.complex64), np.ones(2, np.float32), CSI, start, start + 90, place)


def test_the_description_says_what_was_found_and_what_was_lost(tmp_path: Path):
    (tmp_path / "capture.sigmf-data").write_bytes(np.zeros(5000, np.complex64).tobytes())
    log = FrameLog(tmp_path / "frames.jsonl")
    log.open()
    for frame in (found(1, 100), found(2, 300, 0), found(3, 300, 1)):
        log.write(frame)
    log.close()
    cut = header_fields(FrameHeader(codec=1, message=4, message_symbols=50)) | {"start": 900}
    events = [
        {"kind": "gain", "at_s": 0.1, "gain_db": 3.0},
        {"kind": "overflow", "at_s": 1.0, "sample": 1000, "lost_samples": 700, "cut": [cut, None]},
        {"kind": "dropped", "at_s": 1.5, "sample": 1500, "lost_samples": 0, "dropped": [cut]},
        {"kind": "clock", "at_s": 2.0, "sample": 2000, "lost_samples": None, "cut": []},
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    meta = live_recording.describe(tmp_path / "capture.sigmf-data", LinkConfig(), SETTINGS)
    recording = read_recording(meta)
    assert recording.sample_rate == 1e6 and recording.contents.codecs == {1: "utf8"}
    assert recording.contents.simulation is None and recording.missing == ((1000, 700), (2000, 1))
    told = [(m.start, m.length, m.received, m.lost_samples, [p.message for p in m.parts]) for m in recording.frames]
    assert told == [(100, 90, True, 0, [1]), (300, 90, True, 0, [2, 3]), (900, 100, False, 700, [4])]
