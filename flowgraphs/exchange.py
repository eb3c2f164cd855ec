"""The desk of a radio process: texts come in, go through the flowgraph, and each leaves with what became of it."""

import threading
from itertools import chain, compress
from typing import Any

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import ends_process
from semcom_flowgraphs.passage import Passage


class Exchange(gr.basic_block):
    """Hands messages to the flowgraph and finds out what becomes of each.

    A message is lost when the receiver has gone past the end of its last frame and lam_decoder knows nothing of it:
    that takes no clock and no timeout.

    Ports:
        messages: texts, to semantic_encoder. over: to lam_decoder. silence: to frame_tx.
        encoded, failed: from semantic_encoder. sent, dropped: from frame_tx. received: from frame_rx. results: from
            lam_decoder.
    """

    def __init__(self, reach_samples: int, silence_samples: int):
        """For a channel and a receiver.

        Args:
            reach_samples: how much later than it was sent the end of a frame can arrive.
            silence_samples: zeros, more than 0, that push the receiver on when it has not gone past a frame in spite of
                the silence behind it, and nothing else follows.
        """
        gr.basic_block.__init__(self, "semcom exchange", None, None)
        self._reach_samples, self._silence_samples = reach_samples, silence_samples
        self._lock = threading.Lock()
        self._passages: dict[tuple[int, int], Passage] = {}  # by stream and message
        self._together: list[tuple[Passage, ...]] = []  # the same, as they were submitted
        self._silent_since = -1
        for name in ("messages", "over", "silence"):
            self.message_port_register_out(pmt.intern(name))
        for name in ("encoded", "failed", "sent", "dropped", "received", "results"):
            self.message_port_register_in(pmt.intern(name))
            self.set_msg_handler(pmt.intern(name), getattr(self, f"handle_{name}"))

    def submit(self, *passages: Passage) -> bool:
        """Send messages. False, and none is sent, if one of the same stream and number is under way."""
        by_key = {(passage.request.stream, passage.request.message): passage for passage in passages}
        with self._lock:
            if by_key.keys() & self._passages.keys():
                return False
            self._passages |= by_key
            self._together.append(passages)
        for passage in passages:
            self.message_port_pub(pmt.intern("messages"), pdu.from_text_request(passage.request))
        return True

    @property
    def busy(self) -> bool:
        """Whether any message is under way."""
        return bool(self._passages)

    def finished(self) -> list[tuple[Passage, ...]]:
        """The messages whose fate is known, each once, and not before that of those submitted with them is known."""
        with self._lock:
            done = [all(passage.done for passage in passages) for passages in self._together]
            finished = list(compress(self._together, done))
            self._together = [passages for passages, gone in zip(self._together, done, strict=True) if not gone]
            for passage in chain(*finished):
                del self._passages[passage.request.stream, passage.request.message]
            return finished

    def watch(self, consumed: int, produced: int, position: int) -> None:
        """Tell lam_decoder which messages are over; to be called again and again.

        Args:
            consumed: samples that frame_rx has taken in, read first.
            produced: samples that frame_tx has sent, read next.
            position: of frame_rx, read last.
        """
        with self._lock:
            under_way = [passage for passage in self._passages.values() if not (passage.over or passage.done)]
            waiting = [passage for passage in under_way if passage.all_sent]
            for passage in waiting:
                passage.over = not passage.sent or passage.sent[-1]["stop"] + self._reach_samples <= position
        for passage in waiting:
            if passage.over:
                meta = {"over": True, "stream": passage.request.stream, "message": passage.request.message}
                self.message_port_pub(pmt.intern("over"), pdu.make(meta, b""))
        stuck = any(not passage.over and passage.sent[-1]["end"] <= consumed for passage in waiting)
        if stuck and consumed == produced > self._silent_since:  # noise looked like the header of a long frame
            self._silent_since = produced
            self.message_port_pub(pmt.intern("silence"), pmt.from_long(self._silence_samples))

    @ends_process
    def handle_encoded(self, message: Any) -> None:
        """Take note of a frame that semantic_encoder made."""
        frame = pdu.to_semantic_frame(message)
        with self._lock:
            passage = self._passages[frame.header.stream, frame.header.message]
            passage.header = frame.header
            passage.encode_ms = pdu.scalar(message, "encode_ms")
            passage.encoded += 1
            passage.energy += float(np.sum(np.abs(frame.symbols) ** 2))

    @ends_process
    def handle_failed(self, message: Any) -> None:
        """Take note of a text that semantic_encoder could not send."""
        meta, sentence = pdu.split(message)
        with self._lock:
            self._passages[meta["stream"], meta["message"]].failure = meta["reason"], sentence.tobytes().decode()

    @ends_process
    def handle_sent(self, message: Any) -> None:
        """Take note of a frame that frame_tx modulated."""
        meta = pdu.split(message)[0]
        with self._lock:
            self._passages[meta["stream"], meta["message"]].sent.append(meta)

    @ends_process
    def handle_dropped(self, message: Any) -> None:
        """Take note of a frame that frame_tx did not send: it is lost, the rest of its message need not be."""
        meta, sentence = pdu.split(message)
        with self._lock:
            passage = self._passages.get((meta.get("stream"), meta.get("message")))
            if passage is not None:
                passage.dropped.append(sentence.tobytes().decode())

    @ends_process
    def handle_received(self, message: Any) -> None:
        """Take note of a frame that frame_rx found; noise can look like one, so it may be of no message of ours."""
        frame = pdu.to_received_frame(message)
        with self._lock:
            passage = self._passages.get((frame.header.stream, frame.header.message))
            if passage is not None:
                passage.received[frame.header.fragment] = frame
                passage.receive_ms += pdu.scalar(message, "receive_ms")

    @ends_process
    def handle_results(self, message: Any) -> None:
        """Take note of what lam_decoder made of a message; the first verdict counts, and `lost` only if asked for."""
        result = pdu.to_result(message)
        with self._lock:
            passage = self._passages.get((result.stream, result.message))
            if passage is not None and passage.result is None and (passage.over or not result.lost):
                passage.result = result
