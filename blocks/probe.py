"""Measures a stream of samples: level, DC, clipping, spectrum."""

from typing import Any

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import ends_process

from semcom_ota.phy.spectrum import measure


class Probe(gr.sync_block):
    """Adapter of `semcom_ota.phy.spectrum.measure`, called for every `interval` samples of the stream.

    Ports:
        in: complex64 samples.
        out: one PDU an interval: {level_dbfs, dc_dbfs, clipping, sample_rate, stop_sample}, and the PSD in dBFS/Hz,
            frequencies ascending, as f32 vector.
    """

    def __init__(self, sample_rate: float, interval: int = 100_000, fft_size: int = 1024, full_scale: float = 1.0):
        """For samples at `sample_rate` per second, of which a real or imaginary part is `full_scale` at most.

        Raises:
            ValueError: no interval at all.
        """
        gr.sync_block.__init__(self, "semcom probe", [np.complex64], None)
        if interval < 1:
            raise ValueError("the interval between two measurements must be at least one sample")
        self._sample_rate, self._fft_size, self._full_scale = sample_rate, fft_size, full_scale
        self._samples = np.zeros(interval, np.complex64)
        self._count = 0  # samples of the interval that have come
        self.message_port_register_out(pmt.intern("out"))

    @ends_process
    def work(self, inputs: list[np.ndarray], _: Any) -> int:
        """Collect samples; measure and publish each time the interval is full."""
        samples, used = inputs[0], 0
        while used < len(samples):
            part = samples[used : used + len(self._samples) - self._count]
            self._samples[self._count : self._count + len(part)] = part
            self._count += len(part)
            used += len(part)
            if self._count == len(self._samples):
                self._publish(self.nitems_read(0) + used)
                self._count = 0
        return used

    def _publish(self, stop_sample: int) -> None:
        seen = measure(self._samples, self._sample_rate, self._fft_size, self._full_scale)
        meta = {
            "level_dbfs": seen.level_dbfs,
            "dc_dbfs": seen.dc_dbfs,
            "clipping": seen.clipping,
            "sample_rate": float(self._sample_rate),
            "stop_sample": int(stop_sample),
        }
        self.message_port_pub(pmt.intern("out"), pdu.make(meta, seen.psd_dbfs_per_hz))
