from dataclasses import asdict

import numpy as np
import pytest
from gnuradio import blocks
from radio_bench import Collector, gr, pmt, post, wait_until
from semcom_blocks import FrameTx, pdu

from semcom_ota.config import PhyConfig
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import FrameHeader, SemanticFrame

pytestmark = pytest.mark.timeout(60)
PHY = PhyConfig()
ONE = np.ones(1, np.complex64)


def frames(seed: int, count: int) -> list[SemanticFrame]:
    rng = np.random.default_rng(seed)
    made = []
    for message in range(count):
        symbols = np.exp(2j * np.pi * rng.random(rng.integers(1, 300))).astype(np.complex64)
        made.append(SemanticFrame(FrameHeader(3, message=message, message_symbols=len(symbols)), symbols))
    return made


class Bench:
    """frame_tx, everything it says, and how it says it in steps of at most `step` samples."""

    def __init__(self, step: int, gap_samples: int = 150, **options: int):
        self.top = gr.top_block()
        self.tx = FrameTx(PHY, gap_samples, **options)
        self.sink, self.sent, self.dropped = blocks.vector_sink_c(), Collector(), Collector()
        self.top.connect(self.tx, self.sink)
        self.top.msg_connect(self.tx, "sent", self.sent, "in")
        self.top.msg_connect(self.tx, "dropped", self.dropped, "in")
        self.top.start(step)

    def finish(self, samples: int) -> np.ndarray:
        wait_until(lambda: len(self.sink.data()) >= samples)
        self.top.stop()
        self.top.wait()
        return np.array(self.sink.data(), np.complex64)


@pytest.mark.parametrize("seed", range(4))
def test_the_samples_are_those_of_the_transmitter_whatever_the_chunks(seed: int):
    step = int(np.random.default_rng(seed).integers(1, 3000))
    sent, gap = frames(seed, 6), np.zeros(150, np.complex64)
    modulate = Transmitter(PHY).modulate
    expected = np.concatenate([part for frame in sent for part in (modulate(frame), gap)])
    bench = Bench(step)
    for frame in sent:
        post(bench.tx, "in", pdu.from_semantic_frame(frame))
    told = bench.sent.wait(6)  # before the flowgraph stops, and with it the handlers of messages
    samples = bench.finish(len(expected))
    np.testing.assert_array_equal(samples, expected)
    assert bench.tx.produced == len(expected)

    start, tags = 0, [(tag.offset, pmt.to_python(tag.value)) for tag in bench.sink.tags()]
    for frame, (offset, tag), message in zip(sent, tags, told, strict=True):
        length = len(modulate(frame))
        assert offset == start
        assert tag == asdict(frame.header) | {"frame_samples": length, "length": length + 150}
        meta, _ = pdu.split(message)
        assert (meta["start"], meta["stop"], meta["end"]) == (start, start + length, start + length + 150)
        start += length + 150


def test_silence_comes_after_the_frames_and_is_tagged_as_none_of_them():
    frame = frames(0, 1)[0]
    length = len(Transmitter(PHY).modulate(frame)) + 150
    bench = Bench(1000)
    post(bench.tx, "in", pdu.from_semantic_frame(frame))
    wait_until(lambda: bench.tx.produced == length)
    assert bench.tx.produced == length  # nothing without demand
    post(bench.tx, "silence", pmt.from_long(700))
    samples = bench.finish(length + 700)
    assert not samples[length:].any()
    last = bench.sink.tags()[-1]
    assert last.offset == length
    assert pmt.to_python(last.value)["fragment"] >= 256


def test_what_is_no_frame_and_what_finds_the_queue_full_is_dropped_and_reported():
    many = frames(1, 40)
    bench = Bench(1, queue_frames=2)
    post(bench.tx, "in", pmt.intern("no frame"))
    wait_until(lambda: bench.tx.dropped == 1)
    for frame in many:
        post(bench.tx, "in", pdu.from_semantic_frame(frame))
    wait_until(lambda: len(bench.sent.messages) + len(bench.dropped.messages) == 41)
    bench.top.stop()
    bench.top.wait()
    assert len(bench.dropped.messages) == bench.tx.dropped > 1
    (nonsense, _), *full = [pdu.split(message) for message in bench.dropped.messages]
    assert nonsense == {}
    assert all(sentence.tobytes() == b"a frame was not sent: 2 are waiting already" for _, sentence in full)
    told = [pdu.split(message)[0] for message in bench.sent.messages] + [meta for meta, _ in full]
    assert sorted(meta["message"] for meta in told) == list(range(40))
    assert {meta["stream"] for meta in told} == {0}


def test_a_frame_that_contradicts_itself_is_dropped_and_said_whose_it_was():
    frame = pdu.from_semantic_frame(SemanticFrame(FrameHeader(3, stream=5, message=7, message_symbols=9), ONE))
    bench = Bench(1000)
    post(bench.tx, "in", frame)
    meta, sentence = pdu.split(bench.dropped.wait(1)[0])
    bench.top.stop()
    bench.top.wait()
    assert meta == {"stream": 5, "message": 7}
    assert b"not those that the frame header announces" in sentence.tobytes()
