"""The received stream, as far as it is still needed: a bounded window of samples with absolute positions."""

import sys
from collections.abc import Generator

import numpy as np

from semcom_ota.types import ComplexArray

Waiting = Generator[None, None, None]
NEVER = sys.maxsize


class CutOff(Exception):
    """Samples that are asked for were lost in a gap."""


class SampleStream:
    """Samples of a stream from `start` to `stop`; position 0 is the first one received, before it there was silence."""

    def __init__(self, silence: int):
        """Start an empty stream behind `silence` zeros."""
        self._buffer = np.zeros(max(1024, 2 * silence), np.complex64)
        self._silence = silence
        self.begin_anew(0)

    def begin_anew(self, position: int) -> None:
        """Go on at a position behind a gap, with silence before it."""
        self._buffer[: self._silence] = 0
        self._offset = 0  # of position `start` in the buffer
        self.start = position - self._silence
        self.stop = position
        self._end = NEVER  # past the last sample before a gap, once that has come

    def end(self, silence: int) -> None:
        """There is a gap at `stop`: add zeros up to which whoever looks ahead can look."""
        self._end = self.stop
        self.append(np.zeros(silence, np.complex64))

    def append(self, samples: ComplexArray) -> None:
        """Add (n,) complex64 samples at `stop`."""
        kept = self.stop - self.start
        needed = kept + samples.size
        if self._offset + needed > self._buffer.size:
            buffer = self._buffer if 2 * needed <= self._buffer.size else np.empty(2 * needed, np.complex64)
            buffer[:kept] = self._buffer[self._offset : self._offset + kept]
            self._buffer, self._offset = buffer, 0
        tail = self._buffer[self._offset + kept : self._offset + needed]
        tail[:] = samples
        self.stop += samples.size

    def discard(self, before: int) -> None:
        """Forget the samples before a position."""
        forgotten = max(0, min(before, self.stop) - self.start)
        self.start += forgotten
        self._offset += forgotten

    def view(self, start: int, stop: int) -> ComplexArray:
        """(stop - start,) complex64: samples that are there, not to be kept beyond the next `append`."""
        return self._buffer[self._offset + start - self.start : self._offset + stop - self.start]

    def wait(self, stop: int) -> Waiting:
        """Yield until all samples before position `stop` have been received, or are the silence at a gap."""
        while self.stop < stop:
            yield

    def wait_received(self, stop: int, spare: int) -> Waiting:
        """Yield until all samples before position `stop` have been received; at a gap the last `spare` are not needed.

        Raises:
            CutOff: there is a gap before those that are needed.
        """
        while self.stop < stop and stop - spare <= self._end:
            yield
        if stop - spare > self._end:
            raise CutOff
