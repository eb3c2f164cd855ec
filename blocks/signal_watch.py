"""Watches the level of what a radio receives."""

import threading
from typing import Any

import numpy as np
from gnuradio import gr
from semcom_blocks.failure import ends_process

from semcom_ota.radio.level_meter import Level, LevelMeter


class SignalWatch(gr.sync_block):
    """Adapter of `semcom_ota.radio.level_meter.LevelMeter`; it stands beside whatever else takes the samples.

    Ports:
        in: complex64 samples, 1.0 being the converter's full scale.

    Attributes:
        clipped_samples: with a real or imaginary part at full scale, up to when it was last read.
    """

    def __init__(self) -> None:
        """With nothing seen."""
        gr.sync_block.__init__(self, "semcom signal_watch", [np.complex64], None)
        self._meter, self._lock = LevelMeter(), threading.Lock()
        self.clipped_samples = 0

    def read(self) -> Level | None:
        """Of the samples since it was last read; None if there were none. From any thread."""
        with self._lock:
            level = self._meter.read()
            self.clipped_samples += level.clipped_samples if level else 0
        return level

    @ends_process
    def work(self, inputs: list[np.ndarray], _: Any) -> int:
        """Add the samples up."""
        with self._lock:
            self._meter.take(inputs[0])
        return len(inputs[0])
