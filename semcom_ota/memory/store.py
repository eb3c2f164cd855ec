"""The receiver's memory: bounded, by user, judged by a rule, on the disk if wanted."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from semcom_ota.config import RuleName
from semcom_ota.memory.disk import Disk, Known, size_of
from semcom_ota.memory.entry import MemoryEntry, Understood, digest, reliability, sent_at, summarise
from semcom_ota.memory.index import UserIndex
from semcom_ota.memory.update_rules import Mixture, UpdateRule, least
from semcom_ota.types import FloatArray, ReceivedMessage

MAX_BYTES = 2**28
"""Over all users: entries alone bound nothing, since a message can have any size."""
SHARE_OF_A_QUESTION = 0.5
"""Of the newest in the average of what is asked (`correlation`)."""


class MemoryStore:
    """Keeps at most so many messages of each user, and `MAX_BYTES` over all of them.

    What one user keeps depends on another's traffic only when that bound is reached: the oldest of all goes first.
    """

    def __init__(
        self,
        entries: int,
        rule: Mapping[RuleName, float] | None = None,
        file: Path | None = None,
        full_csi: bool = False,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Open a memory.

        Args:
            entries: of each user at most; 0 keeps nothing.
            rule: names of update rules with their weights; None is first-in first-out.
            file: where it is kept, and taken up again after a restart; None keeps it in this process alone.
            full_csi: keep the whole channel of each message beside its summary.
            max_bytes: over all users.

        Raises:
            ConfigError: the file cannot be used.
        """
        self._entries, self._full_csi, self._max_bytes = entries, full_csi, max_bytes
        self._rule: UpdateRule = Mixture(rule or {"fifo": 1.0})
        self._disk = Disk(file)
        self._users: dict[int, UserIndex] = {}
        self._known: dict[int, Known] = {}  # by number, in the order of arrival
        self._by_message: dict[tuple[int, int], int] = {}  # (user, message on the air) -> number of the newest
        self._last_sent: dict[int, int] = {}
        self._passed: dict[int, bytes] = {}  # of each user, what was not kept last
        self._bytes = 0
        counters = self._disk.counters()
        self.time = counters.get("time", 0)  # frames seen so far
        self.lost_samples = counters.get("lost_samples", 0)  # in gaps so far
        self._next = counters.get("next", 0)
        for known, features in self._disk.known():
            self._take_in(known, features)

    def update(
        self, received: ReceivedMessage, understood: Understood, value: float | None = None
    ) -> MemoryEntry | None:
        """Keep a message. A copy of one that is kept (a request sent again) changes nothing.

        What was sent at the same time once more, and arrived otherwise, is the newest, and the old one goes.

        Args:
            received: as it came from the air.
            understood: what the decoder made of it.
            value: what it is expected to contribute to answers; None: as much as the others of this user on average.

        Returns:
            The entry; None if it is a copy, or was not worth to be kept.

        Raises:
            ConfigError: the disk is full, or gone; in this process the memory goes on all the same.
        """
        header, mark = received.header, digest(received)
        gone: list[int] = []
        if self.has(received):
            return None
        if value is None:
            held = self._users.get(header.stream)
            value = float(held.held.value.mean()) if held else 0.0
        entry = self.entry_of(received, understood, value)
        old = self._by_message.get((header.stream, header.message))
        if old is not None and self._known[old].sent == entry.sent:
            gone.append(old)
        self.time, self.lost_samples = entry.time, entry.lost_samples
        known = Known(entry.number, entry.user, entry.message, entry.sent, entry.time, value, mark, size_of(entry))
        self._next += 1
        for number in gone:
            self._let_go(number)
        self._take_in(known, understood.features)
        gone += self._surplus(header.stream)
        kept = entry if entry.number in self._known else None
        counts = {"time": self.time, "lost_samples": self.lost_samples, "next": self._next}
        self._disk.change(kept, mark, [number for number in gone if number != entry.number], counts)
        return kept

    def has(self, received: ReceivedMessage) -> bool:
        """Whether a message is kept already: a copy of it, not just one with its number."""
        old = self._by_message.get((received.header.stream, received.header.message))
        return old is not None and self._known[old].digest == digest(received)

    def entry_of(self, received: ReceivedMessage, understood: Understood, value: float = 0.0) -> MemoryEntry:
        """What `update` would keep of a message; nothing is changed."""
        header = received.header
        return MemoryEntry(
            self._next, header.stream, header.message, header.task, understood, reliability(received.noise_variance),
            summarise(received.csi), received.csi if self._full_csi else (),
            sent_at(header.message, self._last_sent.get(header.stream)), self.time + len(received.csi),
            self.lost_samples + received.lost_samples, value,
        )  # fmt: skip

    def pass_by(self, received: ReceivedMessage) -> int:
        """Take note of a message that is not to be kept; returns when it was sent, as `MemoryEntry.sent`.

        A copy of the one before changes nothing.
        """
        user, mark = received.header.stream, digest(received)
        sent = sent_at(received.header.message, self._last_sent.get(user))
        if self._passed.get(user) != mark:
            self._passed[user] = mark
            self._last_sent[user] = max(sent, self._last_sent.get(user, sent))
            self.time += len(received.csi)
            self.lost_samples += received.lost_samples
            self._disk.change(None, b"", [], {"time": self.time, "lost_samples": self.lost_samples})
        return sent

    def count(self, user: int) -> int:
        """Entries of a user."""
        return len(self._users[user]) if user in self._users else 0

    def stream(self, user: int) -> list[MemoryEntry]:
        """What is kept of a user, the oldest first."""
        return self._disk.entries(self._users[user].numbers) if user in self._users else []

    def newest(self, user: int, count: int) -> list[MemoryEntry]:
        """The last ones of a user to arrive, the oldest of them first."""
        return self._disk.entries(self._users[user].newest(count)) if user in self._users else []

    def nearest(self, user: int, query: FloatArray, count: int) -> list[tuple[MemoryEntry, float]]:
        """A user's entries whose meaning is nearest to (width,) `query`, with the cosine: the nearest first."""
        found = self._users[user].nearest(query, count) if user in self._users else []
        entries = self._disk.entries([number for number, _ in found])
        return [(entry, cosine) for entry, (_, cosine) in zip(entries, found, strict=True)]

    def ask(self, user: int, query: FloatArray) -> None:
        """Take note of what a user asked, (width,): the rule `correlation` goes by it."""
        if user in self._users:
            self._users[user].ask(query, SHARE_OF_A_QUESTION)

    def judge(self, numbers: Sequence[int], values: Sequence[float]) -> None:
        """Set the values of entries, what each is expected to contribute to answers; what is gone is left out."""
        held = [(number, value) for number, value in zip(numbers, values, strict=True) if number in self._known]
        for number, value in held:
            self._users[self._known[number].user].judge(number, value)
        self._disk.value(held)

    def forget(self, user: int | None = None) -> int:
        """Forget a user, or everything; returns how many entries that were."""
        gone = [number for number, known in self._known.items() if user is None or known.user == user]
        for number in gone:
            self._let_go(number)
        for one in list(self._users) if user is None else [user]:
            self._users.pop(one, None)
            self._last_sent.pop(one, None)
            self._passed.pop(one, None)
        self._disk.change(None, b"", gone, {})
        return len(gone)

    def is_stale(self, entry: MemoryEntry) -> bool:
        """Whether its CSI is older than a gap in the received stream: the channel may have become another since."""
        return entry.lost_samples < self.lost_samples

    @property
    def users(self) -> list[int]:
        """Of whom there is anything."""
        return sorted(user for user, index in self._users.items() if len(index))

    def __len__(self) -> int:
        """Messages kept, over all users."""
        return len(self._known)

    def close(self) -> None:
        """Leave what is on the disk as it is."""
        self._disk.close()

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """See `close`."""
        self.close()

    def _surplus(self, user: int) -> list[int]:
        """Let go of what is too much; returns the numbers."""
        gone = []
        while len(index := self._users[user]) > self._entries:
            gone.append(least(self._rule, index.held))
            self._let_go(gone[-1])
        while self._bytes > self._max_bytes:
            gone.append(next(iter(self._known)))
            self._let_go(gone[-1])
        return gone

    def _take_in(self, known: Known, features: FloatArray) -> None:
        index = self._users.setdefault(known.user, UserIndex())
        index.add(known.number, known.sent, known.time, known.value, features)
        self._known[known.number] = known
        self._by_message[known.user, known.message] = known.number
        self._last_sent[known.user] = max(known.sent, self._last_sent.get(known.user, known.sent))
        self._bytes += known.bytes

    def _let_go(self, number: int) -> None:
        known = self._known.pop(number)
        self._users[known.user].remove(number)
        if (
            self._by_message.get((known.user, known.message)) == number
        ):  # and not a newer one's, whose number begins again
            del self._by_message[known.user, known.message]
        self._bytes -= known.bytes
