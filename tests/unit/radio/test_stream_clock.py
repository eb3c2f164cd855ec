"""Gaps from tags: every lost sample is counted, and a clock that is set is not a gap."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.radio import stream_clock
from semcom_ota.radio.stream_clock import Gap, StreamClock
from semcom_ota.radio.time_spec import TimeSpec

RATES = st.sampled_from([250e3, 1e6, 5e6, 61.44e6 / 12, 1e8 / 3])
EPOCH = TimeSpec(1_790_000_000, 0.123456789)


@given(
    RATES,
    st.floats(-1e-9, 1e-9),
    st.lists(st.tuples(st.integers(0, 10**9), st.just(0) | st.integers(400, 10**8)), max_size=20),
)
def test_the_gaps_are_those_that_there_were(rate, error, stretches):
    """The device says its rate with an error; its times are true, and far from 0."""
    clock = StreamClock(1.0)
    true = rate * (1 + error)
    assert clock.tell(0, EPOCH, rate) is None
    sample, lost = 0, 0
    for count, missing in stretches:
        sample, lost = sample + count, lost + missing
        gap = clock.tell(sample, _after(EPOCH, sample + lost, true), rate)
        assert (gap is None) == (missing == 0)
        if gap:
            assert gap.sample == sample and abs(gap.lost_samples - missing) <= 1 + 2e-9 * (count + missing)
        assert clock.seconds_at(sample) == pytest.approx((sample + lost) / true, rel=1e-9, abs=1e-6)


def _after(time: TimeSpec, samples: int, rate: float) -> TimeSpec:
    whole, rest = divmod(samples, 10**6)
    return time.after(whole * (10**6 / rate)).after(rest / rate)


@given(RATES, st.integers(0, 10**8), st.integers(1, 10**9), st.booleans())
def test_the_time_of_a_sample_counts_from_the_last_mark_before_it(rate, first, lost, gap):
    clock = StreamClock(rate)
    clock.tell(0, EPOCH)
    if gap:
        clock.tell(first, EPOCH.after((first + lost) / rate))
    for sample in (first // 2, first, first + 12345):
        missing = lost if gap and sample >= first else 0
        assert clock.time_at(sample).since(EPOCH) == pytest.approx((sample + missing) / rate, abs=1e-5)


@pytest.mark.parametrize(
    "time", [TimeSpec(), TimeSpec(5, 0.9), TimeSpec(3_000_000_000), TimeSpec(2, math.nan), TimeSpec(2, math.inf)]
)
def test_a_clock_that_is_set_is_a_new_start_and_no_gap_of_many_samples(time):
    clock = StreamClock(1e6)
    clock.tell(0, TimeSpec(5, 0.0))
    assert clock.tell(2_000_000, time) == Gap(2_000_000, None)
    assert clock.seconds_at(2_500_000) == pytest.approx(2.5)  # goes on as if nothing had been lost
    if math.isfinite(time.fraction):
        assert clock.time_at(2_500_000).since(time) == pytest.approx(0.5)
        assert clock.tell(2_600_000, time.after(0.7)) == Gap(2_600_000, 100_000)
        assert clock.seconds_at(2_600_000) == pytest.approx(2.7)


def test_a_device_that_says_nothing_counts_from_zero():
    clock = StreamClock(2e6)
    assert clock.time_at(3_000_000) == TimeSpec(1, 0.5) and clock.seconds_at(1_000_000) == 0.5


def test_a_first_time_in_mid_stream_is_no_gap():
    clock = StreamClock(1e6)
    assert clock.tell(700, EPOCH) is None
    assert clock.seconds_at(700) == pytest.approx(700e-6) and clock.time_at(700) == EPOCH


def test_a_rate_holds_from_where_it_is_said():
    clock = StreamClock(1e6)
    clock.tell(0, TimeSpec(), 1e6)
    assert clock.tell(1000, TimeSpec(0, 1e-3), 2e6) is None
    assert clock.tell(3000, TimeSpec(0, 2e-3), math.nan) is None
    assert clock.tell(5000, TimeSpec(0, 4e-3)) == Gap(5000, 2000)


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(stream_clock, "KEPT", 3)
    clock = StreamClock(1e6)
    for number in range(100):
        clock.tell(number * 1000, TimeSpec.of(number * 2e-3))
    assert len(clock._marks) == 3
    assert clock.seconds_at(99_500) == pytest.approx(198.5e-3)


def test_a_lost_packet_is_a_gap_however_long_the_stream_has_gone_on():
    """A day of samples, in which a rounded rate could be wrong by thousands of them."""
    clock, day = StreamClock(5e6), 86_400
    clock.tell(0, EPOCH, 5e6)
    assert clock.tell(day * 5_000_000, EPOCH.after(day + 364 / 5e6), 5e6) == Gap(day * 5_000_000, 364)
