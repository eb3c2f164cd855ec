"""A file of samples in place of a radio."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks.failure import ends_process
from semcom_blocks.gap_tags import RX_RATE, RX_TIME

from semcom_ota.config import ConfigError
from semcom_ota.recording.reading import read_recording
from semcom_ota.recording.samples import SampleReader
from semcom_ota.recording.writing import Missing

CHUNK = 2**16
IDLE_S = 0.001


@ends_process
def read_samples(file: str) -> SampleReader:
    """The samples of a recording, for flowgraphs drawn in GNU Radio Companion: what is wrong ends the process."""
    if not file:
        raise ConfigError("no recording is named: choose one, such as capture.sigmf-meta")
    return SampleReader(read_recording(Path(file)).samples)


class RecordingSource(gr.sync_block):
    """Adapter of `semcom_ota.recording.samples.SampleReader`: the samples of a file, a silence, and then nothing more.

    It never says that it is done, so that what follows can take its time with what was received.

    Ports:
        out: complex64 samples. If some are missing, the first one and those behind gaps have the tags of a radio: their
            times, counted from 0, and the rate.

    Attributes:
        total: samples that there will be, the silence included.
        produced: samples handed over so far.
    """

    def __init__(
        self,
        reader: SampleReader,
        silence_samples: int = 0,
        may_go: Callable[[], bool] = lambda: True,
        missing: Sequence[Missing] = (),
        sample_rate: float = 1.0,
    ):
        """For this file.

        Args:
            reader: of the file.
            silence_samples: zeros behind it, that take its last frame through a receiver.
            may_go: asked before each piece: False holds the samples back for a while.
            missing: where the recorder lost samples, in order.
            sample_rate: samples/s, if some are missing.
        """
        gr.sync_block.__init__(self, "semcom recording_source", None, [np.complex64])
        self._reader, self._may_go = reader, may_go
        self._samples = np.zeros(0, np.complex64)
        self._position = 0  # in the file, of what follows `_samples`
        lost = accumulate((gap.lost_samples for gap in missing), initial=0)
        starts = (0, *(gap.sample for gap in missing))
        self._marks = deque(zip(starts, lost, strict=True) if missing else ())  # position, and samples lost before it
        self._sample_rate = sample_rate
        self.set_min_output_buffer(CHUNK)
        self.total = reader.count + silence_samples
        self.produced = 0

    @ends_process
    def work(self, _: Any, outputs: list[np.ndarray]) -> int:
        """Hand over what there is room for; return 0 after a short sleep if nothing is to be handed over."""
        out = outputs[0]
        if not len(self._samples) and self._position < self.total:
            self._read()
        if not len(self._samples) or not self._may_go():
            time.sleep(IDLE_S)  # the scheduler calls a source without pause
            return 0
        count = min(len(out), len(self._samples))
        out[:count] = self._samples[:count]
        self._samples = self._samples[count:]
        while self._marks and self._marks[0][0] < self.produced + count:
            position, lost = self._marks.popleft()
            self._tag(position, position + lost)
        self.produced += count
        return count

    def _tag(self, position: int, index: int) -> None:
        """Say when a sample was taken: as the `index`-th one."""
        seconds = int(index / self._sample_rate)
        fraction = (index - seconds * self._sample_rate) / self._sample_rate
        time_tag = pmt.make_tuple(pmt.from_uint64(seconds), pmt.from_double(fraction))
        self.add_item_tag(0, position, RX_TIME, time_tag)
        self.add_item_tag(0, position, RX_RATE, pmt.from_double(self._sample_rate))

    def _read(self) -> None:
        count = min(CHUNK, self.total - self._position)
        self._samples = self._reader.read(self._position, count)
        if len(self._samples) < count:  # the end of the file; one that became shorter ends in silence, too
            self._samples = np.append(self._samples, np.zeros(count - len(self._samples), np.complex64))
        self._position += count
