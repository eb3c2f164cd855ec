"""Prints and counts what was received, for flowgraphs drawn in GNU Radio Companion."""

import threading
from collections.abc import Callable
from typing import Any

import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import ends_process

TEXT = pmt.intern("text")


class ResultSink(gr.basic_block):
    """Prints each received message, and at the end how many there were.

    Ports:
        in: results of a lam_decoder.
        events: what frame_rx says of gaps in the stream, and of frames that it dropped.
        text: each received text as a PMT symbol, which is what QT widgets take.

    Attributes:
        received: results so far.
    """

    def __init__(self, count: int, patience_s: float, end: Callable[[], None], first_patience_s: float = 300.0):
        """Print and count.

        Args:
            count: the flowgraph ends after so many results; 0: there is no such number.
            patience_s: it ends, too, when after a result no other one has come for so long; 0 waits for ever.
            end: ends it, called from another thread: its `stop`.
            first_patience_s: the same before the first result: models are loaded and, on a new machine, code is
                compiled, which takes minutes.
        """
        gr.basic_block.__init__(self, "semcom result_sink", None, None)
        self._count, self._patience_s, self._end = count, patience_s, end
        self._first_patience_s = first_patience_s
        self.received = self._intact = 0
        self._gaps = self._lost_samples = self._dropped_frames = 0
        self._timer: threading.Timer | None = None
        for name, handler in (("in", self.handle_result), ("events", self.handle_event)):
            self.message_port_register_in(pmt.intern(name))
            self.set_msg_handler(pmt.intern(name), handler)
        self.message_port_register_out(TEXT)

    def start(self) -> bool:
        """Begin to wait."""
        self._wait(self._first_patience_s)
        return True

    def stop(self) -> bool:
        """Print the count."""
        if self._timer is not None:
            self._timer.cancel()
        sent = f" of {self._count}" if self._count else ""
        gaps = f"; gaps: {self._gaps}, lost samples: {self._lost_samples}" if self._gaps else ""
        dropped = f"; dropped frames: {self._dropped_frames}" if self._dropped_frames else ""
        print(f"received {self.received}{sent} messages, {self._intact} of them intact{gaps}{dropped}", flush=True)
        return True

    @ends_process
    def handle_result(self, message: Any) -> None:
        """Print a result; end the flowgraph if it was the last one."""
        result = pdu.to_result(message)
        verdict = "intact" if result.intact else "not intact"
        print(f"{result.message:5d}  {result.snr_db:5.1f} dB  {verdict}  {result.text!r}", flush=True)
        self.received += 1
        self._intact += result.intact
        if pmt.is_pair(self.message_subscribers(TEXT)):  # PMT keeps every symbol for ever: none without a widget
            self.message_port_pub(TEXT, pmt.intern(result.text))
        if self.received == self._count:
            self._end()
        else:
            self._wait(self._patience_s)

    @ends_process
    def handle_event(self, message: Any) -> None:
        """Print and count what went wrong in the stream."""
        event = pdu.to_stream_event(message)
        if event.kind == "dropped":
            self._dropped_frames += 1
            print(f"       at {event.at_s:.3f} s a frame was dropped: the decoder is too slow", flush=True)
            return
        self._gaps += 1
        self._lost_samples += event.lost_samples or 0
        lost = "an unknown number of" if event.lost_samples is None else event.lost_samples
        print(f"       at {event.at_s:.3f} s {lost} samples were lost: this machine is too slow", flush=True)

    def _wait(self, patience_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if patience_s:
            self._timer = threading.Timer(patience_s, self._end)
            self._timer.daemon = True
            self._timer.start()
