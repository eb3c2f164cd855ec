"""Interpolation between two clocks."""

from itertools import pairwise

import numpy as np
import pytest

from semcom_ota.twin.air import Burst
from semcom_ota.twin.resampling import add_resampled, interpolator


def resampled(sent, first, step, count, ratio=1.0, turns=0.0, turn_step=0.0, amplitude=1.0):
    out = np.zeros((2, count), np.float32)
    parts = np.stack([sent.real, sent.imag]).astype(np.float32)
    add_resampled(out[0], out[1], parts, interpolator(ratio), first, step, turns, turn_step, amplitude)
    return out[0] + 1j * out[1]


def tone(frequency, positions):
    return np.exp(2j * np.pi * frequency * np.asarray(positions))


def error_db(found, expected):
    return 10 * np.log10(np.mean(np.abs(found - expected) ** 2))


@pytest.mark.parametrize("frequency", [-0.406, -0.1, 0.0, 0.25, 0.406])  # 52 of 64 carriers end at 0.406
@pytest.mark.parametrize("step", [1.0, 1 + 4.1e-6, 1 - 37e-6])
def test_what_is_in_the_band_is_where_it_should_be(frequency, step):
    found = resampled(tone(frequency, np.arange(9000)), 100.37, step, 8000)
    assert error_db(found, tone(frequency, 100.37 + step * np.arange(8000))) < -60


@pytest.mark.parametrize("ratio", [0.5, 0.4, 2.0])
def test_a_receiver_may_have_another_rate(ratio):
    frequency = 0.3 * min(1, ratio)
    found = resampled(tone(frequency, np.arange(9000)), 1000.2, 1 / ratio, 3000, ratio)
    assert error_db(found, tone(frequency, 1000.2 + np.arange(3000) / ratio)) < -50
    if ratio < 1:  # what a slower receiver has no room for does not fold into its band
        assert error_db(resampled(tone(0.45, np.arange(9000)), 1000.2, 1 / ratio, 3000, ratio), 0) < -50


def test_the_carrier_turns_and_the_level_is_right():
    found = resampled(np.ones(5000), 50.0, 1.0, 4000, turns=123.25, turn_step=1e-3, amplitude=1e-5)
    assert error_db(found / 1e-5, tone(1e-3, np.arange(4000)) * 1j) < -60


def test_outside_there_is_silence():
    found = resampled(np.ones(100), -200.0, 1.0, 500)
    assert np.abs(found[:180]).max() == np.abs(found[320:]).max() == 0
    assert np.abs(found[220:280] - 1).max() < 0.01


def test_a_burst_is_the_same_in_whatever_pieces_it_came():
    generator = np.random.default_rng(1)
    samples = generator.standard_normal((2, 5000)).astype(np.float32)
    burst = Burst("A", 0, 0.0, 1e6, 1e9, 1.0)
    edges = [0, *sorted(generator.integers(0, 5000, 20)), 5000]
    for start, stop in pairwise(edges):
        burst.append(samples[:, start:stop])
    padded = np.pad(samples, ((0, 0), (1000, 1000)))
    for _ in range(50):
        first, stop = sorted(generator.integers(-1000, 6000, 2))
        assert np.array_equal(burst.window(first, stop), padded[:, first + 1000 : stop + 1000])
    burst.forget(2500e-6)
    assert np.array_equal(burst.window(2600, 5000), samples[:, 2600:])
    assert not burst.window(0, 10).any()
