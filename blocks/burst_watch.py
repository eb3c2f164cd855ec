"""What became of each burst, from what the radio says."""

import threading
import time
from typing import Any

import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.burst_protocol import ASYNC_NAME
from semcom_blocks.failure import CountsDropped, ends_process

from semcom_ota.radio.burst_ledger import BurstLedger, Verdict
from semcom_ota.radio.health import Health
from semcom_ota.radio.time_spec import TimeSpec

ASYNC, FATES = pmt.intern(ASYNC_NAME), pmt.intern("fates")
EVENT_CODE, TIME_SPEC = pmt.intern("event_code"), pmt.intern("time_spec")


class BurstWatch(CountsDropped, gr.basic_block):
    """Adapter of `semcom_ota.radio.burst_ledger.BurstLedger`.

    Ports:
        in: what burst_scheduler says at `scheduled` and what the radio says at `async_msgs`. Both at one port, because
            messages are taken in the order in which they come only there: a burst is known before it is spoken of.
        fates: a PDU for each burst: {start (of the frame, as it was scheduled), fate: acknowledged, unacknowledged,
            late, underflow or sequence_error}. A second one of the same burst corrects the first.
    """

    def __init__(self) -> None:
        """Nothing sent yet."""
        gr.basic_block.__init__(self, "semcom burst_watch", None, None)
        self._ledger, self._lock = BurstLedger(), threading.Lock()
        self.message_port_register_in(pmt.intern("in"))
        self.set_msg_handler(pmt.intern("in"), self.handle_message)
        self.message_port_register_out(FATES)

    @property
    def health(self) -> Health:
        """Of the transmitter, so far."""
        return self._ledger.health

    def expire(self, now: TimeSpec) -> None:
        """Give up on bursts of which the radio will say nothing more; to be called again and again, from any thread.

        Args:
            now: on the radio's clock.
        """
        with self._lock:
            verdicts = self._ledger.expire(now, time.monotonic())
        self._publish(*verdicts)

    @ends_process
    def handle_message(self, message: Any) -> None:
        """Take note of a burst that is handed to the radio, or of what the radio says of one."""
        try:
            if pmt.is_pair(message) and pmt.eq(pmt.car(message), ASYNC):
                self._hear(pmt.cdr(message))
            else:
                self._note(pdu.split(message)[0])
        except (KeyError, TypeError, ValueError) as error:  # what PMT says of one of the wrong type, too
            self.drop(error)

    def _note(self, meta: dict[str, Any]) -> None:
        start = TimeSpec(meta["seconds"], meta["fraction"])
        with self._lock:
            self._ledger.send(meta["start"], start, start.after(meta["duration_s"]), meta["limited"])

    def _hear(self, told: Any) -> None:
        listed = pmt.dict_ref(told, EVENT_CODE, pmt.PMT_NIL)
        codes = [pmt.symbol_to_string(pmt.nth(place, listed)) for place in range(pmt.length(listed))]
        when = pmt.dict_ref(told, TIME_SPEC, pmt.PMT_NIL)
        if pmt.is_tuple(when):
            seconds, fraction = pmt.tuple_ref(when, 0), pmt.tuple_ref(when, 1)
        else:
            seconds, fraction = pmt.car(when), pmt.cdr(when)
        with self._lock:
            verdict = self._ledger.hear(codes, TimeSpec(pmt.to_uint64(seconds), pmt.to_double(fraction)))
        if verdict:
            self._publish(verdict)

    def _publish(self, *verdicts: Verdict) -> None:
        for verdict in verdicts:
            self.message_port_pub(FATES, pdu.make({"start": verdict.burst, "fate": verdict.fate}, b""))
