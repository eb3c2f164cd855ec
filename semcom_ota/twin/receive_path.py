"""A receiver: samples in real time into a buffer that is bounded, and lost where nobody empties it.

air ──▶ + ──▶ front end ──▶ buffer ──▶ host
        │                     │
      noise                   └──▶ full: samples are lost, one overflow is reported, the next time has jumped
"""

import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.air import Air
from semcom_ota.twin.device_clock import DeviceClock
from semcom_ota.twin.faults import Fault, Overflow
from semcom_ota.twin.front_end import FrontEnd, Noise
from semcom_ota.twin.lab_log import LabLog
from semcom_ota.twin.port import Port
from semcom_ota.twin.wire import MAX_SAMPLES

_BLOCK_S = 4e-3
_LEAST_BLOCK = 256


@dataclass(frozen=True, slots=True)
class RxBlock:
    """What goes to the host."""

    samples: NDArray[np.int16]  # (2 n,), I and Q in turn; none where samples were lost
    time: TimeSpec  # of the first one, or of the first one that was lost
    rate: float
    start: bool = False  # of a stream
    overflow: bool = False


class ReceiveBuffer:
    """What waits for the host: so many samples at most. One thread puts, another one takes."""

    def __init__(self, capacity: int):
        """Empty."""
        self._capacity = capacity
        self._blocks: deque[RxBlock] = deque()
        self._level = 0
        self._changed = threading.Condition()
        self._closed = False

    def takes(self, count: int, *, at_ease: bool = False) -> bool:
        """Whether there is room for so many samples; at ease: and half of the buffer is free."""
        return self._level + count <= (self._capacity // 2 if at_ease else self._capacity) or not self._level

    def put(self, block: RxBlock) -> None:
        """Add to it."""
        with self._changed:
            self._blocks.append(block)
            self._level += block.samples.size // 2
            self._changed.notify_all()

    def take(self, timeout: float | None = None) -> RxBlock | None:
        """The next one; None once it is closed and empty, or if none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._blocks) or self._closed, timeout)
            if not self._blocks:
                return None
            block = self._blocks.popleft()
            self._level -= block.samples.size // 2
            self._changed.notify_all()
            return block

    def wait_for_room(self, count: int, timeout: float) -> None:
        """Until there is room for so many samples, or time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self.takes(count) or self._closed, timeout)

    def close(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class ReceivePath:
    """From the start of a stream to its end. Times are the lab's true seconds."""

    def __init__(
        self,
        serial: str,
        clock: DeviceClock,
        port: Port,
        air: Air,
        front_end: FrontEnd,
        noise: Noise,
        stream: int,
        log: LabLog,
        script: Sequence[Fault],
        buffer_s: float,
        start: float,
    ):
        """A stream whose first sample is taken when the oscillator has counted `start` seconds.

        Args:
            serial: of the device.
            clock: of the device.
            port: how the receiver is set. The rate stays what it is at the start; gain and carrier may change.
            air: what is to be heard.
            front_end: of the device.
            noise: of the device.
            stream: which of its streams this is.
            log: of the lab.
            script: overflows of this receiver, by which it has not been hit yet.
            buffer_s: how much fits into the buffer of device and transport.
            start: in seconds of the oscillator.
        """
        self._serial = serial
        self._clock = clock
        self._port = port
        self._air = air
        self._front_end = front_end
        self._noise = noise
        self._stream = stream
        self._log = log
        self.script = deque(sorted((f for f in script if isinstance(f, Overflow)), key=lambda f: f.at_sample))
        self._start = start
        self.rate = port.rate
        self.block = min(max(_LEAST_BLOCK, round(_BLOCK_S * self.rate)), MAX_SAMPLES)
        self.buffer = ReceiveBuffer(max(2 * self.block, round(buffer_s * self.rate)))
        self._made = 0  # samples, those that were lost included
        self._gap: tuple[int, str] | None = None  # first lost sample of a gap that goes on, and whose fault it is

    def due(self, horizon: float) -> int:
        """Samples that can be made, because nothing can change any more before true time `horizon`."""
        counted = self._clock.oscillator.counted(horizon)
        return max(0, math.floor((counted - self._start) * self.rate) - self._made)

    def due_at(self, count: int) -> float:
        """The horizon for which so many samples are due."""
        return self._clock.oscillator.true_time(self._start + (self._made + count) / self.rate)

    @property
    def is_full(self) -> bool:
        """Whether a block that is made now will be lost. Once some were, half of the buffer has to be free."""
        at_ease = self._gap is not None and self._gap[1] != "script"
        return not self.buffer.takes(self.block, at_ease=at_ease)

    def make(self, count: int) -> None:
        """Take the next samples from the air and put them into the buffer; they are lost if it is full."""
        while count > 0:
            scripted = self._scripted(count)
            if scripted is not None and scripted.at_sample <= self._made:
                taken = min(count, scripted.at_sample + scripted.lost_samples - self._made)
                self.lose(taken, "script")
            else:
                taken = min(count, self.block, scripted.at_sample - self._made if scripted else count)
                if self.is_full:
                    self.lose(taken, "host")
                else:
                    self._close_gap()
                    self._take(taken)
            count -= taken

    def lose(self, count: int, cause: str) -> None:
        """The next samples are lost, by fault of script, host or lab_too_slow; the host is told once a gap."""
        if self._gap is None:
            self._gap = (self._made, cause)
            empty = np.empty(0, np.int16)
            self.buffer.put(RxBlock(empty, self._time(self._made), self.rate, overflow=True))
        elif cause != "script":  # a gap that goes on when the script is done
            self._gap = (self._gap[0], cause)
        true_time = self._clock.oscillator.true_time
        first = self._start + self._made / self.rate
        self._air.lose(self._serial, true_time(first), true_time(first + count / self.rate))
        self._made += count

    def close(self) -> None:
        """The stream ends."""
        self._close_gap()
        self.buffer.close()

    def _scripted(self, count: int) -> Overflow | None:
        """The next overflow of the script, if it is among the next samples."""
        while self.script and self.script[0].at_sample + self.script[0].lost_samples <= self._made:
            self.script.popleft()
        return self.script[0] if self.script and self.script[0].at_sample < self._made + count else None

    def _close_gap(self) -> None:
        if self._gap is None:
            return
        first, cause = self._gap
        self._gap = None
        count = self._start + first / self.rate
        self._log.write(
            "overflow", self._clock.oscillator.true_time(count), device=self._serial,
            device_time=self._clock.at_count(count), at_sample=first, lost_samples=self._made - first, cause=cause,
        )  # fmt: skip
        whose = {
            "script": "as the script says",
            "host": "the host does not read",
            "lab_too_slow": "this lab is too slow",
        }
        self._log.say(f"{self._serial}: overflow, {self._made - first} samples lost: {whose[cause]}")

    def _time(self, sample: int) -> TimeSpec:
        return self._clock.at_count(self._start + sample / self.rate)

    def _take(self, count: int) -> None:
        port, first = self._port, self._made
        arrived = np.empty((2, count), np.float32)
        self._noise.fill(arrived, self._stream, first, self._front_end.noise_deviation(self.rate))
        self._air.add_arriving(arrived, self._serial, self._start + first / self.rate, self.rate, port.carrier_hz)
        samples = self._front_end.convert(
            arrived, first, gain_db=port.gain_db, lo_offset_hz=port.lo_offset_hz, rate=self.rate
        )
        self.buffer.put(RxBlock(samples, self._time(first), self.rate, start=first == 0))
        self._made += count
