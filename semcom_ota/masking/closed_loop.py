"""Which message may be encoded next, and what it may know of the channel: at most so many frames are in flight.

A mask is worth what the report is worth that it follows. So nothing is encoded long before it leaves: messages wait
until the turn `in_flight` before theirs has been reported, or will not be. They are then told of that turn and of no
newer one, even where a newer report has come already: that is what makes two runs the same.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

MAX_LATE = 64
"""Reports that came when nobody waited for them any longer: the newest are kept."""

Message = TypeVar("Message", bound=Hashable)
Report = TypeVar("Report")


@dataclass(slots=True)
class _Turn(Generic[Message, Report]):
    """Messages that share a frame, or one that has frames of its own."""

    began: float
    open: dict[Message, set[int] | None]  # whose fate is not known: fragments to be heard of; None: not encoded yet
    reports: list[Report] = field(default_factory=list)


class ClosedLoop(Generic[Message, Report]):
    """Lets messages pass in turn, each with the reports that it may know. It has no clock: times are handed in."""

    def __init__(self, in_flight: int, patience: float):
        """For a link.

        Args:
            in_flight: turns that may be under way at a time, at least 1.
            patience: a report is not waited for any longer than this, in the unit of the times.
        """
        self._in_flight, self._patience = in_flight, patience
        self._waiting: deque[tuple[Message, ...]] = deque()
        self._under_way: deque[_Turn[Message, Report]] = deque()
        self._turn_of: dict[Message, _Turn[Message, Report]] = {}
        self._late: deque[Report] = deque(maxlen=MAX_LATE)

    def submit(self, *messages: Message) -> None:
        """Messages that go together wait for their turn."""
        self._waiting.append(messages)

    def begin(self, now: float) -> tuple[tuple[Message, ...], list[Report]] | None:
        """The next messages and what is new of the channel to them; None if it is nobody's turn."""
        if not self._waiting:
            return None
        reports: list[Report] = []
        if len(self._under_way) >= self._in_flight:
            first = self._under_way[0]
            if first.open and now - first.began < self._patience:
                return None
            self._under_way.popleft()
            self._turn_of = {message: turn for message, turn in self._turn_of.items() if turn is not first}
            reports = first.reports
        reports += self._late
        self._late.clear()
        messages = self._waiting.popleft()
        turn = _Turn[Message, Report](now, dict.fromkeys(messages))
        self._under_way.append(turn)
        self._turn_of |= dict.fromkeys(messages, turn)
        return messages, reports

    def encoded(self, message: Message, fragments: int) -> None:
        """So many frames of a message leave; 0: it could not be encoded, and nothing will be heard of it."""
        turn = self._turn_of.get(message)
        if turn is not None and message in turn.open:
            turn.open[message] = set(range(fragments))
            self._settle(turn, message)

    def over(self, message: Message) -> None:
        """No more will be heard of a message."""
        self.encoded(message, 0)

    def report(self, message: Message, fragment: int, report: Report) -> None:
        """What was heard of a frame; also a second time, or of a message that nobody waits for any longer."""
        turn = self._turn_of.get(message)
        if turn is None:
            self._late.append(report)
            return
        turn.reports.append(report)
        if expected := turn.open.get(message):
            expected.discard(fragment)
            self._settle(turn, message)

    def _settle(self, turn: _Turn[Message, Report], message: Message) -> None:
        if not turn.open[message]:
            del turn.open[message]
