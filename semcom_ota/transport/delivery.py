"""Every request answered exactly once: the protocol between a client and a server, without a socket in sight.

A client keeps each request until it has the reply, and sends all unanswered ones, in order, on every new connection. A
server knows a request by (session, sequence), hands it out once while it lives, and keeps the reply until the client
says that it has it. A sliding window bounds what both keep: no request is under way that is `credit` or more after the
oldest unanswered one, and each request tells the server which that is.

A message is a list of bytes: [envelope, packet] at the client, [route, envelope, packet] at the server.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from semcom_ota.config import TransportConfig
from semcom_ota.transport.messages import Failure, to_packet
from semcom_ota.transport.wire import (
    Envelope,
    Packet,
    Role,
    WireError,
    pack,
    pack_envelope,
    unpack,
    unpack_envelope,
)

MAX_CREDIT = 1024
MAX_NOTICE_BYTES = 2**16  # a notice takes no credit, so thousands may wait
MAX_SESSIONS = 16  # clients that a server remembers; the one silent for longest is forgotten first


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to `submit(key, ...)`."""

    key: Hashable
    packet: Packet


@dataclass(frozen=True, slots=True)
class Request:
    """What came from a client. A notice wants no reply."""

    packet: Packet
    session: bytes
    sequence: int | None  # None for a notice

    @property
    def is_notice(self) -> bool:
        """Whether it is a one-way packet."""
        return self.sequence is None


@dataclass(slots=True)
class _Outstanding:
    key: Hashable
    data: bytes
    connection: int = 0  # the connection it was last sent on; 0 is none


class Outbox:
    """A client's side."""

    def __init__(self, session: bytes, max_bytes: int) -> None:
        """`session` is 8 bytes that no other client has; packets have `max_bytes` at most."""
        self.window = 0  # the server's credit; 0 until it is known
        self._session = session
        self._max_bytes = self._server_max_bytes = max_bytes
        self._outstanding: dict[int, _Outstanding] = {}  # by sequence, ascending
        self._next = 0

    @property
    def _oldest(self) -> int:
        return next(iter(self._outstanding), self._next)

    @property
    def credit(self) -> int:
        """How many requests may be added now."""
        return max(0, self.window - (self._next - self._oldest))

    def hello(self) -> list[bytes]:
        """The first message on a new connection."""
        return [pack_envelope(Envelope(Role.HELLO, self._session)), b""]

    def notice(self, packet: Packet) -> list[bytes]:
        """A one-way message; raises WireError as `add`."""
        data = _pack_within(packet, min(MAX_NOTICE_BYTES, self._server_max_bytes))
        return [pack_envelope(Envelope(Role.NOTICE, self._session)), data]

    def add(self, key: Hashable, packet: Packet) -> None:
        """Keep a request until it is answered.

        Raises:
            WireError: the packet cannot be put into bytes, or is larger than the server takes.
        """
        self._outstanding[self._next] = _Outstanding(key, _pack_within(packet, self._server_max_bytes))
        self._next += 1

    def unsent(self, connection: int) -> Iterator[list[bytes]]:
        """What was not sent on this connection and lies within the window, in order.

        Going on to the next one says that the one before has been sent.
        """
        oldest = self._oldest
        for sequence, item in self._outstanding.items():
            # A server started anew may give less credit than the one before: then not all of them may be sent yet.
            if item.connection != connection and sequence < oldest + self.window:
                yield [pack_envelope(Envelope(Role.REQUEST, self._session, sequence, oldest)), item.data]
                item.connection = connection

    def take(self, message: list[bytes]) -> Reply | None:
        """Read a message: a reply that was not here before, or None.

        Raises:
            WireError: it is no message of a server to this client.
        """
        if len(message) != 2:
            raise WireError("not an envelope and a packet")
        envelope, data = unpack_envelope(message[0]), message[1]
        if envelope.session != self._session:
            raise WireError("a message to another client")
        if envelope.role is Role.WELCOME:
            self._welcome(unpack(data, self._max_bytes))
        if envelope.role is not Role.REPLY or envelope.sequence not in self._outstanding:
            return None
        key = self._outstanding.pop(envelope.sequence).key
        try:
            return Reply(key, unpack(data, self._max_bytes))
        except WireError as error:
            return Reply(key, to_packet(Failure("failed", f"the reply cannot be read: {error}")))

    def _welcome(self, packet: Packet) -> None:
        credit, max_bytes = packet.fields.get("credit"), packet.fields.get("max_packet_bytes")
        if not isinstance(credit, int) or not isinstance(max_bytes, int):
            raise WireError("a welcome without credit")
        self.window = min(max(credit, 1), MAX_CREDIT)
        self._server_max_bytes = min(max_bytes, self._max_bytes)


@dataclass(slots=True)
class _Session:
    route: bytes  # where the client was last heard from
    oldest: int = 0
    pending: set[int] = field(default_factory=set)
    replies: dict[int, bytes] = field(default_factory=dict)


class Inbox:
    """A server's side."""

    def __init__(self, config: TransportConfig) -> None:
        """Each client is given `config.credit`; packets have `config.max_packet_bytes` at most."""
        self._config = config
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()

    def take(self, message: list[bytes]) -> Request | list[bytes] | None:
        """Read a message.

        Returns:
            A request that is new or a notice, for the caller to carry out; or a message to send back at once; or None:
            the request is under way, or answered and the answer has arrived.

        Raises:
            WireError: it is no message of a client.
        """
        if len(message) != 3:
            raise WireError("not a route, an envelope and a packet")
        route, envelope, data = message[0], unpack_envelope(message[1]), message[2]
        session = self._heard(envelope.session, route)
        match envelope.role:
            case Role.HELLO:
                credit = {"credit": self._config.credit, "max_packet_bytes": self._config.max_packet_bytes}
                return [route, pack_envelope(Envelope(Role.WELCOME, envelope.session)), pack(Packet("welcome", credit))]
            case Role.NOTICE:
                max_bytes = min(MAX_NOTICE_BYTES, self._config.max_packet_bytes)
                return Request(unpack(data, max_bytes), envelope.session, None)
            case Role.REQUEST:
                return self._take_request(session, envelope, data)
        raise WireError("a server's message")

    def reply(self, request: Request, packet: Packet) -> list[bytes] | None:
        """Keep the answer to a request, and return the message that carries it; None if nobody waits for it.

        Raises:
            WireError: the packet cannot be put into bytes, or is too large; the request is still unanswered.
        """
        data = _pack_within(packet, self._config.max_packet_bytes)
        session = self._sessions.get(request.session)
        if session is None or request.sequence is None or request.sequence not in session.pending:
            return None
        session.pending.remove(request.sequence)
        session.replies[request.sequence] = data
        return [session.route, pack_envelope(Envelope(Role.REPLY, request.session, request.sequence)), data]

    def _heard(self, key: bytes, route: bytes) -> _Session:
        session = self._sessions.setdefault(key, _Session(route))
        session.route = route
        self._sessions.move_to_end(key)
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def _take_request(self, session: _Session, envelope: Envelope, data: bytes) -> Request | list[bytes] | None:
        sequence = envelope.sequence
        if envelope.oldest > session.oldest:
            session.oldest = envelope.oldest
            for arrived in [known for known in session.replies if known < session.oldest]:
                del session.replies[arrived]
        if sequence in session.replies:
            header = pack_envelope(Envelope(Role.REPLY, envelope.session, sequence))
            return [session.route, header, session.replies[sequence]]
        in_window = session.oldest <= sequence < session.oldest + self._config.credit
        if sequence in session.pending or not in_window:
            return None
        session.pending.add(sequence)
        try:
            return Request(unpack(data, self._config.max_packet_bytes), envelope.session, sequence)
        except WireError as error:
            failure = Failure("bad_request", f"the request cannot be read: {error}")
            return self.reply(Request(Packet("unread"), envelope.session, sequence), to_packet(failure))


def _pack_within(packet: Packet, max_bytes: int) -> bytes:
    data = pack(packet)
    if len(data) > max_bytes:
        raise WireError(f"packet '{packet.kind}' has {len(data)} bytes, more than the {max_bytes} allowed")
    return data
