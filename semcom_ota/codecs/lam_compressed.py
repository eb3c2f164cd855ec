"""`lam-compressed`: the strongest separate scheme. A text compressed under a language model, then CRC, polar code, QAM.

The source code is `language_model_code.py`; channel code and choice of the order are those of `conventional.py`, and so
is all of a text that the model would make longer than Huffman's code does.

The checksum is CRC11, which 5G gives to control messages of this size (TS 38.212, 6.3.1.2.1), and it costs next to
nothing: of a short text, as many of its bits as have room travel in the frame header, as in `conventional.py`. With
CRC16 among the symbols, 8 symbols a word need 1.2 dB more (`benchmarks/compression.py`).

The 24 bits, from the top: 2 for the order, 4 for the scale as in `conventional.py` (for QPSK, which needs none, 4 of
the checksum of a short text), then 18 that begin with

- 10: 1 for a single piece, 2 for the grid, 8 for the number of bits less one, 5 of the checksum;
- 11: 2 for the grid, 14 for the number of bits less one;
- 00 and 01: Huffman's code or plain UTF-8, 16 for the number of bits or bytes less one.

With another language model at the receiver, bits that are right would be another text. So the symbols are turned by
multiples of 90 degrees, in a pattern that the model's fingerprint decides: no checksum holds where the models differ.
"""

import functools

import numpy as np

from semcom_ota.codecs.base import GAP, Decoded, DoesNotFit, Encoded
from semcom_ota.codecs.conventional import (
    OWN_BLOCK_ERROR,
    OWN_SNR_DB,
    PLAIN_LONGEST,
    Huffman,
    Utf8,
    from_plain,
    scale_of,
    to_plain,
    to_unit_power,
    utf8_bytes,
)
from semcom_ota.codecs.device import named_device
from semcom_ota.codecs.huffman_code import compress
from semcom_ota.codecs.language_model import LanguageModel
from semcom_ota.codecs.language_model_code import LanguageModelCode, Written
from semcom_ota.coding.coded_modulation import Checksum, demodulate_message, modulate_message
from semcom_ota.coding.constellation import ORDERS, QPSK
from semcom_ota.coding.link_adaptation import CrcBits, best_order, sent_bits, symbols_needed
from semcom_ota.config import CodecConfig, DeviceConfig
from semcom_ota.types import ComplexArray, FloatArray

SHORT, LONG = 2**8, 2**14
"""Bits of a text under the model: a short one, and the longest."""
_CRC_BITS = 11
_MODEL, _LONG = 1 << 17, 1 << 16


class LamCompressed:
    """Text to bits under a language model, then polar code and QAM. Its confidence is 1 or 0, as the checksums say.

    Its own budget is that of `utf8`: the fewest symbols over which 1 message in 1000 is predicted to be lost at 10 dB.
    Only the model knows it, so `symbol_count` takes as long as `encode`, which then need not run the model again.
    """

    name = "lam-compressed"
    number = 4
    ordered_symbols = False
    has_checksum = True  # see registry.has_checksum

    def __init__(self, codec: CodecConfig, device: DeviceConfig):
        """Load the language model; raises ConfigError if there is none."""
        model = LanguageModel.load(codec.language_model, named_device(device.device))
        self.parameters = model.parameters
        self._turns = model.turns
        self._code = LanguageModelCode(model)
        self._written = functools.lru_cache(maxsize=64)(self._compressed)
        self._utf8 = Utf8(codec, device, short_form=False)
        self._huffman = Huffman(codec, device, short_form=False)

    def symbol_count(self, text: str) -> int:
        """See `Codec.symbol_count`; the model runs."""
        return self.encode(text).symbols.size

    def encode(self, text: str, *, n_symbols: int | None = None, snr_db: float | None = None) -> Encoded:
        """See `Codec.encode`. Without `snr_db`, 10 dB are taken for granted.

        Raises:
            DoesNotFit: no order can carry the text in `n_symbols`, or it has more than MAX_TEXT_BYTES.
        """
        written = self._written(text)
        if written is None:
            return self._encode_plain(text, n_symbols, snr_db)
        bits = written.bits
        crc_bits = sent_checksum(bits.size)
        if n_symbols is None:
            n_symbols = symbols_needed(bits.size, OWN_SNR_DB, OWN_BLOCK_ERROR, crc_bits)
        order = best_order(bits.size, n_symbols, OWN_SNR_DB if snr_db is None else snr_db, crc_bits)
        if order is None:
            raise DoesNotFit(
                f"{self.name}: {bits.size} bits do not fit {n_symbols} symbols, not even with {ORDERS[-1]}-QAM"
            )
        check = checksum_of(bits.size, order)
        withheld = check.withheld_of(bits)
        symbols, scale = to_unit_power(modulate_message(bits, n_symbols, order, check) * self._turns(n_symbols))
        top = ORDERS.index(order) << 4 | (withheld >> 5 if order == QPSK else scale)
        if bits.size <= SHORT:
            rest = ((written.single << 2 | written.grid) << 8 | bits.size - 1) << 5 | withheld & 31
        else:
            rest = _LONG | written.grid << 14 | bits.size - 1
        return Encoded(symbols, top << 18 | _MODEL | rest)

    def decode(self, symbols: ComplexArray, noise_variance: FloatArray, parameters: int) -> Decoded:
        """See `Codec.decode`. What stands behind a failed segment is a gap."""
        if not parameters & _MODEL:
            return self._utf8.decode(symbols, noise_variance, from_plain(parameters))
        order, scale, withheld = ORDERS[parameters >> 22 & 3], np.float32(1), 0
        if parameters & _LONG:
            n_bits, grid, single = (parameters & LONG - 1) + 1, parameters >> 14 & 3, False
        else:
            n_bits, grid, single = (parameters >> 5 & SHORT - 1) + 1, parameters >> 13 & 3, bool(parameters >> 15 & 1)
            withheld = parameters & 31
        if order != QPSK:
            scale = scale_of(parameters >> 18 & 15)
        elif not parameters & _LONG:
            withheld |= (parameters >> 18 & 15) << 5
        received = symbols / self._turns(symbols.size) / scale
        bits, right = demodulate_message(
            received, noise_variance / scale**2, n_bits, order, checksum_of(n_bits, order), withheld
        )
        sound = n_bits if right.all() else int(np.argmin(right))
        if not sound:
            return Decoded(GAP, 0.0, False)
        if sound == n_bits and order != QPSK:
            again = modulate_message(bits, symbols.size, order, checksum_of(n_bits, order))
            if to_unit_power(again)[1] != parameters >> 18 & 15:  # these bits need another scale: the checksum is wrong
                return Decoded(GAP, 0.0, False)
        text, intact = self._code.read(bits[:sound], grid, single, cut=sound < n_bits)
        if sound < n_bits:
            return Decoded(text.rstrip("\ufffd") + GAP, 0.0, False)
        return Decoded(text, 1.0, True) if intact else Decoded(GAP, 0.0, False)

    def _compressed(self, text: str) -> Written | None:
        """None where the model has no shorter way to write a text."""
        data = utf8_bytes(text)
        try:
            return self._code.write(text, min(8 * len(data), compress(data).size, LONG), SHORT)
        except DoesNotFit:  # the model's tokenizer
            return None

    def _encode_plain(self, text: str, n_symbols: int | None, snr_db: float | None) -> Encoded:
        """As `huffman` or `utf8`."""
        codec = self._huffman if compress(utf8_bytes(text)).size <= PLAIN_LONGEST else self._utf8
        encoded = codec.encode(text, n_symbols=n_symbols, snr_db=snr_db)
        return Encoded(encoded.symbols, to_plain(encoded.parameters))


def checksum_of(n_bits: int, order: int) -> Checksum:
    """The checksum over so many bits of text, and what of it is in the header."""
    return Checksum(_CRC_BITS, 0 if n_bits > SHORT else 9 if order == QPSK else 5)


def sent_checksum(n_bits: int) -> CrcBits:
    """Bits of checksum that share the symbols with so many bits of text, by order."""
    return sent_bits(lambda order: checksum_of(n_bits, order))
