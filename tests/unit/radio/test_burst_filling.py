"""Bursts at their times, zeros between them, whatever the pieces in which they come and the room that there is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.radio.burst_filling import BurstEvent, BurstFilling, Mark
from semcom_ota.radio.time_spec import TimeSpec

RATE = 1000.0


def burst(value: int, length: int) -> np.ndarray:
    return np.full(length, value, np.complex64)


def at(sample: int) -> TimeSpec:
    return TimeSpec(sample // 1000, sample % 1000 / 1000)


def run(filling, samples, marks, pieces=(1000,), idle_zeros=0):
    """Everything through `advance`, `pieces` being the samples that are there and the room, in turn."""
    sent, offset, begun = [], 0, []
    for step in range(10_000):
        come, room = pieces[2 * step % len(pieces)], pieces[(2 * step + 1) % len(pieces)]
        window = samples[offset : offset + come]
        inside = {index - offset: mark for index, mark in marks.items() if 0 <= index - offset < len(window)}
        out = np.full(room, np.nan, np.complex64)
        done = filling.advance(window, inside, out, idle_zeros)
        begun += [(offset + one.taken_at, sum(map(len, sent)) + one.put_at) for one in done.begun]
        sent.append(out[: done.written])
        offset += done.consumed
        if offset == len(samples) and not filling.has_zeros:
            break
    return np.concatenate(sent), begun


def test_zeros_up_to_its_time_then_the_burst():
    filling = BurstFilling(RATE)
    sent, begun = run(filling, np.concatenate([burst(1, 3), burst(2, 2)]), {0: Mark(3, at(4)), 3: Mark(2, at(8))})
    assert sent.real.tolist() == [0, 0, 0, 0, 1, 1, 1, 0, 2, 2]
    assert begun == [(0, 4), (3, 8)]
    assert list(filling.events) == [BurstEvent("burst_ack", 7), BurstEvent("burst_ack", 10)]
    assert filling.time_of(filling.position) == at(10)


def test_a_burst_without_a_time_follows_at_once_and_a_tail_follows_every_burst():
    filling = BurstFilling(RATE, tail_samples=2)
    sent, begun = run(filling, np.concatenate([burst(1, 3), burst(2, 1)]), {0: Mark(3), 3: Mark(1)})
    assert sent.real.tolist() == [1, 1, 1, 0, 0, 2, 0, 0]
    assert begun == [(0, 0), (3, 5)]


def test_a_late_burst_is_reported_and_not_sent():
    filling = BurstFilling(RATE)
    samples = np.concatenate([burst(1, 5), burst(2, 3), burst(3, 2)])
    sent, begun = run(filling, samples, {0: Mark(5, at(0)), 5: Mark(3, at(4)), 8: Mark(2, at(5))})
    assert sent.real.tolist() == [1] * 5 + [3] * 2
    assert [(event.code, event.position) for event in filling.events] == [
        ("burst_ack", 5), ("time_error", 5), ("burst_ack", 7),
    ]  # fmt: skip
    assert [taken for taken, _ in begun] == [0, 8] and filling.stray == 0


def test_a_burst_that_is_exactly_in_time_is_not_late_at_a_rate_that_no_float_divides():
    filling = BurstFilling(1e6 / 3)
    filling.advance(burst(0, 0), {}, np.zeros(100_001, np.complex64), idle_zeros=100_001)
    out = np.zeros(10, np.complex64)
    assert filling.advance(burst(1, 5), {0: Mark(5, filling.time_of(filling.position))}, out).written == 5
    assert [event.code for event in filling.events] == ["burst_ack"]


def test_samples_that_no_mark_announces_are_dropped_and_counted():
    filling = BurstFilling(RATE)
    sent, _ = run(filling, np.concatenate([burst(9, 4), burst(1, 2), burst(9, 3)]), {4: Mark(2, at(1))})
    assert sent.real.tolist() == [0, 1, 1]
    assert filling.stray == 7


def test_a_burst_that_comes_too_soon_cuts_the_one_before_it_off():
    filling = BurstFilling(RATE)
    sent, _ = run(filling, np.concatenate([burst(1, 2), burst(2, 3)]), {0: Mark(5, at(1)), 2: Mark(3, at(6))})
    assert sent.real.tolist() == [0, 1, 1, 0, 0, 0, 2, 2, 2]
    assert [event.code for event in filling.events] == ["burst_ack"]


def test_zeros_without_a_burst_only_as_many_as_are_allowed():
    filling, out = BurstFilling(RATE), np.ones(50, np.complex64)
    assert filling.advance(burst(0, 0), {}, out).written == 0
    assert filling.advance(burst(0, 0), {}, out, idle_zeros=20).written == 20
    assert not out[:20].any() and filling.time_of(filling.position) == at(20)
    assert filling.advance(burst(1, 1), {0: Mark(1, at(30))}, out[:5], idle_zeros=0).written == 5  # one is waiting
    assert filling.has_zeros


@given(
    bursts=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 6), st.integers(0, 7)), min_size=1, max_size=6),
    tail=st.integers(0, 3),
    pieces=st.lists(st.integers(1, 12), min_size=2, max_size=8),
)
def test_what_comes_out_does_not_depend_on_the_pieces(bursts, tail, pieces):
    def whole(pieces):
        filling, parts, marks, offset, time = BurstFilling(RATE, tail), [], {}, 0, 0
        for number, (length, gap, stray) in enumerate(bursts, 1):
            time += gap - 2  # now and then a late one
            marks[offset] = Mark(length, at(max(time, 0)))
            parts += [burst(number, length), burst(-1, stray)]
            offset, time = offset + length + stray, max(time, 0) + length + tail
        return (*run(filling, np.concatenate(parts), marks, pieces), list(filling.events), filling.stray)

    sent, begun, events, stray = whole((1000,))
    again = whole(pieces)
    np.testing.assert_array_equal(again[0], sent)
    assert again[1:] == (begun, events, stray)
    assert not np.isnan(sent).any() and (sent.real >= 0).all()
    assert len(events) == len(bursts) and stray == sum(burst[2] for burst in bursts)


def test_time_goes_on_for_days_without_losing_a_sample():
    filling = BurstFilling(5e6)
    filling.position = 5_000_000 * 86_400 * 3 + 1
    out = np.zeros(2, np.complex64)
    filling.advance(burst(1, 1), {0: Mark(1, TimeSpec(86_400 * 3, 2 / 5e6))}, out)
    assert out.tolist() == [0, 1]
    assert filling.time_of(filling.position).since(TimeSpec(86_400 * 3, 3 / 5e6)) == pytest.approx(0, abs=1e-8)
