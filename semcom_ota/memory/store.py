"""The receiver's memory: bounded, by user, judged by a rule, on the disk if wanted."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from semcom_ota.config import RuleName
from semcom_ota.memory.disk import AT_A_TIME, Disk, size_of
from semcom_ota.memory.entry import (
    Clock,
    MemoryEntry,
    Understood,
    digest,
    merged,
    reliability,
    summarise,
    text_mark,
)
from semcom_ota.memory.index import Known, UserIndex
from semcom_ota.memory.update_rules import SAME, Mixture, UpdateRule, in_question, least
from semcom_ota.types import FloatArray, ReceivedMessage

MAX_BYTES = 2**28
"""Over all users: entries alone bound nothing, since a message can have any size."""
SHARE_OF_A_QUESTION = 0.5
"""Of the newest in the average of what is asked (`correlation`)."""
_log = logging.getLogger(__name__)


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
        weights = rule or {"fifo": 1.0}
        self._rule: UpdateRule = Mixture(weights)
        self._merges = bool(weights.get("correlation"))
        self._disk = Disk(file)
        try:
            counters = self._disk.counters()
            self.time = counters.get("time", 0)  # frames seen so far
            self.lost_samples = counters.get("lost_samples", 0)  # in gaps so far
            self._next = counters.get("next", 0)
            self._load()
        except BaseException:
            self._disk.close()
            raise

    def update(
        self,
        received: ReceivedMessage,
        understood: Understood,
        value: float | None = None,
        judged: Mapping[int, float] | None = None,
    ) -> MemoryEntry | None:
        """Keep a message. A copy of one that was heard (a request sent again) changes nothing.

        With the rule `correlation`, what says the same (`UserIndex.alike`) becomes one with it: what was sent last
        stays. If that is this one, it takes over the greatest value, and of the same words the greatest confidence.

        Args:
            received: as it came from the air.
            understood: what the decoder made of it.
            value: what it is expected to contribute to answers; None: as much as the others of this user on average.
            judged: what others of this user are expected to from now on, by number; what is no entry is left out. If
                something has to go, it is one of these, or this one: nothing goes by what was thought of it long ago.

        Returns:
            The entry; None if it is a copy, or was not worth to be kept.

        Raises:
            ConfigError: the disk is full, or gone, or the file is damaged. All that was kept stays, and the memory
                goes on: it knows that a message came, though not what it said.
        """
        if self.has(received):
            return None
        user, mark, text = received.header.stream, digest(received), text_mark(understood.text)
        index = self._users.setdefault(user, UserIndex())
        values = {one: worth for one, worth in (judged or {}).items() if one in index}
        for number, worth in values.items():
            index.judge(number, worth, self._next)
        if value is None:
            value = float(index.held.value.mean()) if len(index) else 0.0
        entry = self.entry_of(received, understood, value)
        self._note(received, mark)
        self._next += 1
        gone = index.alike(text, understood.features, SAME) if self._merges else []
        entry = merged(entry, self._disk.entries(gone), values)
        if any(self._known[number].sent > entry.sent for number in gone) or size_of(entry) > self._max_bytes:
            gone = [entry.number]  # it is late, and no news any more; or too large for the whole memory
        self._take_in(
            Known(entry.number, user, entry.message, entry.sent, entry.time, entry.value, text, understood.reader,
                  mark, size_of(entry)), understood.features
        )  # fmt: skip
        try:
            if not gone and len(index) > self._entries:
                gone = least(self._rule, index.held, among=[*values, entry.number] if values else ())
            gone += self._too_large(gone)
            kept = None if entry.number in gone else entry
            self._write(user, (kept, mark) if kept else None, set(gone) - {entry.number}, values)
        except BaseException:
            gone = [entry.number]
            raise
        finally:
            for number in gone:
                self._let_go(number)
        return kept

    def has(self, received: ReceivedMessage) -> bool:
        """Whether it is a copy, of a message heard of late or of one that is kept; its number alone says nothing."""
        user, message, mark = received.header.stream, received.header.message, digest(received)
        old = self._by_message.get((user, message))
        return self._clock(user).is_copy(message, mark) or (old is not None and self._known[old].digest == mark)

    def entry_of(self, received: ReceivedMessage, understood: Understood, value: float = 0.0) -> MemoryEntry:
        """What `update` would keep of a message, if it merges it with no other; nothing is changed."""
        header = received.header
        return MemoryEntry(
            self._next, header.stream, header.message, header.task, understood, reliability(received.noise_variance),
            summarise(received.csi), received.csi if self._full_csi else (), self.sent_at(received),
            self.time + len(received.csi), self.lost_samples + received.lost_samples, value,
        )  # fmt: skip

    def sent_at(self, received: ReceivedMessage) -> int:
        """When a message was sent, as `MemoryEntry.sent`; nothing is changed."""
        return self._clock(received.header.stream).time_of(received.header.message, digest(received))

    def pass_by(self, received: ReceivedMessage, asked: FloatArray | None = None) -> None:
        """Take note of a message that is not to be kept. A copy changes nothing.

        Args:
            received: as it came from the air.
            asked: (width,) what it asks, if it does: the rule `correlation` goes by it.

        Raises:
            ConfigError: as `update`.
        """
        user = received.header.stream
        if self.has(received):
            return
        self._note(received, digest(received))
        if asked is not None:
            self._users.setdefault(user, UserIndex()).ask(asked, SHARE_OF_A_QUESTION)
        self._write(user)

    def read_anew(self, reader: str, features: Callable[[str, float], FloatArray]) -> int:
        """Give a meaning to entries that have none, or one that another reader gave them; returns how many.

        What was asked of that other reader is forgotten.

        Args:
            reader: its fingerprint.
            features: (vectors, width) of a text and the decoder's confidence in it.

        Raises:
            ConfigError: as `update`; those that are done stay so.
        """
        old = [number for number, known in self._known.items() if known.reader != reader]
        if old:
            _log.warning("the reader of the memory is another, or new: it reads %d entries first", len(old))
        for first in range(0, len(old), AT_A_TIME):
            read = []
            for entry in self._disk.entries(old[first : first + AT_A_TIME]):
                said = entry.understood
                meaning = features(said.text, said.confidence)
                read.append(replace(entry, understood=replace(said, features=meaning, reader=reader)))
            self._disk.read_anew(read)
        if old:
            self._load()
        return len(old)

    def count(self, user: int) -> int:
        """Entries of a user."""
        return len(self._users[user]) if user in self._users else 0

    def stream(self, user: int) -> list[MemoryEntry]:
        """What is kept of a user, the oldest first."""
        return self._disk.entries(self._users[user].numbers) if user in self._users else []

    def newest(self, user: int, count: int) -> list[MemoryEntry]:
        """The last ones of a user to arrive, the oldest of them first."""
        return self._disk.entries(self._users[user].newest(count)) if user in self._users else []

    def before(self, received: ReceivedMessage, count: int) -> list[MemoryEntry]:
        """The newest of its user that a message found when it came, the oldest of them first.

        Of a copy these are those that came before the first of it, as far as they are kept still.
        """
        user = received.header.stream
        own = self._by_message.get((user, received.header.message))
        if own is None or self._known[own].digest != digest(received):
            return self.newest(user, count)
        numbers = self._users[user].numbers
        return self._disk.entries(numbers[: numbers.index(own)][-count:])

    def nearest(self, user: int, query: FloatArray, count: int) -> list[tuple[MemoryEntry, float]]:
        """A user's entries whose meaning is nearest to (width,) `query`, with the cosine: the nearest first."""
        found = self._users[user].nearest(query, count) if user in self._users else []
        entries = self._disk.entries([number for number, _ in found])
        return [(entry, cosine) for entry, (_, cosine) in zip(entries, found, strict=True)]

    def in_question(self, user: int, count: int) -> list[MemoryEntry]:
        """Those of a user's entries that are to be judged when something has to go: see `update_rules.in_question`."""
        return self._disk.entries(in_question(self._rule, self._users.get(user, UserIndex()), count))

    def forget(self, user: int | None = None) -> int:
        """Forget a user, or everything; returns how many entries that were. Raises ConfigError as `update`."""
        users = list(self._users.keys() | self._clocks.keys()) if user is None else [user]
        gone = [number for number, known in self._known.items() if known.user in users]
        self._disk.forget(users)
        for number in gone:
            self._let_go(number)
        for one in users:
            self._users.pop(one, None)
            self._clocks.pop(one, None)
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

    def _load(self) -> None:
        """Have at hand what is on the disk, and let go of what is more than there may be."""
        self._users: dict[int, UserIndex] = {}
        self._clocks: dict[int, Clock] = {}
        self._known: dict[int, Known] = {}  # by number, in the order of arrival
        self._by_message: dict[tuple[int, int], int] = {}  # (user, message on the air) -> number of the newest
        self._bytes = 0
        for known, features in self._disk.known():
            self._take_in(known, features)
        for user, (clock, asked) in self._disk.users().items():
            self._clocks[user] = clock
            self._users.setdefault(user, UserIndex()).asked = asked
        gone = []
        for index in self._users.values():
            if len(index) > self._entries:
                gone += least(self._rule, index.held, len(index) - self._entries)
        gone += self._too_large(gone)
        for number in gone:
            self._let_go(number)
        if gone:
            self._disk.change(gone=gone)

    def _clock(self, user: int) -> Clock:
        return self._clocks.get(user) or Clock()

    def _note(self, received: ReceivedMessage, mark: bytes) -> None:
        """That a message came, whatever becomes of it."""
        user = received.header.stream
        self._clocks.setdefault(user, Clock()).hear(received.header.message, mark)
        self.time += len(received.csi)
        self.lost_samples += received.lost_samples

    def _too_large(self, gone: Iterable[int]) -> list[int]:
        """Numbers of those that, beside `gone`, have to go for all to have room: of all users, what arrived first."""
        without, more = set(gone), []
        over = self._bytes - self._max_bytes - sum(self._known[number].bytes for number in without)
        for number, known in self._known.items():
            if over <= 0:
                break
            if number not in without:
                more.append(number)
                over -= known.bytes
        return more

    def _write(
        self,
        user: int,
        add: tuple[MemoryEntry, bytes] | None = None,
        gone: Iterable[int] = (),
        values: Mapping[int, float] | None = None,
    ) -> None:
        """Bring to the disk what is new, of one user; see `Disk.change`."""
        known = {user: (self._clock(user).packed, self._users.get(user, UserIndex()).asked)}
        counts = {"time": self.time, "lost_samples": self.lost_samples, "next": self._next}
        self._disk.change(add, gone, values, known, counts)

    def _take_in(self, known: Known, features: FloatArray) -> None:
        if known.user not in self._users:
            self._users[known.user] = UserIndex()
        self._users[known.user].add(known, features)
        self._known[known.number] = known
        self._by_message[known.user, known.message] = known.number
        self._bytes += known.bytes

    def _let_go(self, number: int) -> None:
        known = self._known.pop(number)
        self._users[known.user].remove(number)
        if self._by_message.get((known.user, known.message)) == number:  # and not a newer one's of that number
            del self._by_message[known.user, known.message]
        self._bytes -= known.bytes
