"""The level of a received stream over the last while: for people, and for the gain control."""

from typing import NamedTuple

import numba
import numpy as np

from semcom_ota.phy.spectrum import CLIPS, decibel
from semcom_ota.types import ComplexArray


class Level(NamedTuple):
    """Of some samples. 0 dBFS is the power of a complex tone of magnitude 1; `spectrum.FLOOR_DB` stands for nothing."""

    samples: int = 0
    peak: float = 0.0  # the largest real or imaginary part
    energy: float = 0.0  # sum of squares
    real: float = 0.0  # sum of real parts
    imag: float = 0.0  # sum of imaginary parts
    clipped_samples: int = 0  # with a real or imaginary part at full scale

    @property
    def peak_dbfs(self) -> float:
        """The power of a tone whose real and imaginary parts have this peak."""
        return _decibel(self.peak**2)

    @property
    def level_dbfs(self) -> float:
        """Mean power."""
        return _decibel(self.energy / max(1, self.samples))

    @property
    def dc_dbfs(self) -> float:
        """Power of the mean."""
        return _decibel(abs(complex(self.real, self.imag) / max(1, self.samples)) ** 2)

    def with_more(self, later: "Level") -> "Level":
        """Of these samples and later ones together."""
        return Level(
            self.samples + later.samples,
            max(self.peak, later.peak),
            self.energy + later.energy,
            self.real + later.real,
            self.imag + later.imag,
            self.clipped_samples + later.clipped_samples,
        )


class LevelMeter:
    """Adds up samples until it is read."""

    def __init__(self) -> None:
        """With nothing seen."""
        self._level = Level()

    def take(self, samples: ComplexArray) -> None:
        """Take the next (n,) complex64 samples, any n. What is not a finite number does not count."""
        self._level = _added(self._level, np.ascontiguousarray(samples, np.complex64))

    def read(self) -> Level | None:
        """The level of the samples since it was last read; None if there were none."""
        level, self._level = self._level, Level()
        return level if level.samples else None


def _decibel(power: float) -> float:
    return float(decibel(np.asarray(power)))


@numba.njit(cache=True)
def _added(level, samples):  # type: ignore[no-untyped-def]
    count, peak, power, real, imag, clipped = level
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
    return Level(count, peak, power, real, imag, clipped)
