"""What was received before, and the channel it came through: first-in first-out, bounded, in order within a stream."""

from dataclasses import dataclass

import numpy as np

from semcom_ota.types import Csi, FloatArray, ReceivedMessage

MAX_BYTES = 2**28  # of symbols and CSI; entries alone bound nothing, since a message can have any size


@dataclass(frozen=True, slots=True)
class CsiSummary:
    """The channel that a message came through, over all of its fragments that arrived."""

    snr_db: float  # mean Es/N0 of the fragments, averaged as ratios; -inf if none arrived
    carrier_snr_db: FloatArray  # (used carriers,) Es/N0 of each carrier over time; empty if no fragment arrived
    cfo_hz: float  # of the last fragment; 0 if none arrived


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """One message as it was received and understood."""

    received: ReceivedMessage  # the features: its symbols and their noise variances; and the full CSI
    csi: CsiSummary
    text: str
    confidence: float  # 0..1
    intact: bool
    time: int  # frames that the store had seen when this message arrived, its own included; ages are counted in them
    lost_samples: int  # in gaps of the received stream up to this message, since the store began


class MemoryStore:
    """Keeps the newest messages of each stream, and at most `MAX_BYTES` of symbols and CSI over all of them.

    What one stream keeps depends on another's traffic only when that bound is reached: the oldest of all goes first.
    """

    def __init__(self, entries: int) -> None:
        """Keep at most `entries` messages of each of the 256 streams; 0 keeps nothing."""
        self._bytes = 0
        self._entries = entries
        self._streams: dict[int, dict[int, MemoryEntry]] = {}  # by stream, then by message, in order of arrival
        self.time = 0  # frames seen so far
        self.lost_samples = 0  # in gaps so far

    def update(self, received: ReceivedMessage, text: str, confidence: float, intact: bool) -> None:
        """Keep a message. A copy of one that is kept (a request sent again) changes nothing.

        A different one with a number that is kept (a transmitter started anew) is the newest, and the old one goes.
        """
        kept = self._streams.setdefault(received.header.stream, {})
        old = kept.get(received.header.message)
        if old is not None:
            if np.array_equal(old.received.symbols, received.symbols):
                return
            self._forget(old)
        self.time += len(received.csi)
        self.lost_samples += received.lost_samples
        entry = MemoryEntry(received, summarise(received.csi), text, confidence, intact, self.time, self.lost_samples)
        kept[received.header.message] = entry
        self._bytes += _size(entry)
        if len(kept) > self._entries:
            self._forget(next(iter(kept.values())))
        while self._bytes > MAX_BYTES:
            oldest = [next(iter(of_stream.values())) for of_stream in self._streams.values() if of_stream]
            self._forget(min(oldest, key=lambda entry: entry.time))

    def is_stale(self, entry: MemoryEntry) -> bool:
        """Whether its CSI is older than a gap in the received stream: the channel may have become another since."""
        return entry.lost_samples < self.lost_samples

    def stream(self, stream: int) -> list[MemoryEntry]:
        """What is kept of a stream, the oldest first."""
        return list(self._streams.get(stream, {}).values())

    def __len__(self) -> int:
        """Messages kept, over all streams."""
        return sum(len(kept) for kept in self._streams.values())

    def _forget(self, entry: MemoryEntry) -> None:
        del self._streams[entry.received.header.stream][entry.received.header.message]
        self._bytes -= _size(entry)


def _size(entry: MemoryEntry) -> int:
    received = entry.received
    csi = sum(one.frequency_response.nbytes + one.noise_variance.nbytes for one in received.csi)
    return received.symbols.nbytes + received.noise_variance.nbytes + csi


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
