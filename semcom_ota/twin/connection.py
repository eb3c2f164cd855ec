"""One connection of a host to a device: calls, samples one way, or samples and messages the other way."""

import contextlib
import math
import secrets
import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.client_streams import TwinError
from semcom_ota.twin.host_link import TxPacket
from semcom_ota.twin.lab import SETTLE_S, Lab, Usrp
from semcom_ota.twin.receive_path import ReceiveBuffer, ReceivePath
from semcom_ota.twin.resampling import separated
from semcom_ota.twin.wire import Flags, Frame, FrameError, FrameReader, Kind, pack, pack_json, unpack_json

_BEHIND_S = 0.05
"""A stream that is so late, and not because its buffer is full, is late by the lab's fault."""
_SAY_S = 0.2
"""So late that people are told."""
_GIVE_UP_S = 2.0
"""So late that samples are lost, by the lab's fault. Less than the air remembers."""
_CHUNK_BYTES = 262144
_MOST_SOCKET_BYTES = 131072


class Connection:
    """Serves one host on a thread of its own. The first thing that is said on it decides what it is for."""

    def __init__(self, accepted: socket.socket, lab: Lab, usrp: Usrp, began: float, others: "set[Connection]"):
        """A host has connected.

        Args:
            accepted: the socket.
            lab: all there is.
            usrp: the device that it has connected to.
            began: CLOCK_MONOTONIC when the lab's true time was 0.
            others: connections to this device; it takes itself out when it ends.
        """
        self._socket = accepted
        self._lab = lab
        self._usrp = usrp
        self._began = began
        self._others = others
        self._reader = FrameReader()
        self._token = ""  # of the opening that hangs on this connection, or that it belongs to
        self._direction = ""
        self._sending: threading.Thread | None = None
        self._in_hand: float | None = None  # when the packet in hand was handed over; None: the socket is waited for
        self._empty_at = 0.0

    def serve(self) -> None:
        """Until the host ends it, or says something that cannot be read."""
        try:
            for frame in self._frames():
                direction = self._direction
                if frame.kind is Kind.TRANSMITTED and direction == "tx":
                    self._transmit(frame)
                elif frame.kind is Kind.CALL and not direction:
                    self._socket.sendall(self._answer(frame))
                    if self._direction == "tx":
                        self._empty_at = self._lab.now()
                        self._lab.taken.add(self._taken)
                        threading.Thread(target=self._tell, name="messages", daemon=True).start()
                else:
                    raise FrameError("not here")
        except (FrameError, OSError):
            pass  # the host is gone, or speaks another language: either way this connection is done
        finally:
            self._others.discard(self)
            self._lab.taken.discard(self._taken)
            self.close()
            with self._lab.lock:
                if self._token and not self._direction and self._usrp.token == self._token:
                    for other in list(self._others):
                        if other._token == self._token:
                            other.close()
                    self._usrp.close(self._lab.now())
            self._socket.close()

    def close(self) -> None:
        """End it, from any thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _frames(self) -> Iterator[Frame]:
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        while True:
            poller.poll()
            self._in_hand = self._empty_at  # before the socket is empty again, or a receiver might not wait for this
            data = self._socket.recv(_CHUNK_BYTES)
            if not data:
                return
            yield from self._reader.feed(data)
            self._in_hand = None

    def _answer(self, frame: Frame) -> bytes:
        fields = unpack_json(frame)
        name, arguments = fields.get("call"), fields.get("arguments")
        if not isinstance(name, str) or not isinstance(arguments, list):
            raise FrameError("not a call")
        try:
            return pack_json(Kind.ANSWER, {"result": self._call(name, arguments)})
        except TwinError as error:
            return pack_json(Kind.ANSWER, {"error": str(error)})

    def _call(self, name: str, arguments: list[Any]) -> Any:
        usrp = self._usrp
        if name == "describe":
            return usrp.description
        with self._lab.lock:
            now = self._lab.now()
            match name, arguments:
                case "open", [dict(address), int(pid)] if not self._token:
                    usrp.open({str(key): str(value) for key, value in address.items()}, pid, now)
                    usrp.token = self._token = secrets.token_hex(8)
                    return {"token": self._token, "info": usrp.description}
                case "attach", [str(token), "rx" | "tx" as direction] if token and token == usrp.token:
                    self._token, self._direction = token, direction
                    return None
            if not self._token or self._token != usrp.token:
                raise TwinError("RuntimeError: this device is not open")
            match name, arguments:
                case "get_clock", []:
                    rate = 1 + usrp.clock.oscillator.error(now)
                    return {"asked": self._began + now, "showed": usrp.clock.time(now), "rate": rate}
                case "start_rx", [None | TimeSpec() as at]:
                    self._start_rx(usrp.start_rx(at, now))
                    return None
                case "stop_rx", []:
                    usrp.stop_rx(now)
                    return None
            return usrp.call(name, arguments, now)

    # -- to the host ---------------------------------------------------------------------------------------------------

    def _start_rx(self, path: ReceivePath) -> None:
        receiver = next(
            (one for one in list(self._others) if (one._token, one._direction) == (self._token, "rx")), None
        )
        if receiver is None:
            raise TwinError("RuntimeError: there is no stream to receive with")
        room = min(max(8192, int(path.rate * self._usrp.config.buffer_ms / 1e3)), _MOST_SOCKET_BYTES)
        receiver._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        threading.Thread(target=receiver._pump, args=(path,), name="receiver", daemon=True).start()
        before = receiver._sending
        receiver._sending = threading.Thread(
            target=receiver._send, args=(path.buffer, before), name="samples", daemon=True
        )
        receiver._sending.start()

    def _pump(self, path: ReceivePath) -> None:
        """Makes samples as their time comes. Knows whose fault it is if they do not fit."""
        lab, serial = self._lab, self._usrp.serial
        patient_until, held_up, said = 0.0, False, False
        while self._usrp.receive is path:
            now, horizon = lab.now(), lab.horizon()
            if path.due(horizon) < path.block:
                held_up = said = False
                time.sleep(min(max(5e-4, path.due_at(path.block) + SETTLE_S - now), 0.1))
                continue
            late_s = now - SETTLE_S - path.due_at(0)
            if late_s > _BEHIND_S and not held_up:
                # Had the lab been in time, the host might have read all this: it has a buffer's time to do so now.
                patient_until = now + late_s + self._usrp.config.buffer_ms / 1e3
            if late_s > _SAY_S and not held_up and not said:
                said = True
                lab.log.write("lab_behind", now, device=serial, late_s=round(late_s, 3))
                lab.log.say(f"{serial}: samples come {1e3 * late_s:.0f} ms late: this computer is busy")
            if late_s > _GIVE_UP_S:
                lab.log.write("lab_too_slow", now, device=serial, late_s=round(late_s, 3))
                path.lose(path.due(now) - path.block, "lab_too_slow")
            elif path.is_full and (now < patient_until or self._host_waits()):
                held_up = True
                path.buffer.wait_for_room(path.block, 0.01)
            else:
                lab.advance(horizon)
                path.make(path.block)

    def _host_waits(self) -> bool:
        """Whether the host has read what there is: then a full buffer is not its fault, but that of our own threads."""
        with contextlib.suppress(OSError, ValueError):
            poller = select.poll()
            poller.register(self._socket, select.POLLOUT)
            return bool(poller.poll(0))
        return False

    def _send(self, buffer: ReceiveBuffer, before: threading.Thread | None) -> None:
        """Empties the buffer as fast as the host reads."""
        if before is not None:
            before.join()
        while (block := buffer.take()) is not None:
            flags = Flags.TIME | (Flags.START if block.start else Flags.NONE)
            flags |= Flags.OVERFLOW if block.overflow else Flags.NONE
            frame = Frame(Kind.RECEIVED, block.samples.tobytes(), flags, 0, block.time, block.rate)
            try:
                self._socket.sendall(pack(frame))
            except OSError:
                return

    def _tell(self) -> None:
        """What the device has to say of bursts."""
        events = self._usrp.events
        while (event := events.get()) is not None:
            fields = {"codes": sorted(event.codes), "at": event.time, "channel": event.channel}
            try:
                self._socket.sendall(pack_json(Kind.EVENT, fields))
            except OSError:
                return

    # -- from the host -------------------------------------------------------------------------------------------------

    def _transmit(self, frame: Frame) -> None:
        """Samples of a burst. Held up here while device and transport are full, and the host with it."""
        serial = self._usrp.serial
        handed_over = min(self._lab.now(), frame.value - self._began)
        self._in_hand = handed_over
        while not self._lab.has_room(serial):
            self._in_hand = math.inf  # it is far ahead of its time
            time.sleep(2e-3)
        packet = TxPacket(
            samples=separated(np.frombuffer(frame.payload, np.dtype("<i2"))),
            start=bool(frame.flags & Flags.START),
            end=bool(frame.flags & Flags.END),
            at=frame.time if frame.flags & Flags.TIME else None,
            sequence=frame.sequence,
            arrived=handed_over,
        )
        self._lab.push(serial, packet)

    def _taken(self) -> float:
        """The true time up to which all that the host handed over has been taken.

        While a packet is in hand, that is what came before it; then, as long as the socket was seen to be empty.
        """
        in_hand = self._in_hand
        if in_hand is not None:
            return in_hand
        now = self._lab.now()
        with contextlib.suppress(OSError, ValueError):
            poller = select.poll()
            poller.register(self._socket, select.POLLIN)
            if poller.poll(0):
                return self._empty_at
        self._empty_at = now
        return now
