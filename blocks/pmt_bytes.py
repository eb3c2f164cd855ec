"""PDUs as the bytes of GNU Radio's own serialisation (`pmt.serialize_str`, `pmt.deserialize_str`).

GNU Radio 3.10's Python bindings cost about a microsecond a call, and make a Python object of every element of an array.
To write or read the bytes takes one call for a whole PDU: a quarter of the time, both ways, for a received frame of
1,000 symbols. The format is that of `pmt_serial_tags.h` and does not depend on the machine; all numbers are big-endian.
"""

import functools
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Parts = list[bytes | memoryview]

TRUE, FALSE, SYMBOL, INT32, DOUBLE, NULL, PAIR, DICT, UNIFORM_VECTOR, INT64 = 0, 1, 2, 3, 4, 6, 7, 9, 10, 13
KINDS = {"B": 0, "H": 2, "f": 8, "F": 10}
"""Kinds of uniform vector, by numpy's type character."""

_NUMBER = {tag: struct.Struct(kind) for tag, kind in ((INT32, ">xi"), (INT64, ">xq"), (DOUBLE, ">xd"))}  # x: the tag
_VECTOR = struct.Struct(">BBIBx")  # its tag, kind, number of elements, one byte of padding
_TYPES = {kind: np.dtype(char) for char, kind in KINDS.items()}
_big_endian = np.ndarray.byteswap if sys.byteorder == "little" else np.ndarray.copy  # and back


def pack(meta: dict[str, Any], data: Any) -> bytes:
    """A PDU: a dictionary of int (64 bits), float, bool, str (names only), bytes and arrays, and a data vector.

    What is None is left out. Arrays are complex64, float32, uint16 or uint8, any shape, row by row; bytes are uint8.

    Raises:
        TypeError: a value of another type.
        struct.error: an integer of more than 64 bits.
    """
    parts: Parts = [bytes([PAIR])]
    for key, value in meta.items():
        if value is not None:
            parts.append(_key(key))
            _pack(value, parts)
    parts.append(bytes([NULL]))
    _pack(data, parts)
    return b"".join(parts)


def unpack(serial: bytes) -> tuple[dict[str, Any], Any]:
    """What `pack` packed: the dictionary and the data; arrays are one-dimensional and writable, bytes have become one.

    Raises:
        ValueError: it holds something else than that.
    """
    meta: dict[str, Any] = {}
    position = 1
    while serial[position] == DICT:
        key, position = _unpack(serial, position + 2)
        if not isinstance(key, str):
            raise ValueError("a key is no symbol")
        meta[key], position = _unpack(serial, position)
    return meta, _unpack(serial, position + 1)[0]


def unpack_value(serial: bytes) -> Any:
    """One value of a PDU's dictionary.

    Raises:
        ValueError: as `unpack`.
    """
    return _unpack(serial, 0)[0]


@functools.cache  # names of fields, which are few
def _key(name: str) -> bytes:
    return bytes([DICT, PAIR]) + _symbol(name)


def _symbol(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">BH", SYMBOL, len(encoded)) + encoded


def _pack(value: Any, parts: Parts) -> None:
    for kind in type(value).__mro__:  # a float of numpy is a float, too
        if kind in _WRITERS:
            return _WRITERS[kind](value, parts)
    raise TypeError(f"{type(value).__name__} does not go into a PDU")


def _pack_bool(value: bool, parts: Parts) -> None:
    parts.append(bytes([TRUE if value else FALSE]))


def _pack_int(value: int, parts: Parts) -> None:
    short = -(2**31) <= value < 2**31
    parts.append(struct.pack(">Bi", INT32, value) if short else struct.pack(">Bq", INT64, value))


def _pack_float(value: float, parts: Parts) -> None:
    parts.append(struct.pack(">Bd", DOUBLE, value))


def _pack_symbol(text: str, parts: Parts) -> None:
    parts.append(_symbol(text))


def _pack_bytes(value: bytes, parts: Parts) -> None:
    parts += _VECTOR.pack(UNIFORM_VECTOR, KINDS["B"], len(value), 1), value


def _pack_array(array: np.ndarray, parts: Parts) -> None:
    kind = KINDS.get(array.dtype.char)
    if kind is None:
        raise TypeError(f"an array of {array.dtype} does not go into a PDU")
    parts += _VECTOR.pack(UNIFORM_VECTOR, kind, array.size, 1), _big_endian(array.ravel()).data


def _unpack(serial: bytes, position: int) -> tuple[Any, int]:
    """The value at a position, and the position behind it."""
    read = _READERS.get(serial[position])
    if read is None:
        raise ValueError("a value is neither a scalar nor a uniform vector")
    return read(serial, position)


def _unpack_number(serial: bytes, position: int) -> tuple[Any, int]:
    number = _NUMBER[serial[position]]
    return number.unpack_from(serial, position)[0], position + number.size


def _unpack_bool(serial: bytes, position: int) -> tuple[bool, int]:
    return serial[position] == TRUE, position + 1


def _unpack_symbol(serial: bytes, position: int) -> tuple[str, int]:
    stop = position + 3 + int.from_bytes(serial[position + 1 : position + 3], "big")
    return serial[position + 3 : stop].decode(), stop


def _unpack_vector(serial: bytes, position: int) -> tuple[np.ndarray, int]:
    _, kind, size, padding = _VECTOR.unpack_from(serial, position)
    if kind not in _TYPES:
        raise ValueError("a uniform vector is of a kind that we do not use")
    start = position + _VECTOR.size - 1 + padding
    array = _big_endian(np.frombuffer(serial, _TYPES[kind], size, start))
    return array, start + array.nbytes


_WRITERS: dict[type, Callable[[Any, Parts], None]] = {
    bool: _pack_bool,
    int: _pack_int,
    float: _pack_float,
    str: _pack_symbol,
    bytes: _pack_bytes,
    np.ndarray: _pack_array,
}

_READERS: dict[int, Callable[[bytes, int], tuple[Any, int]]] = {
    TRUE: _unpack_bool,
    FALSE: _unpack_bool,
    SYMBOL: _unpack_symbol,
    INT32: _unpack_number,
    INT64: _unpack_number,
    DOUBLE: _unpack_number,
    UNIFORM_VECTOR: _unpack_vector,
}
