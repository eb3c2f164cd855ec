"""The receiver's analog end: noise, gain, the mixer's faults, a converter of so many bits."""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from semcom_ota.twin.lab_config import LabDevice
from semcom_ota.twin.oscillator import seeded
from semcom_ota.types import FloatArray

THERMAL_DBM_PER_HZ = -174.0
"""kT at 290 K."""
NOISE_SAMPLES = 2**20
"""That are drawn."""


def noise_dbm(noise_figure_db: float, sample_rate: float) -> float:
    """Thermal noise at the receiver's input, in dBm: kTB and the noise figure; B is the sample rate."""
    return THERMAL_DBM_PER_HZ + noise_figure_db + 10 * math.log10(sample_rate)


def quantisation_dbfs(bits: int) -> float:
    """Power of the rounding error of I and Q together, over that of a sample of magnitude 1."""
    return 10 * math.log10(2 * (2.0 ** (1 - bits)) ** 2 / 12)


class Noise:
    """White noise: sample n of a device's stream is a function of (seed, serial, stream, n), however it is asked for.

    Drawing it anew would take a third of the lab's time. So it is drawn once, `NOISE_SAMPLES` of it, which is far more
    than a frame, and turned by another angle each time round: no frame, and no two in a row, see a sample twice.
    """

    def __init__(self, seed: int, serial: str):
        """Draws it."""
        self._key = (seed, serial, "noise")
        self._drawn = seeded(*self._key).standard_normal((2, NOISE_SAMPLES), dtype=np.float32)

    def fill(self, out: FloatArray, stream: int, first: int, deviation: float) -> None:
        """Noise into (2, n) float32, real and imaginary parts, from sample `first` on; each has this deviation."""
        start_of_stream = int(seeded(*self._key, stream).integers(NOISE_SAMPLES))
        done = 0
        while done < out.shape[1]:
            lap, start = divmod(start_of_stream + first + done, NOISE_SAMPLES)
            taken = min(NOISE_SAMPLES - start, out.shape[1] - done)
            angle = seeded(*self._key, stream, lap).uniform(0, 2 * math.pi)
            x, y = self._drawn[:, start : start + taken]
            cosine, sine = np.float32(deviation * math.cos(angle)), np.float32(deviation * math.sin(angle))
            out[0, done : done + taken] = cosine * x - sine * y
            out[1, done : done + taken] = sine * x + cosine * y
            done += taken


class FrontEnd:
    """What one receiver makes of what arrives. Its mixer's faults are drawn from (seed, serial)."""

    def __init__(self, device: LabDevice, seed: int, serial: str):
        """Of this device."""
        self._device = device
        angles = seeded(seed, serial, "front end").uniform(0, 2 * math.pi, 2)
        self._dc_turn, self._transient_turn = (complex(math.cos(angle), math.sin(angle)) for angle in angles)
        gain, phase = 10 ** (device.iq_gain_db / 20), math.radians(device.iq_phase_deg)
        # As in phy/impairments.py: y = mu x + nu conj(x).
        self._mu = (1 + gain * complex(math.cos(phase), -math.sin(phase))) / 2
        self._nu = (1 - gain * complex(math.cos(phase), math.sin(phase))) / 2

    def noise_deviation(self, rate: float) -> float:
        """Of each of the two parts of a sample at the input, in the square root of mW."""
        return math.sqrt(10 ** (noise_dbm(self._device.noise_figure_db, rate) / 10) / 2)

    def convert(
        self, arrived: FloatArray, first: int, *, gain_db: float, lo_offset_hz: float, rate: float
    ) -> NDArray[np.int16]:
        """What arrives to what the host gets.

        The mixer's faults sit at its LO: the DC spur is `lo_offset_hz` off the carrier, the image of a signal at f is
        at 2 lo_offset_hz - f. A spur outside the band is filtered away, as is the image if all of it is outside; one
        that crosses the band's edge is folded, where a real device would filter the part outside.

        Args:
            arrived: (2, n) float32, real and imaginary parts in the square root of mW.
            first: number of its first sample in the stream.
            gain_db: receive gain.
            lo_offset_hz: LO less carrier.
            rate: samples/s.

        Returns:
            (2 n,) int16, I and Q in turn: as many bits as the converter has, at the top of each word.
        """
        device, model = self._device, self._device.model
        scale = 10 ** ((gain_db - model.rx_full_scale_dbm) / 20)
        in_band = abs(lo_offset_hz) < rate / 2
        dc = _amplitude(device.dc_dbfs) * self._dc_turn if in_band else 0j
        transient = _amplitude(device.transient_dbfs) * self._transient_turn if in_band else 0j
        decay = 1e3 / (device.transient_ms * rate)  # a sample
        out = np.empty(2 * arrived.shape[1], np.int16)
        _convert(
            arrived, out, scale, self._mu, self._nu if abs(2 * lo_offset_hz) < rate else 0j, dc,
            transient * math.exp(-decay * first), math.exp(-decay), (lo_offset_hz / rate * first) % 1.0,
            lo_offset_hz / rate, 2 ** (model.adc_bits - 1),
        )  # fmt: skip
        return out


def _amplitude(level_db: float | None) -> float:
    return 0.0 if level_db is None else 10 ** (level_db / 20)


@numba.njit(cache=True, nogil=True)
def _convert(arrived, out, scale, mu, nu, dc, transient, decay, turns, turn_step, levels):  # type: ignore[no-untyped-def]
    """`FrontEnd.convert` on the numbers that follow from its arguments."""
    lo = complex(math.cos(2 * math.pi * turns), math.sin(2 * math.pi * turns))  # where the LO is, in the host's band
    turn = complex(math.cos(2 * math.pi * turn_step), math.sin(2 * math.pi * turn_step))
    unit = 32768 // levels
    for n in range(arrived.shape[1]):
        x = scale * complex(arrived[0, n], arrived[1, n])
        y = mu * x + nu * x.conjugate() * lo * lo + (dc + transient) * lo
        out[2 * n] = unit * int(min(max(math.floor(y.real * levels + 0.5), -levels), levels - 1))
        out[2 * n + 1] = unit * int(min(max(math.floor(y.imag * levels + 0.5), -levels), levels - 1))
        transient *= decay
        lo *= turn
