"""Frames become bursts: scaled, limited, padded, and given a time at which they leave."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from semcom_ota.air_config import PhyConfig
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.radio_config import BurstConfig
from semcom_ota.types import ComplexArray


@dataclass(frozen=True, slots=True)
class Burst:
    """What a transmitter is handed in one piece."""

    samples: ComplexArray  # (n,), padding and all
    limited: int  # samples that were above the peak


def shape(frame: ComplexArray, bursts: BurstConfig, phy: PhyConfig) -> Burst:
    """A frame as a burst.

    Args:
        frame: (n,) samples of `phy.transmitter.Transmitter`, whose mean power is used_carriers / fft_size on average.
            Every frame is scaled by the same factor, so that a symbol costs the same energy in each.
        bursts: how large, how high, and with how much silence around it.
        phy: the air interface.

    Returns:
        `padding_samples` zeros, the frame at `rms` on average, `padding_samples` zeros. Samples above `peak` are
        brought down to it and keep their phase.
    """
    scaled = frame * np.float32(bursts.rms / math.sqrt(phy.used_carriers / phy.fft_size))
    magnitude = np.abs(scaled)
    above = magnitude > bursts.peak
    scaled[above] *= np.float32(bursts.peak) / magnitude[above]
    return Burst(np.pad(scaled, bursts.padding_samples), int(np.count_nonzero(above)))


class BurstSchedule:
    """When each burst leaves: as soon as it can, but not before `lead_ms` from now nor `gap_ms` after the one before.

    Bursts begin on the sample grid of the device's clock, where sample k leaves at k / sample_rate. In whole numbers
    nothing is rounded, however long a run is, and bursts without a gap meet without an overlap.
    """

    def __init__(self, bursts: BurstConfig, sample_rate: float):
        """Nothing sent yet.

        Args:
            bursts: lead and gap.
            sample_rate: of the device, samples/s.
        """
        self._rate = Fraction(sample_rate)
        self._lead, self._gap = (math.ceil(Fraction(ms) * self._rate / 1000) for ms in (bursts.lead_ms, bursts.gap_ms))
        self._end: int | None = None  # past the last sample of the last burst

    def wait_s(self, now: TimeSpec) -> float:
        """Seconds until the device is to be handed another burst: 0.0 if it is time.

        It is time when all that it holds is over in two leads: one to hand over the next, and one for that to be
        early. Or when it holds nothing, because there are devices whose clock stands still then.
        """
        if self._end is None:
            return 0.0
        holds = self._end - self._sample(now)
        return max(0.0, float((holds - max(0, 2 * self._lead - self._gap)) / self._rate))

    def place(self, now: TimeSpec, samples: int) -> TimeSpec:
        """Give the next burst its time.

        Args:
            now: on the device's clock.
            samples: of the burst, with padding.

        Returns:
            When its first sample leaves.
        """
        start = self._sample(now) + self._lead
        if self._end is not None:
            start = max(start, self._end + self._gap)
        self._end = start + samples
        return self.time_of(start)

    def time_of(self, sample: int) -> TimeSpec:
        """When a sample of the device's clock leaves."""
        seconds, rest = divmod(sample / self._rate, 1)
        return TimeSpec(int(seconds), float(rest))

    def _sample(self, time: TimeSpec) -> int:
        """The first sample that leaves no earlier."""
        return math.ceil((time.seconds + Fraction(time.fraction)) * self._rate)
