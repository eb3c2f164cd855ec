"""Bytes on the wire: a packet is a kind, small JSON fields and raw arrays; an envelope says whose packet it is.

Little-endian. A packet is

    magic "SCPK" | version u8 | length of kind u8 | number of arrays u16 | length of fields u32
    kind (ASCII) | fields (JSON object, UTF-8)
    for each array: length of name u8 | dtype u8 | dimensions u8 | name (ASCII) | shape u32 each | C-order data

Nothing is evaluated, every length is checked against the bytes that are there, and whatever cannot be read raises
`WireError` and nothing else.
"""

import enum
import json
import math
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 1
MAX_FIELDS_BYTES = 2**20
MAX_ARRAYS = 1024
MAX_DIMENSIONS = 4
SESSION_BYTES = 8

_HEADER = struct.Struct("<4sBBHI")
_MAGIC = b"SCPK"
_ARRAY = struct.Struct("<BBB")
_DTYPES = (np.dtype("<c8"), np.dtype("<f4"), np.dtype("u1"))

_ENVELOPE = struct.Struct(f"<4sBB{SESSION_BYTES}sQQ")
_ENVELOPE_MAGIC = b"SCEN"


class WireError(ValueError):
    """Bytes that are no packet of ours, or a packet that cannot be put into bytes."""


@dataclass(frozen=True, slots=True)
class Packet:
    """What one process tells another. Arrays are complex64, float32 or uint8; `messages.py` gives the kinds meaning."""

    kind: str  # 1..64 ASCII characters
    fields: dict[str, Any] = field(default_factory=dict)  # JSON-able, at most 1 MiB of it
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)


class Role(enum.IntEnum):
    """What a message between a client and a server is for."""

    HELLO = 1  # client, on every new connection
    WELCOME = 2  # server's answer, with its credit
    REQUEST = 3
    REPLY = 4
    NOTICE = 5  # one-way


@dataclass(frozen=True, slots=True)
class Envelope:
    """Goes before each packet. A request is known by (session, sequence), however often it is sent."""

    role: Role
    session: bytes  # 8 bytes, a client's own, new each time a client is made
    sequence: int = 0
    oldest: int = 0  # from the client: every sequence before this one has been answered and may be forgotten


def pack(packet: Packet) -> bytes:
    """A packet as bytes.

    Raises:
        WireError: fields that are not JSON or too large, an array of another dtype, too many or too deep.
    """
    try:
        kind = packet.kind.encode("ascii")
        fields = json.dumps(packet.fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"packet '{packet.kind}' cannot be put into bytes: {error}") from error
    if not 1 <= len(kind) <= 64:
        raise WireError("the kind of a packet is 1 to 64 characters")
    if not isinstance(packet.fields, dict) or len(fields) > MAX_FIELDS_BYTES or len(packet.arrays) > MAX_ARRAYS:
        raise WireError(f"packet '{packet.kind}' has too many fields or arrays")
    parts = [_HEADER.pack(_MAGIC, VERSION, len(kind), len(packet.arrays), len(fields)), kind, fields]
    for name, array in packet.arrays.items():
        parts += _pack_array(name, array)
    return b"".join(parts)


def _pack_array(name: str, array: NDArray[Any]) -> tuple[bytes, bytes, bytes, bytes]:
    if array.dtype not in _DTYPES or array.ndim > MAX_DIMENSIONS or max(array.shape, default=0) >= 2**32:
        raise WireError(f"array '{name}' of {array.dtype}, shape {array.shape}, cannot go into a packet")
    if not name.isascii() or not 1 <= len(name) <= 64:
        raise WireError("the name of an array is 1 to 64 ASCII characters")
    return (
        _ARRAY.pack(len(name), _DTYPES.index(array.dtype), array.ndim),
        name.encode("ascii"),
        struct.pack(f"<{array.ndim}I", *array.shape),
        array.tobytes(),
    )


class _Reader:
    """Takes bytes from the front, never more than there are."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, length: int) -> bytes:
        taken = self._data[self._position : self._position + length]
        if len(taken) != length:
            raise WireError("the packet is cut short")
        self._position += length
        return taken

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size))

    @property
    def at_end(self) -> bool:
        return self._position == len(self._data)


def unpack(data: bytes, max_bytes: int) -> Packet:
    """Bytes back to a packet; its arrays are copies of their own.

    Raises:
        WireError: more than `max_bytes`, another version, or anything that `pack` would not have written.
    """
    if len(data) > max_bytes:
        raise WireError(f"a packet of {len(data)} bytes is more than the {max_bytes} allowed")
    reader = _Reader(data)
    magic, version, kind_length, array_count, fields_length = reader.unpack(_HEADER)
    _check_version(magic, _MAGIC, version)
    if fields_length > MAX_FIELDS_BYTES or array_count > MAX_ARRAYS or not 1 <= kind_length <= 64:
        raise WireError("the packet has too many fields or arrays, or no kind")
    try:
        kind = reader.take(kind_length).decode("ascii")
        fields = json.loads(reader.take(fields_length).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError(f"the packet's fields cannot be read: {error}") from error
    if not isinstance(fields, dict):
        raise WireError("the packet's fields are not an object")
    arrays: dict[str, NDArray[Any]] = {}
    for _ in range(array_count):
        name, array = _unpack_array(reader)
        if name in arrays:
            raise WireError(f"the packet has array '{name}' twice")
        arrays[name] = array
    if not reader.at_end:
        raise WireError("the packet has bytes after its end")
    return Packet(kind, fields, arrays)


def _unpack_array(reader: _Reader) -> tuple[str, NDArray[Any]]:
    name_length, dtype_code, dimensions = reader.unpack(_ARRAY)
    if not 1 <= name_length <= 64 or dtype_code >= len(_DTYPES) or dimensions > MAX_DIMENSIONS:
        raise WireError("the packet has an array of an unknown name, dtype or shape")
    dtype = _DTYPES[dtype_code]
    try:
        name = reader.take(name_length).decode("ascii")
        shape = reader.unpack(struct.Struct(f"<{dimensions}I"))
        data = reader.take(math.prod(shape) * dtype.itemsize)
        return name, np.frombuffer(data, dtype).reshape(shape).copy()
    except ValueError as error:
        raise error if isinstance(error, WireError) else WireError(f"an array cannot be read: {error}") from error


def pack_envelope(envelope: Envelope) -> bytes:
    """An envelope as bytes."""
    return _ENVELOPE.pack(_ENVELOPE_MAGIC, VERSION, envelope.role, envelope.session, envelope.sequence, envelope.oldest)


def unpack_envelope(data: bytes) -> Envelope:
    """Bytes back to an envelope.

    Raises:
        WireError: anything that `pack_envelope` would not have written.
    """
    if len(data) != _ENVELOPE.size:
        raise WireError("an envelope of another length")
    magic, version, role, session, sequence, oldest = _ENVELOPE.unpack(data)
    _check_version(magic, _ENVELOPE_MAGIC, version)
    try:
        return Envelope(Role(role), session, sequence, oldest)
    except ValueError as error:
        raise WireError(f"unknown role {role}") from error


def _check_version(magic: bytes, expected: bytes, version: int) -> None:
    if magic != expected:
        raise WireError("these bytes are not semcom-ota's")
    if version != VERSION:
        raise WireError(f"wire version {version}, but this side speaks {VERSION}")
