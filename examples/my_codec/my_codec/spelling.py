"""`spelling`: a text letter by letter, each as phases of a carrier, read back with what is known of English letters.

In every round each byte of the text is one symbol of 256-PSK. Bytes are ranked by how frequent they are, and a rank's
phase is its bits in reverse order: the 32 most frequent letters are as far apart as in 32-PSK, and only the rare ones
stand between them. The phases of round r are those of the first times STRIDE**r, so that what is near in one round is
far in another. The receiver adds up, over the rounds, what each symbol says of each byte, and takes the likeliest one,
frequent letters being likelier from the start: maximum a posteriori, letter by letter.

No network, no training, and not very good. It is here because it keeps every promise of a codec in 90 lines.
"""

import zlib
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from semcom_ota.codecs.base import GAP, Decoded, DoesNotFit, Encoded
from semcom_ota.config import CodecConfig, DeviceConfig
from semcom_ota.types import ComplexArray, FloatArray

STRIDE = 29
"""Odd, so that a multiple of 256 phases is another order of the same ones."""
ROUNDS = 64
"""At most: a text may spend so many symbols a byte."""
OWN_ROUNDS = 3
"""At least, if nobody says how many symbols to spend."""
LENGTH_BITS, CRC_BITS = 12, 12
"""The header's 24 parameter bits: how many bytes there are, less one; and a checksum over them."""
MOST_BYTES = 1 << LENGTH_BITS
LEAST_VARIANCE = 1e-4
"""No symbol is believed more than one at 40 dB: a few decibels beyond what any radio delivers."""

_ENGLISH = b"""
The quick brown fox jumps over a lazy dog. A man in a red shirt is riding his bicycle down the street while two women
are talking to each other in front of a small shop. People wait for the bus in the rain, and children play with a ball
on the grass. What is the weather like tomorrow? Set the alarm to 7 o'clock, and call me at 18:45! There are 30 of them,
he said; that is 12 more than in 2019.
"""


def _letter_frequencies() -> NDArray[np.float64]:
    """(256,) probabilities, none of them zero: any byte can be sent."""
    count = np.full(256, 0.02)
    count[128:] = 0.005  # bytes of characters that English does not have
    for byte, times in Counter(_ENGLISH.replace(b"\n", b" ")).items():
        count[byte] += times
    return count / count.sum()


def _first_phases(frequencies: NDArray[np.float64]) -> NDArray[np.int64]:
    """(256,) phase of each byte in the first round, in 1/256 of a circle."""
    reversed_bits = np.array([int(f"{rank:08b}"[::-1], 2) for rank in range(256)])
    phases = np.empty(256, np.int64)
    phases[np.argsort(-frequencies, kind="stable")] = reversed_bits
    return phases


class Spelling:
    """A text letter by letter in rounds of 256-PSK: a worked example of a codec of one's own."""

    name = "spelling"
    number = 128  # 128 to 255 are free for codecs that do not ship
    ordered_symbols = True  # what is cut off at the end are whole rounds, and the rest is read all the same
    has_checksum = True  # what it calls intact is what was sent, but for chance
    adapts_to_snr = False  # the same symbols serve every SNR

    def __init__(self, codec: CodecConfig, device: DeviceConfig):
        """Called with these two, always; this codec has a use for the budget alone."""
        self._symbols_per_word = codec.symbols_per_word
        frequencies = _letter_frequencies()
        self._log_frequency = np.log(frequencies)
        self._phases = _first_phases(frequencies)

    def symbol_count(self, text: str) -> int:
        """See `Codec`: symbols_per_word a word, but no fewer than OWN_ROUNDS a byte."""
        length = len(text.encode())
        nominal = int(self._symbols_per_word * len(text.split()))
        return min(max(nominal, OWN_ROUNDS * length), ROUNDS * length)

    def encode(self, text: str, *, n_symbols: int | None = None, snr_db: float | None = None) -> Encoded:
        """See `Codec`."""
        data = np.frombuffer(text.encode(), np.uint8)
        if not data.size:
            raise ValueError("no text to send")
        total = self.symbol_count(text) if n_symbols is None else n_symbols
        if not data.size <= total <= ROUNDS * data.size or data.size > MOST_BYTES:
            raise DoesNotFit(
                f"{self.name}: {data.size} bytes (of at most {MOST_BYTES}) take {data.size} to {ROUNDS * data.size} "
                f"symbols, not {total}"
            )
        rounds = [self._points(r)[data] for r in range(-(-total // data.size))]
        symbols = np.concatenate(rounds)[:total]  # on the unit circle: mean power is 1 as it is
        return Encoded(symbols.astype(np.complex64), data.size - 1 << CRC_BITS | _checksum(data.tobytes()))

    def decode(self, symbols: ComplexArray, noise_variance: FloatArray, parameters: int) -> Decoded:
        """See `Codec`. The confidence is the probability that every byte is right."""
        length, checksum = (parameters >> CRC_BITS) + 1, parameters & (1 << CRC_BITS) - 1
        if not length <= len(symbols) <= ROUNDS * length:
            return Decoded("", 0.0, False)  # no such message was ever sent
        # log p(y | c) = 2 Re(y* c) / variance + what is the same for all c; a lost symbol (variance inf) adds nothing.
        trusted = symbols.astype(np.complex128) / np.maximum(noise_variance.astype(np.float64), LEAST_VARIANCE)
        score = np.tile(self._log_frequency, (length, 1))
        for r in range(-(-len(symbols) // length)):
            said = trusted[r * length : (r + 1) * length]
            score[: len(said)] += 2 * (said.conj()[:, None] * self._points(r)).real
        score -= score.max(axis=1, keepdims=True)
        probability = 1 / np.exp(score).sum(axis=1)  # of the likeliest byte
        data = score.argmax(axis=1).astype(np.uint8).tobytes()
        text = data.decode(errors="ignore")
        intact = _checksum(data) == checksum and text.encode() == data and bool((probability > 0.5).all())
        confidence = float(np.prod(probability))
        return Decoded(text if intact else _with_gaps(data, probability > 0.5), confidence, intact)

    def _points(self, r: int) -> NDArray[np.complex128]:
        """(256,) on the unit circle: what each byte is in round r."""
        return np.exp(2j * np.pi * (self._phases * pow(STRIDE, r, 256) % 256) / 256)


def _checksum(data: bytes) -> int:
    return zlib.crc32(data) & (1 << CRC_BITS) - 1


def _with_gaps(data: bytes, likely: NDArray[np.bool_]) -> str:
    """What can be read of a text that is not intact, with a gap for each run of bytes that are more likely wrong."""
    edges = np.flatnonzero(np.diff(likely)) + 1
    runs = zip(np.split(np.frombuffer(data, np.uint8), edges), np.split(likely, edges), strict=True)
    return "".join(run.tobytes().decode(errors="ignore") if sound[0] else GAP for run, sound in runs)
