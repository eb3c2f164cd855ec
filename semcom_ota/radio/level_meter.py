"""The level of a received stream over the last while: for people, and for the gain control."""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from semcom_ota.phy.spectrum import CLIPS, decibel
from semcom_ota.types import ComplexArray


@dataclass(frozen=True, slots=True)
class Level:
    """Of some samples. 0 dBFS is the power of a complex tone of magnitude 1; `spectrum.FLOOR_DB` stands for nothing."""

    samples: int
    peak_dbfs: float  # the largest real or imaginary part, squared
    level_dbfs: float  # mean power
    dc_dbfs: float  # power of the mean
    clipped_samples: int  # with a real or imaginary part at full scale


class _Sums(NamedTuple):
    samples: int = 0
    peak: float = 0.0
    power: float = 0.0
    real: float = 0.0
    imag: float = 0.0
    clipped: int = 0


class LevelMeter:
    """Adds up samples until it is read."""

    def __init__(self) -> None:
        """With nothing seen."""
        self._sums = _Sums()

    def take(self, samples: ComplexArray) -> None:
        """Take the next (n,) complex64 samples, any n. What is not a finite number does not count."""
        self._sums = _added(self._sums, np.ascontiguousarray(samples, np.complex64))

    def read(self) -> Level | None:
        """The level of the samples since it was last read; None if there were none."""
        sums, self._sums = self._sums, _Sums()
        if not sums.samples:
            return None
        mean = complex(sums.real, sums.imag) / sums.samples
        powers = (sums.peak**2, sums.power / sums.samples, abs(mean) ** 2)
        return Level(sums.samples, *(float(decibel(np.float64(power))) for power in powers), sums.clipped)


@numba.njit(cache=True)
def _added(sums, samples):  # type: ignore[no-untyped-def]
    count, peak, power, real, imag, clipped = sums
    for n in range(samples.size):
        x, y = samples[n].real, samples[n].imag
        square = x * x + y * y
        if square < np.inf:
            largest = max(abs(x), abs(y))
            peak = max(peak, largest)
            power += square
            real += x
            imag += y
            clipped += largest >= CLIPS
            count += 1
    return _Sums(count, peak, power, real, imag, clipped)
