"""SemanticFrame PDUs in, samples out, clocked by demand: a frame, a silence, and then nothing until the next frame."""

import time
from collections import deque
from typing import Any

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import CountsDropped, ends_process

from semcom_ota.config import PhyConfig
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.recording.fields import header_fields

BUFFER_ITEMS = 2**17
IDLE_S = 0.001
FRAME_TAG = pmt.intern("frame")
FIRST_SILENCE = 256  # silence is tagged as a fragment too, beyond the 256 that a message can have


class FrameTx(CountsDropped, gr.sync_block):
    """Adapter of `semcom_ota.phy.transmitter.Transmitter`.

    Ports:
        in: SemanticFrame PDUs (`pdu.from_semantic_frame`). What is not one is dropped, and so is a frame that finds
            `queue_frames` waiting.
        silence: an integer, zeros to send once no frame is waiting. It pushes the last frame through a receiver.
        out: complex64 samples. A frame is modulated when it leaves the queue; its first sample carries the tag `frame`:
            the fields of its header, frame_samples, and length: that of the frame and the silence after it.
        sent: one PDU a frame {stream, message, fragment, fragments, start, stop (past its last sample), end (past the
            silence behind it), transmit_ms}, when it is modulated.
        dropped: one PDU for each one dropped: {stream, message}, if it says so, and a sentence as UTF-8 bytes.

    Attributes:
        produced: samples sent so far.
    """

    def __init__(self, phy: PhyConfig, gap_samples: int = 400, queue_frames: int = 4096):
        """For this air interface, with so much silence after each frame and so many frames that may wait.

        Raises:
            ConfigError: the air interface cannot work.
        """
        gr.sync_block.__init__(self, "semcom frame_tx", None, [np.complex64])
        self._transmitter = Transmitter(phy)
        self._gap = np.zeros(gap_samples, np.complex64)
        self._queue: deque[Any] = deque()
        self._queue_frames = queue_frames
        self._samples = self._gap[:0]  # of the frame under way, not sent yet
        self._silence = 0
        self._last_message = 0
        self._silences = 0
        self.produced = 0
        self.set_min_output_buffer(BUFFER_ITEMS)
        for name in ("in", "silence"):
            self.message_port_register_in(pmt.intern(name))
        self.set_msg_handler(pmt.intern("in"), self.handle_frame)
        self.set_msg_handler(pmt.intern("silence"), self.handle_silence)
        for name in ("sent", "dropped"):
            self.message_port_register_out(pmt.intern(name))

    @ends_process
    def handle_frame(self, message: Any) -> None:
        """Queue a frame."""
        try:
            frame = pdu.to_semantic_frame(message)
        except pdu.PduError as error:
            self._report_dropped(pdu.message_of(message), f"a frame was not sent: {error}")
            return
        if len(self._queue) < self._queue_frames:
            self._queue.append(frame)
        else:
            meta = {"stream": frame.header.stream, "message": frame.header.message}
            self._report_dropped(meta, f"a frame was not sent: {self._queue_frames} are waiting already")

    @ends_process
    def handle_silence(self, message: Any) -> None:
        """Ask for zeros."""
        if pmt.is_integer(message):
            self._silence = max(0, pmt.to_long(message))

    @ends_process
    def work(self, _: Any, outputs: list[np.ndarray]) -> int:
        """Fill the output with what is queued; return 0 after a short sleep if nothing is."""
        out, written = outputs[0], 0
        while written < len(out):
            if not len(self._samples) and not self._begin(self.nitems_written(0) + written):
                break
            count = min(len(self._samples), len(out) - written)
            out[written : written + count] = self._samples[:count]
            self._samples = self._samples[count:]
            written += count
        self.produced += written
        if not written:
            time.sleep(IDLE_S)  # the scheduler calls a source without pause, and messages reach it between calls only
        return written

    def _begin(self, offset: int) -> bool:
        if self._queue:
            self._begin_frame(self._queue.popleft(), offset)
        elif self._silence:
            self._samples, self._silence = np.zeros(self._silence, np.complex64), 0
            silence = {"stream": 0, "message": self._last_message, "fragment": FIRST_SILENCE + self._silences}
            self._tag(offset, silence)
            self._silences += 1
        return len(self._samples) > 0

    def _begin_frame(self, frame: Any, offset: int) -> None:
        header, started = frame.header, time.perf_counter()
        samples = self._transmitter.modulate(frame)
        transmit_ms = 1e3 * (time.perf_counter() - started)
        self._samples = np.concatenate([samples, self._gap])
        self._last_message = header.message
        self._tag(offset, header_fields(header) | {"frame_samples": len(samples)})
        names = ("stream", "message", "fragment", "fragments")
        meta = {name: getattr(header, name) for name in names} | {
            "start": offset,
            "stop": offset + len(samples),
            "end": offset + len(self._samples),
            "transmit_ms": transmit_ms,
        }
        self.message_port_pub(pmt.intern("sent"), pdu.make(meta, b""))

    def _tag(self, offset: int, meta: dict[str, int]) -> None:
        whole = meta | {"length": len(self._samples)}
        self.add_item_tag(0, offset, FRAME_TAG, pmt.car(pdu.make(whole, b"")))

    def _report_dropped(self, meta: dict[str, int], sentence: str) -> None:
        self.drop(sentence)
        self.message_port_pub(pmt.intern("dropped"), pdu.make(meta, sentence.encode()))
