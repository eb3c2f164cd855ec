"""Samples in, ReceivedFrame PDUs out."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import ends_process
from semcom_blocks.gap_tags import gaps_within

from semcom_ota.config import PhyConfig
from semcom_ota.phy.link_report import link_report
from semcom_ota.phy.receiver import CutFrame, Receiver
from semcom_ota.radio.health import Health
from semcom_ota.radio.stream_clock import Gap, StreamClock
from semcom_ota.recording.fields import header_fields
from semcom_ota.recording.frame_log import FrameLog
from semcom_ota.types import LinkReport, ReceivedFrame

BUSY_S = 0.001
UNKNOWN = 1
"""Lost samples, where a device's clock was set and how many they were cannot be known: at least so many."""


def _always() -> bool:
    return True


class FrameRx(gr.sync_block):
    """Adapter of `semcom_ota.phy.receiver.Receiver` and, where the samples say when they were taken, of `StreamClock`.

    At a gap (a tag `rx_time` that is not what the samples before it let expect) the receiver is interrupted: what is
    whole comes out, a frame in progress is lost, and the next frame says how many samples were (`lost_samples`).

    Ports:
        in: complex64 samples at `phy.sample_rate`; tags `rx_time` and `rx_rate` as a radio puts them
            (semcom_flowgraphs.radio.interface), or none.
        report: a LinkReport PDU for each frame, at once (`pdu.from_link_report`); and at a gap that of the frame before
            it once more, with its number and the samples lost: what it says of the channel is stale.
        out: a ReceivedFrame PDU for each frame (`pdu.from_received_frame`), with the time that the samples since the
            frame before took to process.
        events: a PDU for each gap and for each frame that is dropped (`pdu.StreamEvent`).

    Attributes:
        position: every frame that ends before this sample of the stream has been published.
        lookahead_samples: how many samples after its last one a frame needs at most to be published.
        consumed: samples taken in so far; written after `position`.
        frames: published so far, or about to be.
        clock: when each sample was taken.
        health: gaps, lost samples and dropped frames so far.
    """

    def __init__(
        self,
        phy: PhyConfig,
        log: FrameLog | None = None,
        may_go: Callable[[], bool] = _always,
        otherwise: Literal["wait", "drop"] = "wait",
    ):
        """For this air interface.

        Args:
            phy: the air interface.
            log: each frame is written there before it is published.
            may_go: whether those behind the port `out` can take another frame.
            otherwise: what to do if not: take no samples for a while, which a radio that goes on regardless would make
                a gap of; or drop frames, and say so.

        Raises:
            ConfigError: it cannot work.
        """
        gr.sync_block.__init__(self, "semcom frame_rx", [np.complex64], None)
        self._receiver = Receiver(phy)
        self._log, self._may_go, self._drops = log, may_go, otherwise == "drop"
        self._lock = threading.Lock()
        self._over = False
        self._last_report: LinkReport | None = None
        self.clock = StreamClock(phy.sample_rate)
        self.health = Health()
        self.frames = 0
        self.lookahead_samples = self._receiver.lookahead_samples
        self.position = 0
        self.consumed = 0
        self._receive_ms = 0.0
        self._untold_lost = 0  # samples of which a frame told that was dropped
        for name in ("report", "out", "events"):
            self.message_port_register_out(pmt.intern(name))

    @property
    def snr_db(self) -> float | None:
        """Estimated from the last frame; None before the first one."""
        return None if self._last_report is None else self._last_report.snr_db

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

    def end(self) -> None:
        """Publish what is whole, and nothing of the samples that may still come. From any thread."""
        with self._lock:
            self._publish(self._receiver.interrupt()[0])
            self._over = True

    @ends_process
    def work(self, inputs: list[np.ndarray], _: Any) -> int:
        """Publish the frames that these samples complete."""
        samples, done = inputs[0], 0
        if not self._drops and not self._may_go():
            time.sleep(BUSY_S)  # the scheduler calls again at once
            return 0
        with self._lock:
            if not self._over:
                offset = self.nitems_read(0)
                for gap in gaps_within(self, len(samples), self.clock):
                    self._process(samples[done : gap.sample - offset])
                    self._interrupt(gap)
                    done = gap.sample - offset
                self._process(samples[done:])
            self.position = self._receiver.position
        self.consumed += len(samples)
        return len(samples)

    def _process(self, samples: np.ndarray) -> None:
        started = time.perf_counter()
        frames = self._receiver.process(samples)  # which keeps nothing of the scheduler's buffer
        self._receive_ms += 1e3 * (time.perf_counter() - started)
        self._publish(frames)

    def _interrupt(self, gap: Gap) -> None:
        lost = UNKNOWN if gap.lost_samples is None else gap.lost_samples
        frames, cut = self._receiver.interrupt(lost)
        self._publish(frames)
        told = tuple(told for frame in cut for told in _messages_of(frame))
        if gap.lost_samples is None:
            self._tell("clock", gap.sample, None, told)
        else:
            self.health = self.health.plus(overflows=1, lost_samples=gap.lost_samples)
            self._tell("overflow", gap.sample, gap.lost_samples, told)
        if self._last_report is not None:
            stale = replace(self._last_report, lost_samples=lost)
            self.message_port_pub(pmt.intern("report"), pdu.from_link_report(stale))

    def _publish(self, frames: list[ReceivedFrame]) -> None:
        receive_ms = self._receive_ms / max(1, len(frames))
        for frame in frames:
            if self._log is not None:
                self._log.write(frame)
            self._last_report = link_report(frame, self.frames + self.health.dropped_frames + 1)
            self.message_port_pub(pmt.intern("report"), pdu.from_link_report(self._last_report))
            if self._drops and not self._may_go():
                self.health = self.health.plus(dropped_frames=1)
                told = header_fields(frame.header) | {"start": frame.start_sample}
                self._tell("dropped", frame.start_sample, 0, (told,))
                self._untold_lost += frame.lost_samples
                continue
            self.frames += 1
            whole = replace(frame, lost_samples=frame.lost_samples + self._untold_lost)
            self._untold_lost = 0
            self.message_port_pub(pmt.intern("out"), pdu.from_received_frame(whole, receive_ms))
        if frames:
            self._receive_ms = 0.0

    def _tell(self, kind: str, sample: int, lost_samples: int | None, messages: pdu.Messages) -> None:
        event = pdu.StreamEvent(kind, sample, self.clock.seconds_at(sample), lost_samples, messages)
        self.message_port_pub(pmt.intern("events"), pdu.from_stream_event(event))


def _messages_of(frame: CutFrame) -> pdu.Messages:
    """What is known of each message in a cut frame; None for one of which nothing is."""
    if not frame.headers:
        return (None,)
    return tuple(header_fields(header) | {"start": frame.start_sample} for header in frame.headers)
