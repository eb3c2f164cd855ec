"""The air: bursts that leave transmitters, and what of them arrives at a receiver."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from semcom_ota.twin.lab_config import AirPath
from semcom_ota.twin.oscillator import Oscillator
from semcom_ota.twin.resampling import add_resampled, interpolator
from semcom_ota.types import FloatArray

KEEP_S = 3.0
"""How long a burst is remembered after it has ended: a lab that falls behind still needs it."""
_STRETCH_S = 2e-3  # in which frequencies stand still
_MARGIN = 512  # samples: more than half of any interpolator


class Burst:
    """What leaves a transmitter: samples at its own rate, beginning when its oscillator has counted `start` seconds."""

    def __init__(self, transmitter: str, number: int, start: float, rate: float, carrier_hz: float, amplitude: float):
        """Nothing of it is there yet.

        Args:
            transmitter: serial of the device.
            number: counted from 0 since the device was opened.
            start: the oscillator's count, in seconds, when sample 0 leaves.
            rate: samples in one of the oscillator's seconds.
            carrier_hz: what the device believes that its carrier is.
            amplitude: square root of the power in mW of a sample of magnitude 1.
        """
        self.transmitter = transmitter
        self.number = number
        self.start = start
        self.rate = rate
        self.carrier_hz = carrier_hz
        self.amplitude = amplitude
        self.size = 0
        self.faded: set[str] = set()  # receivers that do not hear it
        self.cut: set[str] = set()  # receivers that do not hear all of it
        self._pieces: list[tuple[int, FloatArray]] = []  # number of its first sample, and a piece

    def append(self, piece: FloatArray) -> None:
        """More samples of it: (2, n) float32."""
        self._pieces.append((self.size, piece))
        self.size += piece.shape[1]

    def window(self, first: int, stop: int) -> FloatArray:
        """Samples first .. stop-1, (2, stop - first) float32; zero where there are none."""
        pieces = self._pieces  # another thread may put a shorter list in its place
        out = np.zeros((2, stop - first), np.float32)
        for index in range(max(0, bisect_right(pieces, first, key=_first) - 1), len(pieces)):
            begin, piece = pieces[index]
            if begin >= stop:
                break
            low, high = max(first, begin), min(stop, begin + piece.shape[1])
            if low < high:
                out[:, low - first : high - first] = piece[:, low - begin : high - begin]
        return out

    def forget(self, count: float) -> None:
        """Drop what left before the oscillator had counted so many seconds: a burst may never end."""
        keep = bisect_right(self._pieces, (count - self.start) * self.rate, key=_first) - 1
        if keep > 0:
            self._pieces = self._pieces[keep:]


def _first(piece: tuple[int, FloatArray]) -> int:
    return piece[0]


class Air:
    """Who hears whom. Times are true seconds."""

    def __init__(self, paths: tuple[AirPath, ...], oscillators: Mapping[str, Oscillator]):
        """Silence.

        Args:
            paths: of the lab.
            oscillators: by serial.
        """
        self._oscillators = oscillators
        self._into: dict[str, list[AirPath]] = {}
        for path in paths:
            self._into.setdefault(path.receiver, []).append(path)
        self._bursts: dict[str, list[Burst]] = {}
        self._blocked: dict[tuple[str, str], list[tuple[float, float]]] = {}

    def put(self, burst: Burst) -> None:
        """A burst whose first sample is going to leave."""
        self._bursts.setdefault(burst.transmitter, []).append(burst)

    def block(self, transmitter: str, receiver: str, start: float, stop: float) -> None:
        """Nothing gets through from true time `start` to `stop`."""
        self._blocked.setdefault((transmitter, receiver), []).append((start, stop))

    def lose(self, receiver: str, start: float, stop: float) -> None:
        """A receiver is deaf from true time `start` to `stop`: what is on the air meanwhile is cut for it."""
        for path in self._into.get(receiver, ()):
            oscillator = self._oscillators[path.transmitter]
            last = path.delay_s + max((tap.delay_s for tap in path.taps), default=0.0)
            for burst in self._bursts.get(path.transmitter, ()):
                begin = oscillator.true_time(burst.start) + path.delay_s
                end = oscillator.true_time(burst.start + burst.size / burst.rate) + last
                if begin < stop and end > start:
                    burst.cut.add(receiver)

    def forget(self, now: float) -> None:
        """Drop what can no longer arrive anywhere."""
        for serial, bursts in self._bursts.items():
            count = self._oscillators[serial].counted(now - KEEP_S)
            self._bursts[serial] = [burst for burst in bursts if burst.start + burst.size / burst.rate > count]
            for burst in self._bursts[serial]:
                burst.forget(count)

    def add_arriving(
        self, out: FloatArray, receiver: str, start: float, rate: float, carrier_hz: float, amplitude: float = 1.0
    ) -> None:
        """Add what arrives at a receiver.

        A transmitter whose carrier is more than half the receiver's rate away is not heard.

        Args:
            out: (2, n) float32, real and imaginary parts in the square root of mW; added to.
            receiver: serial of the device.
            start: its oscillator's count, in seconds, at the first sample.
            rate: samples in one of its oscillator's seconds.
            carrier_hz: what it believes that its carrier is.
            amplitude: factor on all.
        """
        stretch = max(1024, int(_STRETCH_S * rate))
        true_time = self._oscillators[receiver].true_time
        edges = [*range(0, out.shape[1], stretch), out.shape[1]]
        times = [true_time(start + edge / rate) for edge in edges]
        for path in self._into.get(receiver, ()):
            for burst in self._heard(path, times[0], times[-1], carrier_hz, rate):
                for index, (first, stop) in enumerate(pairwise(edges)):
                    part = out[:, first:stop]
                    self._add(part, burst, path, times[index], times[index + 1], rate, carrier_hz, amplitude)

    def _heard(self, path: AirPath, begin: float, end: float, carrier_hz: float, rate: float) -> Iterator[Burst]:
        """Those that may arrive between two true times. The bursts of a transmitter follow each other."""
        there = self._oscillators[path.transmitter]
        longest = max((tap.delay_s for tap in path.taps), default=0.0)
        since, until = there.counted(begin - path.delay_s - longest), there.counted(end - path.delay_s)
        for burst in reversed(self._bursts.get(path.transmitter, ())):
            margin = _MARGIN / burst.rate
            if burst.start + burst.size / burst.rate < since - margin:
                return
            heard = path.receiver not in burst.faded and abs(burst.carrier_hz - carrier_hz) < rate / 2
            if heard and burst.start < until + margin:
                yield burst

    def _add(
        self,
        out: FloatArray,
        burst: Burst,
        path: AirPath,
        begin: float,
        end: float,
        rate: float,
        carrier_hz: float,
        amplitude: float,
    ) -> None:
        """One burst on one path, in a stretch so short that all frequencies stand still."""
        here, there = self._oscillators[path.receiver], self._oscillators[path.transmitter]
        count = out.shape[1]
        table = interpolator(round(rate / burst.rate, 9))

        def position(t: float) -> float:
            return (there.counted(t) - burst.start) * burst.rate

        def turns(t: float, delay: float) -> float:
            """Cycles by which the carrier that arrives is ahead of the receiver's own."""
            drifted = burst.carrier_hz * there.gained(t - delay) - carrier_hz * here.gained(t)
            return (burst.carrier_hz - carrier_hz) * t - burst.carrier_hz * delay + drifted

        ways = ((0.0, 0.0, 0.0), *((tap.delay_s, tap.loss_db, tap.phase_deg) for tap in path.taps))
        for later_s, more_db, phase_deg in ways:
            delay = path.delay_s + later_s
            first, last = position(begin - delay), position(end - delay)
            if last < -_MARGIN or first > burst.size + _MARGIN:
                continue
            if self._is_blocked(path, begin, end):
                burst.cut.add(path.receiver)
                return
            base = math.floor(first) - _MARGIN
            sent = burst.window(base, math.ceil(last) + _MARGIN)
            turned = turns(begin, delay)
            add_resampled(
                out[0], out[1], sent, table, first - base, (last - first) / count, turned + phase_deg / 360,
                (turns(end, delay) - turned) / count,
                amplitude * burst.amplitude * 10 ** (-(path.loss_db + more_db) / 20),
            )  # fmt: skip

    def _is_blocked(self, path: AirPath, begin: float, end: float) -> bool:
        spans = self._blocked.get((path.transmitter, path.receiver), ())
        return any(begin < stop and end > start for start, stop in spans)
