import numpy as np
import pytest

from semcom_ota.experiments.bench.exchange import AWGN, Point
from semcom_ota.experiments.bench.payload import PayloadErrors, calibrate, measure_payload


def test_a_shard_measures_what_it_received():
    result = measure_payload(Point(AWGN, 15.0, 200), 10, (1, 1))
    assert result.sent == len(result.frames) == 10
    own, genies, snr_error, cfo_error = result.frames.T
    assert result.symbols.sum() == 2000
    assert own.mean() == pytest.approx(genies.mean(), rel=0.4) and genies.mean() == pytest.approx(10**-1.5, rel=0.15)
    assert np.abs(snr_error).max() < 2 and np.abs(cfo_error).max() < 50


def synthetic(generator, wrong_above: float) -> PayloadErrors:
    """Squared errors of 5,000 symbols with claimed variances that are half the true ones in bins above a place."""
    bins = np.sort(generator.permutation(10_000)[:1000])
    symbols = np.full(1000, 5)
    ratios = generator.gamma(5, 1, 1000) * np.where(np.arange(1000) >= wrong_above * 1000, 2.0, 1.0)
    return PayloadErrors(1, np.empty((0, 4)), bins, symbols, ratios)


def test_calibration_finds_the_decile_that_is_wrong():
    """Deciles of 10,000 symbols each: within 5 sigma of 1, and the highest at 2."""
    generator = np.random.default_rng(2)
    whole, deciles = calibrate([synthetic(generator, 0.9) for _ in range(20)])
    assert whole.value == pytest.approx(1.1, abs=0.02)
    assert len(deciles) == 10
    assert all(decile.value == pytest.approx(1, abs=0.05) for decile in deciles[:8])
    assert deciles[9].value > 1.8 and deciles[9].low > 1.5


def test_one_claimed_value_is_one_decile():
    result = PayloadErrors(1, np.empty((0, 4)), np.array([4000]), np.array([1000]), np.array([1000.0]))
    whole, deciles = calibrate([result, result])
    assert whole.value == 1.0 and [decile.value for decile in deciles] == [1.0]
