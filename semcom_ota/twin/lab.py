"""The lab: its devices, the air between them, and what its script does to them. Without sockets, without a clock."""

import contextlib
import math
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.address import TYPE
from semcom_ota.twin.air import Air
from semcom_ota.twin.client_streams import AsyncEvent, TwinError
from semcom_ota.twin.device_calls import DeviceCalls
from semcom_ota.twin.device_clock import DeviceClock
from semcom_ota.twin.faults import Fade, Fault, Overflow, Vanish
from semcom_ota.twin.front_end import FrontEnd, Noise
from semcom_ota.twin.host_link import TxPacket
from semcom_ota.twin.lab_config import LabConfig
from semcom_ota.twin.lab_log import LabLog
from semcom_ota.twin.oscillator import Oscillator, Wander
from semcom_ota.twin.port import Port
from semcom_ota.twin.receive_path import ReceivePath
from semcom_ota.twin.transmit_path import TransmitPath

MOST_EVENTS = 1000
"""That wait for the host."""
SETTLE_S = 4e-3
"""A receiver sees the air so much later than true time: until then, what a host has handed over is taken."""


class Usrp:
    """One device. Times `now` are the lab's true seconds; the lab's lock is held while anything is called."""

    def __init__(self, serial: str, lab: LabConfig, air: Air, oscillator: Oscillator, log: LabLog):
        """Plugged in, and not open.

        Args:
            serial: its key in `lab.devices`.
            lab: where it is.
            air: of the lab.
            oscillator: its own.
            log: of the lab.
        """
        self.serial = serial
        self.config = lab.devices[serial]
        self.plugged = True
        self.token = ""
        """Of the connection that has it open."""
        self.transmit: TransmitPath | None = None
        self.receive: ReceivePath | None = None
        self.events: queue.Queue[AsyncEvent | None] = queue.Queue(MOST_EVENTS)
        """What it has to say to the host; None once there will be no more."""
        self._air = air
        self._log = log
        self._script = [fault for fault in lab.script() if serial in _subjects(fault)]
        self.clock = DeviceClock(
            oscillator, reference=self.config.reference, gpsdo=self.config.gpsdo, lock_s=self.config.lock_s
        )
        self._front_end = FrontEnd(self.config, lab.seed, serial)
        self._noise = Noise(lab.seed, serial)
        self._streams = 0
        self._let_go: list[TransmitPath] = []  # of openings before this one, until all of theirs is in the log
        self._pid: int | None = None  # who has it open
        self._opened = 0.0
        self._vanish: Vanish | None = None
        self._overflows: list[Overflow] = []
        self._power_on()

    @property
    def description(self) -> dict[str, str]:
        """What discovery says of it."""
        product = self.config.product
        name = self.config.name or f"twin-{self.serial}"
        return {"type": TYPE, "serial": self.serial, "product": product, "name": name}

    @property
    def vanishes_at(self) -> float:
        """When the script unplugs it, if it stays open; infinity if it does not."""
        return math.inf if self._vanish is None or self._pid is None else self._opened + self._vanish.after_s

    def open(self, arguments: dict[str, str], pid: int, now: float) -> None:
        """A host opens it, and the script begins anew.

        Raises:
            TwinError: it is not there, is open already, or fails.
        """
        if not self.plugged or not self.config.opens:
            raise TwinError("RuntimeError: OpTimeout: Control operation timed out waiting for ACK")
        if self._pid is not None:
            raise TwinError(self.config.model.taken)
        self._power_on()
        if arguments.get("master_clock_rate"):
            try:
                clock_hz = float(arguments["master_clock_rate"])
            except ValueError:
                raise TwinError("ValueError: master_clock_rate is no number") from None
            self._calls.call("set_master_clock_rate", [clock_hz], now)
        self._pid, self._opened = pid, now
        self._overflows = [fault for fault in self._script if isinstance(fault, Overflow)]
        self._vanish = next((fault for fault in self._script if isinstance(fault, Vanish)), None)
        as_transmitter = [f for f in self._script if getattr(f, "transmitter", None) == self.serial]
        for fade in as_transmitter:
            if isinstance(fade, Fade) and fade.after_s is not None:
                start = now + fade.after_s
                self._air.block(fade.transmitter, fade.receiver, start, start + fade.for_s)
                self._log.write("fault", start, device=self.serial, fault=fade.model_dump())
        self.events = queue.Queue(MOST_EVENTS)
        self.transmit = TransmitPath(
            self.serial, self.clock, self._tx, self._air, self._log, as_transmitter,
            self.config.buffer_ms / 1e3, self.config.leakage_dbfs,
        )  # fmt: skip
        self._log.write("opened", now, device=self.serial, pid=pid)
        self._log.say(f"{self.serial}: opened by process {pid}")

    def close(self, now: float) -> None:
        """The host lets go."""
        if self._pid is None:
            return
        self.stop_rx(now)
        if self.transmit is not None:
            self.transmit.close(now)
            self._let_go.append(self.transmit)
        self.transmit = None
        with contextlib.suppress(queue.Full):
            self.events.put_nowait(None)
        self._log.write("closed", now, device=self.serial, pid=self._pid)
        self._log.say(f"{self.serial}: closed by process {self._pid}")
        self._pid = None
        self.token = ""

    def unplug(self, now: float) -> float:
        """As the script says; the true time at which it is plugged in again."""
        assert self._vanish is not None
        fault, self._vanish = self._vanish, None
        self._log.write("fault", now, device=self.serial, fault=fault.model_dump())
        self._log.say(f"{self.serial}: unplugged, as the script says")
        self.plugged = False
        self.close(now)
        return math.inf if fault.back_after_s is None else now + fault.back_after_s

    def call(self, name: str, arguments: list[Any], now: float) -> Any:
        """One of the host's calls (`DeviceCalls`).

        Raises:
            TwinError: it refuses.
        """
        return self._calls.call(name, arguments, now)

    def advance(self, horizon: float) -> None:
        """What becomes of bursts by true time `horizon` is told to the host and to the log."""
        for path in self._let_go:
            path.advance(horizon)
        self._let_go = [path for path in self._let_go if not path.is_logged]
        for event in self.transmit.advance(horizon) if self.transmit is not None else ():
            with contextlib.suppress(queue.Full):  # UHD, too, drops what nobody reads
                self.events.put_nowait(event)

    def start_rx(self, at: TimeSpec | None, now: float) -> ReceivePath:
        """Start to receive, at a device time or at once; a stream before this one ends.

        Raises:
            TwinError: the time is past.
        """
        self.stop_rx(now)
        counted = self.clock.oscillator.counted(now)
        start = counted if at is None else self.clock.count_at(at)
        if start < counted:
            raise TwinError("RuntimeError: ERROR_CODE_LATE_COMMAND: the time at which to receive is past")
        self.receive = ReceivePath(
            self.serial, self.clock, self._rx, self._air, self._front_end,
            self._noise, self._streams, self._log, self._overflows,
            self.config.buffer_ms / 1e3, start,
        )  # fmt: skip
        self._streams += 1
        self._log.write(
            "rx_started", now, device=self.serial, device_time=self.clock.at_count(start), rate=self._rx.rate
        )
        return self.receive

    def stop_rx(self, now: float) -> None:
        """Stop to receive."""
        if self.receive is not None:
            self.receive.close()
            self._overflows = list(self.receive.script)
            self.receive = None
            self._log.write("rx_stopped", now, device=self.serial)

    def _power_on(self) -> None:
        """As opening leaves it: all that is tuned and set is new. The clock runs on."""
        self._rx, self._tx = Port("rx", self.config.model), Port("tx", self.config.model)
        self._calls = DeviceCalls(self.serial, self.config, self.clock, self._rx, self._tx)


class Lab:
    """All devices, and the air between them."""

    def __init__(self, config: LabConfig, log: LabLog, now: Callable[[], float]):
        """All is plugged in.

        Args:
            config: what there is.
            log: what happens is written there.
            now: true time, in seconds since the lab began.
        """
        self.log = log
        self.now = now
        self.lock = threading.RLock()
        self.taken: set[Callable[[], float]] = set()
        """For each host that sends: up to which true time all that it handed over has been taken."""
        self._done = -math.inf
        oscillators = {
            serial: Oscillator(Wander.of(device, config.seed, serial)) for serial, device in config.devices.items()
        }
        self.air = Air(config.paths, oscillators)
        self.devices = {serial: Usrp(serial, config, self.air, oscillators[serial], log) for serial in config.devices}
        log.write("begun", now(), pid=os.getpid(), lab=config.model_dump(mode="json", by_alias=True))

    def horizon(self) -> float:
        """The true time up to which nothing can change any more: all that hosts handed over before has been taken.

        A lab that does not get its share of the processor takes it later, and its receivers see the air later; what
        becomes of bursts stays the same.
        """
        return min([self.now(), *(taken() for taken in list(self.taken))]) - SETTLE_S

    def advance(self, horizon: float) -> None:
        """Tell hosts what has become of their bursts until then."""
        with self.lock:
            self._done = max(self._done, horizon)
            for usrp in self.devices.values():
                usrp.advance(self._done)

    def close(self) -> None:
        """All devices are closed, and the log is complete."""
        with self.lock:
            for usrp in self.devices.values():
                usrp.close(self.now())
            self.advance(math.inf)
        self.log.close()

    def push(self, serial: str, packet: TxPacket) -> None:
        """Samples that a host has sent. They may not arrive in what is past already."""
        with self.lock:
            path = self.devices[serial].transmit
            if path is not None:
                path.push(replace(packet, arrived=max(packet.arrived, self._done)))

    def has_room(self, serial: str) -> bool:
        """Whether a transmitter takes more."""
        with self.lock:
            path = self.devices[serial].transmit
            return path is None or path.has_room(self.now())


def _subjects(fault: Fault) -> tuple[str, ...]:
    """The device in whose script this is."""
    if isinstance(fault, Overflow):
        return (fault.receiver,)
    return (fault.device,) if isinstance(fault, Vanish) else (fault.transmitter,)
