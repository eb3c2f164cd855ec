"""The honest baselines: text bytes or a Huffman code, CRC16, polar code, QAM. `utf8` is the simple one of the two.

Order and code rate are the best for the SNR at the given number of symbols: every order from QPSK to 256-QAM that can
hold the bits is compared by the block error rate that finite-blocklength theory predicts for it, corrected by the loss
that `benchmarks/channel_code.py` measured (`coding/link_adaptation.py`). The code rate follows from bits and symbols.

Every codec has 24 bits in the frame header for what it likes. These use what is left of them for a part of the CRC16 of
a short text, one of a single segment: 11 of its bits with QPSK, else 7, are then not sent among the symbols, and the
list decoder is told them. From the top: 2 for
the order, 4 for the scale by which the symbols were brought to unit mean power (1.03**(value - 8): a constellation has
it only on average, and nothing else tells the receiver; for QPSK, which needs none, 4 of the checksum of a short text),
then 18 that begin with

- 0: Huffman's code, 17 for the number of bits less one;
- 10: the same of a short text, 9 for the number of bits less one, 7 of the checksum;
- 110: bytes as they are of a short text, 8 for their number less one, 7 of the checksum;
- 111: bytes as they are, 15 for their number less one.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semcom_ota.codecs.base import GAP, Decoded, DoesNotFit, Encoded
from semcom_ota.codecs.huffman_code import compress, expand
from semcom_ota.coding.coded_modulation import CRC16, ONE_SEGMENT_BITS, Checksum, demodulate_message, modulate_message
from semcom_ota.coding.constellation import ORDERS, QPSK
from semcom_ota.coding.link_adaptation import CrcBits, best_order, sent_bits, symbols_needed
from semcom_ota.config import MAX_TEXT_BYTES, CodecConfig, DeviceConfig
from semcom_ota.types import ComplexArray, FloatArray

OWN_SNR_DB = 10.0
OWN_BLOCK_ERROR = 1e-3
_SCALE_STEP = math.log(1.03)
_HEADER_BITS = 18  # without order and scale
_CRC_IN_HEADER = 7  # and 4 more in place of the scale

Bits = NDArray[np.uint8]


class Utf8:
    """A text's UTF-8 bytes as they are, polar code and QAM.

    Needs no configuration and no device; any number of threads may share it.
    Its own budget is the fewest symbols over which the best order is predicted to lose 1 message in 1000 at 10 dB.

    Args:
        codec: not looked at.
        device: not looked at.
        short_form: whether part of a short text's checksum travels in the header. `lam-compressed` has no room for it.
    """

    name = "utf8"
    number = 1
    ordered_symbols = False
    has_checksum = True  # see registry.has_checksum

    def __init__(self, codec: CodecConfig, device: DeviceConfig, *, short_form: bool = True):
        """See above."""
        self._short_form = short_form

    def _bits(self, data: bytes) -> tuple[bool, Bits]:
        """Whether they are Huffman's code, and the bits."""
        return False, np.unpackbits(np.frombuffer(data, np.uint8))

    def _is_short(self, n_bits: int) -> bool:
        return self._short_form and n_bits <= ONE_SEGMENT_BITS

    def symbol_count(self, text: str) -> int:
        """See `Codec.symbol_count`."""
        n_bits = self._bits(utf8_bytes(text))[1].size
        return symbols_needed(n_bits, OWN_SNR_DB, OWN_BLOCK_ERROR, sent_checksum(self._is_short(n_bits)))

    def encode(self, text: str, *, n_symbols: int | None = None, snr_db: float | None = None) -> Encoded:
        """See `Codec.encode`. Without `snr_db`, 10 dB are taken for granted.

        Raises:
            DoesNotFit: no order can carry the text in `n_symbols`, or it has more than MAX_TEXT_BYTES.
        """
        huffman, bits = self._bits(utf8_bytes(text))
        short = self._is_short(bits.size)
        crc_bits = sent_checksum(short)
        if n_symbols is None:
            n_symbols = symbols_needed(bits.size, OWN_SNR_DB, OWN_BLOCK_ERROR, crc_bits)
        order = best_order(bits.size, n_symbols, OWN_SNR_DB if snr_db is None else snr_db, crc_bits)
        if order is None:
            raise DoesNotFit(
                f"{self.name}: {bits.size} bits and their checksum do not fit {n_symbols} symbols, "
                f"not even with {ORDERS[-1]}-QAM"
            )
        check = _checksum(order, short)
        symbols, scale = to_unit_power(modulate_message(bits, n_symbols, order, check))
        header = Header(order, scale, huffman, short, bits.size, check.withheld_of(bits))
        return Encoded(symbols, header.parameters())

    def decode(self, symbols: ComplexArray, noise_variance: FloatArray, parameters: int) -> Decoded:
        """See `Codec.decode`. What a failed segment held is a gap; the confidence is 1 or 0, as the checksums say."""
        header = Header.read(parameters)
        if header.short and header.n_bits > ONE_SEGMENT_BITS:  # no encoder writes that
            return Decoded(GAP, 0.0, False)
        scale = np.float32(1) if header.short and header.order == QPSK else scale_of(header.scale)
        bits, right = demodulate_message(
            symbols / scale,
            noise_variance / scale**2,
            header.n_bits,
            header.order,
            _checksum(header.order, header.short),
            header.withheld,
        )
        text, intact = _read_huffman(bits, right) if header.huffman else _read_raw(bits, right)
        return Decoded(text, float(intact), intact)


class Huffman(Utf8):
    """A text compressed by a static Huffman code where that makes it shorter, polar code and QAM; else as `utf8`."""

    name = "huffman"
    number = 2

    def _bits(self, data: bytes) -> tuple[bool, Bits]:
        bits = compress(data)
        return (True, bits) if bits.size < 8 * len(data) else super()._bits(data)


class Header(NamedTuple):
    """What the 24 parameter bits say; see above."""

    order: int
    scale: int  # of to_unit_power
    huffman: bool
    short: bool
    n_bits: int
    withheld: int  # of the checksum

    def parameters(self) -> int:
        """The 24 bits."""
        top, crc = self.scale, self.withheld & (1 << _CRC_IN_HEADER) - 1
        if self.short and self.order == QPSK:
            top = self.withheld >> _CRC_IN_HEADER
        if self.huffman:
            rest = 0b10 << 16 | self.n_bits - 1 << 7 | crc if self.short else self.n_bits - 1
        else:
            n_bytes = self.n_bits // 8
            rest = 0b110 << 15 | n_bytes - 1 << 7 | crc if self.short else 0b111 << 15 | n_bytes - 1
        return (ORDERS.index(self.order) << 4 | top) << _HEADER_BITS | rest

    @classmethod
    def read(cls, parameters: int) -> "Header":
        """From any 24 bits."""
        order, scale = ORDERS[parameters >> 22 & 3], parameters >> _HEADER_BITS & 15
        huffman, short = parameters >> 16 & 3 != 3, parameters >> 15 & 7 in (0b100, 0b101, 0b110)
        if not short:
            n_bits = (parameters & (1 << 17) - 1) + 1 if huffman else 8 * ((parameters & (1 << 15) - 1) + 1)
            return cls(order, scale, huffman, short, n_bits, 0)
        n_bits = (parameters >> 7 & 511) + 1 if huffman else 8 * ((parameters >> 7 & 255) + 1)
        withheld = parameters & (1 << _CRC_IN_HEADER) - 1
        return cls(order, scale, huffman, short, n_bits, (scale << _CRC_IN_HEADER if order == QPSK else 0) | withheld)


PLAIN_LONGEST = 1 << 16
"""Bits of Huffman's code that `to_plain` has room for."""


def to_plain(parameters: int) -> int:
    """The parameters of a codec without `short_form` for one that needs the 24th bit, bit 17, for itself: it is 0.

    Order and scale above it, below it 1 for Huffman's code and 16 for the number of bits less one, or 0 and 16 for that
    of bytes.
    """
    header = Header.read(parameters)
    length = (header.n_bits if header.huffman else header.n_bits // 8) - 1
    if length >= PLAIN_LONGEST:
        raise DoesNotFit(f"{header.n_bits} bits are more than the header can tell: {PLAIN_LONGEST} at most")
    return parameters >> 18 << 18 | header.huffman << 16 | length


def from_plain(parameters: int) -> int:
    """Back; bit 17 is not looked at."""
    huffman, length = bool(parameters >> 16 & 1), parameters & PLAIN_LONGEST - 1
    n_bits = length + 1 if huffman else 8 * ((length & (1 << 15) - 1) + 1)
    return Header(ORDERS[parameters >> 22 & 3], parameters >> 18 & 15, huffman, False, n_bits, 0).parameters()


def _checksum(order: int, short: bool) -> Checksum:
    return Checksum(CRC16.bits, _CRC_IN_HEADER + (4 if order == QPSK else 0)) if short else CRC16


def sent_checksum(short: bool) -> CrcBits:
    """Bits of checksum that share the symbols with the bits of a text, by order; one of ONE_SEGMENT_BITS is short."""
    return sent_bits(lambda order: _checksum(order, short))


def to_unit_power(symbols: ComplexArray) -> tuple[ComplexArray, int]:
    """Symbols scaled to mean |s|**2 = 1 exactly, and the four bits that tell the receiver (`scale_of`)."""
    scale = float(np.mean(np.abs(symbols.astype(np.complex128)) ** 2)) ** -0.5
    step = min(max(round(math.log(scale) / _SCALE_STEP) + 8, 0), 15)
    return (symbols * scale).astype(np.complex64), step


def scale_of(step: int) -> np.float32:
    """About what the symbols were multiplied by, from the header's four bits."""
    return np.float32(math.exp((step - 8) * _SCALE_STEP))


def utf8_bytes(text: str) -> bytes:
    """A text's bytes.

    Raises:
        ValueError: there is no text.
        DoesNotFit: they are more than MAX_TEXT_BYTES.
    """
    data = text.encode()
    if not data:
        raise ValueError("no text to send")
    if len(data) > MAX_TEXT_BYTES:
        raise DoesNotFit(f"a text of {len(data)} bytes: {MAX_TEXT_BYTES} at most")
    return data


def _read_raw(bits: Bits, right: NDArray[np.bool_]) -> tuple[str, bool]:
    """Bytes to text, with a gap for every run of bytes that are not wholly right."""
    whole = bits.size // 8 * 8
    data = np.packbits(bits[:whole])
    known = right[:whole].reshape(-1, 8).all(1)
    if known.all() and whole == bits.size:
        text, intact = _text(bytes(data))
        return text, intact
    edges = np.flatnonzero(np.diff(known)) + 1
    parts = [
        _text(bytes(run))[0] if sound[0] else GAP
        for run, sound in zip(np.split(data, edges), np.split(known, edges), strict=True)
        if run.size
    ]
    return "".join(parts) or GAP, False


def _read_huffman(bits: Bits, right: NDArray[np.bool_]) -> tuple[str, bool]:
    """Codes to text up to the first wrong bit: behind it, nobody knows where a code begins."""
    sound = bits.size if right.all() else int(np.argmin(right))
    data, complete = expand(bits[:sound])
    text, valid = _text(data)
    if sound == bits.size and complete:
        return text, valid
    return text + GAP, False


def _text(data: bytes) -> tuple[str, bool]:
    """UTF-8 to text without the bytes that make no character, and whether there are none of those."""
    text = data.decode(errors="ignore")
    return text, text.encode() == data
