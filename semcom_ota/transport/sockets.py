"""Requests that are answered exactly once, though either process may be killed at any moment.

The reply is the acknowledgement. A client keeps each request until its reply is here, and sends all unanswered ones
again on every new connection. A server knows a request by (session, sequence), carries it out once while it lives, and
keeps the reply until the client says that it has it (`delivery.py` keeps these books). Liveness is ZMTP's heartbeat,
both ways, answered by libzmq's own thread even while Python computes.

The only file that imports zmq. An object here belongs to one thread; only `wake` may be called from another.
"""

import contextlib
import math
import os
import secrets
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from semcom_ota.config import ConfigError, TransportConfig
from semcom_ota.transport.delivery import Outbox, Sessions
from semcom_ota.transport.endpoint import TAKEOVER_S, EndpointLock, check_endpoint, in_use
from semcom_ota.transport.messages import Failure, to_packet
from semcom_ota.transport.wire import (
    SESSION_BYTES,
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
QUEUE = 1024  # packets that may wait in a socket beside the requests under way: link reports, mostly


def _events(socket: zmq.Socket[bytes]) -> int:
    return int(socket.get(zmq.EVENTS))


class _Socket:
    """What client and server share: options, the poller, `wake`, an orderly end."""

    def __init__(self, kind: int, config: TransportConfig) -> None:
        self._config = config
        self._context = zmq.Context()
        self._socket = self._context.socket(kind)
        timeout_ms = max(4 * config.heartbeat_ms, 1000)
        queue = QUEUE + 2 * config.credit
        for option, value in {
            zmq.LINGER: 0,
            zmq.MAXMSGSIZE: config.max_packet_bytes,
            zmq.SNDHWM: queue,
            zmq.RCVHWM: queue,
            zmq.SNDTIMEO: 0,
            zmq.RCVTIMEO: 0,
            zmq.HEARTBEAT_IVL: config.heartbeat_ms,
            zmq.HEARTBEAT_TIMEOUT: timeout_ms,
            zmq.HEARTBEAT_TTL: timeout_ms,
        }.items():
            self._socket.set(option, value)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._wake_lock = threading.Lock()
        self._wake: int | None = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poller.register(self._wake, zmq.POLLIN)

    def wake(self) -> None:
        """Make a `poll` under way, or the next one, return at once. May be called from any thread."""
        with self._wake_lock:
            if self._wake is not None:
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Close the socket at once; what was not sent yet is dropped. May be called twice."""
        with self._wake_lock:
            if self._wake is not None:
                self._context.destroy(linger=0)
                os.close(self._wake)
                self._wake = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, seconds: float) -> bool:
        """Wait for packets, events or `wake`; True if it was `wake`."""
        ready = dict(self._poller.poll(math.ceil(seconds * 1000)))
        if self._wake is None or self._wake not in ready:
            return False
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        return True

    def _receive(self) -> list[bytes] | None:
        try:
            return self._socket.recv_multipart(zmq.DONTWAIT)
        except zmq.Again:
            return None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to `submit(key, ...)`."""

    key: Hashable
    packet: Packet


class RequestClient(_Socket):
    """Sends requests to one `ReplyServer` and gets each answered exactly once."""

    def __init__(self, endpoint: str, config: TransportConfig) -> None:
        """Connect, now or as soon as there is a server.

        Raises:
            ConfigError: the endpoint is beyond this machine, or makes no sense.
        """
        check_endpoint(endpoint)
        super().__init__(zmq.DEALER, config)
        self._session = secrets.token_bytes(SESSION_BYTES)
        self._outbox = Outbox()
        self._server_max_bytes = config.max_packet_bytes
        self._connection = 0
        self._connected = False
        self._greeted = 0  # the connection on which HELLO was last sent
        self._unsent = False
        self._socket.set(zmq.IMMEDIATE, 1)  # nothing waits in a pipe without a peer: we know best what to send again
        self._socket.set(zmq.RECONNECT_IVL, 20)
        self._socket.set(zmq.RECONNECT_IVL_MAX, 200)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._socket.connect(endpoint)

    @property
    def connected(self) -> bool:
        """Whether a server was there when `poll` last looked."""
        return self._connected

    @property
    def credit(self) -> int:
        """How many requests `submit` would take now; 0 until the server has been heard for the first time."""
        return self._outbox.credit

    @property
    def outstanding(self) -> list[Hashable]:
        """Keys of the requests without a reply, oldest first."""
        return self._outbox.keys

    def submit(self, key: Hashable, packet: Packet) -> bool:
        """Send a request; its reply will come out of `poll` with the same key, also if the server dies in between.

        Returns:
            False, and nothing has been done, if there is no credit: `poll` until there is.

        Raises:
            WireError: the packet cannot be put into bytes, or is larger than the server takes.
        """
        if self.credit == 0:
            return False
        self._outbox.add(key, self._pack(packet))
        self._unsent = True
        self._flush()
        return True

    def notify(self, packet: Packet) -> bool:
        """Send a one-way packet, best effort; False if there is no server or it does not keep up.

        Raises:
            WireError: as `submit`.
        """
        return self._send(Envelope(Role.NOTICE, self._session), self._pack(packet))

    def poll(self, timeout: float) -> list[Reply]:
        """Send what waits, and return the replies that arrived, each once.

        Returns as soon as there is a reply, the server has come, gone or given credit, or `wake` was called, and at the
        latest after `timeout` seconds; the list may be empty.
        """
        deadline = time.monotonic() + timeout
        woken = False
        while True:
            changed = self._read_events()
            replies, credit_changed = self._read_replies()
            self._flush()
            left = deadline - time.monotonic()
            if replies or changed or credit_changed or woken or left <= 0:
                return replies
            woken = self._wait(min(left, self._config.heartbeat_ms / 1000) if self._unsent else left)

    def close(self) -> None:
        """Close at once. Requests without a reply stay without one."""
        if not self._monitor.closed:
            self._socket.disable_monitor()
        super().close()

    def _pack(self, packet: Packet) -> bytes:
        data = pack(packet)
        if len(data) > self._server_max_bytes:
            raise WireError(f"a packet of {len(data)} bytes is more than the {self._server_max_bytes} allowed")
        return data

    def _send(self, envelope: Envelope, data: bytes) -> bool:
        # Asking for EVENTS makes libzmq look at its pipes first; a bare send could miss one just made.
        if not self._connected or not _events(self._socket) & zmq.POLLOUT:
            return False
        try:
            self._socket.send_multipart([pack_envelope(envelope), data], zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def _flush(self) -> None:
        """Send, in order, what was not sent yet on the present connection."""
        if not self._unsent:
            return
        if self._greeted != self._connection:
            if not self._send(Envelope(Role.HELLO, self._session), b""):
                return
            self._greeted = self._connection
        for sequence, data in self._outbox.unsent(self._connection):
            if not self._send(Envelope(Role.REQUEST, self._session, sequence, self._outbox.oldest), data):
                return
        self._unsent = False

    def _read_events(self) -> bool:
        changed = False
        while _events(self._monitor) & zmq.POLLIN:
            self._connected = recv_monitor_message(self._monitor)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
            if self._connected:
                self._connection += 1
                self._unsent = True
            changed = True
        return changed

    def _read_replies(self) -> tuple[list[Reply], bool]:
        replies = []
        window = self._outbox.window
        while (parts := self._receive()) is not None:
            with contextlib.suppress(WireError):  # what is no message of ours answers nothing
                if len(parts) == 2 and (reply := self._read(unpack_envelope(parts[0]), parts[1])) is not None:
                    replies.append(reply)
        return replies, self._outbox.window != window

    def _read(self, envelope: Envelope, data: bytes) -> Reply | None:
        if envelope.session == self._session and envelope.role is Role.WELCOME:
            self._welcome(unpack(data, self._config.max_packet_bytes))
        if envelope.session != self._session or envelope.role is not Role.REPLY:
            return None
        answered = self._outbox.answered(envelope.sequence)
        if answered is None:
            return None
        try:
            return Reply(answered[0], unpack(data, self._config.max_packet_bytes))
        except WireError as error:
            return Reply(answered[0], to_packet(Failure("failed", f"the reply cannot be read: {error}")))

    def _welcome(self, packet: Packet) -> None:
        credit, max_bytes = packet.fields.get("credit"), packet.fields.get("max_packet_bytes")
        if isinstance(credit, int) and isinstance(max_bytes, int):
            self._outbox.window = min(max(credit, 1), MAX_CREDIT)
            self._server_max_bytes = min(max_bytes, self._config.max_packet_bytes)


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


class ReplyServer(_Socket):
    """Takes requests from `RequestClient`s at one endpoint, and answers them in any order."""

    def __init__(self, endpoint: str, config: TransportConfig) -> None:
        """Bind.

        Raises:
            ConfigError: the endpoint is beyond this machine, in use by another process, or cannot be made.
        """
        check_endpoint(endpoint)
        self._lock = EndpointLock(endpoint) if endpoint.startswith("ipc://") else None
        super().__init__(zmq.ROUTER, config)
        self._socket.set(zmq.ROUTER_MANDATORY, 1)
        self._sessions = Sessions(config.credit)
        try:
            self._bind(endpoint)
        except ConfigError:
            self.close()
            raise

    def poll(self, timeout: float) -> list[Request]:
        """New requests and notices, each once, in the order in which each client sent them.

        Returns as soon as there is one or `wake` was called, and at the latest after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        woken = False
        while True:
            requests: list[Request] = []
            while len(requests) < QUEUE and (parts := self._receive()) is not None:
                with contextlib.suppress(WireError):  # strangers' bytes; our own clients never send any
                    request = self._take(parts)
                    if request is not None:
                        requests.append(request)
            left = deadline - time.monotonic()
            if requests or woken or left <= 0:
                return requests
            woken = self._wait(left)

    def reply(self, request: Request, packet: Packet) -> None:
        """Answer a request. A second answer to the same one is ignored, as is one to a client that has gone for good.

        Raises:
            WireError: the packet cannot be put into bytes, or is too large; the request is still unanswered.
        """
        data = pack(packet)
        if len(data) > self._config.max_packet_bytes:
            raise WireError(f"a reply of {len(data)} bytes is more than the {self._config.max_packet_bytes} allowed")
        if request.sequence is not None:
            route = self._sessions.replied(request.session, request.sequence, data)
            if route is not None:
                self._send(route, Envelope(Role.REPLY, request.session, request.sequence), data)

    def close(self) -> None:
        """Close at once and free the endpoint. Requests without a reply will be sent again to the next server."""
        super().close()
        if self._lock is not None:
            self._lock.release()  # after the socket, which unlinks its file as it goes
            self._lock = None

    def _bind(self, endpoint: str) -> None:
        deadline = time.monotonic() + TAKEOVER_S
        while True:
            try:
                self._socket.bind(endpoint)
                break
            except zmq.ZMQError as error:
                if error.errno != zmq.EADDRINUSE:
                    raise ConfigError(f"endpoint '{endpoint}' cannot be made: {error.strerror}") from error
                if time.monotonic() > deadline:
                    raise ConfigError(in_use(endpoint)) from error
                time.sleep(0.05)
        if self._lock is not None:
            Path(endpoint.removeprefix("ipc://")).chmod(0o600)

    def _take(self, parts: list[bytes]) -> Request | None:
        if len(parts) != 3:
            raise WireError("not an envelope and a packet")
        route, data = parts[0], parts[2]
        envelope = unpack_envelope(parts[1])
        self._sessions.heard(envelope.session, route)
        if envelope.role is Role.HELLO:
            credit = {"credit": self._config.credit, "max_packet_bytes": self._config.max_packet_bytes}
            self._send(route, Envelope(Role.WELCOME, envelope.session), pack(Packet("welcome", credit)))
        elif envelope.role is Role.NOTICE:
            return Request(unpack(data, self._config.max_packet_bytes), envelope.session, None)
        elif envelope.role is Role.REQUEST:
            return self._take_request(route, envelope, data)
        return None

    def _take_request(self, route: bytes, envelope: Envelope, data: bytes) -> Request | None:
        taken = self._sessions.take(envelope)
        if isinstance(taken, bytes):
            self._send(route, Envelope(Role.REPLY, envelope.session, envelope.sequence), taken)
        if taken is not True:
            return None
        try:
            return Request(unpack(data, self._config.max_packet_bytes), envelope.session, envelope.sequence)
        except WireError as error:
            unread = Request(Packet("unread"), envelope.session, envelope.sequence)
            self.reply(unread, to_packet(Failure("bad_request", f"the request cannot be read: {error}")))
            return None

    def _send(self, route: bytes, envelope: Envelope, data: bytes) -> None:
        # A client that is gone gets the reply when it is back and sends its request again.
        with contextlib.suppress(zmq.ZMQError):
            self._socket.send_multipart([route, pack_envelope(envelope), data], zmq.DONTWAIT)
