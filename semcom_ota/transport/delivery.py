"""Who has which request: the bookkeeping of exactly-once answers, without a socket in sight.

A sliding window: a client has no request under way that is `credit` or more after its oldest unanswered one. That
bounds what both sides keep, and lets the server forget a reply as soon as the client's `oldest` has passed it.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from semcom_ota.transport.wire import Envelope

MAX_SESSIONS = 16  # clients that a server remembers; the one silent for longest is forgotten first


@dataclass(slots=True)
class _Outstanding:
    key: Hashable
    data: bytes
    connection: int = 0  # the connection it was last sent on; 0 is none


class Outbox:
    """A client's requests without a reply."""

    def __init__(self) -> None:
        """Empty."""
        self.window = 0  # the server's credit; 0 until it is known
        self._outstanding: dict[int, _Outstanding] = {}  # by sequence, ascending
        self._next = 0

    @property
    def oldest(self) -> int:
        """Every sequence before this one has been answered."""
        return next(iter(self._outstanding), self._next)

    @property
    def credit(self) -> int:
        """How many requests may be added now."""
        return max(0, self.window - (self._next - self.oldest))

    @property
    def keys(self) -> list[Hashable]:
        """Keys of the requests without a reply, oldest first."""
        return [item.key for item in self._outstanding.values()]

    def add(self, key: Hashable, data: bytes) -> None:
        """Keep a request until it is answered."""
        self._outstanding[self._next] = _Outstanding(key, data)
        self._next += 1

    def unsent(self, connection: int) -> Iterator[tuple[int, bytes]]:
        """Sequence and data of what was not sent on this connection and lies within the window, in order.

        Going on to the next one says that the one before has been sent.
        """
        end = self.oldest + self.window  # a restarted server may give less credit than the one before
        for sequence, item in self._outstanding.items():
            if item.connection != connection and sequence < end:
                yield sequence, item.data
                item.connection = connection

    def answered(self, sequence: int) -> tuple[Hashable] | None:
        """The key of the request that a reply belongs to, in a tuple; None if it has been answered before."""
        item = self._outstanding.pop(sequence, None)
        return None if item is None else (item.key,)


@dataclass(slots=True)
class _Session:
    route: bytes  # where the client was last heard from
    oldest: int = 0
    pending: set[int] = field(default_factory=set)
    replies: dict[int, bytes] = field(default_factory=dict)


class Sessions:
    """What a server knows of its clients: which requests are being carried out, and replies not yet seen to arrive."""

    def __init__(self, credit: int) -> None:
        """`credit` is the window's width that every client is told."""
        self._credit = credit
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()

    def heard(self, session: bytes, route: bytes) -> None:
        """A client was heard on this route."""
        self._sessions.setdefault(session, _Session(route)).route = route
        self._sessions.move_to_end(session)
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)

    def take(self, envelope: Envelope) -> bool | bytes:
        """A request arrived from a client that was `heard`.

        Returns:
            True if it is new and must be carried out, False if there is nothing to do (it is under way, or its reply
            has arrived, or it is outside the window), or the reply that must be sent again.
        """
        session = self._sessions[envelope.session]
        if envelope.oldest > session.oldest:
            session.oldest = envelope.oldest
            for sequence in [sequence for sequence in session.replies if sequence < session.oldest]:
                del session.replies[sequence]
        if envelope.sequence in session.replies:
            return session.replies[envelope.sequence]
        in_window = session.oldest <= envelope.sequence < session.oldest + self._credit
        if envelope.sequence in session.pending or not in_window:
            return False
        session.pending.add(envelope.sequence)
        return True

    def replied(self, key: bytes, sequence: int, data: bytes) -> bytes | None:
        """A request has been carried out: keep its reply. Returns the route to send it on; None if nobody waits."""
        session = self._sessions.get(key)
        if session is None or sequence not in session.pending:
            return None
        session.pending.remove(sequence)
        session.replies[sequence] = data
        return session.route
