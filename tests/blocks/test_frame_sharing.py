"""Which messages share a frame on the air."""

import json
import time

import numpy as np
import pytest
from gnuradio import blocks
from radio_bench import Collector, gr, pmt, post, wait_until
from semcom_blocks import FrameTx, pdu

from semcom_ota.config import PhyConfig
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import FrameHeader, SemanticFrame

pytestmark = pytest.mark.timeout(60)
PHY = PhyConfig(messages_per_frame=3, max_frame_symbols=300)
GAP = 150


def frame(message: int, symbols: int = 60, stream: int = 0, fragment: int = 0, fragments: int = 1) -> SemanticFrame:
    header = FrameHeader(3, 5 * message, 0, stream, message, fragment, fragments, symbols * fragments)
    rng = np.random.default_rng((stream, message, fragment))
    return SemanticFrame(header, np.exp(2j * np.pi * rng.random(symbols)).astype(np.complex64))


class Bench:
    """frame_tx and what it says."""

    def __init__(self, *early: object, **options: object):
        """With PDUs that are there before it runs."""
        self.top, self.tx = gr.top_block(), FrameTx(PHY, GAP, **options)
        self.sink, self.sent, self.dropped = blocks.vector_sink_c(), Collector(), Collector()
        self.top.connect(self.tx, self.sink)
        self.top.msg_connect(self.tx, "sent", self.sent, "in")
        self.top.msg_connect(self.tx, "dropped", self.dropped, "in")
        for message in early:
            post(self.tx, "in", message)
        self.top.start(777)

    def check(self, *expected: list[SemanticFrame]) -> None:
        """Wait for these frames on the air, each with those that share it, and look at all that is said of them."""
        air = [Transmitter(PHY).modulate(*together) for together in expected]
        samples = np.concatenate([np.append(one, np.zeros(GAP, np.complex64)) for one in air])
        wait_until(lambda: len(self.sink.data()) >= len(samples))
        sent = [pdu.split(message)[0] for message in self.sent.wait(sum(map(len, expected)))]
        self.top.stop()
        self.top.wait()
        np.testing.assert_array_equal(np.array(self.sink.data(), np.complex64), samples)
        tags, start = self.sink.tags(), 0
        for one, together, tag in zip(air, expected, tags, strict=True):
            said = pdu.split(pmt.cons(tag.value, pmt.init_u8vector(0, [])))[0]
            named = [said, *json.loads(said["followers"].tobytes() if "followers" in said else "[]")]
            assert (tag.offset, said["frame_samples"], said["length"]) == (start, len(one), len(one) + GAP)
            before = 0
            for told, message in zip(named, together, strict=True):
                header, mine = message.header, sent.pop(0)
                assert [told[name] for name in FrameHeader.__slots__] == [getattr(header, n) for n in header.__slots__]
                names = ("stream", "message", "fragment", "fragments")
                assert [mine[name] for name in names] == [getattr(header, name) for name in names]
                where = (start, start + len(one), start + len(one) + GAP)
                assert (mine["start"], mine["stop"], mine["end"]) == where
                assert (mine["symbols"], mine["symbols_before"]) == (header.frame_symbols, before)
                assert mine["frame_symbols"] == sum(other.header.frame_symbols for other in together)
                before += header.frame_symbols
            start += len(one) + GAP


def test_those_of_a_stream_that_wait_share_a_frame_whatever_lies_between_them():
    a = [frame(message) for message in range(7)]
    b = [frame(message, stream=4) for message in range(10, 14)]
    queue = [a[0], b[0], b[1], a[1], a[2], a[3], b[2], a[4], a[6], b[3]]
    bench = Bench(*(pdu.from_semantic_frame(one) for one in queue))
    bench.check(a[:3], b[:3], a[3:5], a[6:], b[3:])


def test_a_frame_takes_what_it_has_room_for_and_a_long_message_goes_alone():
    long = [frame(2, fragment=fragment, fragments=2) for fragment in range(2)]
    queue = [frame(0, 200), frame(1, 101), *long, frame(3, 200), frame(4, 100), frame(5, 1)]
    bench = Bench(*(pdu.from_semantic_frame(one) for one in queue))
    bench.check(queue[:1], queue[1:2], long[:1], long[1:], queue[4:6], queue[6:])


@pytest.mark.parametrize("seed", range(3))
def test_marked_ones_wait_for_each_other_and_for_nobody_else_at_any_time(seed: int):
    rng = np.random.default_rng(seed)
    batches = [
        [frame(0), frame(1), frame(2)],
        [frame(3)],
        [frame(4), frame(5)],
        [frame(6, stream=1), frame(7, stream=1)],
        [frame(8), frame(9, 280), frame(10, 20)],  # there is no room for the second one in the first frame
        [frame(11), frame(12, fragment=0, fragments=2), frame(12, fragment=1, fragments=2)],
        [frame(13), frame(15)],  # 14 could not be encoded
        [frame(16), frame(17, stream=1)],
    ]
    bench = Bench(share="marked")
    for batch in batches:
        for left, one in zip(reversed(range(len(batch))), batch, strict=True):
            post(bench.tx, "in", pdu.from_semantic_frame(one, more=left > 0))
            if rng.random() < 0.4:
                time.sleep(0.01 * rng.random())
    kept, room, alone = batches[:4], batches[4], [[one] for batch in batches[5:] for one in batch]
    bench.check(*kept, room[:1], room[1:], *alone)


def test_silence_waits_for_those_that_wait_and_they_do_not_wait_for_what_was_dropped():
    bench = Bench(share="marked", queue_frames=1)
    post(bench.tx, "silence", pmt.from_long(700))
    wait_until(lambda: bench.tx.produced == 700)
    post(bench.tx, "in", pdu.from_semantic_frame(frame(1), more=True))
    post(bench.tx, "silence", pmt.from_long(700))
    time.sleep(0.05)
    assert bench.tx.produced == 700
    post(bench.tx, "in", pdu.from_semantic_frame(frame(2)))
    ((meta, sentence),) = [pdu.split(message) for message in bench.dropped.wait(1)]
    assert (meta["message"], sentence.tobytes()) == (2, b"a frame was not sent: 1 are waiting already")
    length = Transmitter(PHY).frame_samples(60) + GAP
    wait_until(lambda: bench.tx.produced == 700 + length + 700)
    bench.top.stop()
    bench.top.wait()
    assert [pdu.split(message)[0]["message"] for message in bench.sent.messages] == [1]
