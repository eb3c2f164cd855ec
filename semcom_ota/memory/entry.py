"""What the memory holds of a message: its meaning, how far to trust it, the channel it came through, and when."""

import hashlib
from dataclasses import dataclass

import numpy as np

from semcom_ota.types import Csi, FloatArray, ReceivedMessage

LATE = 64
"""A message number that jumps back by more is no late message: its transmitter has started anew."""
_NUMBERS = 2**16
NO_FEATURES: FloatArray = np.zeros((0, 0), np.float32)
"""Of a codec that has none."""


@dataclass(frozen=True, slots=True)
class CsiSummary:
    """The channel that a message came through, over all of its fragments that arrived."""

    snr_db: float  # mean Es/N0 of the fragments, averaged as ratios; -inf if none arrived
    carrier_snr_db: FloatArray  # (used carriers,) Es/N0 of each carrier over time; empty if no fragment arrived
    cfo_hz: float  # of the last fragment; 0 if none arrived


@dataclass(frozen=True, slots=True)
class Understood:
    """What a decoder made of a message, as the memory takes it in."""

    text: str
    confidence: float  # 0..1
    intact: bool
    features: FloatArray  # (vectors, width): its meaning in the space of the model that reads the memory
    modality: str = "text"


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
    sent: int  # in messages of this user since the first, as its transmitter counts them
    time: int  # frames that the store had seen when this message arrived, its own included; ages are counted in them
    lost_samples: int  # in gaps of the received stream up to this message, since the store began
    value: float = 0.0  # what it has contributed to answers


def reliability(noise_variance: FloatArray) -> FloatArray:
    """(symbols,) 1 / (1 + noise variance); 0 where a symbol was lost or masked."""
    return (1 / (1 + np.asarray(noise_variance, np.float64))).astype(np.float32)


def sent_at(message: int, last: int | None) -> int:
    """The transmitter's time of a message, whose number on the air has 16 bits.

    Args:
        message: its number, 0..65535.
        last: the greatest time of this user so far; None: there is none.

    Returns:
        A count that goes on where the number begins again. A late message has a time before `last`; one of a
        transmitter that has started anew (a jump back by more than `LATE`) comes behind it.
    """
    if last is None:
        return message
    step = (message - last + _NUMBERS // 2) % _NUMBERS - _NUMBERS // 2
    return last + (step if step >= -LATE else 1)


def summarise(csi: tuple[Csi, ...]) -> CsiSummary:
    """The CSI of a message's fragments in a few numbers.

    Fragments with another number of carriers than the last one (which one receiver never yields) do not count.
    """
    if not csi:
        return CsiSummary(-np.inf, np.zeros(0, np.float32), 0.0)
    carriers = csi[-1].frequency_response.shape[1]
    alike = [one for one in csi if one.frequency_response.shape[1] == carriers]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gains = [np.mean(np.abs(one.frequency_response) ** 2, axis=0) / one.noise_variance for one in alike]
        carrier_snr_db = 10 * np.log10(np.mean(gains, axis=0))
        snr_db = 10 * np.log10(np.mean(np.power(10.0, [one.snr_db / 10 for one in alike])))
    return CsiSummary(float(snr_db), carrier_snr_db.astype(np.float32), csi[-1].cfo_hz)


def digest(received: ReceivedMessage) -> bytes:
    """16 bytes by which a message's symbols are known again."""
    return hashlib.blake2b(np.ascontiguousarray(received.symbols).tobytes(), digest_size=16).digest()
