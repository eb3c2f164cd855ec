"""Texts to send, for flowgraphs drawn in GNU Radio Companion."""

import threading
from collections.abc import Sequence

import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import ends_process


class TextSource(gr.basic_block):
    """Hands texts to a semantic_encoder, numbered from 0.

    Ports:
        out: one PDU a text (`pdu.TextRequest`).
    """

    def __init__(
        self, texts: Sequence[str], codec: str, stream: int = 0, interval_s: float = 0.0, repeat: bool = False
    ):
        """Texts in this order.

        Args:
            texts: what to send.
            codec: with which codec.
            stream: 0..255.
            interval_s: pause after each text; 0 hands all of them over at once.
            repeat: begin again after the last text, until the flowgraph stops.

        Raises:
            ValueError: to repeat without a pause would flood the flowgraph.
        """
        gr.basic_block.__init__(self, "semcom text_source", None, None)
        if repeat and interval_s <= 0:
            raise ValueError("to repeat the texts, give an interval above 0 s")
        self._texts, self._codec, self._stream = list(texts), codec, stream
        self._interval_s, self._repeat = interval_s, repeat
        self._message = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="text source", daemon=True)
        self.message_port_register_out(pmt.intern("out"))

    def set_codec(self, codec: str) -> None:
        """Change the codec of the texts to come."""
        self._codec = codec

    def send(self, text: str) -> None:
        """Send a text of one's own at once, with the next number; from any thread. An empty one is none."""
        if not text:
            return
        with self._lock:  # numbers leave in order
            request = pdu.TextRequest(text, self._codec, self._stream, self._message)
            self._message = (self._message + 1) % 2**16
            self.message_port_pub(pmt.intern("out"), pdu.from_text_request(request))

    def start(self) -> bool:
        """Begin to send."""
        self._thread.start()
        return True

    def stop(self) -> bool:
        """Send no more."""
        self._stopping.set()
        self._thread.join()
        return True

    @ends_process
    def _run(self) -> None:
        sent = 0
        while self._repeat or sent < len(self._texts):
            self.send(self._texts[sent % len(self._texts)])
            sent += 1
            if self._stopping.wait(self._interval_s):
                return
