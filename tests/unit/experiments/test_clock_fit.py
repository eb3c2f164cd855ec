import numpy as np
import pytest

from semcom_ota.experiments.clock_fit import TOLERANCE_S, ClockFit, fit_clocks

RNG = np.random.default_rng(0)


def run(count: int, offset: float, ppm: float, jitter: float = 2e-6) -> tuple[np.ndarray, np.ndarray]:
    """Times of messages that a host sends as fast as it can, and of their arrival."""
    sent = 1000.0 + np.cumsum(RNG.uniform(0.01, 0.05, count))
    return sent, offset + (1 + 1e-6 * ppm) * (sent - 1000) + RNG.normal(scale=jitter, size=count)


@pytest.mark.parametrize("ppm", [0.0, 5.0, -50.0])
@pytest.mark.parametrize("count", [3, 40, 3000])
def test_offset_and_rate(count: int, ppm: float):
    sent, received = run(count, offset=-123.456, ppm=ppm)
    fit = fit_clocks(sent, received)
    np.testing.assert_allclose(fit.received(sent), received, atol=2e-5)
    if count == 3000:
        assert fit.rate_error == pytest.approx(1e-6 * ppm, abs=1e-7)


def test_wrong_pairs_do_not_move_the_line():
    sent, received = run(300, offset=5.0, ppm=5.0)
    wrong = RNG.uniform(size=300) < 0.6
    spoilt = np.where(wrong, received + RNG.uniform(-300, 300, 300), received)
    np.testing.assert_allclose(fit_clocks(sent, spoilt).received(sent), received, atol=2e-5)


def test_of_two_runs_with_the_same_numbers_the_one_that_keeps_time_wins():
    """Messages of another run have the same order and nearly the same distances, and more of them arrived."""
    sent, received = run(200, offset=60.0, ppm=5.0)
    others = received[0] - 30 + np.cumsum(np.diff(received, prepend=received[0]) + RNG.normal(scale=2e-3, size=200))
    kept = np.arange(200) % 2 == 0
    fit = fit_clocks(np.concatenate([sent, sent[kept]]), np.concatenate([others, received[kept]]))
    np.testing.assert_allclose(fit.received(sent), received, atol=2e-5)


def test_of_two_runs_that_look_alike_the_later_one_wins():
    sent, received = run(50, offset=0.0, ppm=1.0)
    fit = fit_clocks(np.concatenate([sent, sent]), np.concatenate([received, received + 30]))
    np.testing.assert_allclose(fit.received(sent), received + 30, atol=2e-5)


def test_few_pairs_or_none():
    assert fit_clocks(np.zeros(0), np.zeros(0)) is None
    assert fit_clocks(np.array([2.0]), np.array([7.0])) == ClockFit(2.0, 7.0)
    same = fit_clocks(np.array([2.0, 2.0]), np.array([7.0, 7.0]))  # messages that shared a frame
    assert same.rate_error == 0 and same.received(np.array([3.0])) == 8.0


def test_oscillators_that_warm_up_leave_the_line_by_a_little():
    sent, received = run(2000, offset=3.0, ppm=5.0)
    drifting = received + 1e-9 * (sent - sent[0]) ** 2  # by 0.12 ppm in a minute
    assert fit_clocks(sent, drifting).meets(sent, drifting).all()


def test_a_rate_that_no_oscillator_has_is_none():
    fit = fit_clocks(np.array([0.0, 1e-5]), np.array([0.0, TOLERANCE_S / 2]))
    assert fit.rate_error == 0
