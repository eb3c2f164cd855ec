"""When bursts leave, and what they are: exact, for any device's clock and rate."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.config import PhyConfig
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.radio.burst_schedule import BurstSchedule, shape
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.radio_config import BurstConfig
from semcom_ota.types import FrameHeader, SemanticFrame

PHY = PhyConfig()
RATES = st.sampled_from([1e6, 5e6, 1.92e6, 200e6 / 61, 520_833.3333333333])
CLOCKS = st.builds(TimeSpec, st.sampled_from([0, 3, 1_800_000_000]), st.floats(0, 1, exclude_max=True))


def exact(time: TimeSpec) -> Fraction:
    return time.seconds + Fraction(time.fraction)


@given(
    rate=RATES,
    clock=CLOCKS,
    lead_ms=st.floats(1, 100),
    gap_ms=st.sampled_from([0.0, 0.3, 1.0, 250.0]),
    bursts=st.lists(st.tuples(st.floats(0, 0.1), st.integers(1, 100_000)), min_size=2, max_size=20),
)
def test_bursts_leave_one_after_the_other_and_never_in_the_past(rate, clock, lead_ms, gap_ms, bursts):
    schedule = BurstSchedule(BurstConfig(lead_ms=lead_ms, gap_ms=gap_ms), rate)
    end, tick = None, Fraction(1, 2**40)  # a float near 1 is as exact as 2**-53
    for pause, samples in bursts:
        clock = clock.after(pause)
        start = schedule.place(clock, samples)
        assert 0 <= start.fraction < 1
        earliest = exact(clock) + Fraction(lead_ms) / 1000
        if end is not None:
            earliest = max(earliest, end + Fraction(gap_ms) / 1000)
        # as soon as it can: that is, on the first or second sample from then on, as lead and gap are rounded up, too
        assert earliest - tick <= exact(start) <= earliest + 2 / Fraction(rate) + tick
        on_grid = exact(start) * Fraction(rate)
        assert abs(on_grid - round(on_grid)) < Fraction(1, 10**6)
        end = exact(start) + samples / Fraction(rate)


@pytest.mark.parametrize("rate", [5e6, 200e6 / 61])
def test_without_a_gap_a_burst_begins_on_the_very_sample_at_which_the_one_before_ends(rate: float):
    seconds, counts = 1_800_000_000, np.random.default_rng(0).integers(1, 10**6, 10_000).tolist()
    schedule = BurstSchedule(BurstConfig(gap_ms=0), rate)
    first = round(exact(schedule.place(TimeSpec(seconds, 0.25), counts[0])) * Fraction(rate))
    for before, count in zip(np.cumsum(counts[:-1]).tolist(), counts[1:], strict=True):
        start = exact(schedule.place(TimeSpec(seconds, 0.25), count)) * Fraction(rate)
        assert abs(start - (first + before)) < Fraction(1, 10**6)


@given(lead_ms=st.floats(1, 100), gap_ms=st.sampled_from([0.0, 1.0, 500.0]), samples=st.integers(1, 200_000))
def test_the_device_holds_two_leads_of_bursts_and_the_last_one_at_most(lead_ms, gap_ms, samples):
    schedule, clock = BurstSchedule(BurstConfig(lead_ms=lead_ms, gap_ms=gap_ms), 1e6), TimeSpec(7, 0.3)
    assert schedule.wait_s(clock) == 0.0
    starts = []
    for _ in range(8):
        clock = clock.after(schedule.wait_s(clock))
        assert schedule.wait_s(clock) < 1.1e-6
        starts.append(schedule.place(clock, samples))
        ahead = starts[-1].since(clock)
        assert 1e-3 * lead_ms - 1e-9 <= ahead <= 1e-3 * max(2 * lead_ms, gap_ms) + 5e-6
    # and waiting costs no time on the air
    for before, after in itertools.pairwise(starts):
        assert after.since(before) - 1e-6 * samples <= 1e-3 * gap_ms + 5e-6


def test_a_clock_that_stands_still_between_bursts_is_not_waited_for():
    schedule, clock = BurstSchedule(BurstConfig(lead_ms=30, gap_ms=1000), 1e6), TimeSpec()
    for _ in range(3):
        clock = schedule.place(clock, 5000).after(5000 / 1e6)  # the device has sent it, and counts samples only
        assert schedule.wait_s(clock) == 0.0


@given(
    frame=st.lists(st.complex_numbers(max_magnitude=30, width=64), min_size=1, max_size=50),
    rms=st.floats(0.01, 0.7),
    peak=st.floats(0.1, 1.0),
    padding=st.integers(0, 40),
)
def test_a_burst_is_the_frame_scaled_limited_and_padded(frame, rms, peak, padding):
    samples = np.array(frame, np.complex64)
    burst = shape(samples, BurstConfig(rms=rms, peak=peak, padding_samples=padding), PHY)
    wanted = samples.astype(complex) * rms / np.sqrt(PHY.used_carriers / PHY.fft_size)
    assert burst.samples.dtype == np.complex64
    assert len(burst.samples) == len(frame) + 2 * padding
    assert not burst.samples[:padding].any() and not burst.samples[len(frame) + padding :].any()
    inner = burst.samples[padding : len(frame) + padding]
    above = np.abs(wanted) > peak
    np.testing.assert_allclose(np.abs(inner), np.minimum(np.abs(wanted), peak), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(inner * np.conj(wanted), np.abs(inner) * np.abs(wanted), rtol=1e-5, atol=1e-9)  # phase
    near = np.count_nonzero(np.abs(np.abs(wanted) - peak) < 1e-5)
    assert abs(burst.limited - np.count_nonzero(above)) <= near
    np.testing.assert_array_equal(samples, np.array(frame, np.complex64))  # the frame is not touched


def test_frames_of_the_transmitter_come_out_at_the_rms_that_was_asked_for():
    rng, transmitter = np.random.default_rng(1), Transmitter(PHY)
    power = []
    for _ in range(40):
        symbols = np.exp(2j * np.pi * rng.random(400)).astype(np.complex64)
        frame = transmitter.modulate(SemanticFrame(FrameHeader(1, message_symbols=400), symbols))
        burst = shape(frame, BurstConfig(rms=0.2, peak=1.0, padding_samples=0), PHY)
        assert burst.limited == 0
        power.append(np.mean(np.abs(burst.samples) ** 2))
    assert np.sqrt(np.mean(power)) == pytest.approx(0.2, rel=0.03)
