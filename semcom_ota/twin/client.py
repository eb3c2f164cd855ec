"""The host's side of the twin: what libuhd's multi_usrp and its streamers are to a real USRP.

    device = open_device("type=twin,serial=A")
    rate = device.call("set_rx_rate", 1e6)          # what the device made of it
    device.start_rx()
    packet = device.recv(4096, timeout=1.0)         # packet.samples, packet.time, packet.error

Errors are `TwinError`, worded as UHD 4.3 words them, so that whoever learns to read these can read those.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from semcom_ota.config import ConfigError
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.address import TYPE, is_private, lab_folder, parse_address, socket_path
from semcom_ota.twin.client_control import Control, KnownClock
from semcom_ota.twin.client_streams import AsyncEvent, ReceiveStream, RxPacket, TransmitStream, TwinError, gone
from semcom_ota.twin.wire import FrameReader
from semcom_ota.types import ComplexArray

__all__ = ["AsyncEvent", "RxPacket", "TwinDevice", "TwinError", "find", "open_device"]

CALL_TIMEOUT_S = 5.0
_FIND_TIMEOUT_S = 2.0
_CLOCK_KNOWN_S = 3.0  # by then, drift has made it wrong by less than a tenth of a microsecond
_SETTING_S = 2.5  # a time that is set at the next pulse is set by then
_PPS_WITHIN_S = 1.1  # as UHD's set_time_unknown_pps has it


class TwinDevice:
    """An open device. Any thread may call; one thread at a time receives, one sends, one takes messages."""

    def __init__(self, path: Path, arguments: dict[str, str]):
        """Open it.

        Args:
            path: of its socket.
            arguments: of the device address.

        Raises:
            TwinError: it is not there, is taken, or fails.
        """
        self._path = path
        self._lock = threading.Lock()  # one call at a time
        self._starting = threading.Lock()
        self._receiving: ReceiveStream | None = None
        self._transmitting: TransmitStream | None = None
        self._clock: KnownClock | None = None
        self._ask_until = 0.0
        self._closed = False
        self._users = 1
        self._control = Control(path, CALL_TIMEOUT_S)
        try:
            opened = self._control.call("open", [arguments, os.getpid()])
        except TwinError:
            self._control.close()
            raise
        self._token: str = opened["token"]
        self.info: dict[str, str] = opened["info"]

    def call(self, name: str, *arguments: Any) -> Any:
        """One of multi_usrp's methods by its name, channel last: `call("set_rx_gain", 30.0)`, `call("get_time_now")`.

        Setting a rate, a gain or a bandwidth answers with what it is now; `set_rx_freq` and `set_tx_freq` take the
        target and an LO offset and answer with UHD's tune result; times are `TimeSpec`; a range is
        [start, stop, step]; a sensor is {name, value, unit}.

        Raises:
            TwinError: the device refuses, knows no such call, or is gone.
        """
        if name == "set_time_unknown_pps":
            return self._set_time_unknown_pps(*arguments)
        if name == "get_time_now":
            return self._time_now()
        with self._lock:
            if name.startswith(("set_time", "set_clock")):
                self._clock, self._ask_until = None, time.monotonic() + _SETTING_S
            return self._control.call(name, list(arguments))

    def start_rx(self, at: TimeSpec | None = None) -> None:
        """Start to receive, at a device time or at once.

        Raises:
            TwinError: the device is gone.
        """
        stream = self._receive_stream()
        stream.forget()
        self.call("start_rx", at)

    def stop_rx(self) -> None:
        """Stop. What is under way can still be received."""
        if not self._closed:
            self.call("stop_rx")

    def recv(self, count: int, timeout: float, one_packet: bool = False) -> RxPacket:
        """Take samples.

        Args:
            count: so many at most.
            timeout: seconds to wait for them.
            one_packet: wait for no more than the first ones; what is there already comes with them.

        Returns:
            Samples that follow each other without a gap, and the time of the first one. `error` is "overflow", without
            samples, where some were lost: the next packet says by its time how many. It is "timeout" if nothing came.

        Raises:
            TwinError: the device is gone.
        """
        return self._receive_stream().recv(count, timeout, one_packet)

    def send(
        self, samples: ComplexArray, *, start: bool, end: bool, at: TimeSpec | None = None, timeout: float = 1.0
    ) -> int:
        """Hand over samples of a burst.

        Args:
            samples: (n,) complex64; what is beyond +-1 is clipped.
            start: whether a burst begins with them.
            end: whether it ends with them.
            at: device time of the first sample of a burst; None is as soon as can be.
            timeout: seconds to wait for room in the device.

        Returns:
            How many it took: fewer than n where there was no room.

        Raises:
            TwinError: the device is gone.
        """
        return self._transmit_stream().send(samples, start=start, end=end, at=at, timeout=timeout)

    def recv_async_msg(self, timeout: float) -> AsyncEvent | None:
        """What the device says of bursts; None if it says nothing for so many seconds.

        Raises:
            TwinError: the device is gone.
        """
        return self._transmit_stream().recv_async_msg(timeout)

    def close(self) -> None:
        """Let it go; the last of those who opened it in this process closes it."""
        with _OPEN_LOCK:
            self._users -= 1
            if self._users > 0 or self._closed:
                return
            self._closed = True
            if _OPEN.get(self._path) is self:
                del _OPEN[self._path]
        for part in (self._receiving, self._transmitting, self._control):
            if part is not None:
                part.close()

    def _receive_stream(self) -> ReceiveStream:
        with self._starting:
            if self._receiving is None:
                self._receiving = ReceiveStream(*self._attach("rx"))
            return self._receiving

    def _transmit_stream(self) -> TransmitStream:
        with self._starting:
            if self._transmitting is None:
                self._transmitting = TransmitStream(*self._attach("tx"))
            return self._transmitting

    def _attach(self, direction: str) -> tuple[socket.socket, FrameReader]:
        """A connection of its own for samples."""
        if self._closed:
            raise gone()
        control = Control(self._path, CALL_TIMEOUT_S)
        try:
            control.call("attach", [self._token, direction])
        except TwinError:
            control.close()
            raise
        return control.connection, control.reader

    def _time_now(self) -> TimeSpec:
        """Read the clock as fast as from a real device, however busy the lab is: what it told last, and goes on."""
        clock = self._clock
        if clock is None or time.monotonic() - clock.asked > _CLOCK_KNOWN_S:
            with self._lock:
                told = self._control.call("get_clock", [])
            clock = KnownClock(float(told["asked"]), told["showed"], float(told["rate"]))
            if time.monotonic() > self._ask_until:
                self._clock = clock
        elif self._lock.acquire(blocking=False):  # nobody waits for an answer: nothing but an end can be there
            try:
                self._control.check()
            finally:
                self._lock.release()
        return clock.showed.after((time.monotonic() - clock.asked) * clock.rate)

    def _set_time_unknown_pps(self, at: TimeSpec) -> None:
        """As UHD does it: wait for an edge, then set the time at the next one."""
        before, deadline = self.call("get_time_last_pps"), time.monotonic() + _PPS_WITHIN_S
        while self.call("get_time_last_pps") == before:
            if time.monotonic() > deadline:
                raise TwinError(
                    "RuntimeError: Board 0 may not be getting a PPS signal!\nNo PPS detected within the time"
                    " interval.\nSee the application notes for your device.\n"
                )
            time.sleep(0.005)
        self.call("set_time_next_pps", at)
        time.sleep(1.0)


_OPEN: dict[Path, TwinDevice] = {}
_OPEN_LOCK = threading.Lock()


def find(address: str) -> list[dict[str, str]]:
    """The devices of the lab that an address could mean.

    Args:
        address: keys and values; `lab=DIR` says where, all others must be as the device has them. "" means all.

    Returns:
        For each one type, serial, product and name, ordered by serial; none if there is no lab.
    """
    return [fields for _, fields in _found(address)]


def open_device(address: str) -> TwinDevice:
    """Open a device, or share it with whoever in this process has opened it already, as UHD does.

    Args:
        address: such as `type=twin,serial=A`. Without a serial it is the first one that is there.

    Raises:
        TwinError: no such device, it is taken by another process, or it fails.
        ConfigError: the address cannot be read.
    """
    with _OPEN_LOCK:
        for path, _ in _found(address):
            device = _OPEN.get(path)
            if device is None:
                device = _OPEN[path] = TwinDevice(path, parse_address(address))
            else:
                device._users += 1
            return device
    wanted = "".join(f"    {key}: {value}\n" for key, value in parse_address(address).items())
    raise TwinError(f"LookupError: KeyError: No devices found for ----->\nDevice Address:\n{wanted}")


def _found(address: str) -> Iterator[tuple[Path, dict[str, str]]]:
    fields = parse_address(address)
    folder = lab_folder(fields).absolute()
    if fields.get("type", TYPE) != TYPE or not is_private(folder):
        return
    wanted = {key: fields[key] for key in ("serial", "product", "name") if fields.get(key)}
    for path in sorted(folder.glob("*.sock")):
        with contextlib.suppress(TwinError, ConfigError, TypeError):
            control = Control(socket_path(folder, path.stem), _FIND_TIMEOUT_S)
            try:
                told = {str(key): str(value) for key, value in dict(control.call("describe", [])).items()}
            finally:
                control.close()
            if all(told.get(key) == value for key, value in wanted.items()):
                yield path, told
