"""What a frame says of itself: its fields, their widths on the air, and their protection.

108 bits, most significant first: version 4, codec 8, codec parameters 24, task 4, stream 8, message 16, fragment 8,
fragments - 1 8, message symbols 18, mask 6, followers 3, precoded 1. With a CRC of 24 bits they are polar coded at a
rate near 1/7 and sent as QPSK, which is far better protected than any payload.

Short messages may share a frame. The header is then that of the first; its followers have the same codec, stream, task
and mask and the message numbers that come next, so that 38 bits for each say the rest: codec parameters 24, message
symbols 14. They are coded together, again at a low rate, in OFDM symbols of their own behind the header.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from semcom_ota.coding import constellation
from semcom_ota.coding.channel_code import PolarCode
from semcom_ota.coding.crc import BitArray
from semcom_ota.types import ComplexArray, FloatArray, FrameHeader

VERSION = 2
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
    "followers": 3,
    "precoded": 1,
}
_FOLLOWER_WIDTHS = {"codec_parameters": 24, "message_symbols": 14}
HEADER_BITS = sum(_WIDTHS.values())
MESSAGE_SYMBOLS_BITS = _WIDTHS["message_symbols"]
FOLLOWER_BITS = sum(_FOLLOWER_WIDTHS.values())
MAX_FOLLOWERS = 7
_FOLLOWER_SYMBOLS_PER_BIT = 4
_CRC_BITS = 24


@dataclass(frozen=True, slots=True)
class AirHeader:
    """What the header on the air says: the first message's own header, and what belongs to the whole frame."""

    header: FrameHeader
    followers: int = 0  # further messages in this frame, 0..MAX_FOLLOWERS
    precoded: bool = False  # the payload went through a DFT


def pack(air: AirHeader) -> BitArray:
    """A header's fields as (108,) uint8 bits.

    Raises:
        ValueError: a field does not fit its width, or the fields contradict each other.
    """
    own = {name: getattr(air.header, name) for name in FrameHeader.__slots__}
    own["fragments"] -= 1
    fields = own | {"version": VERSION, "followers": air.followers, "precoded": int(air.precoded)}
    bits = _to_bits(fields, _WIDTHS)
    if not _is_consistent(air):
        raise ValueError(f"no frame can have this header: {air}")
    return bits


def unpack(bits: BitArray) -> AirHeader | None:
    """The header of (108,) uint8 bits; None if the version is unknown or the fields contradict each other."""
    fields = _from_bits(bits, _WIDTHS)
    if fields.pop("version") != VERSION:
        return None
    followers, precoded = fields.pop("followers"), bool(fields.pop("precoded"))
    fields["fragments"] += 1
    air = AirHeader(FrameHeader(**fields), followers, precoded)
    return air if _is_consistent(air) else None


def _is_consistent(air: AirHeader) -> bool:
    header = air.header
    return header.fragment < header.fragments <= header.message_symbols and (not air.followers or header.fragments == 1)


def _to_bits(fields: Mapping[str, int], widths: dict[str, int]) -> BitArray:
    word = total = 0
    for name, width in widths.items():
        if not 0 <= fields[name] < 1 << width:
            raise ValueError(f"header field {name} = {fields[name]} does not fit {width} bits")
        word = word << width | fields[name]
        total += width
    spare = -total % 8
    octets = (word << spare).to_bytes((total + spare) // 8, "big")
    return np.unpackbits(np.frombuffer(octets, np.uint8), count=total)


def _from_bits(bits: BitArray, widths: dict[str, int]) -> dict[str, int]:
    word = int.from_bytes(np.packbits(bits).tobytes(), "big") >> (-bits.size % 8)
    fields = {}
    for name, width in reversed(widths.items()):
        fields[name] = word & (1 << width) - 1
        word >>= width
    return fields


class HeaderCode:
    """A header to protected QPSK symbols and back: the polar code of TS 38.212 with its CRC-24. Immutable."""

    def __init__(self, symbols: int):
        """Make the code that takes a header to `symbols` (at least 68) QPSK symbols."""
        self._code = PolarCode(HEADER_BITS, 2 * symbols, crc_bits=_CRC_BITS)

    def encode(self, air: AirHeader) -> ComplexArray:
        """A header as (symbols,) complex64 of modulus 1.

        Raises:
            ValueError: as `pack`.
        """
        return self._symbols(pack(air))

    def decode(self, symbols: ComplexArray, noise_variance: FloatArray) -> tuple[AirHeader, ComplexArray] | None:
        """The header in received symbols; None if its checksum or its fields do not hold.

        Args:
            symbols: (symbols,) complex64, unbiased.
            noise_variance: (symbols,) float32, error variance of each.

        Returns:
            The header, and (symbols,) complex64 what was sent, as `encode` would give it.
        """
        bits, checksum_holds = self._code.decode(constellation.llrs(symbols, noise_variance, constellation.QPSK))
        air = unpack(bits) if checksum_holds else None
        return (air, self._symbols(bits)) if air else None

    def _symbols(self, bits: BitArray) -> ComplexArray:
        return constellation.modulate(self._code.encode(bits), constellation.QPSK)


def follower_symbols(followers: int) -> int:
    """QPSK symbols that the followers of a frame take at least, to be as well protected as the header."""
    return _FOLLOWER_SYMBOLS_PER_BIT * (FOLLOWER_BITS * followers + _CRC_BITS) if followers else 0


def can_follow(first: FrameHeader, header: FrameHeader, place: int) -> bool:
    """Whether a message may be the follower at `place` (1, 2, ...) of a frame that begins with message `first`."""
    expected = replace(
        first,
        message=(first.message + place) % 2 ** _WIDTHS["message"],
        codec_parameters=header.codec_parameters,
        message_symbols=header.message_symbols,
    )
    return header == expected and first.fragments == 1 and place <= MAX_FOLLOWERS


def encode_followers(headers: Sequence[FrameHeader], symbols: int) -> ComplexArray:
    """The followers of a frame as (symbols,) complex64 QPSK symbols.

    Args:
        headers: 1..MAX_FOLLOWERS of them, each of which `can_follow`.
        symbols: at least `follower_symbols(len(headers))`.

    Raises:
        ValueError: a field does not fit its width.
    """
    fields = [{name: getattr(header, name) for name in _FOLLOWER_WIDTHS} for header in headers]
    bits = np.concatenate([_to_bits(one, _FOLLOWER_WIDTHS) for one in fields])
    return constellation.modulate(_follower_code(len(headers), symbols).encode(bits), constellation.QPSK)


def decode_followers(
    first: FrameHeader, followers: int, symbols: ComplexArray, noise_variance: FloatArray
) -> list[FrameHeader]:
    """The headers of a frame's followers; none if their checksum does not hold.

    Args:
        first: header of the frame's first message.
        followers: how many the frame's header announces, at least 1.
        symbols: (symbols,) complex64, unbiased.
        noise_variance: (symbols,) float32, error variance of each.
    """
    llrs = constellation.llrs(symbols, noise_variance, constellation.QPSK)
    bits, checksum_holds = _follower_code(followers, symbols.size).decode(llrs)
    if not checksum_holds:
        return []
    fields = [_from_bits(own, _FOLLOWER_WIDTHS) for own in bits.reshape(followers, FOLLOWER_BITS)]
    if any(one["message_symbols"] == 0 for one in fields):
        return []
    messages = [(first.message + place) % 2 ** _WIDTHS["message"] for place in range(1, followers + 1)]
    return [replace(first, message=message, **one) for message, one in zip(messages, fields, strict=True)]


@lru_cache(maxsize=64)
def _follower_code(followers: int, symbols: int) -> PolarCode:
    return PolarCode(FOLLOWER_BITS * followers, 2 * symbols, crc_bits=_CRC_BITS)
