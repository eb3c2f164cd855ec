import numpy as np
import pytest

from semcom_ota.experiments.calibration import calibration
from semcom_ota.experiments.statistics import Resampling

MESSAGES = 2000


def outcomes(probability, seed=0):
    return np.random.default_rng(seed).random(len(probability)) < probability


def judged(confidence, outcome):
    return calibration(confidence, outcome, np.arange(len(confidence)), Resampling(len(confidence)))


def test_an_honest_confidence_has_no_error_but_by_chance():
    confidence = np.random.default_rng(1).random(MESSAGES)
    found = judged(confidence, outcomes(confidence))
    assert found.error.value < 0.03
    assert found.error.value == pytest.approx(found.error_if_calibrated, abs=0.01)
    assert found.bias.low < 0 < found.bias.high
    assert len(found.bins) == 10 and sum(part.messages for part in found.bins) == MESSAGES
    assert all(part.outcome.low - 0.05 < part.confidence < part.outcome.high + 0.05 for part in found.bins)


def test_overconfidence_shows():
    confidence = np.full(MESSAGES, 0.95)
    found = judged(confidence, outcomes(confidence - 0.25))
    assert found.error.low > 0.2 and found.bias.low > 0.2
    assert found.error_if_calibrated < 0.01
    assert found.bias.value == pytest.approx(found.error.value)


def test_those_in_between_are_not_drowned_by_the_certain():
    found = judged([1.0] * 900 + [0.0] * 90 + [0.5] * 10, [1.0] * 900 + [0.0] * 100)
    assert found.error.value == pytest.approx(0.005)
    assert found.undecided is not None
    assert (found.undecided.messages, found.undecided.confidence, found.undecided.outcome.value) == (10, 0.5, 0)
    assert judged([1.0, 0.0], [1.0, 0.0]).undecided is None


def test_opposite_errors_do_not_cancel():
    confidence = np.repeat([0.3, 0.7], MESSAGES // 2)
    found = judged(confidence, outcomes(1 - confidence))
    assert found.error.value > 0.35 and abs(found.bias.value) < 0.05


def test_certainty_is_in_the_last_bin():
    found = judged(np.array([1.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0]))
    assert [part.messages for part in found.bins] == [1, 2]
    assert found.error.value == 0 and found.error_if_calibrated == 0
