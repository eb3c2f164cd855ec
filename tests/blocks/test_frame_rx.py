import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pmt
import pytest
from radio_bench import Chopper, Collector, gr, wait_until
from semcom_blocks import FrameRx, pdu
from semcom_blocks.frame_rx import UNKNOWN

from semcom_ota.config import PhyConfig, load_channel
from semcom_ota.phy.impairments import impair
from semcom_ota.phy.link_report import link_report
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.recording.frame_log import FrameLog, read_log
from semcom_ota.types import FrameHeader, SemanticFrame

pytestmark = pytest.mark.timeout(120)
PHY = PhyConfig()


def stream(seed: int) -> np.ndarray:
    rng, transmitter = np.random.default_rng(seed), Transmitter(PHY)
    parts = []
    for message in range(6):
        symbols = np.exp(2j * np.pi * rng.random(rng.integers(20, 400))).astype(np.complex64)
        frame = SemanticFrame(FrameHeader(3, message=message, message_symbols=len(symbols)), symbols)
        samples = np.concatenate([transmitter.modulate(frame), np.zeros(3000, np.complex64)])
        parts.append(impair(samples, load_channel("multipath"), PHY, 15.0, seed, (message,)))
    return np.concatenate(parts)


@pytest.mark.parametrize("seed", range(3))
def test_the_frames_are_those_of_the_receiver_whatever_the_chunks(seed: int, tmp_path: Path):
    samples = stream(seed)
    receiver = Receiver(PHY)
    expected = receiver.process(samples)
    assert len(expected) >= 5  # so that something is compared

    log = FrameLog(tmp_path / "frames.jsonl", offset=1000)
    top, rx, out, report = gr.top_block(), FrameRx(PHY, log), Collector(), Collector()
    source = Chopper(samples, {}, seed)
    top.connect(source, rx)
    top.msg_connect(rx, "out", out, "in")
    top.msg_connect(rx, "report", report, "in")
    top.run(int(np.random.default_rng(seed).integers(100, 5000)))

    got = [pdu.to_received_frame(message) for message in out.wait(len(expected))]
    for one, other in zip(got, expected, strict=True):
        assert (one.header, one.start_sample, one.stop_sample) == (other.header, other.start_sample, other.stop_sample)
        np.testing.assert_array_equal(one.symbols, other.symbols)
        np.testing.assert_array_equal(one.noise_variance, other.noise_variance)
        np.testing.assert_array_equal(one.csi.frequency_response, other.csi.frequency_response.astype(np.complex64))
        np.testing.assert_array_equal(one.csi.noise_variance, other.csi.noise_variance)
        assert one.csi.sro_ppm == other.csi.sro_ppm
    assert rx.position == receiver.position
    assert rx.consumed == len(samples)
    assert rx.frames == len(expected)
    logged = [(frame.start - 1000, frame.stop - 1000, frame.header) for frame in read_log(tmp_path / "frames.jsonl")]
    assert logged == [(frame.start_sample, frame.stop_sample, frame.header) for frame in expected]

    for count, (message, frame) in enumerate(zip(report.wait(len(expected)), expected, strict=True), start=1):
        one, other = pdu.to_link_report(message), link_report(frame, count)
        assert (one.message, one.frame, one.snr_db) == (other.message, count, other.snr_db)
        np.testing.assert_array_equal(one.carrier_snr_db, other.carrier_snr_db)


class Endless(Chopper):
    """Ends without saying so: a stream that says it is over takes the blocks behind it down."""

    def work(self, inputs, outputs):
        if self.position == len(self.samples):
            time.sleep(0.001)
            return 0
        return super().work(inputs, outputs)


class Tagged(Chopper):
    """With the tags of a radio: `rx_time` by position, and `rx_rate` beside each."""

    def __init__(self, samples: np.ndarray, times: dict, seed: int):
        super().__init__(samples, {}, seed)
        self.times = times

    def work(self, inputs, outputs):
        before = self.position
        count = super().work(inputs, outputs)
        for offset, value in self.times.items():
            if before <= offset < before + count:
                self.add_item_tag(0, offset, pmt.intern("rx_time"), value)
                self.add_item_tag(0, offset, pmt.intern("rx_rate"), pmt.from_double(PHY.sample_rate))
        return count


def rx_time(micros: int):
    return pmt.make_tuple(pmt.from_uint64(micros // 10**6), pmt.from_double(micros % 10**6 / 1e6))


@pytest.mark.parametrize("seed", range(3))
def test_gaps_are_found_where_they_are_whatever_the_chunks(seed: int):
    """Two known gaps and a clock that is set; the first tag is no gap, and nor is one that says what was expected."""
    samples = stream(seed)
    rng = np.random.default_rng(seed)
    first, second, third = sorted(int(position) for position in rng.integers(2000, len(samples) - 2000, 3))
    where = {first: 700, second: 12_345, third: None}
    times, lost = {0: rx_time(5_250_000), 1000: rx_time(5_251_000)}, 0
    for position, missing in where.items():
        lost += missing or 0
        times[position] = rx_time(5_250_000 + position + lost if missing else 0)

    receiver, expected, cut, position = Receiver(PHY), [], [], 0
    for edge, missing in where.items():
        expected += receiver.process(samples[position:edge])
        whole, broken = receiver.interrupt(missing or UNKNOWN)
        expected, position = expected + whole, edge
        cut.append([header for frame in broken for header in (frame.headers or [None])])
    expected += receiver.process(samples[position:])

    top, rx = gr.top_block(), FrameRx(PHY)
    out, report, events = Collector(), Collector(), Collector()
    source = Tagged(samples, times, seed)
    top.connect(source, rx)
    for port, collector in (("out", out), ("report", report), ("events", events)):
        top.msg_connect(rx, port, collector, "in")
    top.run(int(rng.integers(100, 5000)))

    got = [pdu.to_received_frame(message) for message in out.wait(len(expected))]
    for one, other in zip(got, expected, strict=True):
        assert (one.header, one.start_sample, one.lost_samples) == (
            other.header,
            other.start_sample,
            other.lost_samples,
        )
        np.testing.assert_array_equal(one.symbols, other.symbols)
    told = [pdu.to_stream_event(message) for message in events.wait(3)]
    assert [(event.kind, event.sample, event.lost_samples) for event in told] == [
        ("overflow" if missing else "clock", position, missing) for position, missing in where.items()
    ]
    assert [[m and (m["message"], m["codec"]) for m in event.messages] for event in told] == [
        [header and (header.message, header.codec) for header in headers] for headers in cut
    ]
    assert told[1].at_s == pytest.approx((second + 700 + 12_345) / 1e6)
    assert (rx.health.overflows, rx.health.lost_samples) == (2, 700 + 12_345)
    assert rx.clock.time_at(third + 500) == (0, pytest.approx(500e-6))
    assert rx.consumed == len(samples)

    reports = [pdu.to_link_report(message) for message in report.messages]
    repeated = [after for before, after in pairwise(reports) if after.frame == before.frame]
    assert all(stale.lost_samples for stale in repeated)
    assert len(reports) - len(repeated) == len(expected) and 1 <= len(repeated) <= 3


@pytest.mark.parametrize("value", [pmt.from_double(1.0), pmt.make_tuple(pmt.PMT_T, pmt.PMT_T), pmt.PMT_NIL])
def test_a_tag_that_is_no_time_is_none(value):
    top, rx, source = gr.top_block(), FrameRx(PHY), Tagged(np.zeros(5000, np.complex64), {0: rx_time(7), 100: value}, 1)
    top.connect(source, rx)
    top.run()
    assert rx.consumed == 5000 and not rx.health.overflows


def test_frames_that_nobody_has_time_for_are_dropped_and_told():
    samples = stream(1)
    room = iter([True, False, False, True])
    top, out, events = gr.top_block(), Collector(), Collector()
    rx = FrameRx(PHY, None, lambda: next(room, True), "drop")
    source = Chopper(samples, {}, 1)
    top.connect(source, rx)
    top.msg_connect(rx, "out", out, "in")
    top.msg_connect(rx, "events", events, "in")
    top.run()
    expected = Receiver(PHY).process(samples)
    wait_until(lambda: len(out.messages) == len(expected) - 2)
    dropped = [pdu.to_stream_event(message) for message in events.wait(2)]
    assert [(event.kind, event.messages[0]["message"]) for event in dropped] == [
        ("dropped", frame.header.message) for frame in expected[1:3]
    ]
    assert rx.health.dropped_frames == 2 and rx.frames == len(expected) - 2 and rx.consumed == len(samples)


def test_a_radio_that_waits_is_held_back_and_the_end_of_its_samples_completes_the_last_frame():
    samples = stream(1)
    last = Receiver(PHY).process(samples)[-1].stop_sample
    room = np.random.default_rng(1)
    top, out = gr.top_block(), Collector()
    rx = FrameRx(PHY, None, lambda: room.random() < 0.5)
    source = Endless(samples[:last], {}, 1)
    top.connect(source, rx)
    top.msg_connect(rx, "out", out, "in")
    top.start()
    wait_until(lambda: rx.consumed == last)
    rx.end()
    expected = Receiver(PHY)
    frames = expected.process(samples[:last])
    whole, _ = expected.interrupt()
    got = [pdu.to_received_frame(message).header for message in out.wait(len(frames + whole))]
    top.stop()
    top.wait()
    assert whole and got == [frame.header for frame in frames + whole]
