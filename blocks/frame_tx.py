"""SemanticFrame PDUs in, samples out, clocked by demand: a frame, a silence, and then nothing until the next frame."""

import json
import time
from collections import deque
from typing import Any, Literal

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import CountsDropped, ends_process

from semcom_ota.config import PhyConfig
from semcom_ota.phy.header import can_follow
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.recording.fields import header_fields
from semcom_ota.types import SemanticFrame

BUFFER_ITEMS = 2**17
IDLE_S = 0.001
FRAME_TAG = pmt.intern("frame")
FIRST_SILENCE = 256  # silence is tagged as a fragment too, beyond the 256 that a message can have


class FrameTx(CountsDropped, gr.sync_block):
    """Adapter of `semcom_ota.phy.transmitter.Transmitter`.

    Up to `phy.messages_per_frame` messages that wait become one frame on the air: the first, and those of its stream
    that come next and can follow it (`semcom_ota.phy.header`), as far as a frame has room. Which they are depends on
    time, unless only those that are marked to share one do.

    Ports:
        in: SemanticFrame PDUs (`pdu.from_semantic_frame`). What is not one is dropped, and so is a frame that finds
            `queue_frames` waiting.
        silence: an integer, zeros to send once no frame is waiting. It pushes the last frame through a receiver.
        out: complex64 samples. A frame is modulated when it leaves the queue; its first sample carries the tag `frame`:
            the fields of its header, frame_samples, and length: that of the frame and the silence after it. If messages
            share it, the header is that of the first, and `followers` are those of the others (JSON as UTF-8 bytes).
        sent: one PDU for each SemanticFrame, when it is modulated: {stream, message, fragment, fragments, symbols};
            where on the air, {start, stop (past its last sample), end (past the silence behind it)}; {frame_symbols,
            symbols_before}, payload symbols of the whole frame and of the messages before this one; and {transmit_ms},
            its share of that time.
        dropped: one PDU for each one dropped: {stream, message}, if it says so, and a sentence as UTF-8 bytes.

    Attributes:
        produced: samples sent so far.
    """

    def __init__(
        self,
        phy: PhyConfig,
        gap_samples: int = 400,
        queue_frames: int = 4096,
        share: Literal["waiting", "marked"] = "waiting",
    ):
        """For this air interface.

        Args:
            phy: the air interface.
            gap_samples: silence after each frame.
            queue_frames: how many SemanticFrames may wait.
            share: which of them share a frame on the air: those that are `waiting` when one leaves, whatever lies
                between them; or those that follow one `marked` with `more`, which waits for the next one.

        Raises:
            ConfigError: the air interface cannot work.
        """
        gr.sync_block.__init__(self, "semcom frame_tx", None, [np.complex64])
        self._transmitter = Transmitter(phy)
        self._gap = np.zeros(gap_samples, np.complex64)
        self._max_messages, self._max_symbols = phy.messages_per_frame, phy.max_frame_symbols
        self._marked = share == "marked"
        self._queue: deque[tuple[SemanticFrame, bool]] = deque()  # and whether it is marked with `more`
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
            self._queue.append((frame, bool(pdu.scalar(message, "more"))))
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
        if together := self._take():
            self._begin_frame(together, offset)
        elif self._silence and not self._queue:
            self._samples, self._silence = np.zeros(self._silence, np.complex64), 0
            silence = {"stream": 0, "message": self._last_message, "fragment": FIRST_SILENCE + self._silences}
            self._tag(offset, silence)
            self._silences += 1
        return len(self._samples) > 0

    def _take(self) -> list[SemanticFrame]:
        """Take those out of the queue that share the next frame; none if they wait for another one."""
        places = self._sharing()
        together = [self._queue[place][0] for place in places]
        for place in reversed(places):
            del self._queue[place]
        return together

    def _sharing(self) -> list[int]:
        """The places in the queue of those that share the next frame."""
        places: list[int] = []
        symbols = 0
        for place, (frame, more) in enumerate(self._queue):
            first, header = self._queue[0][0].header, frame.header
            if header.stream != first.stream and not self._marked:
                continue
            symbols += header.frame_symbols
            if places and (symbols > self._max_symbols or not can_follow(first, header, len(places))):
                return places
            places.append(place)
            if len(places) == self._max_messages or (self._marked and not more):
                return places
        return [] if self._marked else places

    def _begin_frame(self, together: list[SemanticFrame], offset: int) -> None:
        started = time.perf_counter()
        samples = self._transmitter.modulate(*together)
        transmit_ms = 1e3 * (time.perf_counter() - started) / len(together)
        self._samples = np.concatenate([samples, self._gap])
        first, *followers = (frame.header for frame in together)
        self._last_message = first.message
        others = json.dumps([header_fields(header) for header in followers]).encode() if followers else None
        self._tag(offset, header_fields(first) | {"frame_samples": len(samples), "followers": others})
        names = ("stream", "message", "fragment", "fragments")
        before = 0
        for header in (first, *followers):
            meta = {name: getattr(header, name) for name in names} | {
                "start": offset,
                "stop": offset + len(samples),
                "end": offset + len(self._samples),
                "symbols": header.frame_symbols,
                "symbols_before": before,
                "frame_symbols": sum(frame.header.frame_symbols for frame in together),
                "transmit_ms": transmit_ms,
            }
            before += header.frame_symbols
            self.message_port_pub(pmt.intern("sent"), pdu.make(meta, b""))

    def _tag(self, offset: int, meta: dict[str, Any]) -> None:
        whole = meta | {"length": len(self._samples)}
        self.add_item_tag(0, offset, FRAME_TAG, pmt.car(pdu.make(whole, b"")))

    def _report_dropped(self, meta: dict[str, int], sentence: str) -> None:
        if self._queue:  # it waits no longer, if it is this one that it waited for
            self._queue[-1] = self._queue[-1][0], False
        self.drop(sentence)
        self.message_port_pub(pmt.intern("dropped"), pdu.make(meta, sentence.encode()))
