"""Oscillators that drift, and the clocks on them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.device_clock import DeviceClock
from semcom_ota.twin.lab_config import LabDevice
from semcom_ota.twin.oscillator import Oscillator, Wander

DEVICE = LabDevice(oscillator_ppm=1.5, drift_ppm=0.4, drift_period_s=20)


@pytest.mark.parametrize(("seed", "serial"), [(1, "A"), (1, "B"), (2, "A")])
def test_the_error_keeps_within_what_it_says_and_its_integral_is_what_has_been_gained(seed, serial):
    wander = Wander.of(DEVICE, seed, serial)
    steps = 20_000
    t = (np.arange(steps) + 0.5) * 100 / steps
    errors = np.array([wander.error(one) for one in t])
    assert np.abs(errors - 1.5e-6).max() <= 0.4e-6
    assert errors.std() > 0.05e-6
    assert wander.gained(100.0) == pytest.approx(errors.mean() * 100, rel=1e-6)


def test_what_is_drawn_keeps_within_the_tolerance_and_differs():
    device = LabDevice(tolerance_ppm=2.5, drift_ppm=0.5)
    offsets = [1e6 * Wander.of(device, seed, serial).offset for seed in range(50) for serial in "AB"]
    assert max(np.abs(offsets)) <= 2.0
    assert np.std(offsets) > 0.8
    assert len(set(offsets)) == 100


@given(st.floats(0, 1e5))
def test_true_time_is_the_inverse_of_what_is_counted(t):
    oscillator = Oscillator(Wander.of(DEVICE, 1, "A"))
    oscillator.follow(True, 100.0)
    oscillator.follow(False, 200.0)
    assert oscillator.true_time(oscillator.counted(t)) == pytest.approx(t, abs=1e-10)


def test_a_reference_takes_over_without_a_jump():
    oscillator = Oscillator(Wander.of(DEVICE, 1, "A"))
    before = oscillator.counted(50.0)
    oscillator.follow(True, 50.0)
    assert oscillator.counted(50.0) == pytest.approx(before, abs=1e-12)
    assert oscillator.counted(60.0) == pytest.approx(before + 10, abs=1e-10)
    assert (oscillator.error(55.0), oscillator.error(45.0) != 0) == (0.0, True)


def clock(ppm=2.0, reference=True):
    device = LabDevice(oscillator_ppm=ppm, drift_ppm=0)
    return DeviceClock(Oscillator(Wander.of(device, 1, "A")), reference=reference, gpsdo=False, lock_s=1.0)


def test_a_clock_that_is_set_runs_on_at_its_own_rate():
    one = clock()
    one.set_now(TimeSpec(1000, 0.25), 10.0)
    assert one.time(10.0) == pytest.approx(TimeSpec(1000, 0.25))
    assert one.time(1010.0).since(TimeSpec(1000, 0.25)) == pytest.approx(1000 * (1 + 2e-6), abs=1e-9)
    assert one.at_count(one.count_at(TimeSpec(2000, 0.5))) == pytest.approx(TimeSpec(2000, 0.5))


@pytest.mark.parametrize(("source", "next_pulse"), [("external", 11.0), ("internal", 11.0 * (1 - 2e-6))])
def test_a_clock_is_set_at_the_next_pulse(source, next_pulse):
    one = clock()
    one.time_source = source
    one.set_next_pps(TimeSpec(5, 0.0), 10.5)
    assert one.time(next_pulse - 1e-6).since(TimeSpec(11)) < 1e-3  # not yet
    assert one.time(next_pulse + 0.25).since(TimeSpec(5)) == pytest.approx(0.25, abs=2e-6)
    assert one.last_pps(next_pulse + 0.5).since(TimeSpec(5)) == pytest.approx(0, abs=1e-6)
    assert one.last_pps(next_pulse + 1.5).since(TimeSpec(6)) == pytest.approx(0, abs=3e-6)


def test_without_pulses_nothing_is_ever_set():
    for one, source in ((clock(), "none"), (clock(reference=False), "external")):
        one.time_source = source
        one.set_next_pps(TimeSpec(5), 10.0)
        assert one.time(20.0).seconds == 20
        assert one.last_pps(20.0) == TimeSpec()


def test_it_locks_to_a_reference_that_is_plugged_in():
    one, without = clock(), clock(reference=False)
    assert one.ref_locked(5.0)
    for each in (one, without):
        each.set_clock_source("external", 10.0)
    assert [one.ref_locked(t) for t in (10.5, 11.0)] == [False, True]
    assert not without.ref_locked(100.0)
    assert one.oscillator.error(12.0) == 0
    assert without.oscillator.error(12.0) == pytest.approx(2e-6)
