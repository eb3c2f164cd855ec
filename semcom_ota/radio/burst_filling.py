"""Bursts become a stream without gaps, for radios whose only clock is the count of samples that they were given."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.types import ComplexArray


class Mark(NamedTuple):
    """Says that a burst begins here."""

    length: int  # samples
    time: TimeSpec | None = None  # when its first sample is to leave; None: at once


@dataclass(frozen=True, slots=True)
class BurstEvent:
    """What a USRP would have said of a burst."""

    code: str  # in gr-uhd's words: burst_ack; time_error (it came late and was not sent)
    position: int  # past its last sample, in what is put out; or where it was found to be late


class Begun(NamedTuple):
    """A burst whose first sample was put out."""

    taken_at: int  # index into `samples`
    put_at: int  # index into `out`


class Advance(NamedTuple):
    """How far one step came."""

    consumed: int
    written: int
    begun: tuple[Begun, ...]


class BurstFilling:
    """A transmitter that counts samples: zeros up to the time of a burst, the burst, zeros again.

    As in a USRP, a burst whose time is over when it comes is reported and not sent, samples that belong to no burst are
    dropped, and a burst that comes before the one before it is complete cuts that one off.

    Attributes:
        position: samples put out so far, which is the clock.
        stray: samples dropped so far because no mark announced them.
        events: of bursts, the oldest first; whoever reads them takes them away.
    """

    def __init__(self, sample_rate: float, tail_samples: int = 0):
        """At sample 0, which is time 0.

        Args:
            sample_rate: samples/s.
            tail_samples: zeros behind every burst, before anything else.
        """
        self._rate, self._tail_samples = sample_rate, tail_samples
        self._known = False  # whether the mark at the next sample to be taken has been looked at
        self._due = 0  # where the burst under way begins
        self._missing = 0  # samples of it that have not come
        self._late = 0  # samples of a late burst that have not come
        self._tail = 0  # zeros that are still to follow the last burst
        self.position = self.stray = 0
        self.events: deque[BurstEvent] = deque()

    def time_of(self, position: int) -> TimeSpec:
        """When a sample leaves."""
        return TimeSpec.of(position / self._rate)

    @property
    def has_zeros(self) -> bool:
        """Whether zeros are to be put out next, in front of a burst that came or behind one."""
        return self._tail > 0 or (self._missing > 0 and self.position < self._due)

    def advance(
        self, samples: ComplexArray, marks: Mapping[int, Mark], out: ComplexArray, idle_zeros: int = 0
    ) -> Advance:
        """Put out as much as there is room for and samples are there for.

        Args:
            samples: (n,) what came; what was not consumed comes again.
            marks: by index into `samples`.
            out: (m,) complex64, written to.
            idle_zeros: how many zeros may be put out where there is no burst.
        """
        consumed = written = 0
        begun: list[Begun] = []
        while True:
            if consumed in marks and not self._known and not self._tail:
                self._begin(marks[consumed])
            stop = min((mark for mark in marks if mark >= consumed + self._known), default=len(samples))
            room, come = len(out) - written, min(stop, len(samples)) - consumed
            zeros = copied = dropped = 0
            if self._tail:
                zeros = min(self._tail, room)
                self._tail -= zeros
            elif self._missing and self.position < self._due:
                zeros = min(self._due - self.position, room)
            elif self._missing:
                copied = min(self._missing, come, room)
                if copied and self.position == self._due:
                    begun.append(Begun(consumed, written))
                out[written : written + copied] = samples[consumed : consumed + copied]
            elif come:
                dropped = come
                self.stray += dropped - min(self._late, dropped)
                self._late -= min(self._late, dropped)
            else:
                zeros = min(idle_zeros, room)
                idle_zeros -= zeros
            if not zeros + copied + dropped:
                return Advance(consumed, written, tuple(begun))
            out[written : written + zeros] = 0
            written += zeros + copied
            consumed += copied + dropped
            self.position += zeros + copied
            self._known &= not copied + dropped
            if copied:
                self._sent(copied)

    def _begin(self, mark: Mark) -> None:
        self._known = True
        self._missing = self._late = 0
        due = self.position
        if mark.time is not None:
            due = round(mark.time.seconds * self._rate + mark.time.fraction * self._rate)
        if due < self.position:
            self._late = mark.length
            self.events.append(BurstEvent("time_error", self.position))
        else:
            self._due, self._missing = due, mark.length

    def _sent(self, count: int) -> None:
        self._missing -= count
        if not self._missing:
            self._tail = self._tail_samples
            self.events.append(BurstEvent("burst_ack", self.position))
