"""Finds frames in a stream: where they start, how far their carrier is off, and where to place the FFT windows.

Two tests in a row. The first costs a few operations a sample and looks for six repeated rows in the pattern of signs of
the cover (T. M. Schmidl and D. C. Cox, IEEE Trans. Commun. 45(12), 1997, with the sign pattern of H. Minn, V. K.
Bhargava and K. B. Letaief, IEEE Trans. Wireless Commun. 2(4), 2003). Where it says yes, the second correlates with the
known waveform, which settles the timing and the CFO's whole multiples of 1 / row. Both statistics are normalised by the
energy received, so that their false alarm rates do not depend on the level of the noise.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from semcom_ota.phy import ofdm, preamble
from semcom_ota.phy.detection import (
    best_alignment,
    first_above,
    path_delays,
    repetition_metric,
    row_rotation,
    row_step,
    turned_replicas,
)
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.sample_stream import SampleStream

DETECTION_FALSE_ALARM = 1e-3  # a sample; cheap, because the second test follows
ALIGNMENT_FALSE_ALARM = 1e-3  # a detection; the header's checksum follows
PATH_FLOOR = 1e-2  # a path more than 20 dB below the strongest one does not move the FFT window
PATH_OVER_NOISE = 16.0  # exp(-16): chance that noise alone looks like a path at some delay


@dataclass(frozen=True, slots=True)
class Acquisition:
    """A frame that seems to be there."""

    start: int  # position of the preamble's first sample on the first path
    window: int  # position of the first row's FFT window
    cfo: float  # radians a sample


class Synchronizer:
    """Finds the frames of one stream, in order. Its decisions depend on the samples alone, not on how they arrive."""

    def __init__(self, numerology: Numerology, stream: SampleStream):
        """Search `stream` from its beginning."""
        self._numerology = numerology
        self._stream = stream
        row = numerology.row_samples
        self._span = numerology.preamble_samples
        self._reach = row * 4 // 5  # how far the first test's peak may be off
        self._detection_threshold = -math.log(DETECTION_FALSE_ALARM) / (self._span - row)
        self._row_numbers = 1j * np.arange(preamble.ROWS, dtype=np.complex64)
        self._preamble = preamble.grid(numerology.carriers.size).conj()
        self._waveform = ofdm.modulate(preamble.reference(numerology.carriers.size)[None], numerology)
        half, prefix = numerology.phy.used_carriers / 2, numerology.phy.cp_length
        taper = 1 + np.cos(np.pi * numerology.carriers / (half + 1))
        delays = prefix // 2 + np.arange(-prefix - 1, prefix + 2)
        angles = 2 * np.pi / numerology.phy.fft_size * np.outer(numerology.carriers, delays)
        self._carriers_to_delays = taper[:, None] * np.exp(1j * angles) / numerology.phy.fft_size
        turn = numerology.phy.sample_rate / row  # Hz; a CFO of so much turns the phase once from row to row
        farthest = max(0, math.ceil(numerology.phy.max_cfo_hz / turn - 0.5))
        self._cfo_multiples = np.arange(-farthest, farthest + 1)
        tests = self._cfo_multiples.size * (2 * self._reach + 1)
        self._alignment_threshold = -math.log(ALIGNMENT_FALSE_ALARM / tests) / self._span
        header_stop = self._reach + numerology.phy.cp_length + numerology.header_samples
        self.lookahead_samples = max(2 * self._span, header_stop) + row
        """Samples behind a position that settle whether a frame begins before it: either a peak of the first test needs
        them to show that it is one, or the header does."""
        self.begin_anew()

    def begin_anew(self) -> None:
        """Search a stream that has just begun.

        A frame that began before it is none, had it only lost some of its preamble: its channel would be known badly.
        """
        self._metric = np.empty(0, np.float32)
        self._metric_start = self._stream.start  # there are whole rows from there to any other value of it
        self._earliest_start = self._stream.stop - self._numerology.phy.cp_length
        self.position = self._stream.start
        """Every frame that this synchronizer has yet to find has its preamble's peak at or behind this sample."""

    def acquire(self) -> Generator[None, None, Acquisition]:
        """Yield while samples are missing; return the next frame that passes both tests."""
        while True:
            peak = yield from self._detect()
            yield from self._stream.wait(peak + self._reach + self._span + self._numerology.row_samples)
            acquisition = self._align(peak)
            if acquisition is not None:
                return acquisition
            self._resume(peak + self._numerology.row_samples // 2)

    def reject(self, acquisition: Acquisition) -> None:
        """There was no frame: search on closely behind, for a true one may begin in the very next row."""
        self._earliest_start = acquisition.start + self._numerology.phy.cp_length
        self._resume(self.position + self._numerology.row_samples // 2)

    def accept(self, acquisition: Acquisition) -> None:
        """There was one. Its payload is searched like everything else, for another frame may begin in its tail."""
        self._earliest_start = acquisition.start + self._numerology.header_samples
        self._resume(self._earliest_start)

    def _resume(self, position: int) -> None:
        self.position = max(self.position, position)
        self._stream.discard(self.position - self._span)

    def _detect(self) -> Generator[None, None, int]:
        """Wait until the first test crosses its threshold; return where it peaks, higher than for a preamble after."""
        while True:
            self._update_metric()
            metric = self._metric[self.position - self._metric_start :]
            first = first_above(metric, self._detection_threshold)
            self._resume(self.position + first)
            following = metric[first : first + self._span]
            if following.size == self._span:
                peak = int(following.argmax())
                if peak == 0:
                    return self.position
                self._resume(self.position + peak)
                continue
            missing = self._metric_start + self._metric.size + self._span + self._numerology.row_samples
            yield from self._stream.wait(missing)

    def _update_metric(self) -> None:
        """Drop the metric before `position` and append all that the samples received so far allow, in whole rows."""
        row = self._numerology.row_samples
        dropped = (self.position - self._metric_start) // row * row
        self._metric = self._metric[dropped:]
        self._metric_start += dropped
        start = self._metric_start + self._metric.size
        rows = (self._stream.stop - start - self._span) // row
        if rows > 0:
            samples = self._stream.view(start, start + rows * row + self._span)
            self._metric = np.concatenate([self._metric, repetition_metric(samples, row, preamble.STEPS)])

    def _align(self, peak: int) -> Acquisition | None:
        """The second test, around the peak of the first one."""
        row, prefix = self._numerology.row_samples, self._numerology.phy.cp_length
        first = max(peak - self._reach, self._earliest_start)
        delays = peak + self._reach + 1 - first
        if delays <= 0:
            return None
        step = row_step(self._stream.view(peak, peak + self._span), row, preamble.STEPS)
        replicas = turned_replicas(self._waveform, step, self._cfo_multiples)
        signs = preamble.COVER * np.exp(self._row_numbers * step)
        samples = self._stream.view(first, first + delays - 1 + self._span)
        share, delay, multiple = best_alignment(samples, replicas, signs, delays)
        if not share > self._alignment_threshold:
            return None

        cfo = (step + 2 * math.pi * self._cfo_multiples[multiple]) / row

        # the channel's paths around the strongest one, and the phase that is left from row to row
        strongest = first + delay
        early = prefix // 2
        window = strongest + prefix - early
        grid = ofdm.demodulate(self._stream.view(window, window + self._span), cfo, self._numerology)
        rows = grid * self._preamble
        rotation = row_rotation(rows)
        first_path, last_path = path_delays(
            rows, rotation, self._carriers_to_delays, self._numerology.phy.fft_size, PATH_FLOOR, PATH_OVER_NOISE
        )
        start = strongest + (first_path - prefix - 1 if first_path > 0 else 0)
        margin = max(0, (prefix - (last_path - first_path)) // 2)
        window = max(start + prefix - margin, strongest + 2)  # whatever else is there, the strongest path is caught
        return Acquisition(start, window, float(cfo + rotation / row))
