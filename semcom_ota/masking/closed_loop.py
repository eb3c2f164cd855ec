"""Which message may be encoded next, and what it may know of the channel: at most so many frames are in flight.

A mask is worth what the report is worth that it follows. So nothing is encoded long before it leaves: a message waits
until it is known what became of the frames before it, but for the last `in_flight - 1`. It is then told of those and of
no newer one, even where a newer report has come already: that is what makes two runs the same.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

MAX_LATE = 64
"""Reports that came when nobody waited for them any longer: the newest are kept."""

Message = TypeVar("Message", bound=Hashable)
Report = TypeVar("Report")


@dataclass(slots=True)
class _Frame(Generic[Report]):
    """One that is under way, or was, and nobody was told yet what became of it."""

    began: float
    open: bool = True  # something may still be heard of it
    reports: list[Report] = field(default_factory=list)


class ClosedLoop(Generic[Message, Report]):
    """Lets messages pass in turn, each with the reports that it may know. It has no clock: times are handed in."""

    def __init__(self, in_flight: int, patience: float):
        """For a link.

        Args:
            in_flight: frames that may be under way at a time, at least 1. A message is encoded as a whole: of one with
                more frames than that all are, and the next one waits until fewer than `in_flight` are left of them.
            patience: a report is not waited for any longer than this, in the unit of the times.
        """
        self._in_flight, self._patience = in_flight, patience
        self._waiting: deque[tuple[Message, ...]] = deque()
        self._began = 0.0
        self._frames_of: dict[Message, int | None] = {}  # of those whose turn it is; None: not encoded yet
        self._under_way: OrderedDict[tuple[Message, int], _Frame[Report]] = OrderedDict()  # as they leave
        self._late: deque[Report] = deque(maxlen=MAX_LATE)

    def submit(self, *messages: Message) -> None:
        """Messages that go together wait for their turn."""
        self._waiting.append(messages)

    def begin(self, now: float) -> tuple[tuple[Message, ...], list[Report]] | None:
        """The next messages and what is new of the channel to them; None if it is nobody's turn."""
        if not self._waiting or self._frames_of:  # how many frames those before take is not known yet
            return None
        too_many = max(0, len(self._under_way) - self._in_flight + 1)
        due = list(islice(self._under_way.items(), too_many))
        if any(frame.open and now - frame.began < self._patience for _, frame in due):
            return None
        for key, _ in due:
            del self._under_way[key]
        reports = [report for _, frame in due for report in frame.reports] + list(self._late)
        self._late.clear()
        messages = self._waiting.popleft()
        self._began, self._frames_of = now, dict.fromkeys(messages)
        return messages, reports

    def encoded(self, message: Message, fragments: int) -> None:
        """So many frames of a message leave; 0: it could not be encoded, and nothing will be heard of it."""
        if message in self._frames_of:
            self._frames_of[message] = fragments
        known = [(one, count) for one, count in self._frames_of.items() if count is not None]
        if len(known) == len(self._frames_of):  # messages that go together leave in their own order
            for one, count in known:
                self._under_way.update({(one, fragment): _Frame(self._began) for fragment in range(count)})
            self._frames_of = {}

    def over(self, message: Message) -> None:
        """No more will be heard of a message."""
        for (one, _), frame in self._under_way.items():
            if one == message:
                frame.open = False

    def report(self, message: Message, fragment: int, report: Report) -> None:
        """What was heard of a frame; also a second time, or of one that nobody waits for any longer."""
        frame = self._under_way.get((message, fragment))
        if frame is None:
            self._late.append(report)
            return
        frame.reports.append(report)
        frame.open = False
