import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.phy.spectrum import FLOOR_DB, measure
from semcom_ota.radio.level_meter import LevelMeter


def stream(seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    samples = 0.4 * rng.standard_normal((count, 2)) + (0.05, -0.02)
    return np.clip(samples, -1, 1 - 2**-15).astype(np.float32).view(np.complex64)[:, 0]


@given(st.integers(0, 99), st.lists(st.integers(0, 900), max_size=6), st.integers(1, 5000))
def test_it_reads_what_the_spectrum_measures_however_the_samples_come(seed, cuts, count):
    samples, meter = stream(seed, count), LevelMeter()
    for part in np.split(samples, sorted(cut for cut in cuts if cut < count)):
        meter.take(part)
    level, expected = meter.read(), measure(samples, 1e6)
    assert level.level_dbfs == pytest.approx(expected.level_dbfs, abs=1e-3)
    assert level.dc_dbfs == pytest.approx(expected.dc_dbfs, abs=1e-2)
    assert level.clipped_samples == round(expected.clipping * count) and level.samples == count
    assert level.peak_dbfs == pytest.approx(20 * np.log10(np.abs(samples.view(np.float32)).max()), abs=1e-4)
    assert meter.read() is None


@given(st.integers(0, 99), st.integers(1, 2999))
def test_two_levels_together_are_that_of_all_samples(seed, cut):
    samples, meter, levels = stream(seed, 3000), LevelMeter(), []
    for part in (samples[:cut], samples[cut:], samples):
        meter.take(part)
        levels.append(meter.read())
    assert levels[0].with_more(levels[1]) == pytest.approx(levels[2])


def test_zeros_have_a_level_and_what_is_no_number_has_none():
    meter = LevelMeter()
    meter.take(np.array([np.nan, np.inf, 1j * np.inf], np.complex64))
    assert meter.read() is None
    meter.take(np.zeros(7, np.complex64))
    assert (meter.read().level_dbfs, meter.read()) == (FLOOR_DB, None)
