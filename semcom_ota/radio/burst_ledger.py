"""What became of each burst, from what the device says afterwards: an acknowledgement, a complaint, or nothing."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

from semcom_ota.radio.health import Health
from semcom_ota.radio.time_spec import TimeSpec

Fate = Literal["acknowledged", "unacknowledged", "late", "underflow", "sequence_error"]

PATIENCE_S = 1.0
"""How long after its end a burst that nothing is heard of is waited for."""
SILENT_PATIENCE_S = 0.1
"""The same, for a device that has never said anything of SILENT_BURSTS bursts: it has no such messages."""
SILENT_BURSTS = 3
KEPT_S = 2.0
"""How long a burst is remembered after its end: a message of it may still come, and is not about another one then."""
_TICK_S = 1e-7  # devices round times to ticks of their clocks
_ACK_TOLERANCE_S = 1e-4  # by which the time of an acknowledgement may differ from that of the burst's end

_KINDS: dict[str, Fate] = {  # the worst one first: a message may hold several codes
    "time_error": "late",
    "underflow": "underflow",
    "underflow_in_packet": "underflow",
    "seq_error": "sequence_error",
    "seq_error_in_burst": "sequence_error",
    "burst_ack": "acknowledged",
}
_COUNTERS = {"late": "late", "underflow": "underflows", "acknowledged": "acknowledged"}


class Verdict(NamedTuple):
    """What became of a burst. A second one of the same burst corrects the first."""

    burst: int
    fate: Fate


@dataclass(slots=True)
class _Entry:
    number: int  # in order
    burst: int
    start: TimeSpec
    end: TimeSpec
    fate: Fate | None = None
    acknowledged: bool = False  # whatever became of it
    over: float | None = None  # host time at which the device's clock was first seen past the end


class BurstLedger:
    """Matches the messages of a device to the bursts that it was handed, by time.

    What UHD's devices say: an acknowledgement carries the time of the burst's end; an underflow the time at which it
    happened, and the burst may or may not be acknowledged afterwards; a late burst gets a time error in place of an
    acknowledgement, with the time at which the device met it. A sequence error has the time at which the device noticed
    that a packet is missing, which is long before the burst or after it: it is of one that nothing else is said of. Any
    message can be lost.

    Attributes:
        health: how many bursts each was said of; sequence errors and limited samples.
        repeated: messages that said what was known of their burst, or less.
        unmatched: messages that are of no burst, or say nothing of one.
    """

    def __init__(self) -> None:
        """Nothing sent yet."""
        self._entries: deque[_Entry] = deque()  # in order of their times
        self._silent = 0  # bursts that nothing was heard of; -1 once anything was heard of any
        self._sent = 0
        self._losses: list[int] = []  # for each sequence error without a burst: how many had been sent by then
        self.health = Health()
        self.repeated = self.unmatched = 0

    def send(self, burst: int, start: TimeSpec, end: TimeSpec, limited: int = 0) -> None:
        """Take note of a burst that the device is about to get; bursts come in the order of their times.

        Args:
            burst: any number of one's own for it.
            start: time of its first sample.
            end: time past its last sample.
            limited: how many of its samples were limited.
        """
        self._entries.append(_Entry(self._sent, burst, start, end))
        self._sent += 1
        self.health = self.health.plus(limited_samples=limited)

    def hear(self, codes: Collection[str], time: TimeSpec) -> Verdict | None:
        """Take note of a message of the device.

        Args:
            codes: what it says, in gr-uhd's words.
            time: what it carries.

        Returns:
            What is new, if anything is.
        """
        fate = next((kind for code, kind in _KINDS.items() if code in codes), None)
        if fate == "sequence_error" and self._sent:
            self._silent = -1
            self._losses.append(self._sent)
            self.health = self.health.plus(sequence_errors=1)
            return None
        find = {"late": self._not_yet_met, "underflow": self._on_air, "acknowledged": self._ending}.get(fate or "")
        entry = find(time) if find else None
        if fate is None or entry is None:
            self.unmatched += 1
            return None
        self._silent = -1
        if entry.fate not in (None, "unacknowledged") and (entry.fate != "acknowledged" or fate == "acknowledged"):
            self.repeated += 1
            return None
        entry.fate = fate
        self.health = self.health.plus(**{_COUNTERS[fate]: 1})
        return Verdict(entry.burst, fate)

    def expire(self, now: TimeSpec, host_s: float) -> list[Verdict]:
        """Give up on bursts that nothing was heard of; to be called again and again.

        Args:
            now: on the device's clock. It may stand still as long as it likes.
            host_s: on any clock that does not.

        Returns:
            Those that will count as unacknowledged.
        """
        patience = PATIENCE_S if self._silent < SILENT_BURSTS else SILENT_PATIENCE_S
        verdicts = []
        for entry in self._entries:
            if entry.over is None and entry.end <= now:
                entry.over = host_s
            if entry.fate is None and entry.over is not None and host_s - entry.over >= patience:
                entry.fate = "sequence_error" if self._is_lost(entry) else "unacknowledged"
                verdicts.append(Verdict(entry.burst, entry.fate))
        if self._silent >= 0:
            self._silent += len(verdicts)
        oldest = next((entry.number for entry in self._entries if entry.fate is None), self._sent)
        self._losses = [sent for sent in self._losses if sent > oldest]  # the others are of bursts that are known of
        while self._entries and self._entries[0].over is not None and host_s - self._entries[0].over >= KEPT_S:
            self._entries.popleft()
        return verdicts

    def _is_lost(self, entry: _Entry) -> bool:
        """Whether a sequence error came when it had been sent, and is of no other burst."""
        behind = next((sent for sent in self._losses if sent > entry.number), None)
        if behind is not None:
            self._losses.remove(behind)
        return behind is not None

    def _not_yet_met(self, time: TimeSpec) -> _Entry | None:
        """The earliest burst that nothing is known of and that should have left by now.

        A device meets bursts in order: those before one that it spoke of come into question only if no other does.
        """
        latest = time.after(_TICK_S)
        begun = [entry for entry in self._entries if entry.start <= latest]
        spoken_of = max((place for place, entry in enumerate(begun) if _spoken_of(entry)), default=-1)
        open_ones = [entry for entry in (*begun[spoken_of + 1 :], *begun) if entry.fate is None]
        return open_ones[0] if open_ones else None

    def _on_air(self, time: TimeSpec) -> _Entry | None:
        """The last burst that had begun by then, and was not late."""
        latest = time.after(_TICK_S)
        begun = [entry for entry in self._entries if entry.start <= latest and entry.fate != "late"]
        return begun[-1] if begun else None

    def _ending(self, time: TimeSpec) -> _Entry | None:
        """The burst whose end is nearest, unless one that went wrong may have ended later than it was meant to."""
        begun = [entry for entry in self._entries if entry.start <= time and entry.fate != "late"]
        if not begun:
            return None
        ending = min(begun, key=lambda entry: abs(entry.end.since(time)))
        if abs(ending.end.since(time)) > _ACK_TOLERANCE_S:
            delayed = [entry for entry in begun if entry.fate == "underflow" and not entry.acknowledged]
            ending = delayed[-1] if delayed else ending
        ending.acknowledged = True
        return ending


def _spoken_of(entry: _Entry) -> bool:
    return entry.fate not in (None, "unacknowledged")
