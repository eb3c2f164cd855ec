"""The receive side of a flowgraph: from a radio's samples to results, with an account of what went wrong."""

import shutil
import time
from pathlib import Path
from typing import Any, TextIO

from gnuradio import blocks, gr
from semcom_blocks import FrameRx, LamDecoder, ReportSink, SignalWatch, pdu
from semcom_flowgraphs.radio import Radio
from semcom_flowgraphs.result_log import ResultLog

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.radio.gain_control import GainControl
from semcom_ota.radio.health import Health
from semcom_ota.radio.level_meter import Level
from semcom_ota.radio.settings import RadioSettings
from semcom_ota.recording.frame_log import FrameLog

BACKLOG = 128
"""Frames and messages between receiver and decoder. Beyond them frames are dropped, or samples wait where they can."""
LOOK_S = 0.25
LOOKS_TOLD = 2
"""Looks at the level from one line about it to the next: the gain must follow faster than a person reads."""
WAIT_S = 0.02
SAMPLE_BYTES = gr.sizeof_gr_complex
LEAST_FREE_BYTES = 2**27
"""On the disk of a recording. A file_sink whose disk is full ends, and what is in front of it stands still."""


class ReceiveSide:
    """radio -> frame_rx -> lam_decoder -> result log, with signal_watch beside frame_rx. For rx.py and trx.py.

    Link reports are published where the link says so.

    The file of results has JSON lines: `{"radio": RadioSettings, "recorded": samples}` first, those that the recording
    had before; those of `ResultLog`, results with `received_s` (seconds since the stream's first sample) and `health`
    (the counters so far); twice a second `{"health": ..., "at_s", "level_dbfs", "peak_dbfs", "gain_db", "snr_db"}`,
    None being what is not known; and `{"event": {"kind": "gain", "at_s", "gain_db"}}` when the automatic gain has set
    another one.

    Attributes:
        frame_rx: its port `report` has the link reports.
    """

    def __init__(
        self,
        top: gr.top_block,
        radio: Radio,
        link: LinkConfig,
        frames_file: Path,
        results_file: TextIO,
        decoder: str = "",
        record: Path | None = None,
    ):
        """Connect the blocks within `top`.

        Args:
            top: the flowgraph, not started.
            radio: opened with `receive=True`.
            link: the whole link, of which the blocks are told the receiver's part.
            frames_file: for the frames found, one JSON line each (semcom_ota.recording.frame_log). Its folder is made
                if need be: a run folder, now that the radio is open.
            results_file: for all the rest, one JSON line each; opened for appending.
            decoder: endpoint of the decoder worker; '' lets the block start its own.
            record: file to which the received samples are appended, complex64; `frames_file` counts in it.

        Raises:
            ConfigError: the air interface cannot work, or the folder of the frames cannot be made.
        """
        self._radio, self._record = radio, record
        try:
            frames_file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            folder = frames_file.parent
            raise ConfigError(f"cannot write to '{folder}' ({error.strerror}): choose another --out") from error
        recorded = record.stat().st_size // SAMPLE_BYTES if record and record.exists() else 0
        otherwise = "wait" if radio.settings.waits else "drop"
        self.frame_rx = FrameRx(link.phy, FrameLog(frames_file, recorded), self._keeps_up, otherwise)
        self.signal_watch = SignalWatch()
        self.lam_decoder = LamDecoder(link.receiver, decoder)
        self.result_log = ResultLog(results_file, self._about)
        self._gain = _gain_control(link, radio.settings)
        self._level = Level()
        self._looks, self._looked = 0, 0.0
        self.result_log.write({"radio": radio.settings.model_dump(mode="json"), "recorded": recorded})

        # The way of a message.
        top.connect(radio, self.frame_rx)
        top.msg_connect(self.frame_rx, "out", self.lam_decoder, "in")
        top.msg_connect(self.lam_decoder, "out", self.result_log, "in")

        if link.reports.publish:
            self.report_sink = ReportSink(link.reports.publish, link.reports.secret)
            top.msg_connect(self.frame_rx, "report", self.report_sink, "in")

        # What is watched and kept.
        top.connect(radio, self.signal_watch)
        top.msg_connect(self.frame_rx, "events", self.result_log, "events")
        if record:
            sink = blocks.file_sink(SAMPLE_BYTES, str(record), True)
            sink.set_unbuffered(True)  # a process that is ended leaves no time to write the rest
            top.connect(radio, sink)

    @property
    def ready(self) -> bool:
        """Whether the decoder worker has been heard: its models are loaded."""
        return self.lam_decoder.ready

    @property
    def over(self) -> bool:
        """Whether the radio's samples have an end, and all of them have been taken."""
        total = self._radio.total_samples
        return total is not None and self.frame_rx.consumed >= total

    @property
    def health(self) -> Health:
        """The receiver's counters so far. A radio without a gain has no converter, and nothing clips there."""
        port = self._radio.settings.receiver
        has_converter = port is not None and port.gain_db is not None
        return self.frame_rx.health.plus(clipped_samples=has_converter * self.signal_watch.clipped_samples)

    def watch(self) -> None:
        """To be called several times a second while the flowgraph runs: counters, level and gain.

        Raises:
            ConfigError: the device is gone, or the disk of the recording is nearly full.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        self._radio.watch()
        if self._record and shutil.disk_usage(self._record.parent).free < LEAST_FREE_BYTES:
            raise ConfigError(
                f"the disk is full to which '{self._record}' is recorded: make room, or leave out --record"
            )
        if level := self._read_level():
            self._follow(level)
        self._looks += 1
        if self._looks % LOOKS_TOLD == 0:
            self._tell()

    def finish(self) -> None:
        """Take no more samples, decode what is incomplete, wait for all results. Before the flowgraph is stopped."""
        rx, decoder, log = self.frame_rx, self.lam_decoder, self.result_log
        rx.end()
        self._read_level()  # for the counters of the last messages
        while decoder.frames < rx.frames:
            time.sleep(WAIT_S)
        decoder.finish()
        while decoder.decoding or log.results < decoder.results:
            time.sleep(WAIT_S)
        self._read_level()  # signal_watch may have been behind frame_rx
        self._tell()

    def _keeps_up(self) -> bool:
        return self.frame_rx.frames - self.lam_decoder.frames + self.lam_decoder.decoding < BACKLOG

    def _about(self, result: pdu.Result) -> dict[str, Any]:
        """What else is written down with a result."""
        received_s = self.frame_rx.clock.seconds_at(result.start_sample)
        return {"received_s": received_s, "health": self.health.as_dict()}

    def _read_level(self) -> Level | None:
        """Of the samples since it was last read, which go into the next line about it, too."""
        level = self.signal_watch.read()
        if level:
            self._level = self._level.with_more(level)
        return level

    def _follow(self, level: Level) -> None:
        """Let the gain follow the level."""
        port = self._radio.settings.receiver
        if self._gain is None or port is None:
            return
        wanted = self._gain.tell(level, level.samples / port.sample_rate)
        if wanted is not None:
            self._gain.set(self._radio.set_rx_gain(wanted))
            self.result_log.write({"event": {"kind": "gain", "at_s": self._now_s(), "gain_db": self._gain.gain_db}})

    def _tell(self) -> None:
        level, self._level = self._level, Level()
        port = self._radio.settings.receiver
        self.result_log.write({
            "health": self.health.as_dict(),
            "at_s": self._now_s(),
            "level_dbfs": level.level_dbfs if level.samples else None,
            "peak_dbfs": level.peak_dbfs if level.samples else None,
            "gain_db": self._gain.gain_db if self._gain else port and port.gain_db,
            "snr_db": self.frame_rx.snr_db,
        })  # fmt: skip

    def _now_s(self) -> float:
        return self.frame_rx.clock.seconds_at(self.frame_rx.consumed)


def _gain_control(link: LinkConfig, settings: RadioSettings) -> GainControl | None:
    """If the link asks for it and the radio has a gain."""
    port = settings.receiver
    if not link.radio.automatic_gain or port is None or port.gain_db is None or port.gain_range_db is None:
        return None
    return GainControl(port.gain_db, port.gain_range_db)
