"""A transmitter: bursts that come in time leave the antenna, and the host is told what became of each.

    host ──▶ link ──▶ is it in time? ──▶ air
                           │
                           └──▶ burst_ack, underflow, time_error, seq_error

Nothing here waits: what happens follows from when packets arrived, and `advance` tells it once its time has come.
"""

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.air import Air, Burst
from semcom_ota.twin.client_streams import PACKET_SAMPLES, AsyncEvent
from semcom_ota.twin.device_clock import DeviceClock
from semcom_ota.twin.faults import Fade, Fault
from semcom_ota.twin.host_link import HostLink, TxPacket
from semcom_ota.twin.lab_log import LabLog
from semcom_ota.twin.port import Port

_PIPELINE_S = 1e-3
"""From a burst without a time to its first sample on the air."""
_LOG_AFTER_S = 2.5
"""How long after its end a burst is logged: by then all receivers have seen it, or not, however far behind they are."""


@dataclass(slots=True, eq=False)
class _Outgoing:
    """A burst that the host has begun to send."""

    number: int
    start: TimeSpec  # device time of its first sample, as it was asked for
    true_s: float
    on_air: Burst | None = None  # None: it was too late
    given: int = 0  # samples that came
    fate: str = ""  # "" as long as all is well
    ended: float = math.inf  # true time at which its fate was known


class TransmitPath:
    """From one opening of a device to its closing. Times `now` and `arrived` are the lab's true seconds."""

    def __init__(
        self,
        serial: str,
        clock: DeviceClock,
        port: Port,
        air: Air,
        log: LabLog,
        script: Sequence[Fault],
        buffer_s: float,
        leakage_dbfs: float | None = None,
    ):
        """Nothing is sent yet.

        Args:
            serial: of the device.
            clock: of the device.
            port: how the transmitter is set; taken over at the start of each burst.
            air: where bursts go.
            log: of the lab.
            script: faults of this transmitter.
            buffer_s: how much of what is not sent yet fits into device and transport.
            leakage_dbfs: of the LO, in a burst.
        """
        self._serial = serial
        self._clock = clock
        self._port = port
        self._air = air
        self._log = log
        self._fades = [fault for fault in script if isinstance(fault, Fade)]
        self._link = HostLink(script, self._did)
        self._buffer_s = buffer_s
        self._leakage = 0.0 if leakage_dbfs is None else 10 ** (leakage_dbfs / 20)
        self._open: _Outgoing | None = None
        self._numbered = 0  # bursts of which we know
        self._sequence: int | None = None
        self._free_from = -math.inf  # the oscillator's count at which the last burst ends
        self._playing: deque[Burst] = deque()
        self._events: list[tuple[float, int, AsyncEvent]] = []  # a heap by true time
        self._event_count = 0
        self._to_log: deque[_Outgoing] = deque()

    def push(self, packet: TxPacket) -> None:
        """Take what the host sent; its `arrived` says when."""
        for carried in self._link.carry(packet, self._play_time):
            self._take(carried)

    def has_room(self, now: float) -> bool:
        """Whether device and transport take one more packet."""
        count = self._clock.oscillator.counted(now)
        while self._playing and self._playing[0] is not (self._open and self._open.on_air):
            if self._playing[0].start + self._playing[0].size / self._playing[0].rate > count:
                break
            self._playing.popleft()
        waiting = 0
        for burst in self._playing:
            waiting += burst.size - min(max(0, int((count - burst.start) * burst.rate)), burst.size)
        return waiting < max(self._buffer_s * self._port.rate, 2 * PACKET_SAMPLES)

    def advance(self, horizon: float) -> list[AsyncEvent]:
        """Tell what has happened by true time `horizon`; no packet that arrived before is still to come."""
        going = self._open
        if going is not None and going.on_air is not None and not going.fate:
            dry = going.on_air.start + going.on_air.size / going.on_air.rate
            if self._clock.oscillator.counted(horizon) > dry:
                self._underflow(going, dry)
        while self._to_log and self._to_log[0].ended < horizon - _LOG_AFTER_S:
            self._write(self._to_log.popleft())
        happened = []
        while self._events and self._events[0][0] <= horizon:
            happened.append(heapq.heappop(self._events)[2])
        return happened

    def close(self, now: float) -> None:
        """The host lets go: what has no end yet is abandoned."""
        if self._open is not None:
            self._open.fate = self._open.fate or "abandoned"
            self._finish(self._open, now)

    @property
    def is_logged(self) -> bool:
        """Whether all that was sent is in the log."""
        return not self._to_log

    def _play_time(self, packet: TxPacket, sample: int) -> float:
        """When a sample of the packet's burst has to leave; a guess for one that has no time."""
        going = self._open
        if not packet.start and going is not None and going.on_air is not None:
            count = going.on_air.start + sample / going.on_air.rate
        else:
            count = self._start_count(packet) + sample / self._port.rate
        return self._clock.oscillator.true_time(count)

    def _start_count(self, packet: TxPacket) -> float:
        if packet.at is not None:
            return self._clock.count_at(packet.at)
        return max(self._clock.oscillator.counted(packet.arrived) + _PIPELINE_S, self._free_from)

    def _take(self, packet: TxPacket) -> None:
        if not self._in_sequence(packet):
            self._say(
                packet.arrived,
                "seq_error" if packet.start or self._open is None else "seq_error_in_burst",
                self._clock.oscillator.counted(packet.arrived),
            )
            if self._open is not None and not self._open.fate:
                self._cut(self._open, "sequence_error")
        if packet.start:
            self._begin(packet)
        going = self._open
        if going is None and packet.burst < self._numbered:
            return  # belongs to no burst
        if going is None:  # its first packet was lost
            going = self._open = self._robbed(packet.burst, packet.arrived)
            self._numbered = packet.burst + 1
        self._append(going, packet)
        if packet.end:
            self._end(going, packet.arrived)

    def _in_sequence(self, packet: TxPacket) -> bool:
        if packet.sequence is None:
            return True
        expected, self._sequence = self._sequence, (packet.sequence + 1) & 0xFFFF
        return expected in (None, packet.sequence)

    def _begin(self, packet: TxPacket) -> None:
        """A burst begins; decide whether it is in time."""
        oscillator = self._clock.oscillator
        if self._open is not None:  # a new burst preempts one that has no end
            self._open.fate = self._open.fate or "abandoned"
            self._finish(self._open, packet.arrived)
        for number in range(self._numbered, packet.burst):
            self._to_log.append(self._robbed(number, packet.arrived))
        self._numbered = packet.burst + 1
        count = self._start_count(packet)
        going = _Outgoing(packet.burst, self._clock.at_count(count), oscillator.true_time(count))
        self._open = going
        ready = max(oscillator.counted(packet.arrived), self._free_from)
        if ready > count:
            going.fate = "late"
            self._say(oscillator.true_time(ready), "time_error", ready)
            return
        port = self._port
        burst = Burst(self._serial, packet.burst, count, port.rate, port.carrier_hz, port.amplitude)
        for fade in self._fades:
            if fade.blocks(packet.burst):
                burst.faded.add(fade.receiver)
                self._did(fade, going.true_s)
        going.on_air = burst
        self._air.put(burst)
        self._playing.append(burst)

    def _robbed(self, number: int, arrived: float) -> _Outgoing:
        """A burst that the device never heard the beginning of."""
        at = self._link.robbed.get(number) or self._clock.time(arrived)
        when = self._clock.oscillator.true_time(self._clock.count_at(at))
        return _Outgoing(number, at, when, fate="sequence_error", ended=arrived)

    def _append(self, going: _Outgoing, packet: TxPacket) -> None:
        first = going.given
        going.given += packet.samples.shape[1]
        if going.on_air is None or going.fate:
            return
        plays = going.on_air.start + first / going.on_air.rate
        if self._clock.oscillator.counted(packet.arrived) > plays:
            self._underflow(going, plays)
            return
        going.on_air.append(self._leaking(packet.samples, first))

    def _leaking(self, samples: np.ndarray, first: int) -> np.ndarray:
        """With the LO's leakage, if it is in the band that anyone listens to."""
        port = self._port
        if not self._leakage or abs(port.lo_offset_hz) >= port.rate / 2:
            return samples
        if not port.lo_offset_hz:
            return samples + np.array([[self._leakage], [0]], np.float32)
        turned = 2 * np.pi * ((first + np.arange(samples.shape[1])) * (port.lo_offset_hz / port.rate) % 1.0)
        return samples + np.float32(self._leakage) * np.stack([np.cos(turned), np.sin(turned)]).astype(np.float32)

    def _underflow(self, going: _Outgoing, count: float) -> None:
        self._say(self._clock.oscillator.true_time(count), "underflow", count)
        self._cut(going, "underflow")

    def _cut(self, going: _Outgoing, fate: str) -> None:
        """What has come so far is sent, and no more of this burst."""
        going.fate = fate
        if going.on_air is not None:
            self._free_from = going.on_air.start + going.on_air.size / going.on_air.rate

    def _end(self, going: _Outgoing, arrived: float) -> None:
        """The burst's end has come."""
        if going.on_air is not None and not going.fate:
            self._free_from = going.on_air.start + going.on_air.size / going.on_air.rate
            going.fate = "acknowledged"
            sent = self._clock.oscillator.true_time(self._free_from)
            self._say(sent, "burst_ack", self._free_from)
            self._finish(going, sent)
            return
        self._finish(going, arrived)

    def _finish(self, going: _Outgoing, when: float) -> None:
        going.ended = when
        self._to_log.append(going)
        self._open = None

    def _say(self, when: float, code: str, count: float) -> None:
        event = AsyncEvent(frozenset({code}), self._clock.at_count(count))
        self._event_count += 1
        heapq.heappush(self._events, (when, self._event_count, event))

    def _did(self, fault: Fault, when: float) -> None:
        self._log.write("fault", when, device=self._serial, fault=fault.model_dump())
        burst = getattr(fault, "burst", None)
        self._log.say(f"{self._serial}: {fault.kind.replace('_', ' ')} at burst {burst}, as the script says")

    def _write(self, going: _Outgoing) -> None:
        burst = going.on_air
        self._log.write(
            "burst", going.true_s, device=self._serial, number=going.number, device_time=going.start,
            samples=going.given, played=burst.size if burst else 0, fate=going.fate,
            rate=burst.rate if burst else self._port.rate, frequency_hz=burst.carrier_hz if burst else None,
            faded=burst.faded if burst else set(), cut=burst.cut if burst else set(),
        )  # fmt: skip
