"""Bytes between a host and the lab: frames of a fixed header and a bounded payload, over Unix stream sockets.

Little-endian. The header is

    magic "TWIN" | kind u8 | flags u8 | sequence u16 | bytes of payload u32 | seconds i64 | fraction f64 | value f64

Calls and their answers are JSON objects; samples are sc16 (int16 I, int16 Q), as a USRP sends them. Nothing is
evaluated, every length is checked, and whatever cannot be read raises `FrameError` and nothing else.
"""

import enum
import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.types import ComplexArray

MAX_JSON_BYTES = 65536
MAX_SAMPLES = 16384
"""In one frame."""
FULL_SCALE = 32768
"""Of sc16: what 1.0 is."""

_HEADER = struct.Struct("<4sBBHIqdd")
_MAGIC = b"TWIN"
_MAX_SECONDS = 2**62
_NO_TIME = TimeSpec()


class FrameError(ValueError):
    """Bytes that are no frame of ours, or a frame that cannot be put into bytes."""


class Kind(enum.IntEnum):
    """What a frame is."""

    CALL = 1  # host to device, JSON
    ANSWER = 2  # device to host, JSON
    RECEIVED = 3  # device to host, samples; or, with OVERFLOW, that some were lost
    TRANSMITTED = 4  # host to device, samples
    EVENT = 5  # device to host, JSON: burst_ack and its like


class Flags(enum.IntFlag):
    """What goes with samples."""

    NONE = 0
    START = 1  # of a burst
    END = 2  # of a burst
    TIME = 4  # the header's time means something
    OVERFLOW = 8


_KNOWN_FLAGS = int(Flags.START | Flags.END | Flags.TIME | Flags.OVERFLOW)
_SAMPLES = (Kind.RECEIVED, Kind.TRANSMITTED)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    `value` is, of transmitted samples, when the host handed them over: seconds of CLOCK_MONOTONIC, which lab and host
    share. Of received ones it is their sample rate.
    """

    kind: Kind
    payload: bytes | bytearray | memoryview = b""
    flags: Flags = Flags.NONE
    sequence: int = 0  # modulo 2**16, of the samples one way
    time: TimeSpec = _NO_TIME
    value: float = 0.0


def pack(frame: Frame) -> bytes:
    """A frame as bytes.

    Raises:
        FrameError: the payload is too large.
    """
    if len(frame.payload) > _limit(frame.kind):
        raise FrameError(f"{len(frame.payload)} bytes are too many for one frame")
    header = _HEADER.pack(
        _MAGIC, frame.kind, frame.flags, frame.sequence & 0xFFFF, len(frame.payload), *frame.time, frame.value
    )
    return header + bytes(frame.payload)


class FrameReader:
    """Takes bytes as they come and gives the frames in them."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._bytes = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[Frame]:
        """Take more bytes; the frames that are complete with them.

        Raises:
            FrameError: these bytes are no frames. What follows them cannot be read either.
        """
        self._bytes += data
        position = 0
        try:
            while len(self._bytes) - position >= _HEADER.size:
                header, length = _unpack_header(self._bytes, position)
                stop = position + _HEADER.size + length
                if len(self._bytes) < stop:
                    break
                payload = bytes(self._bytes[position + _HEADER.size : stop])
                position = stop
                yield Frame(header.kind, payload, header.flags, header.sequence, header.time, header.value)
        finally:
            del self._bytes[:position]


def _unpack_header(data: bytearray, position: int) -> tuple[Frame, int]:
    magic, kind, flags, sequence, length, seconds, fraction, value = _HEADER.unpack_from(data, position)
    if magic != _MAGIC or kind not in Kind._value2member_map_ or flags & ~_KNOWN_FLAGS:
        raise FrameError("these bytes are no frame of the twin")
    known = Kind(kind)
    if length > _limit(known) or (known in _SAMPLES and length % 4):
        raise FrameError("a frame of an impossible length")
    if not (math.isfinite(value) and 0 <= fraction < 1 and abs(seconds) < _MAX_SECONDS):
        raise FrameError("a frame of an impossible time")
    return Frame(known, b"", Flags(flags), sequence, TimeSpec(seconds, fraction), value), length


def _limit(kind: Kind) -> int:
    return 4 * MAX_SAMPLES if kind in _SAMPLES else MAX_JSON_BYTES


def pack_json(kind: Kind, fields: dict[str, Any]) -> bytes:
    """A frame with a JSON object; a `TimeSpec` in it becomes {"time": [seconds, fraction]}.

    Raises:
        FrameError: it is not JSON, or too large.
    """
    try:
        payload = json.dumps(_plain(fields), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise FrameError(f"cannot be put into JSON: {error}") from error
    return pack(Frame(kind, payload))


def unpack_json(frame: Frame) -> dict[str, Any]:
    """The JSON object of a frame, its times as `TimeSpec`.

    Raises:
        FrameError: it is none.
    """
    try:
        fields = json.loads(bytes(frame.payload).decode(), object_hook=_with_times)
    except (ValueError, RecursionError) as error:
        raise FrameError("a frame whose JSON cannot be read") from error
    if not isinstance(fields, dict):
        raise FrameError("a frame whose JSON is no object")
    return fields


def _plain(value: Any) -> Any:
    if isinstance(value, TimeSpec):
        return {"time": [value.seconds, value.fraction]}
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _with_times(fields: dict[str, Any]) -> Any:
    time = fields.get("time")
    if len(fields) != 1 or not isinstance(time, list) or len(time) != 2:
        return fields
    seconds, fraction = time
    if type(seconds) is not int or abs(seconds) >= _MAX_SECONDS:
        raise ValueError("seconds")
    if type(fraction) not in (int, float) or not 0 <= fraction < 1:
        raise ValueError("fraction")
    return TimeSpec(seconds, float(fraction))


def to_sc16(samples: ComplexArray) -> NDArray[np.int16]:
    """Samples as a USRP takes them.

    Args:
        samples: (n,) complex64; 1.0 is full scale, more is clipped, what is not a number counts as 0.

    Returns:
        (2 n,) int16, I and Q in turn.
    """
    parts = np.nan_to_num(np.ascontiguousarray(samples, np.complex64).view(np.float32), nan=0.0)
    return np.clip(np.rint(parts * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def from_sc16(payload: bytes | bytearray | memoryview) -> ComplexArray:
    """Samples as a host has them: (n,) complex64 of 4 n bytes; 1.0 is full scale."""
    parts = np.frombuffer(payload, np.dtype("<i2")).astype(np.float32)
    parts *= np.float32(1 / FULL_SCALE)
    return parts.view(np.complex64)
