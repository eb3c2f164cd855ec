"""flowgraphs/radio/twin.py does to samples, tags and messages what gr-uhd's source and sink do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pmt
import pytest
from fake_usrp import FakeDevice
from gnuradio import blocks, gr
from radio_bench import Collector, wait_until
from semcom_flowgraphs.radio import twin, twin_calls

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.client import AsyncEvent, RxPacket

ADDRESS, STREAM = "type=twin,serial=A", twin.stream_args(cpu_format="fc32", channels=[0])


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    fake = FakeDevice()
    fake.values["rx_freq"] = 2.4e9
    fake.values["rx_rate"] = fake.values["tx_rate"] = 1e6
    monkeypatch.setattr(twin_calls, "open_device", lambda address: fake)
    return fake


@contextmanager
def running(flowgraph: Any) -> Iterator[None]:
    flowgraph.start()
    try:
        yield
    finally:
        flowgraph.stop()
        flowgraph.wait()


def noise(count: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(count) + 1j * rng.standard_normal(count)).astype(np.complex64)


def value(tag: Any) -> Any:
    if pmt.is_tuple(tag.value):
        return pmt.to_uint64(pmt.tuple_ref(tag.value, 0)), pmt.to_double(pmt.tuple_ref(tag.value, 1))
    return pmt.to_double(tag.value)


def test_a_source_tags_its_first_sample_and_the_first_after_an_overflow(device: FakeDevice) -> None:
    pieces, position = [noise(count, count) for count in (700, 1, 900)], 0
    nothing = np.zeros(0, np.complex64)
    device.packets.put(RxPacket(pieces[0], TimeSpec(5, 0.25)))
    device.packets.put(RxPacket(pieces[1], TimeSpec(5, 0.2507)))
    device.packets.put(RxPacket(nothing, TimeSpec(5, 0.3), "overflow"))
    device.packets.put(RxPacket(nothing, TimeSpec(5, 0.4), "overflow"))
    device.packets.put(RxPacket(pieces[2], TimeSpec(7, 0.5)))
    flowgraph, source = gr.top_block(), twin.usrp_source(ADDRESS, STREAM)
    sink = blocks.vector_sink_c()
    flowgraph.connect(source, sink)
    with running(flowgraph):
        wait_until(lambda: len(sink.data()) == 1601)
    assert np.array_equal(np.array(sink.data(), np.complex64), np.concatenate(pieces))
    for position, at in ((0, (5, 0.25)), (701, (7, 0.5))):
        here = {pmt.symbol_to_string(tag.key): value(tag) for tag in sink.tags() if tag.offset == position}
        assert here == {"rx_time": at, "rx_rate": 1e6, "rx_freq": 2.4e9}
    assert len(sink.tags()) == 6


def test_a_source_whose_device_is_gone_goes_on(device: FakeDevice, capfd: pytest.CaptureFixture[str]) -> None:
    flowgraph, source, sink = gr.top_block(), twin.usrp_source(ADDRESS, STREAM), blocks.vector_sink_c()
    flowgraph.connect(source, sink)
    with running(flowgraph):
        device.packets.put(RxPacket(noise(10), TimeSpec()))
        wait_until(lambda: len(sink.data()) == 10)
        device.gone = True
        wait_until(lambda: device.missed > 2)
    assert len(sink.data()) == 10
    assert "Traceback" not in capfd.readouterr().err


class Pieces(gr.sync_block):
    """Samples and tags in pieces of random sizes."""

    def __init__(self, samples: np.ndarray, tags: list[tuple[int, str, Any]], largest: int):
        gr.sync_block.__init__(self, "pieces", None, [np.complex64])
        self.samples, self.tags, self.largest = samples, tags, largest
        self.rng = np.random.default_rng(largest)

    def work(self, _: Any, outputs: list[np.ndarray]) -> int:
        first = self.nitems_written(0)
        left = self.samples[first:]
        if not len(left):
            return -1
        count = min(int(self.rng.integers(1, self.largest + 1)), len(left), len(outputs[0]))
        outputs[0][:count] = left[:count]
        for offset, key, content in self.tags:
            if first <= offset < first + count:
                self.add_item_tag(0, offset, pmt.intern(key), content)
        return count


def burst_tags(offset: int, length: int, at: tuple[int, float] | None) -> list[tuple[int, str, Any]]:
    tags = [(offset, "packet_len", pmt.from_long(length))]
    if at is not None:
        tags.append((offset, "tx_time", pmt.make_tuple(pmt.from_uint64(at[0]), pmt.from_double(at[1]))))
    return tags


def send(device: FakeDevice, samples: np.ndarray, tags: list[Any], largest: int = 10**6) -> list[tuple[Any, ...]]:
    """What the device was sent: samples, whether a burst starts and ends with them, and its time."""
    flowgraph, sink = gr.top_block(), twin.usrp_sink(ADDRESS, STREAM, "packet_len")
    source = Pieces(samples, tags, largest)
    flowgraph.connect(source, sink)
    with running(flowgraph):
        wait_until(lambda: sink.nitems_read(0) == len(samples))
    *sent, last = device.sent
    assert (len(last[0]), last[1], last[2]) == (0, False, True)  # stop() ends what is under way
    return sent


@pytest.mark.parametrize("largest", [7, 333, 10**6])
def test_bursts_reach_the_device_in_time(device: FakeDevice, capfd: pytest.CaptureFixture[str], largest: int) -> None:
    samples = noise(3000)
    tags = burst_tags(0, 1000, (9, 0.5)) + burst_tags(1000, 1, (9, 0.75)) + burst_tags(1001, 1999, None)
    sent = send(device, samples, tags, largest)
    assert np.array_equal(np.concatenate([part for part, *_ in sent]), samples)
    begun = [(int(sum(len(one[0]) for one in sent[:i])), at) for i, (_, start, _, at) in enumerate(sent) if start]
    ended = [int(sum(len(one[0]) for one in sent[: i + 1])) for i, (_, _, end, _) in enumerate(sent) if end]
    assert [position for position, _ in begun] == [0, 1000, 1001]
    assert ended == [1000, 1001, 3000]
    assert all(at is None for _, start, _, at in sent if not start)
    assert [at for _, at in begun[:2]] == [TimeSpec(9, 0.5), TimeSpec(9, 0.75)]
    assert begun[2][1].since(TimeSpec(9, 0.75)) == pytest.approx(1e-6)  # gr-uhd counts on from the last tag
    assert capfd.readouterr().err == ""


def test_a_device_that_takes_little_gets_the_rest_later(device: FakeDevice) -> None:
    device.takes = 300
    samples = noise(1000)
    sent = send(device, samples, burst_tags(0, 1000, (1, 0.0)))
    assert np.array_equal(np.concatenate([part for part, *_ in sent]), samples)
    assert [start for _, start, _, _ in sent] == [True, False, False, False]


def test_samples_between_bursts_are_dropped(device: FakeDevice, capfd: pytest.CaptureFixture[str]) -> None:
    samples = noise(500)
    sent = send(device, samples, burst_tags(100, 200, (1, 0.0)))
    assert np.array_equal(np.concatenate([part for part, *_ in sent]), samples[100:300])
    assert "tG" in capfd.readouterr().err


def test_a_new_burst_ends_the_one_before(device: FakeDevice, capfd: pytest.CaptureFixture[str]) -> None:
    sent = send(device, noise(300), burst_tags(0, 200, (1, 0.0)) + burst_tags(100, 200, (2, 0.0)))
    assert [(len(part), start) for part, start, _, _ in sent] == [(100, True), (200, True)]
    assert sent[-1][2]
    assert "tP" in capfd.readouterr().err


def test_what_the_device_says_becomes_gr_uhd_s_message(device: FakeDevice) -> None:
    flowgraph, sink, collector = gr.top_block(), twin.usrp_sink(ADDRESS, STREAM, "packet_len"), Collector()
    flowgraph.connect(blocks.vector_source_c([], False), sink)
    flowgraph.msg_connect(sink, "async_msgs", collector, "in")
    device.events.put(AsyncEvent(frozenset({"underflow", "burst_ack"}), TimeSpec(3, 0.25), 0))
    with running(flowgraph):
        (message,) = collector.wait(1)
    fields = pmt.cdr(message)
    assert pmt.symbol_to_string(pmt.car(message)) == "uhd_async_msg"
    codes = pmt.dict_ref(fields, pmt.intern("event_code"), pmt.PMT_NIL)
    assert [pmt.symbol_to_string(pmt.nth(i, codes)) for i in range(pmt.length(codes))] == ["burst_ack", "underflow"]
    at = pmt.dict_ref(fields, pmt.intern("time_spec"), pmt.PMT_NIL)
    assert (pmt.to_long(pmt.car(at)), pmt.to_double(pmt.cdr(at))) == (3, 0.25)
    assert pmt.to_uint64(pmt.dict_ref(fields, pmt.intern("channel"), pmt.PMT_NIL)) == 0


def test_a_sink_whose_device_is_gone_goes_on(device: FakeDevice, capfd: pytest.CaptureFixture[str]) -> None:
    flowgraph, sink = gr.top_block(), twin.usrp_sink(ADDRESS, STREAM, "packet_len")
    source = Pieces(noise(100), burst_tags(0, 100, (1, 0.0)), 100)
    flowgraph.connect(source, sink)
    device.gone = True
    with running(flowgraph):
        wait_until(lambda: device.missed > 2)
    assert sink.nitems_read(0) == 0
    assert "Traceback" not in capfd.readouterr().err
