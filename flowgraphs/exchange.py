"""The desk of a radio process that hears what it sends."""

from typing import Any

import pmt
from semcom_blocks import pdu
from semcom_blocks.failure import ends_process
from semcom_flowgraphs.desk import Desk
from semcom_flowgraphs.passage import Passage

from semcom_ota.transport.radio import RadioReply


class Exchange(Desk[Passage]):
    """Hands messages to the flowgraph and finds out what becomes of each.

    A message is lost when the receiver has gone past the end of its last frame and lam_decoder knows nothing of it:
    that takes no clock and no timeout.

    Ports: those of `Desk`, and
        over: to lam_decoder. silence: to frame_tx.
        received: from frame_rx. results: from lam_decoder.
    """

    reply_type = RadioReply

    def __init__(self, reach_samples: int, silence_samples: int):
        """For a channel and a receiver.

        Args:
            reach_samples: how much later than it was sent the end of a frame can arrive.
            silence_samples: zeros, more than 0, that push the receiver on when it has not gone past a frame in spite of
                the silence behind it, and nothing else follows.
        """
        super().__init__("semcom exchange")
        self._reach_samples, self._silence_samples = reach_samples, silence_samples
        self._silent_since = -1
        for name in ("over", "silence"):
            self.message_port_register_out(pmt.intern(name))
        self.listen("received", "results")

    def passage(self, token: Any, request: pdu.TextRequest, want_arrays: bool) -> Passage:
        """A message to submit."""
        return Passage(token, request, want_arrays=want_arrays)

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
