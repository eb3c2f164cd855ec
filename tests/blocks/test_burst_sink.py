"""What a Burst Sink prints of messages on their way out."""

import threading
import time

import pytest
from radio_bench import gr, pmt, wait_until
from semcom_blocks import BurstSink, pdu
from semcom_blocks.burst_sink import LOOK_MS

from semcom_ota.radio.time_spec import TimeSpec

pytestmark = pytest.mark.timeout(60)


class Clock:
    """Of a radio: late enough that whatever was scheduled is over."""

    def __init__(self) -> None:
        self.asked = 0

    def time_now(self) -> TimeSpec:
        self.asked += 1
        return TimeSpec(100, 0.0)


class Said(gr.basic_block):
    """Says what a test has it say."""

    def __init__(self) -> None:
        gr.basic_block.__init__(self, "said", None, None)
        for name in ("sent", "scheduled", "async_msgs", "failed"):
            self.message_port_register_out(pmt.intern(name))

    def leaves(self, start: int, message: int, fragment: int = 0, fragments: int = 1) -> None:
        meta = {"stream": 0, "message": message, "fragment": fragment, "fragments": fragments, "start": start}
        self.message_port_pub(pmt.intern("sent"), pdu.make(meta, b""))

    def is_scheduled(self, start: int, seconds: int) -> None:
        meta = {"start": start, "seconds": seconds, "fraction": 0.0, "samples": 1000, "duration_s": 0.001, "limited": 0}
        self.message_port_pub(pmt.intern("scheduled"), pdu.make(meta, b""))

    def radio_says(self, code: str, seconds: int) -> None:
        told = pmt.make_dict()
        for name, value in (
            ("event_code", pmt.list1(pmt.intern(code))),
            ("time_spec", pmt.cons(pmt.from_long(seconds), pmt.from_double(0.001))),
        ):
            told = pmt.dict_add(told, pmt.intern(name), value)
        self.message_port_pub(pmt.intern("async_msgs"), pmt.cons(pmt.intern("uhd_async_msg"), told))

    def fails(self, message: int, sentence: str) -> None:
        meta = {"stream": 0, "message": message, "reason": "does_not_fit"}
        self.message_port_pub(pmt.intern("failed"), pdu.make(meta, sentence.encode()))


def connected(count: int, linger_s: float = 0.0) -> tuple[gr.top_block, Said, Clock, threading.Event]:
    top, said, clock, ended = gr.top_block(), Said(), Clock(), threading.Event()
    top.sink = BurstSink(clock, count, linger_s, ended.set)
    for name in ("sent", "scheduled", "async_msgs", "failed"):
        top.msg_connect(said, name, top.sink, name)
    top.start()
    return top, said, clock, ended


def test_messages_are_printed_and_counted_and_the_last_one_ends_the_flowgraph(capfd: pytest.CaptureFixture[str]):
    top, said, clock, ended = connected(4)
    said.leaves(0, message=0)
    said.is_scheduled(0, seconds=1)
    said.radio_says("burst_ack", seconds=1)
    for fragment, code in enumerate(("burst_ack", "time_error", "burst_ack")):  # the worst of its bursts counts
        said.leaves(1000 + fragment, message=1, fragment=fragment, fragments=3)
        said.is_scheduled(1000 + fragment, seconds=2 + fragment)
        said.radio_says(code, seconds=2 + fragment)
    said.fails(2, "this text does not fit")
    wait_until(lambda: top.sink._account._told.total() == 3)  # capfd is read once: between two reads it loses lines
    assert not ended.is_set()
    said.leaves(3000, message=3)
    said.is_scheduled(3000, seconds=6)  # of which the radio never says anything
    ended.wait()
    assert clock.asked
    top.stop()
    top.wait()
    printed = capfd.readouterr().out
    lines = [line.split(maxsplit=1) for line in printed.splitlines()]
    assert ["0", "acknowledged"] in lines
    assert ["1", "late"] in lines
    assert ["2", "not sent: this text does not fit"] in lines
    assert ["3", "unacknowledged"] in lines
    assert "sent 4 of 4 messages: 1 acknowledged, 1 late, 1 not sent, 1 unacknowledged" in printed


def test_messages_that_share_a_frame_share_its_fate(capfd: pytest.CaptureFixture[str]):
    top, said, _, ended = connected(2)
    for message in (5, 6):
        said.leaves(0, message)
    said.is_scheduled(0, seconds=1)
    said.radio_says("burst_ack", seconds=1)
    ended.wait()
    top.stop()
    top.wait()
    assert "sent 2 of 2 messages: 2 acknowledged" in capfd.readouterr().out


def test_the_clock_is_not_asked_while_nothing_is_on_its_way():
    top, said, clock, _ = connected(0)
    time.sleep(3e-3 * LOOK_MS)
    assert clock.asked == 0
    said.leaves(0, message=0)
    wait_until(lambda: clock.asked > 0)
    top.stop()
    top.wait()
