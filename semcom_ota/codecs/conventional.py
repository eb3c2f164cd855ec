"""The honest baselines: text bytes or a Huffman code, CRC16, polar code, QAM. `utf8` is the simple one of the two.

Order and code rate are the best for the SNR at the given number of symbols: every order from QPSK to 256-QAM that can
hold the bits is compared by the block error rate that finite-blocklength theory predicts for it, corrected by the loss
that `benchmarks/channel_code.py` measured (`coding/link_adaptation.py`). The code rate follows from bits and symbols.

The 24 parameter bits in the frame header, from the top: 2 for the order, 4 for the scale by which the symbols were
brought to unit mean power (1.03**(value - 8): a constellation has it only on average, and nothing else tells the
receiver), 1 for how the bits are to be read, 17 for their number less one.
"""

import math

import numpy as np
from numpy.typing import NDArray

from semcom_ota.codecs.base import GAP, Decoded, DoesNotFit, Encoded
from semcom_ota.codecs.huffman_code import compress, expand
from semcom_ota.coding.coded_modulation import demodulate_message, modulate_message
from semcom_ota.coding.constellation import ORDERS
from semcom_ota.coding.link_adaptation import best_order, symbols_needed
from semcom_ota.config import MAX_TEXT_BYTES, CodecConfig, DeviceConfig
from semcom_ota.types import ComplexArray, FloatArray

OWN_SNR_DB = 10.0
OWN_BLOCK_ERROR = 1e-3
_SCALE_STEP = math.log(1.03)
_RAW, _HUFFMAN = 0, 1
_LENGTH_BITS = 17  # holds the bits of MAX_TEXT_BYTES, less one

Bits = NDArray[np.uint8]


class Utf8:
    """A text's UTF-8 bytes, as they are. Needs no configuration and no device; any number of threads may share it.

    Its own budget is the fewest symbols over which the best order is predicted to lose 1 message in 1000 at 10 dB.
    """

    name = "utf8"
    number = 1
    ordered_symbols = False
    has_checksum = True  # see registry.has_checksum

    def __init__(self, codec: CodecConfig, device: DeviceConfig):
        """Nothing to set up."""

    def _bits(self, data: bytes) -> tuple[int, Bits]:
        """How the bits are to be read, and the bits."""
        return _RAW, np.unpackbits(np.frombuffer(data, np.uint8))

    def symbol_count(self, text: str) -> int:
        """See `Codec.symbol_count`."""
        return symbols_needed(self._bits(utf8_bytes(text))[1].size, OWN_SNR_DB, OWN_BLOCK_ERROR)

    def encode(self, text: str, *, n_symbols: int | None = None, snr_db: float | None = None) -> Encoded:
        """See `Codec.encode`. Without `snr_db`, 10 dB are taken for granted.

        Raises:
            DoesNotFit: no order can carry the text in `n_symbols`, or it has more than MAX_TEXT_BYTES.
        """
        form, bits = self._bits(utf8_bytes(text))
        if n_symbols is None:
            n_symbols = symbols_needed(bits.size, OWN_SNR_DB, OWN_BLOCK_ERROR)
        order = best_order(bits.size, n_symbols, OWN_SNR_DB if snr_db is None else snr_db)
        if order is None:
            raise DoesNotFit(
                f"{self.name}: {bits.size} bits and their checksum do not fit {n_symbols} symbols, "
                f"not even with {ORDERS[-1]}-QAM"
            )
        symbols, step = to_unit_power(modulate_message(bits, n_symbols, order))
        parameters = (ORDERS.index(order) << 5 | step << 1 | form) << _LENGTH_BITS | (bits.size - 1)
        return Encoded(symbols, parameters)

    def decode(self, symbols: ComplexArray, noise_variance: FloatArray, parameters: int) -> Decoded:
        """See `Codec.decode`. What a failed segment held is a gap; the confidence is 1 or 0, as the checksums say."""
        n_bits = (parameters & (1 << _LENGTH_BITS) - 1) + 1
        form = parameters >> _LENGTH_BITS & 1
        scale = scale_of(parameters >> 18 & 15)
        order = ORDERS[parameters >> 22 & 3]
        bits, right = demodulate_message(symbols / scale, noise_variance / scale**2, n_bits, order)
        text, intact = _read_huffman(bits, right) if form == _HUFFMAN else _read_raw(bits, right)
        return Decoded(text, float(intact), intact)


class Huffman(Utf8):
    """A text compressed by a static Huffman code (`huffman_code.py`) where that makes it shorter; else as `utf8`."""

    name = "huffman"
    number = 2

    def _bits(self, data: bytes) -> tuple[int, Bits]:
        form, bits = _HUFFMAN, compress(data)
        return (form, bits) if bits.size < 8 * len(data) else super()._bits(data)


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
