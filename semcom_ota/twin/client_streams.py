"""Samples between a host and the twin: what libuhd's rx_streamer and tx_streamer are to a real USRP."""

import contextlib
import select
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.wire import (
    Flags,
    Frame,
    FrameError,
    FrameReader,
    Kind,
    from_sc16,
    pack,
    to_sc16,
    unpack_json,
)
from semcom_ota.types import ComplexArray

PACKET_SAMPLES = 2000
"""Of a burst in one frame at most, as on a B210's USB. A link that loses a packet loses so many."""
_CHUNK_BYTES = 262144


class TwinError(RuntimeError):
    """A device that is not there, is taken, refuses or is gone; the message is worded as UHD words it."""


def gone() -> TwinError:
    """What UHD says of a USB device that was pulled out."""
    return TwinError("EnvironmentError: IOError: usb rx6 transfer status: LIBUSB_TRANSFER_NO_DEVICE")


@dataclass(frozen=True, slots=True)
class RxPacket:
    """What one `recv` got."""

    samples: ComplexArray  # (n,), without a gap; 1.0 is full scale
    time: TimeSpec  # of the first sample, or of the first one that was lost
    error: Literal["none", "timeout", "overflow"] = "none"


@dataclass(frozen=True, slots=True)
class AsyncEvent:
    """What a device says of a burst."""

    codes: frozenset[str]  # burst_ack, underflow, time_error, seq_error, seq_error_in_burst
    time: TimeSpec
    channel: int = 0


class ReceiveStream:
    """Samples from the device. One thread at a time."""

    def __init__(self, connection: socket.socket, reader: FrameReader):
        """Take over an attached connection."""
        self._connection = connection
        self._reader = reader
        self._frames: deque[Frame] = deque()
        self._rest: tuple[ComplexArray, TimeSpec] | None = None  # of a frame of which some was taken
        self._rate = 1.0  # samples/s
        self._stale = False  # what comes is of a stream before this one
        connection.setblocking(False)

    def forget(self) -> None:
        """Drop what a stream before this one has left."""
        self._frames.clear()
        self._rest = None
        self._stale = True

    def recv(self, count: int, timeout: float, one_packet: bool) -> RxPacket:
        """See `TwinDevice.recv`."""
        deadline = time.monotonic() + timeout
        parts: list[ComplexArray] = []
        first, taken = TimeSpec(), 0
        while taken < count:
            if self._rest is None:
                wait = 0.0 if one_packet and parts else max(0.0, deadline - time.monotonic())
                if not self._frames and not self._read(wait):
                    break
                frame = self._frames[0]
                if self._stale and not frame.flags & Flags.START:
                    self._frames.popleft()
                    continue
                self._stale = False
                if (lost := bool(frame.flags & Flags.OVERFLOW)) and parts:
                    break
                self._frames.popleft()
                if lost:
                    return RxPacket(np.empty(0, np.complex64), frame.time, "overflow")
                self._rest, self._rate = (from_sc16(frame.payload), frame.time), frame.value
            samples, at = self._rest
            now = samples[: count - taken]
            if not parts:
                first = at
            parts.append(now)
            taken += now.size
            left = samples[now.size :]
            self._rest = (left, at.after(now.size / self._rate)) if left.size else None
        if not parts:
            return RxPacket(np.empty(0, np.complex64), first, "timeout")
        return RxPacket(np.concatenate(parts) if len(parts) > 1 else parts[0], first)

    def close(self) -> None:
        """End it."""
        _close(self._connection)

    def _read(self, timeout: float) -> bool:
        """Wait for at least one frame; whether there is one."""
        deadline = time.monotonic() + timeout
        while not self._frames:
            data = _receive(self._connection, max(0.0, deadline - time.monotonic()))
            if data is None:
                return False
            try:
                self._frames += [frame for frame in self._reader.feed(data) if frame.kind is Kind.RECEIVED]
            except FrameError as error:
                raise TwinError(f"RuntimeError: {error}") from error
        return True


class TransmitStream:
    """Bursts to the device, and what it says of them. One thread sends, another one listens."""

    def __init__(self, connection: socket.socket, reader: FrameReader):
        """Take over an attached connection."""
        self._connection = connection
        self._reader = reader
        self._sequence = 0
        self._unsent = memoryview(b"")  # of a frame that has begun to go out
        self._events: deque[AsyncEvent] = deque()
        self._sending = threading.Lock()
        connection.setblocking(False)

    def send(self, samples: ComplexArray, *, start: bool, end: bool, at: TimeSpec | None, timeout: float) -> int:
        """See `TwinDevice.send`."""
        with self._sending:
            deadline = time.monotonic() + timeout
            if not self._flush(deadline):
                return 0
            taken = 0
            flags = Flags.NONE if not start else Flags.START | (Flags.TIME if at is not None else Flags.NONE)
            while True:
                part = samples[taken : taken + PACKET_SAMPLES]
                last = taken + part.size == samples.size
                frame = Frame(
                    Kind.TRANSMITTED,
                    to_sc16(part).tobytes(),
                    flags | (Flags.END if end and last else Flags.NONE),
                    self._sequence,
                    at if at is not None and flags & Flags.TIME else TimeSpec(),
                    time.monotonic(),
                )
                self._sequence += 1
                self._unsent = memoryview(pack(frame))
                taken += part.size
                flags = Flags.NONE
                if not self._flush(deadline) or last:
                    return taken

    def recv_async_msg(self, timeout: float) -> AsyncEvent | None:
        """See `TwinDevice.recv_async_msg`."""
        deadline = time.monotonic() + timeout
        while not self._events:
            data = _receive(self._connection, max(0.0, deadline - time.monotonic()))
            if data is None:
                return None
            try:
                for frame in self._reader.feed(data):
                    fields = unpack_json(frame)
                    codes = frozenset(str(code) for code in fields["codes"])
                    self._events.append(AsyncEvent(codes, fields["at"], int(fields["channel"])))
            except (FrameError, KeyError, TypeError, ValueError) as error:
                raise TwinError("RuntimeError: a message of the device that cannot be read") from error
        return self._events.popleft()

    def close(self) -> None:
        """End it."""
        _close(self._connection)

    def _flush(self, deadline: float) -> bool:
        """Send what has begun to go out; whether all of it went before the deadline."""
        while self._unsent:
            try:
                sent = self._connection.send(self._unsent)
                self._unsent = self._unsent[sent:]
            except BlockingIOError:
                if not ready(self._connection, deadline, writing=True):
                    return False
            except OSError as error:
                raise gone() from error
        return True


def _receive(connection: socket.socket, timeout: float) -> bytes | None:
    """Bytes that have come; None if none came in time."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            data = connection.recv(_CHUNK_BYTES)
        except BlockingIOError:
            if not ready(connection, deadline, writing=False):
                return None
            continue
        except OSError as error:
            raise gone() from error
        if not data:
            raise gone()
        return data


def ready(connection: socket.socket, deadline: float, *, writing: bool) -> bool:
    """Wait until the connection can be used; whether it can, before the deadline."""
    wait_ms = max(0.0, deadline - time.monotonic()) * 1000
    poller = select.poll()
    try:
        poller.register(connection, select.POLLOUT if writing else select.POLLIN)
    except (OSError, ValueError) as error:  # closed by another thread
        raise gone() from error
    return bool(poller.poll(wait_ms))


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
