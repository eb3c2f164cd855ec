"""The block against `BurstFilling`, its messages, and its clock."""

import time

import numpy as np
import pytest
from gnuradio import blocks
from radio_bench import Collector, gr, pmt, wait_until
from semcom_blocks import burst_filler as module
from semcom_blocks.burst_filler import BurstFiller

from semcom_ota.radio.burst_filling import BurstFilling, Mark
from semcom_ota.radio.time_spec import TimeSpec

pytestmark = pytest.mark.timeout(60)
RATE = 1e6


class Bursts(gr.sync_block):
    """Hands bursts over, in pieces of random size if `seed` is given, and ends; `hold` keeps it going."""

    def __init__(self, bursts, seed=None, hold=False):
        gr.sync_block.__init__(self, "bursts", None, [np.complex64])
        self.bursts, self.hold, self.rng = list(bursts), hold, np.random.default_rng(seed) if seed is not None else None
        self.left = np.zeros(0, np.complex64)

    def work(self, _, outputs):
        if not len(self.left):
            if not self._wait():
                return 0 if self.hold else -1
            self.left, at, frame = self.bursts.pop(0)
            offset = self.nitems_written(0)
            self.add_item_tag(0, offset, pmt.intern("packet_len"), pmt.from_long(len(self.left)))
            if at is not None:
                when = pmt.make_tuple(pmt.from_uint64(at.seconds), pmt.from_double(at.fraction))
                self.add_item_tag(0, offset, pmt.intern("tx_time"), when)
            if frame is not None:
                self.add_item_tag(
                    0, offset, pmt.intern("frame"), pmt.to_pmt({"message": frame, "fragment": 0, "length": 1})
                )
        room = len(outputs[0]) if self.rng is None else int(self.rng.integers(1, len(outputs[0]) + 1))
        part, self.left = self.left[:room], self.left[room:]
        outputs[0][: len(part)] = part
        return len(part)

    def _wait(self):
        """For a burst: the scheduler calls a source that returned 0 four times a second only."""
        for _ in range(200 * self.hold):
            if self.bursts:
                break
            time.sleep(0.0005)
        return bool(self.bursts)


class Valve(gr.sync_block):
    """Takes samples once it is open."""

    def __init__(self):
        gr.sync_block.__init__(self, "valve", [np.complex64], None)
        self.open = False

    def work(self, inputs, _):
        if not self.open:
            time.sleep(0.001)
        return len(inputs[0]) * self.open


def noise(rng, length):
    return (rng.normal(size=length) + 1j * rng.normal(size=length)).astype(np.complex64)


def events_of(collector):
    told = []
    for message in collector.messages:
        assert pmt.symbol_to_string(pmt.car(message)) == "uhd_async_msg"
        code, when, channel = (
            pmt.dict_ref(pmt.cdr(message), pmt.intern(key), pmt.PMT_NIL)
            for key in ("event_code", "time_spec", "channel")
        )
        assert pmt.to_uint64(channel) == 0
        seconds = pmt.to_long(pmt.car(when)) + pmt.to_double(pmt.cdr(when))
        told.append((pmt.symbol_to_string(pmt.nth(0, code)), round(seconds * RATE)))
    return told


def at(sample):
    return TimeSpec.of(sample / RATE)


@pytest.mark.parametrize("seed", range(3))
def test_the_block_puts_out_what_the_object_does_whatever_the_chunks(seed):
    rng, bursts, expected, position = np.random.default_rng(seed), [], [], 0
    for number in range(12):
        samples, start = noise(rng, int(rng.integers(1, 30_000))), position + int(rng.integers(-50, 20_000))
        bursts.append((samples, at(max(start, 0)), number))
        if max(start, 0) >= position:
            expected += [np.zeros(max(start, 0) - position, np.complex64), samples, np.zeros(7, np.complex64)]
            position = max(start, 0) + len(samples) + 7
    filling = BurstFilling(RATE, tail_samples=7)
    whole = np.zeros(position, np.complex64)
    marks, offset = {}, 0
    for samples, start, _ in bursts:
        marks[offset], offset = Mark(len(samples), start), offset + len(samples)
    done = filling.advance(np.concatenate([samples for samples, *_ in bursts]), marks, whole)
    assert done.consumed == offset and done.written == position
    np.testing.assert_array_equal(whole, np.concatenate(expected))

    top, sink, collector = gr.top_block(), blocks.vector_sink_c(), Collector()
    source, filler = Bursts(bursts, seed), BurstFiller(RATE, idle_zeros=False, lead_s=0.03, tail_samples=7)
    top.connect(source, filler, sink)
    top.msg_connect(filler, "async_msgs", collector, "in")
    top.start(int(rng.integers(100, 5000)))
    wait_until(lambda: len(sink.data()) == position and len(collector.messages) == len(bursts))
    top.stop()
    top.wait()
    np.testing.assert_array_equal(np.array(sink.data(), np.complex64), whole)
    assert events_of(collector) == [(event.code, event.position) for event in filling.events]
    frames = [(tag.offset, pmt.to_python(tag.value)) for tag in sink.tags()]
    starts = np.cumsum([0, *(len(samples) for samples, *_ in bursts)]).tolist()
    sent = [(starts.index(begun.taken_at), begun.put_at) for begun in done.begun]
    assert frames == [
        (where, {"message": number, "fragment": 0, "length": len(bursts[number][0]) + 7}) for number, where in sent
    ]


def idle(idle_zeros, lead_s=0.03):
    """A filler in front of a sink that takes all that there is."""
    top, sink, source = gr.top_block(), blocks.null_sink(8), Bursts([], hold=True)
    filler = BurstFiller(RATE, idle_zeros, lead_s)
    top.connect(source, filler, sink)
    return top, source, filler, sink


def test_without_idle_zeros_time_stands_still_unless_somebody_waits_for_a_later_one():
    top, _, filler, sink = idle(False)
    top.start()
    time.sleep(0.05)
    assert sink.nitems_read(0) == 0 and filler.time_now() == TimeSpec()
    wait_until(lambda: float(filler.time_now()) > 0.1)
    top.stop()
    top.wait()


def test_with_idle_zeros_time_runs_no_faster_than_real_time():
    started = time.monotonic()
    top, _, filler, sink = idle(True)
    top.start()
    wait_until(lambda: sink.nitems_read(0) > 50_000)
    assert 0.05 < float(filler.time_now()) <= time.monotonic() - started
    top.stop()
    top.wait()


@pytest.mark.parametrize("idle_zeros", [False, True])
def test_a_burst_for_lead_after_the_time_that_was_told_is_never_late(idle_zeros, monkeypatch):
    """However long the host takes for it, up to HOLD_S, and however fast samples are taken."""
    monkeypatch.setattr(module, "HOLD_S", 30.0)
    lead = 0.003
    top, source, filler, _ = idle(idle_zeros, lead_s=lead)
    collector = Collector()
    top.msg_connect(filler, "async_msgs", collector, "in")
    top.start()
    rng, now = np.random.default_rng(1), TimeSpec()
    for count in range(1, 21):
        while filler.time_now().since(now) < 0.005:  # the clock goes on while it is asked
            time.sleep(0.0005)
        now = filler.time_now()
        time.sleep(float(rng.choice([0, 0.02])))  # a host that is held up for longer than `lead`
        source.bursts.append((noise(rng, 100), now.after(lead), None))
        collector.wait(count)
    top.stop()
    top.wait()
    assert {code for code, _ in events_of(collector)} == {"burst_ack"}


def test_who_asks_for_the_time_and_sends_nothing_holds_the_clock_for_a_while_only(monkeypatch):
    monkeypatch.setattr(module, "HOLD_S", 0.05)
    top, _, filler, sink = idle(True, lead_s=0.001)
    top.start()
    filler.time_now()
    wait_until(lambda: sink.nitems_read(0) > 20_000)
    top.stop()
    top.wait()


def test_a_burst_is_acknowledged_when_it_was_taken():
    """A peer that asks for no samples: who ended now would lose the burst in the buffer."""
    top, valve, collector = gr.top_block(), Valve(), Collector()
    source = Bursts([(np.ones(100, np.complex64), None, None)], hold=True)
    filler = BurstFiller(RATE, idle_zeros=False, lead_s=0.03, follower=valve)
    top.connect(source, filler, valve)
    top.msg_connect(filler, "async_msgs", collector, "in")
    top.start()
    wait_until(lambda: filler.nitems_written(0) == 100)
    time.sleep(0.05)
    assert not collector.messages
    valve.open = True
    assert collector.wait(1) and events_of(collector) == [("burst_ack", 100)]
    top.stop()
    top.wait()


def test_samples_without_a_tag_are_dropped():
    top, sink = gr.top_block(), blocks.vector_sink_c()
    filler = BurstFiller(RATE, idle_zeros=False, lead_s=0.03)
    top.connect(blocks.vector_source_c(np.ones(500)), filler, sink)
    top.start()
    wait_until(lambda: filler.nitems_read(0) == 500)
    top.stop()
    top.wait()
    assert not len(sink.data())
