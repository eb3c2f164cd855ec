"""Texts to send, for flowgraphs drawn in GNU Radio Companion."""

import threading
from collections.abc import Sequence
from typing import Any

import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import CountsDropped, ends_process

TEXT = pmt.intern("text")


class TextSource(CountsDropped, gr.basic_block):
    """Hands texts to a semantic_encoder, numbered from 0.

    Ports:
        text: a text of one's own as a PMT symbol, as QT widgets give it: goes out at once, with the next number.
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
        self.message_port_register_in(TEXT)
        self.set_msg_handler(TEXT, self.handle_text)
        self.message_port_register_out(pmt.intern("out"))

    def set_codec(self, codec: str) -> None:
        """Change the codec of the texts to come."""
        self._codec = codec

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
    def handle_text(self, message: Any) -> None:
        """Send a text of one's own."""
        if pmt.is_symbol(message):
            self._send(pmt.symbol_to_string(message))
        else:
            self.drop("the text is not a symbol")

    @ends_process
    def _run(self) -> None:
        sent = 0
        while self._repeat or sent < len(self._texts):
            self._send(self._texts[sent % len(self._texts)])
            sent += 1
            if self._stopping.wait(self._interval_s):
                return

    def _send(self, text: str) -> None:
        with self._lock:  # two threads come here, and the numbers leave in order
            request = pdu.TextRequest(text, self._codec, self._stream, self._message)
            self._message = (self._message + 1) % 2**16
            self.message_port_pub(pmt.intern("out"), pdu.from_text_request(request))
