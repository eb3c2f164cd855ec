"""The way back: link reports from a receiver to the transmitters of other machines, published over ZMQ.

Nobody waits for anybody: a report that is lost costs a mask, never a message. What arrives is checked as all that comes
from a network, and who sends what is too large is not listened to any more. Liveness is ZMTP's heartbeat: a way back
that was cut is there again by itself.

An object here belongs to one thread at a time.
"""

import contextlib
import math
from pathlib import Path
from typing import Self

import zmq

from semcom_ota.config import ConfigError
from semcom_ota.transport.endpoint import check_far_endpoint
from semcom_ota.transport.keys import read_key
from semcom_ota.transport.messages import from_packet, to_packet
from semcom_ota.transport.wire import WireError, pack, unpack
from semcom_ota.types import LinkReport

QUEUE = 256
MAX_REPORT_BYTES = 2**20  # the SNR of every carrier, and little else
HEARTBEAT_MS, DEAD_MS = 500, 2000


def check(endpoint: str, key: Path | None) -> None:
    """Raise ConfigError if an endpoint makes no sense without a key, or the key cannot be read."""
    check_far_endpoint(endpoint, key is not None)
    if key is not None:
        read_key(key)


class _End:
    """What both ends share."""

    def __init__(self, kind: int, endpoint: str, key: Path | None) -> None:
        check(endpoint, key)
        self._key = None if key is None else read_key(key)
        self._context = zmq.Context()
        self._socket = self._context.socket(kind)
        for option, value in {
            zmq.LINGER: 0,
            zmq.MAXMSGSIZE: MAX_REPORT_BYTES,
            zmq.SNDHWM: QUEUE,
            zmq.RCVHWM: QUEUE,
            zmq.HEARTBEAT_IVL: HEARTBEAT_MS,
            zmq.HEARTBEAT_TIMEOUT: DEAD_MS,
            zmq.RECONNECT_IVL_MAX: 200,
        }.items():
            self._socket.set(option, value)

    def close(self) -> None:
        """Close at once. May be called twice."""
        self._context.destroy(linger=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ReportPublisher(_End):
    """The receiver's end: says each report once, to whoever listens."""

    def __init__(self, endpoint: str, key: Path | None = None) -> None:
        """Bind.

        Args:
            endpoint: `ipc:///path`, `tcp://127.0.0.1:PORT`, or with a key `tcp://*:PORT`.
            key: file of the secret key (`semcom keys`).

        Raises:
            ConfigError: the endpoint makes no sense without a key, or cannot be made; or there is no such key.
        """
        super().__init__(zmq.PUB, endpoint, key)
        try:
            if self._key is not None:
                self._socket.set(zmq.CURVE_SERVER, 1)
                self._socket.set(zmq.CURVE_SECRETKEY, self._key)
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ConfigError(f"link reports cannot be published at '{endpoint}': {error.strerror}") from error

    def publish(self, report: LinkReport) -> None:
        """Say it, without waiting."""
        with contextlib.suppress(zmq.Again):  # a PUB socket drops what a listener does not take
            self._socket.send(pack(to_packet(report)), zmq.DONTWAIT)


class ReportSubscriber(_End):
    """A transmitter's end.

    Attributes:
        dropped: what arrived and was no link report.
    """

    def __init__(self, endpoint: str, key: Path | None = None) -> None:
        """Connect, now or as soon as there is a receiver.

        Args:
            endpoint: where the receiver publishes.
            key: file of the receiver's public key.

        Raises:
            ConfigError: the endpoint makes no sense without a key, or there is no such key.
        """
        super().__init__(zmq.SUB, endpoint, key)
        self.dropped = 0
        try:
            if self._key is not None:
                public, secret = zmq.curve_keypair()  # anybody may listen
                for option, value in (
                    (zmq.CURVE_SERVERKEY, self._key), (zmq.CURVE_PUBLICKEY, public), (zmq.CURVE_SECRETKEY, secret)
                ):  # fmt: skip
                    self._socket.set(option, value)
            self._socket.subscribe(b"")
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ConfigError(f"link reports cannot be heard from '{endpoint}': {error.strerror}") from error

    def poll(self, timeout: float) -> list[LinkReport]:
        """Reports that have arrived, in order; waits up to `timeout` seconds for the first one."""
        reports: list[LinkReport] = []
        ready = self._socket.poll(math.ceil(timeout * 1000))
        while ready and len(reports) < QUEUE:
            try:
                parts = self._socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                break
            try:
                message = from_packet(unpack(parts[0], MAX_REPORT_BYTES)) if len(parts) == 1 else None
            except WireError:
                message = None
            if isinstance(message, LinkReport):
                reports.append(message)
            else:
                self.dropped += 1
        return reports
