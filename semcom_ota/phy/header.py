"""What a frame says of itself: its fields, their widths on the air, and their protection.

104 bits, most significant first: version 4, codec 8, codec parameters 24, task 4, stream 8, message 16, fragment 8,
fragments - 1 8, message symbols 18, mask 6. With a CRC of 24 bits they are polar coded at a rate near 1/8 and sent as
QPSK, which is far better protected than any payload.
"""

import numpy as np

from semcom_ota.coding import constellation
from semcom_ota.coding.channel_code import PolarCode
from semcom_ota.coding.crc import BitArray
from semcom_ota.types import ComplexArray, FloatArray, FrameHeader

VERSION = 1
_WIDTHS = {
    "version": 4,
    "codec": 8,
    "codec_parameters": 24,
    "task": 4,
    "stream": 8,
    "message": 16,
    "fragment": 8,
    "fragments": 8,
    "message_symbols": 18,
    "mask": 6,
}
HEADER_BITS = sum(_WIDTHS.values())


def pack(header: FrameHeader) -> BitArray:
    """A header's fields as (104,) uint8 bits.

    Raises:
        ValueError: a field does not fit its width, or the fields contradict each other.
    """
    fields = {name: getattr(header, name, VERSION) for name in _WIDTHS}
    fields["fragments"] -= 1
    for name, width in _WIDTHS.items():
        if not 0 <= fields[name] < 1 << width:
            raise ValueError(f"header field {name} = {getattr(header, name)} does not fit {width} bits")
    if not _is_consistent(header):
        raise ValueError(f"no frame can have this header: {header}")
    word = 0
    for name, width in _WIDTHS.items():
        word = word << width | fields[name]
    return np.unpackbits(np.frombuffer(word.to_bytes(HEADER_BITS // 8, "big"), np.uint8))


def unpack(bits: BitArray) -> FrameHeader | None:
    """The header of (104,) uint8 bits; None if the version is unknown or the fields contradict each other."""
    word = int.from_bytes(np.packbits(bits).tobytes(), "big")
    fields = {}
    for name, width in reversed(_WIDTHS.items()):
        fields[name] = word & (1 << width) - 1
        word >>= width
    if fields.pop("version") != VERSION:
        return None
    fields["fragments"] += 1
    header = FrameHeader(**fields)
    return header if _is_consistent(header) else None


def _is_consistent(header: FrameHeader) -> bool:
    return header.fragment < header.fragments <= header.message_symbols


class HeaderCode:
    """A header to protected QPSK symbols and back: the polar code of TS 38.212 with its CRC-24. Immutable."""

    def __init__(self, symbols: int):
        """Make the code that takes a header to `symbols` (at least 64) QPSK symbols."""
        self._code = PolarCode(HEADER_BITS, 2 * symbols)

    def encode(self, header: FrameHeader) -> ComplexArray:
        """A header as (symbols,) complex64 of modulus 1.

        Raises:
            ValueError: as `pack`.
        """
        return constellation.modulate(self._code.encode(pack(header)), constellation.QPSK)

    def decode(self, symbols: ComplexArray, noise_variance: FloatArray) -> FrameHeader | None:
        """The header in received symbols; None if its checksum or its fields do not hold.

        Args:
            symbols: (symbols,) complex64, unbiased.
            noise_variance: (symbols,) float32, error variance of each.
        """
        bits, checksum_holds = self._code.decode(constellation.llrs(symbols, noise_variance, constellation.QPSK))
        return unpack(bits) if checksum_holds else None
