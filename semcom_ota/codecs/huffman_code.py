"""A static Huffman code over the bytes of a text, each byte's code depending on the byte before it.

The code lengths ship with the project (`data/huffman_lengths.npz`, made by `scripts/make_huffman_table.py`): (256, 256)
uint8, row = byte before, column = byte. Every byte has a code in every row, so that any UTF-8 text can be written.
"""

import functools
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

START = ord("\n")
"""The byte taken to stand before a text."""

Lengths = NDArray[np.uint8]


def code_lengths(weights: NDArray[np.float64]) -> Lengths:
    """Huffman's algorithm.

    Args:
        weights: (n,) how often each symbol comes, all positive.

    Returns:
        (n,) uint8, bits of each symbol's code.
    """
    groups = [(float(weight), [symbol]) for symbol, weight in enumerate(weights)]
    lengths = np.zeros(len(groups), np.uint8)
    while len(groups) > 1:
        groups.sort(key=lambda group: group[0], reverse=True)
        (lightest, members), (next_lightest, next_members) = groups.pop(), groups.pop()
        lengths[members + next_members] += 1
        groups.append((lightest + next_lightest, members + next_members))
    return lengths


@functools.cache
def shipped_lengths() -> Lengths:
    """The (256, 256) table that ships."""
    with as_file(files("semcom_ota") / "data" / "huffman_lengths.npz") as path, np.load(path) as table:
        return np.asarray(table["lengths"], np.uint8)


@functools.cache
def _codes(before: int) -> tuple[list[str], dict[str, int]]:
    """Canonical codes of the row of `before`: by byte, and bytes by code."""
    lengths = shipped_lengths()[before]
    codes = [""] * 256
    value = 0
    width = 0
    for byte in sorted(range(256), key=lambda byte: (lengths[byte], byte)):
        value <<= int(lengths[byte]) - width
        width = int(lengths[byte])
        codes[byte] = f"{value:0{width}b}"
        value += 1
    return codes, {code: byte for byte, code in enumerate(codes)}


def compress(data: bytes) -> NDArray[np.uint8]:
    """Bytes to bits, (n,) uint8 zeros and ones."""
    pairs = zip(bytes([START]) + data, data, strict=False)
    return np.array([int(bit) for before, byte in pairs for bit in _codes(before)[0][byte]], np.uint8)


def expand(bits: NDArray[np.uint8]) -> tuple[bytes, bool]:
    """Bits to bytes.

    Args:
        bits: (n,) uint8, zeros and ones.

    Returns:
        The bytes whose codes are complete, and whether no bit is left over.
    """
    out = bytearray()
    before, code = START, ""
    for bit in bits:
        code += "1" if bit else "0"
        byte = _codes(before)[1].get(code)
        if byte is not None:
            out.append(byte)
            before, code = byte, ""
    return bytes(out), not code
