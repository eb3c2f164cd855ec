"""Samples in, ReceivedFrame PDUs out."""

import time
from typing import Any

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import ends_process

from semcom_ota.config import PhyConfig
from semcom_ota.phy.link_report import link_report
from semcom_ota.phy.receiver import Receiver
from semcom_ota.recording.frame_log import FrameLog


class FrameRx(gr.sync_block):
    """Adapter of `semcom_ota.phy.receiver.Receiver`.

    Ports:
        in: complex64 samples at `phy.sample_rate`.
        report: a LinkReport PDU for each frame, at once (`pdu.from_link_report`).
        out: a ReceivedFrame PDU for each frame (`pdu.from_received_frame`), with the time that the samples since the
            frame before took to process.

    Attributes:
        position: every frame that ends before this sample of the stream has been published.
        lookahead_samples: how many samples after its last one a frame needs at most to be published.
        consumed: samples taken in so far; written after `position`.
        frames: published so far, or about to be.
    """

    def __init__(self, phy: PhyConfig, log: FrameLog | None = None):
        """For this air interface. With `log`, each frame is written there before it is published.

        Raises:
            ConfigError: it cannot work.
        """
        gr.sync_block.__init__(self, "semcom frame_rx", [np.complex64], None)
        self._receiver = Receiver(phy)
        self._log = log
        self.frames = 0
        self.lookahead_samples = self._receiver.lookahead_samples
        self.position = 0
        self.consumed = 0
        self._receive_ms = 0.0
        self.message_port_register_out(pmt.intern("report"))
        self.message_port_register_out(pmt.intern("out"))

    def start(self) -> bool:
        """Open the log."""
        if self._log is not None:
            self._log.open()
        return True

    def stop(self) -> bool:
        """Close the log."""
        if self._log is not None:
            self._log.close()
        return True

    @ends_process
    def work(self, inputs: list[np.ndarray], _: Any) -> int:
        """Publish the frames that these samples complete."""
        started = time.perf_counter()
        frames = self._receiver.process(inputs[0])  # which keeps nothing of the scheduler's buffer
        self._receive_ms += 1e3 * (time.perf_counter() - started)
        receive_ms = self._receive_ms / max(1, len(frames))
        for frame in frames:
            if self._log is not None:
                self._log.write(frame)
            self.frames += 1
            self.message_port_pub(pmt.intern("report"), pdu.from_link_report(link_report(frame, self.frames)))
            self.message_port_pub(pmt.intern("out"), pdu.from_received_frame(frame, receive_ms))
            self._receive_ms = 0.0
        # Only now, so that whoever sees this position knows that those frames are in the queues behind `out`.
        self.position = self._receiver.position
        self.consumed += len(inputs[0])
        return len(inputs[0])
