import math
from itertools import product

import numpy as np
import pytest

from semcom_ota.masking.forecast import LONGEST_GAP, SnrForecast


def fading(frames: int, doppler: float, seed: int = 0) -> np.ndarray:
    """(frames,) SNR in dB of a Rayleigh channel with `doppler` times the time from frame to frame (Jakes)."""
    rng = np.random.default_rng(seed)
    angle, phase = rng.uniform(0, 2 * np.pi, (2, 64))
    gain = np.exp(1j * (2 * np.pi * doppler * np.arange(frames)[:, None] * np.cos(angle) + phase)).sum(1) / 8
    return 12 + 20 * np.log10(np.abs(gain)) + 0.3 * rng.standard_normal(frames)


def errors(snr_db: np.ndarray, horizon: int) -> tuple[float, float, float]:
    """Mean absolute error of forecasts and of last reports, and how often a forecast was a prediction."""
    forecast, made, last, predicted = SnrForecast(horizon), [], [], []
    for frame in range(len(snr_db) - horizon):
        forecast.report(frame, snr_db[frame])
        said = forecast.next()
        assert said is not None
        if frame > 100:
            made.append(abs(said.snr_db - snr_db[frame + horizon]))
            last.append(abs(snr_db[frame] - snr_db[frame + horizon]))
            predicted.append(said.predicted)
    return float(np.mean(made)), float(np.mean(last)), float(np.mean(predicted))


@pytest.mark.parametrize("doppler", [0.05, 0.1, 0.2])
def test_prediction_beats_the_last_report_under_doppler(doppler):
    made, last, predicted = errors(fading(1500, doppler), 2)
    assert made < 0.9 * last and predicted > 0.7


@pytest.mark.parametrize("doppler", [0.0, 0.002, 0.01, 0.02])
@pytest.mark.parametrize("horizon", [1, 2])
def test_it_is_never_much_worse_than_the_last_report(doppler, horizon):
    made, last, _ = errors(fading(1500, doppler), horizon)
    assert made < 1.05 * last


def test_after_a_step_the_last_report_counts_until_predictions_are_good_again():
    """Predictions alone would be off by 1.3 times as much as last reports there."""
    steps, made, last = range(400, 2400, 400), [], []
    for seed, doppler in product(range(6), (0.05, 0.1, 0.2)):
        snr_db = fading(2400, doppler, seed) - 12 * ((np.arange(2400) // 400) % 2)
        forecast = SnrForecast(2)
        for frame in range(2398):
            forecast.report(frame, snr_db[frame])
            said = forecast.next()
            if said is not None and any(step < frame < step + 14 for step in steps):
                made.append(abs(said.snr_db - snr_db[frame + 2]))
                last.append(abs(snr_db[frame] - snr_db[frame + 2]))
    assert np.mean(made) < 1.15 * np.mean(last)


def test_a_prediction_that_has_learned_little_is_not_used():
    for doppler in (0.05, 0.1, 0.2):
        forecast = SnrForecast(2)
        used = []
        for frame, snr_db in enumerate(fading(100, doppler)):
            forecast.report(frame, snr_db)
            said = forecast.next()
            used.append(said is not None and said.predicted)
        assert not any(used[:30]) and any(used)


def test_before_reports_there_is_none_and_then_the_last_one():
    forecast = SnrForecast(2)
    assert forecast.next() is None
    forecast.report(7, 3.0)
    said = forecast.next()
    assert said is not None and said.snr_db == pytest.approx(3.0) and said.error_db == 0 and not said.predicted


def test_old_news_and_what_is_no_number_are_left_out():
    forecast = SnrForecast(1)
    forecast.report(7, 3.0)
    for frame, snr_db in ((7, 9.0), (6, 9.0), (8, math.nan), (8, math.inf), (8, -math.inf)):
        forecast.report(frame, snr_db)
        said = forecast.next()
        assert said is not None and said.snr_db == pytest.approx(3.0)


def test_missing_reports_are_bridged_and_long_gaps_begin_anew():
    snr_db = fading(800, 0.1)
    forecast = SnrForecast(2)
    for frame in range(800):
        if frame % 7 != 3:
            forecast.report(frame, snr_db[frame])
    before = forecast.next()
    assert before is not None and before.error_db > 0
    forecast.report(800 + LONGEST_GAP + 1, 5.0)
    after = forecast.next()
    assert after is not None and after.snr_db == pytest.approx(5.0) and after.error_db == 0


def test_extremes_stay_finite():
    forecast = SnrForecast(1)
    for frame in range(300):
        forecast.report(frame, (-200.0, 200.0, 3.0)[frame % 3])
        said = forecast.next()
        assert said is not None and -45 <= said.snr_db <= 60 and math.isfinite(said.error_db)


def test_a_report_is_at_least_one_frame_old():
    with pytest.raises(ValueError, match="at least 1 frame old"):
        SnrForecast(0)
