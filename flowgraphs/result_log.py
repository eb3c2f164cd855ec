"""What a radio process has to tell, as JSON lines in a file."""

import json
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TextIO

import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import ends_process

Line = dict[str, Any]


def _nothing(_: pdu.Result) -> Line:
    return {}


class ResultLog(gr.basic_block):
    """Writes what lam_decoder makes of each message, what frame_rx tells, and whatever else there is to be told.

    Ports:
        in: results of a lam_decoder. Lines `{"result": {the fields of pdu.Result, and what `more` adds}}`.
        events: events of a frame_rx. Lines `{"event": {kind, at_s, sample, lost_samples, cut or dropped}}`.

    Attributes:
        results: written so far.
    """

    def __init__(self, lines: TextIO, more: Callable[[pdu.Result], Line] = _nothing):
        """For an open file; `more` is what else is to be said of a result when it comes."""
        gr.basic_block.__init__(self, "semcom result_log", None, None)
        self._lines, self._more, self._lock = lines, more, threading.Lock()
        self.results = 0
        for name, handler in (("in", self.handle_result), ("events", self.handle_event)):
            self.message_port_register_in(pmt.intern(name))
            self.set_msg_handler(pmt.intern(name), handler)

    def write(self, line: Line) -> None:
        """Write a line at once."""
        with self._lock:
            self._lines.write(json.dumps(line) + "\n")
            self._lines.flush()

    @ends_process
    def handle_result(self, message: Any) -> None:
        """Write a result."""
        result = pdu.to_result(message)
        self.write({"result": asdict(result) | self._more(result)})
        self.results += 1

    @ends_process
    def handle_event(self, message: Any) -> None:
        """Write an event."""
        event = asdict(pdu.to_stream_event(message))
        event["dropped" if event["kind"] == "dropped" else "cut"] = event.pop("messages")
        self.write({"event": event})
