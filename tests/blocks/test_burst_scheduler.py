"""Frames become bursts: what the pure functions say, in one piece each, whatever the chunks."""

import itertools
from collections import namedtuple

import numpy as np
import pytest
from gnuradio import blocks
from gnuradio import pdu as gr_pdu
from radio_bench import Chopper, Collector, gr, pmt, post, wait_until
from semcom_blocks import BurstScheduler, FrameTx, pdu
from test_frame_tx import frames

from semcom_ota.config import ConfigError, PhyConfig
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.radio.burst_schedule import BurstSchedule, shape
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.radio_config import BurstConfig

pytestmark = pytest.mark.timeout(60)
PHY = PhyConfig()
BURSTS = BurstConfig(lead_ms=20, gap_ms=1, padding_samples=37, rms=0.3, peak=0.5)


class Clock:
    """Goes on by `step_s` whenever it is asked, and remembers what it said."""

    def __init__(self, step_s: float = 7.3e-3):
        self.time, self.step_s, self.said = TimeSpec(1_700_000_000, 0.99), step_s, []

    def __call__(self) -> TimeSpec:
        self.time = self.time.after(self.step_s)
        self.said.append(self.time)
        return self.time


class Pieces(gr.sync_block):
    """Keeps what it is handed, piece by piece, with the tags."""

    def __init__(self) -> None:
        gr.sync_block.__init__(self, "pieces", [np.complex64], None)
        self.pieces: list[np.ndarray] = []
        self.tags: list[tuple[int, str, object]] = []

    def work(self, inputs: list[np.ndarray], _: object) -> int:
        count = len(inputs[0])
        self.pieces.append(inputs[0].copy())
        tags = self.get_tags_in_window(0, 0, count)
        self.tags += [(tag.offset, pmt.symbol_to_string(tag.key), pmt.to_python(tag.value)) for tag in tags]
        return count


def frame_stream(seed: int, count: int) -> tuple[np.ndarray, dict[int, object], list[np.ndarray]]:
    """What frame_tx makes: frames with silence of any length between, a tagged silence, samples of no frame."""
    rng, transmitter = np.random.default_rng(seed), Transmitter(PHY)
    parts, tags, made = [np.ones(rng.integers(1, 50), np.complex64)], {}, []
    for message, frame in enumerate(frames(seed, count)):
        samples = transmitter.modulate(frame)
        made.append(samples)
        gap = np.zeros(rng.integers(0, 3) * 500, np.complex64)
        meta = {"stream": 2, "message": message, "fragment": 0, "fragments": 1, "frame_samples": len(samples)}
        tags[sum(map(len, parts))] = pmt.car(pdu.make(meta | {"length": len(samples) + len(gap)}, b""))
        parts += [samples, gap]
        if message == 1:
            silence = pdu.make({"stream": 0, "message": message, "fragment": 256, "length": 100}, b"")
            tags[sum(map(len, parts))] = pmt.car(silence)
            parts.append(np.zeros(100, np.complex64))
    return np.concatenate(parts), tags, made


@pytest.mark.parametrize("seed", range(4))
def test_bursts_are_those_of_the_pure_functions_whatever_the_chunks(seed: int):
    stream, tags, made = frame_stream(seed, 12)
    clock, top = Clock(), gr.top_block()
    chopper = Chopper(stream, tags, seed, largest=(3, 200, 3000, 10**6)[seed])
    scheduler, sink, told = BurstScheduler(PHY, BURSTS, clock), Pieces(), Collector()
    top.connect(chopper, scheduler, sink)
    top.msg_connect(scheduler, "scheduled", told, "in")
    top.run()

    schedule, expected, asked = BurstSchedule(BURSTS, PHY.sample_rate), [], iter(clock.said)
    for frame in made:
        now = next(now for now in asked if not schedule.wait_s(now))
        burst = shape(frame, BURSTS, PHY)
        expected.append((burst, schedule.place(now, len(burst.samples))))
    assert next(asked, None) is None
    np.testing.assert_array_equal(np.concatenate(sink.pieces), np.concatenate([burst.samples for burst, _ in expected]))

    starts = [0, *itertools.accumulate(len(burst.samples) for burst, _ in expected)]
    of_frames = [(offset, tag) for offset, tag in tags.items() if pmt.dict_has_key(tag, pmt.intern("frame_samples"))]
    for (burst, at), start, (offset, _), message in zip(expected, starts, of_frames, range(12), strict=False):
        here = {name: value for place, name, value in sink.tags if place == start}
        assert here["packet_len"] == len(burst.samples)
        assert here["tx_time"] == at
        assert here["frame"]["message"] == message
        assert here["frame"]["length"] == len(burst.samples) == here["frame"]["frame_samples"] + 2 * 37
        meta, _ = pdu.split(told.wait(message + 1)[message])
        assert meta == {
            "start": offset, "stream": 2, "message": message, "fragment": 0, "fragments": 1, "seconds": at.seconds,
            "fraction": at.fraction, "samples": len(burst.samples), "duration_s": len(burst.samples) / 1e6,
            "limited": burst.limited,
        }  # fmt: skip
    assert len(sink.tags) == 3 * 12
    assert any(burst.limited for burst, _ in expected)

    pieces = [0, *itertools.accumulate(map(len, sink.pieces))]
    assert set(pieces) <= set(starts)  # no burst came in two pieces


def test_a_tagged_stream_consumer_takes_them_whole():
    clock, top = Clock(), gr.top_block()
    tx, scheduler = FrameTx(PHY, gap_samples=0), BurstScheduler(PHY, BURSTS, clock)
    consumer, taken = gr_pdu.tagged_stream_to_pdu(gr.types.complex_t, "packet_len"), Collector()
    top.connect(tx, scheduler, consumer)
    top.msg_connect(consumer, "pdus", taken, "in")
    top.start()
    sent = frames(5, 20)
    for frame in sent:
        post(tx, "in", pdu.from_semantic_frame(frame))
    taken.wait(20)
    top.stop()
    top.wait()
    modulate = Transmitter(PHY).modulate
    times = []
    for frame, message in zip(sent, taken.messages, strict=True):
        burst = np.array(pmt.c32vector_elements(pmt.cdr(message)), np.complex64)
        np.testing.assert_array_equal(burst, shape(modulate(frame), BURSTS, PHY).samples)
        times.append(TimeSpec(*pmt.to_python(pmt.dict_ref(pmt.car(message), pmt.intern("tx_time"), pmt.PMT_NIL))))
        assert len(times) < 2 or times[-1].since(times[-2]) > 1e-3


def test_no_more_is_handed_over_than_the_radio_sends_in_two_leads():
    stream, tags, made = frame_stream(3, 60)
    clock, top, told = Clock(step_s=0.0), gr.top_block(), Collector()
    chopper, scheduler, sink = Chopper(stream, tags, 0), BurstScheduler(PHY, BURSTS, clock), blocks.null_sink(8)
    top.connect(chopper, scheduler, sink)
    top.msg_connect(scheduler, "scheduled", told, "in")
    top.start()

    def ends() -> list[float]:
        metas = [pdu.split(message)[0] for message in list(told.messages)]
        return [TimeSpec(m["seconds"], m["fraction"]).since(clock.time) + m["duration_s"] for m in metas]

    for _ in range(3):
        asked = len(clock.said)
        wait_until(lambda: bool(ends()) and ends()[-1] > 2e-3 * BURSTS.lead_ms - 2e-3)
        wait_until(lambda asked=asked: len(clock.said) > asked + 20)
        assert all(end < 2e-3 * BURSTS.lead_ms for end in ends()[:-1])
        assert len(told.messages) < len(made)
        clock.time = clock.time.after(0.03)
    top.stop()
    top.wait()


def test_a_frame_of_another_air_interface_is_refused_with_one_sentence():
    scheduler = BurstScheduler(PHY, BURSTS, Clock())
    tag = pmt.car(pdu.make({"frame_samples": 10**9, "message": 3}, b""))
    with pytest.raises(ConfigError, match="give burst_scheduler the link that frame_tx has"):
        scheduler._begin(namedtuple("Tag", "offset value")(0, tag))
