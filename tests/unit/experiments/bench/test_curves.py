import numpy as np
import pytest

from semcom_ota.experiments.bench.curves import crossing, independent_distance, paired_distance

SNRS = np.arange(-4.0, 13.0, 2.0)
TRIALS = np.full(SNRS.size, 1_000_000)


def falling(snrs_db, shift_db):
    """A tenth per 10 dB, 0.1 at `shift_db`, as errors among a million."""
    return np.round(1e6 * 10 ** (-1 - (snrs_db - shift_db) / 10)).astype(np.int64)


def test_a_crossing_of_an_exponential_curve_is_exact():
    assert crossing(SNRS, falling(SNRS, 3.3), TRIALS, 0.1) == pytest.approx(3.3, abs=1e-3)


@pytest.mark.parametrize("at", [0.9, 1e-5])
def test_a_curve_that_does_not_pass_a_share_has_no_crossing(at):
    assert np.isnan(crossing(SNRS, falling(SNRS, 3.3), TRIALS, at))


def test_no_errors_count_as_half_of_one():
    assert crossing(np.array([0.0, 10.0]), np.array([500, 0]), np.array([1000, 1000]), 1e-3) < 10


def test_independent_curves_are_so_far_apart_as_they_were_drawn():
    errors = np.array([falling(SNRS, 4.0), falling(SNRS, 3.3)])
    distance = independent_distance(SNRS, errors, np.array([TRIALS, TRIALS]), 0.1)
    assert distance.value == pytest.approx(0.7, abs=1e-3)
    assert distance.low < 0.7 < distance.high < 0.75


def test_paired_trials_tell_a_distance_more_closely():
    first, second = falling(SNRS, 4.0) // 100, falling(SNRS, 3.3) // 100
    trials = TRIALS // 100
    table = np.stack([second, first - second, np.zeros_like(first), trials - first], axis=1)
    paired = paired_distance(SNRS, table, 0.1)
    independent = independent_distance(SNRS, np.array([first, second]), np.array([trials, trials]), 0.1)
    assert paired.value == pytest.approx(independent.value)
    assert paired.low < 0.7 < paired.high
    assert paired.high - paired.low < 0.7 * (independent.high - independent.low)


def test_trials_that_fail_together_are_no_distance():
    both = falling(SNRS, 3.0)
    table = np.stack([both, 0 * both, 0 * both, TRIALS - both], axis=1)
    assert paired_distance(SNRS, table, 0.1).high == 0.0
