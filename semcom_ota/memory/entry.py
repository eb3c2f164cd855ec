"""What the memory holds of a message: its meaning, how far to trust it, the channel it came through, and when."""

import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from semcom_ota.types import Csi, FloatArray, ReceivedMessage

LATE = 64
"""A message number that jumps back by more is no late message: its transmitter has started anew."""
_NUMBERS = 2**16
_START, _HEARD = struct.Struct("<qq"), struct.Struct("<q16s")
SLOTS = 4
"""Parts of equal length into which a summary cuts the time of a message."""
NO_FEATURES: FloatArray = np.zeros((0, 0), np.float32)
"""Of a codec that has none."""


@dataclass(frozen=True, slots=True)
class CsiSummary:
    """The channel that a message came through, over all of its fragments that arrived."""

    snr_db: float  # mean Es/N0 of the fragments, averaged as ratios; -inf if none arrived
    carrier_snr_db: FloatArray  # (used carriers,) Es/N0 of each carrier over time; empty if no fragment arrived
    slot_snr_db: FloatArray  # (SLOTS,) Es/N0 of the parts of its time on the air; empty if no fragment arrived
    cfo_hz: float  # of the last fragment; 0 if none arrived


@dataclass(frozen=True, slots=True)
class Understood:
    """What a decoder made of a message, as the memory takes it in."""

    text: str
    confidence: float  # 0..1, how far to trust a word of it (`Decoded.trust`)
    intact: bool
    features: FloatArray  # (vectors, width): its meaning in the space of the model that reads the memory
    modality: str = "text"
    reader: str = ""  # `MemoryReader.fingerprint` of who made the features; "" if nobody did


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """One message as it was received and understood."""

    number: int  # given by the store, ascending in the order of arrival
    user: int  # 0..255, the stream: nothing of one is ever shown to another
    message: int  # 0..65535
    task: int
    understood: Understood
    reliability: FloatArray  # (symbols,) 1 / (1 + noise variance): 1 is noiseless, 0 is lost or masked
    csi: CsiSummary
    channel: tuple[Csi, ...]  # in full, one for each fragment, where the store was asked to keep it; else ()
    sent: int  # in messages of this user since the first, as its transmitter counts them: see `Clock`
    time: int  # frames that the store had seen when this message arrived, its own included; ages are counted in them
    lost_samples: int  # in gaps of the received stream up to this message, since the store began
    value: float = 0.0  # what it is expected to contribute to answers


def reliability(noise_variance: FloatArray) -> FloatArray:
    """(symbols,) 1 / (1 + noise variance); 0 where a symbol was lost or masked."""
    return (1 / (1 + np.asarray(noise_variance, np.float64))).astype(np.float32)


class Clock:
    """When the messages of one user were sent, by their numbers on the air: 16 bits, and from 0 with every start.

    A number that is newer than all before moves the clock on, by as many messages as it says. An older one that was
    not heard yet is late, and takes its place; one that was heard, with these very symbols, is a copy. A transmitter
    has started anew if a number was heard with other symbols, is from before the first one heard of this start, or
    lies back by more than `LATE`: what it sends comes behind all there was, and what was lost of it leaves a gap.

    One case cannot be told: what a transmitter that has started anew says under a number that was lost before, until
    it says one that was heard. It is taken for late. A message that overtakes the first one heard is not seen either;
    nothing that we send does.
    """

    def __init__(self, packed: bytes = b"") -> None:
        """As `packed` gives it; b"": nothing was heard. Raises ValueError or struct.error if it is something else."""
        if len(packed) > _START.size + (LATE + 1) * _HEARD.size:
            raise ValueError("a clock is too large")
        self._begun, self._first = _START.unpack_from(packed) if packed else (0, 0)  # times: of number 0; first heard
        self._heard: dict[int, bytes] = dict(_HEARD.iter_unpack(packed[_START.size :]))  # of this start, by time

    def time_of(self, message: int, mark: bytes) -> int:
        """The time of a message, 0..65535, with the `digest` of its symbols; nothing is changed."""
        return self._place(message, mark)[1]

    def is_copy(self, message: int, mark: bytes) -> bool:
        """Whether these very symbols were heard under this number, of the last `LATE`, since the start."""
        return self._heard.get(self.time_of(message, mark)) == mark

    def hear(self, message: int, mark: bytes) -> None:
        """Take note of a message."""
        begun, time = self._place(message, mark)
        if not self._heard or begun != self._begun:
            self._begun, self._first, self._heard = begun, time, {}
        self._heard[time] = mark
        oldest = max(self._heard) - LATE
        self._heard = {heard: mark for heard, mark in self._heard.items() if heard >= oldest}

    @property
    def packed(self) -> bytes:
        """For the disk: a KB and a half at most."""
        return _START.pack(self._begun, self._first) + b"".join(_HEARD.pack(*one) for one in self._heard.items())

    def _place(self, message: int, mark: bytes) -> tuple[int, int]:
        """(time of number 0 of the start that it belongs to, its own time)."""
        if not self._heard:
            return 0, message
        last = max(self._heard)
        step = (message - (last - self._begun) + _NUMBERS // 2) % _NUMBERS - _NUMBERS // 2
        time = last + step
        late = time not in self._heard and time > self._first and step >= -LATE
        if step > 0 or late or self._heard.get(time) == mark:
            return self._begun, time
        return last + 1, last + 1 + message


def merged(entry: MemoryEntry, others: Iterable[MemoryEntry], values: Mapping[int, float]) -> MemoryEntry:
    """An entry in the place of others that say the same: with the greatest value, of the same words the surest.

    Args:
        entry: the one that stays.
        others: those that go.
        values: by number, where they are others than the entries say.
    """
    said, value = entry.understood, entry.value
    for other in others:
        value = max(value, values.get(other.number, other.value))
        if other.understood.text == said.text and other.understood.confidence > said.confidence:
            said = replace(said, confidence=other.understood.confidence, intact=other.understood.intact)
    return replace(entry, understood=said, value=value)


def summarise(csi: tuple[Csi, ...]) -> CsiSummary:
    """The CSI of a message's fragments in a few numbers.

    Fragments with another number of carriers than the last one (which one receiver never yields) do not count.
    """
    if not csi:
        return CsiSummary(-np.inf, np.zeros(0, np.float32), np.zeros(0, np.float32), 0.0)
    carriers = csi[-1].frequency_response.shape[1]
    alike = [one for one in csi if one.frequency_response.shape[1] == carriers]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = [np.abs(one.frequency_response) ** 2 / one.noise_variance for one in alike]
        carrier_snr_db = 10 * np.log10(np.mean([part.mean(axis=0) for part in ratios], axis=0))
        over_time = np.concatenate([part.mean(axis=1) for part in ratios])
        nearest = (np.arange(SLOTS + 1) * len(over_time)) // SLOTS  # of fewer OFDM symbols, some are in two slots
        slot_snr_db = 10 * np.log10([over_time[a : max(b, a + 1)].mean() for a, b in pairwise(nearest)])
        snr_db = 10 * np.log10(np.mean(np.power(10.0, [one.snr_db / 10 for one in alike])))
    return CsiSummary(float(snr_db), carrier_snr_db.astype(np.float32), slot_snr_db.astype(np.float32), csi[-1].cfo_hz)


def digest(received: ReceivedMessage) -> bytes:
    """16 bytes by which a message's symbols are known again."""
    return hashlib.blake2b(np.ascontiguousarray(received.symbols).tobytes(), digest_size=16).digest()


def text_mark(text: str) -> int:
    """64 bits by which a text is known again."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
