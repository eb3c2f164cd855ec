"""The sockets between processes: requests that are answered exactly once, though either end may be killed any moment.

`delivery.py` is the protocol; here it meets ZMQ. Liveness is ZMTP's heartbeat, both ways, answered by libzmq's thread
even while Python computes.

An object here belongs to one thread; only `wake` may be called from another.
"""

import contextlib
import math
import os
import secrets
import threading
import time
from collections.abc import Hashable
from pathlib import Path
from typing import Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from semcom_ota.config import ConfigError, TransportConfig
from semcom_ota.transport.delivery import Inbox, Outbox, Reply, Request
from semcom_ota.transport.endpoint import TAKEOVER_S, EndpointLock, check_endpoint, in_use
from semcom_ota.transport.wire import SESSION_BYTES, Packet, WireError

__all__ = ["Reply", "ReplyServer", "Request", "RequestClient"]

MAX_PARTS = 3  # delivery.py
QUEUE = 1024  # packets that may wait in a socket beside the requests under way: link reports, mostly


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
        """The next message; an empty one for a stranger's with more parts than any of ours, which are not copied."""
        try:
            part = self._socket.recv(zmq.DONTWAIT, copy=False)
        except zmq.Again:
            return None
        parts, count = [part], 1
        while part.more:
            part = self._socket.recv(zmq.DONTWAIT, copy=False)  # libzmq has all the parts, or none
            count += 1
            if count <= MAX_PARTS:
                parts.append(part)
        return [part.bytes for part in parts] if count <= MAX_PARTS else []

    def _send(self, message: list[bytes]) -> bool:
        """Send, or say that it cannot be sent now: the socket has no room, or the other side has gone."""
        try:
            self._socket.send_multipart(message, zmq.DONTWAIT)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            return False
        return True


class RequestClient(_Socket):
    """Sends requests to one `ReplyServer` and gets each answered exactly once."""

    def __init__(self, endpoint: str, config: TransportConfig) -> None:
        """Connect, now or as soon as there is a server.

        Raises:
            ConfigError: the endpoint is beyond this machine, or makes no sense.
        """
        check_endpoint(endpoint)
        super().__init__(zmq.DEALER, config)
        self._outbox = Outbox(secrets.token_bytes(SESSION_BYTES), config.max_packet_bytes)
        self._connection = 0  # counts connections
        self._connected = False
        self._greeted = 0  # the connection on which HELLO was last sent
        self._socket.set(zmq.IMMEDIATE, 1)  # nothing waits in a pipe without a peer: we know best what to send again
        self._socket.set(zmq.RECONNECT_IVL, 20)
        self._socket.set(zmq.RECONNECT_IVL_MAX, 200)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._socket.connect(endpoint)

    @property
    def credit(self) -> int:
        """How many requests `submit` would take now; 0 until the server has been heard for the first time."""
        return self._outbox.credit

    def submit(self, key: Hashable, packet: Packet) -> bool:
        """Send a request; its reply will come out of `poll` with the same key, also if the server dies in between.

        Returns:
            False, and nothing has been done, if there is no credit: `poll` until there is.

        Raises:
            WireError: the packet cannot be put into bytes, or is larger than the server takes.
        """
        if self.credit == 0:
            return False
        self._outbox.add(key, packet)
        self._flush()
        return True

    def notify(self, packet: Packet) -> bool:
        """Send a one-way packet, best effort; False if there is no server or it does not keep up.

        Raises:
            WireError: as `submit`.
        """
        return self._send_if_connected(self._outbox.notice(packet))

    def poll(self, timeout: float) -> list[Reply]:
        """Send what waits, and return the replies that arrived, each once.

        Returns as soon as there is a reply, the server has come, gone or given credit, or `wake` was called, and at the
        latest after `timeout` seconds; the list may be empty.
        """
        deadline = time.monotonic() + timeout
        woken = False
        while True:
            changed = self._read_events()
            window = self._outbox.window
            replies = self._read_replies()
            changed |= self._outbox.window != window
            all_sent = self._flush()
            left = deadline - time.monotonic()
            if replies or changed or woken or left <= 0:
                return replies
            woken = self._wait(left if all_sent else min(left, self._config.heartbeat_ms / 1000))

    def close(self) -> None:
        """Close at once. Requests without a reply stay without one."""
        if not self._monitor.closed:
            self._socket.disable_monitor()
        super().close()

    def _flush(self) -> bool:
        """Send, in order, what was not sent yet on the present connection; False if something is left."""
        if self._greeted != self._connection:
            if not self._send_if_connected(self._outbox.hello()):
                return False
            self._greeted = self._connection
        return all(self._send_if_connected(message) for message in self._outbox.unsent(self._connection))

    def _send_if_connected(self, message: list[bytes]) -> bool:
        # Asking for EVENTS makes libzmq look at its pipes first; a bare send could miss one just made.
        return self._connected and bool(_events(self._socket) & zmq.POLLOUT) and self._send(message)

    def _read_events(self) -> bool:
        changed = False
        while _events(self._monitor) & zmq.POLLIN:
            self._connected = recv_monitor_message(self._monitor)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
            self._connection += self._connected
            changed = True
        return changed

    def _read_replies(self) -> list[Reply]:
        replies = []
        while (message := self._receive()) is not None:
            with contextlib.suppress(WireError):  # what is no message of ours answers nothing
                reply = self._outbox.take(message)
                if reply is not None:
                    replies.append(reply)
        return replies


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
        self._inbox = Inbox(config)
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
            requests = self._read_requests()
            left = deadline - time.monotonic()
            if requests or woken or left <= 0:
                return requests
            woken = self._wait(left)

    def reply(self, request: Request, packet: Packet) -> None:
        """Answer a request. A second answer to the same one is ignored, as is one to a client that has gone for good.

        Raises:
            WireError: the packet cannot be put into bytes, or is too large; the request is still unanswered.
        """
        message = self._inbox.reply(request, packet)
        if message is not None:
            self._send(message)  # a client that has gone gets it when it is back and sends its request again

    def close(self) -> None:
        """Close at once and free the endpoint. Requests without a reply will be sent again to the next server."""
        super().close()
        if self._lock is not None:
            self._lock.release()  # after the socket, which unlinks its file as it goes
            self._lock = None

    def _read_requests(self) -> list[Request]:
        requests: list[Request] = []
        while len(requests) < QUEUE and (message := self._receive()) is not None:
            with contextlib.suppress(WireError):  # strangers' bytes; our own clients never send any
                taken = self._inbox.take(message)
                if isinstance(taken, Request):
                    requests.append(taken)
                elif taken is not None:
                    self._send(taken)
        return requests

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


def _events(socket: zmq.Socket[bytes]) -> int:
    return int(socket.get(zmq.EVENTS))
