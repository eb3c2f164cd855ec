"""The link from the host to a transmitter: packets pass, unless the script stalls the link or loses one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.faults import Fault, Late, SequenceError, Underflow
from semcom_ota.types import FloatArray

_TOO_LATE_S = 1e-3
"""How much later than in time what the script holds up arrives."""


@dataclass(frozen=True, slots=True)
class TxPacket:
    """Samples on their way to a transmitter."""

    samples: FloatArray  # (2, n) float32, 1.0 being full scale
    start: bool
    end: bool
    at: TimeSpec | None
    sequence: int | None  # modulo 2**16; None: the packet before it goes on
    arrived: float  # at the device, in the lab's true seconds
    burst: int = 0


class HostLink:
    """What the host sends, in order. Counts bursts, and does to them what the script says, each thing once."""

    def __init__(self, script: Sequence[Fault], did: Callable[[Fault, float], None]):
        """An idle link.

        Args:
            script: faults of this device as a transmitter; others are left alone.
            did: told of each fault, and when.
        """
        self._stalls = {f.burst: f for f in script if isinstance(f, Underflow)}
        self._delays = {f.burst: f for f in script if isinstance(f, Late)}
        self._losses = {f.burst: f for f in script if isinstance(f, SequenceError)}
        self._did = did
        self._burst = -1
        self._passed = 0  # samples of this burst
        self._at: TimeSpec | None = None  # when this burst is to leave
        self.robbed: dict[int, TimeSpec | None] = {}
        """Bursts that have lost a packet, and when they were to leave: the device may never have been told."""
        self._busy_until = float("-inf")

    def carry(self, packet: TxPacket, play_time: Callable[[TxPacket, int], float]) -> Iterator[TxPacket]:
        """What becomes of one packet.

        Args:
            packet: as the host sent it.
            play_time: of a burst's packet and a number of samples after its burst's first one: the true time at which
                this one has to leave.

        Yields:
            What arrives, with the number of the burst: nothing, the packet, or its two parts.
        """
        if packet.start:
            self._burst += 1
            self._passed = 0
            self._at = packet.at
            if (late := self._delays.pop(self._burst, None)) is not None and packet.at is not None:
                self._stall(play_time(packet, 0) + late.late_ms / 1e3, late)
        first, count = self._passed, packet.samples.shape[1]
        self._passed += count
        loss = self._losses.get(self._burst)
        if loss is not None and loss.at_sample < first + count:
            del self._losses[self._burst]
            self.robbed[self._burst] = self._at
            self._did(loss, packet.arrived)
            return
        packet = replace(packet, burst=self._burst)
        stall = self._stalls.get(self._burst)
        if stall is None or stall.at_sample >= first + count:
            yield self._in_order(packet)
            return
        del self._stalls[self._burst]
        before = stall.at_sample - first
        if before:
            yield self._in_order(replace(packet, samples=packet.samples[:, :before], end=False))
        self._stall(play_time(packet, stall.at_sample) + _TOO_LATE_S, stall)
        rest = replace(packet, samples=packet.samples[:, before:])
        yield self._in_order(rest if not before else replace(rest, start=False, at=None, sequence=None))

    def _in_order(self, packet: TxPacket) -> TxPacket:
        """Nothing overtakes."""
        return replace(packet, arrived=max(packet.arrived, self._busy_until))

    def _stall(self, until: float, fault: Fault) -> None:
        self._busy_until = max(self._busy_until, until)
        self._did(fault, until)
