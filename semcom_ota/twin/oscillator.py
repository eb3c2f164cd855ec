"""An oscillator that runs at its own rate and drifts: what a device takes for a second, and for its carrier."""

import math
import zlib
from dataclasses import dataclass

import numpy as np

from semcom_ota.twin.lab_config import LabDevice

_SHARES = (0.5, 0.3, 0.2)  # of the drift, in sinusoids
_PERIODS = (1.0, 0.6180339887, 0.3819660113)  # of the slowest one: no common multiple


@dataclass(frozen=True, slots=True)
class Wander:
    """How an oscillator errs: a fixed part, and sinusoids in true time that never add up to more than they say.

    The relative error is e(t) = offset + sum_i depth_i sin(2 pi t / period_i + phase_i), in parts of 1.
    """

    offset: float = 0.0
    depths: tuple[float, ...] = ()
    periods_s: tuple[float, ...] = ()
    phases: tuple[float, ...] = ()

    @classmethod
    def of(cls, device: LabDevice, seed: int, serial: str) -> "Wander":
        """That of a device: what its configuration leaves open is a function of (seed, serial)."""
        generator = seeded(seed, serial, "oscillator")
        offset = generator.uniform(-1, 1) * max(0.0, device.tolerance_ppm - device.drift_ppm)
        phases = generator.uniform(0, 2 * math.pi, len(_SHARES))
        if device.oscillator_ppm is not None:
            offset = device.oscillator_ppm
        return cls(
            1e-6 * offset,
            tuple(1e-6 * device.drift_ppm * share for share in _SHARES),
            tuple(device.drift_period_s * period for period in _PERIODS),
            tuple(float(phase) for phase in phases),
        )

    def error(self, t: float) -> float:
        """Relative frequency error at true time t."""
        parts = zip(self.depths, self.periods_s, self.phases, strict=True)
        return self.offset + sum(depth * math.sin(2 * math.pi * t / period + phase) for depth, period, phase in parts)

    def gained(self, t: float) -> float:
        """Seconds that it has counted too many from true time 0 to t: the integral of `error`."""
        gained = self.offset * t
        for depth, period, phase in zip(self.depths, self.periods_s, self.phases, strict=True):
            gained += depth * period / (2 * math.pi) * (math.cos(phase) - math.cos(2 * math.pi * t / period + phase))
        return gained


LOCKED = Wander()
"""On the lab's reference, which is true."""


class Oscillator:
    """Counts seconds since true time 0 as its device does. May change over to another reference, and back.

    All that a device does in time hangs on it: the sample clock, the carrier, the clock that the host sees.
    """

    def __init__(self, wander: Wander):
        """It has run on its own since true time 0."""
        self._own = wander
        # Since when, what had been gained by then, and how it errs since: never changed but for longer.
        self._stretches: tuple[tuple[float, float, Wander], ...] = ((-math.inf, 0.0, wander),)

    def follow(self, locked: bool, t: float) -> None:
        """From true time t on, run on the lab's reference, or on its own."""
        wander = LOCKED if locked else self._own
        if wander is not self._stretches[-1][2]:
            self._stretches = (*self._stretches, (t, self.gained(t) - wander.gained(t), wander))

    def gained(self, t: float) -> float:
        """Counted seconds less true seconds, at true time t."""
        for since, before, wander in reversed(self._stretches):
            if t >= since:
                return before + wander.gained(t)
        raise AssertionError("the first stretch begins before all times")

    def error(self, t: float) -> float:
        """Relative frequency error at true time t; 1e-6 is one ppm too fast."""
        return next(wander for since, _, wander in reversed(self._stretches) if t >= since).error(t)

    def counted(self, t: float) -> float:
        """Seconds counted at true time t."""
        return t + self.gained(t)

    def true_time(self, counted: float) -> float:
        """When it had counted so many seconds. Errors are of the order of 1e-5: each round gains five digits."""
        t = counted
        for _ in range(4):
            t = counted - self.gained(t)
        return t


def seeded(seed: int, serial: str, purpose: str, *numbers: int) -> np.random.Generator:
    """A generator that is a function of its arguments alone."""
    words = (zlib.crc32(serial.encode()), zlib.crc32(purpose.encode()), *numbers)
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, *words])))
