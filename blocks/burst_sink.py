"""Prints and counts what became of each message on its way out, for flowgraphs drawn in GNU Radio Companion."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import pmt
from gnuradio import blocks, gr
from semcom_blocks import pdu
from semcom_blocks.burst_watch import BurstWatch
from semcom_blocks.failure import CountsDropped, ends_process

from semcom_ota.radio.time_spec import TimeSpec

LOOK_MS = 200
MAX_OPEN = 4096
"""Frames whose fate is not known; beyond that the oldest is forgotten."""


class Clock(Protocol):
    """What of a radio is needed here."""

    def time_now(self) -> TimeSpec:
        """The clock of `tx_time`."""
        ...


class BurstSink(gr.hier_block2):
    """A BurstWatch whose verdicts are printed, message by message; at the end, how many there were of each.

    Ports:
        sent: what frame_tx says at `sent`: which messages are in which frame.
        scheduled: what burst_scheduler says at `scheduled`.
        async_msgs: what the radio says at `async_msgs`.
        failed: what semantic_encoder says at `failed` and frame_tx at `dropped`.
    """

    def __init__(self, radio: Clock, count: int, linger_s: float, end: Callable[[], None]):
        """End the flowgraph after `count` messages; 0 goes on for ever.

        Args:
            radio: that transmits.
            count: messages of which it is to be known what became of them.
            linger_s: after the last one, for so long: it may still be on its way through buffers.
            end: ends the flowgraph, called from another thread: its `stop`.
        """
        none = gr.io_signature(0, 0, 0)
        gr.hier_block2.__init__(self, "semcom burst_sink", none, none)
        self._watch = BurstWatch()
        self._account = _Account(self._watch, radio, count, linger_s, end)
        self._clock = blocks.message_strobe(pmt.PMT_NIL, LOOK_MS)
        for name in ("sent", "scheduled", "async_msgs", "failed"):
            self.message_port_register_hier_in(name)
        for name, block, port in (
            ("sent", self._account, "in"),
            ("scheduled", self._watch, "in"),
            ("async_msgs", self._watch, "in"),
            ("failed", self._account, "failed"),
        ):
            self.msg_connect(self, name, block, port)
        self.msg_connect(self._watch, "fates", self._account, "in")
        self.msg_connect(self._clock, "strobe", self._account, "look")


class _Account(CountsDropped, gr.basic_block):
    """Says what became of each message: that of the worst of its bursts.

    Ports:
        in: what frame_tx says at `sent` and burst_watch at `fates`. Both at one port, because messages are taken in the
            order in which they come only there: a message is known before its fate is.
        failed: of messages that will not leave.
        look: now and then.
    """

    def __init__(self, watch: BurstWatch, radio: Clock, count: int, linger_s: float, end: Callable[[], None]):
        gr.basic_block.__init__(self, "semcom burst_account", None, None)
        self._watch, self._radio, self._end = watch, radio, end
        self._count, self._linger_s = count, linger_s
        self._open: dict[int, list[dict[str, Any]]] = {}  # by start of a frame: the messages in it
        self._fates: dict[tuple[int, int], str] = {}  # by stream and message, while fragments are on their way
        self._told: Counter[str] = Counter()
        self._timer: threading.Timer | None = None
        handlers = {
            "in": self.handle_told,
            "failed": self.handle_failed,
            "look": self.handle_look,
        }
        for name, handler in handlers.items():
            self.message_port_register_in(pmt.intern(name))
            self.set_msg_handler(pmt.intern(name), handler)

    def stop(self) -> bool:
        """Print the count."""
        if self._timer is not None:
            self._timer.cancel()
        of = f" of {self._count}" if self._count else ""
        told = ", ".join(f"{number} {fate}" for fate, number in sorted(self._told.items())) or "none"
        print(f"sent {self._told.total()}{of} messages: {told}", flush=True)
        return True

    @ends_process
    def handle_told(self, message: Any) -> None:
        """Note a message that leaves, or what became of a burst."""
        meta = pdu.split(message)[0]
        if "fate" in meta:
            self._note_fate(meta)
        else:
            self._note_sent(meta)

    def _note_sent(self, meta: dict[str, Any]) -> None:
        self._open.setdefault(meta["start"], []).append(meta)
        while len(self._open) > MAX_OPEN:
            del self._open[next(iter(self._open))]

    def _note_fate(self, meta: dict[str, Any]) -> None:
        for told in self._open.pop(meta["start"], ()):  # nobody: a correction of what was printed already
            key = told["stream"], told["message"]
            if self._fates.get(key, "acknowledged") == "acknowledged":
                self._fates[key] = meta["fate"]
            if told["fragment"] + 1 == told["fragments"]:
                self._tell(told["message"], self._fates.pop(key))

    @ends_process
    def handle_failed(self, message: Any) -> None:
        """Note a message that will not leave."""
        meta, sentence = pdu.split(message)
        self._fates.pop((meta.get("stream", -1), meta.get("message", -1)), None)
        self._tell(meta.get("message", -1), "not sent", sentence.tobytes().decode("utf-8", "replace"))

    @ends_process
    def handle_look(self, _: Any) -> None:
        """Give up on bursts of which the radio will say nothing more."""
        if self._open:  # some radios wait for a burst when they are asked for the time
            self._watch.expire(self._radio.time_now())

    def _tell(self, message: int, fate: str, why: str = "") -> None:
        print(f"{message:5d}  {fate}" + (f": {why}" if why else ""), flush=True)
        self._told[fate] += 1
        if self._told.total() == self._count:
            self._timer = threading.Timer(self._linger_s, self._end)
            self._timer.daemon = True
            self._timer.start()
