"""Messages to remember."""

import numpy as np

from semcom_ota.memory.entry import NO_FEATURES, Understood
from semcom_ota.memory.index import Known
from semcom_ota.types import Csi, FrameHeader, ReceivedMessage


def csi(snr_db: float = 10.0, gains=(1, 1, 1, 1), cfo_hz: float = 0.0) -> Csi:
    response = np.tile(np.sqrt(np.asarray(gains, np.complex64)), (3, 1))
    return Csi(response, np.full(len(gains), 0.1, np.float32), snr_db, cfo_hz, 1e6, 15625.0)


def received(
    stream: int, message: int, value: int = 0, frames: int = 1, lost_samples: int = 0, task: int = 0
) -> ReceivedMessage:
    header = FrameHeader(1, task=task, stream=stream, message=message, message_symbols=2)
    symbols = np.array([message, value], np.complex64)
    csis = tuple(csi() for _ in range(frames))
    return ReceivedMessage(header, symbols, np.ones(2, np.float32), csis, lost_samples=lost_samples)


def understood(text: str = "", features=(), confidence: float = 0.5, intact: bool = True) -> Understood:
    """`features` is one vector."""
    vector = np.asarray(features, np.float32)
    return Understood(text, confidence, intact, vector[None] if vector.size else NO_FEATURES)


def known(number: int, sent: int = 0, time: int = 0, value: float = 0.0, text: int | None = None) -> Known:
    """What is at hand of an entry; each has a text of its own, if none is given."""
    return Known(number, 0, number, sent, time, value, number if text is None else text, "", b"", 0)
