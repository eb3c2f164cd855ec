"""The gain that is found is the one that theory says, for every level that may arrive."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.config import PhyConfig
from semcom_ota.radio.gain_search import AS_GOOD_DB, FINE_DB, HEADROOM_DB, Reading, find_gain, reading
from semcom_ota.radio.survey import survey

RANGE_DB = (0.0, 76.0)
THERMAL_DBFS = -125.0  # the front end's noise at a gain of 0 dB
CONVERTER_DBFS = -72.0
PEAKS_DB = 11.0  # of OFDM over its mean
TOO_LITTLE_SNR_DB = 0.0


def front_end(
    arrives_dbfs: float | None, *, frames: bool = True, limit_db: float = 38.0, seed: int = 0
) -> Callable[[float], Reading]:
    """A receiver with a gain in steps of half a decibel; `limit_db` is the SNR that its oscillator allows."""
    rng = np.random.default_rng(seed)

    def read(asked_db: float) -> Reading:
        gain = round(2 * asked_db) / 2
        noise = decibel(power(THERMAL_DBFS + gain) + power(CONVERTER_DBFS)) + rng.normal(scale=0.1)
        if arrives_dbfs is None:
            return Reading(gain, noise, None, min(0.0, noise + PEAKS_DB), 0.0, 0, None)
        signal = arrives_dbfs + gain
        peak = max(signal, noise) + PEAKS_DB
        clipping = 0.0 if peak <= 0 else min(1.0, 1e-3 * 2**peak)
        snr = min(signal - noise, limit_db) + rng.normal(scale=0.2)
        found = 10 if frames and snr > TOO_LITTLE_SNR_DB and clipping < 0.3 else 0
        busy = min(0.0, decibel(power(signal) + power(noise))) if signal > noise - 2 else None
        return Reading(gain, noise, busy, min(peak, 0.0), clipping, found, snr if found else None)

    return read


def decibel(value: float) -> float:
    return 10 * math.log10(value)


def power(value_db: float) -> float:
    return 10 ** (value_db / 10)


def true_snr_db(arrives_dbfs: float, gain_db: float, limit_db: float = 38.0) -> float:
    return min(arrives_dbfs + gain_db - decibel(power(THERMAL_DBFS + gain_db) + power(CONVERTER_DBFS)), limit_db)


def best_snr_db(arrives_dbfs: float, limit_db: float = 38.0) -> float:
    """At the best of all gains that leave the headroom."""
    gains = [gain for gain in np.arange(0, 76.5, 0.5) if arrives_dbfs + gain + PEAKS_DB <= -HEADROOM_DB]
    return max(true_snr_db(arrives_dbfs, gain, limit_db) for gain in gains)


@given(st.floats(-118, -20), st.integers(0, 1000))
def test_the_gain_keeps_its_headroom_and_loses_little(arrives_dbfs: float, seed: int):
    choice = find_gain(front_end(arrives_dbfs, seed=seed), RANGE_DB)
    assert choice.judged_by == "frames"
    assert arrives_dbfs + choice.gain_db + PEAKS_DB <= -HEADROOM_DB + 0.1 or choice.gain_db == RANGE_DB[0]
    assert true_snr_db(arrives_dbfs, choice.gain_db) > best_snr_db(arrives_dbfs) - AS_GOOD_DB - 1.0


@pytest.mark.parametrize("arrives_dbfs", [-40.0, -60.0, -80.0, -100.0])
def test_with_strangers_on_the_air_the_level_decides(arrives_dbfs: float):
    choice = find_gain(front_end(arrives_dbfs, frames=False), RANGE_DB)
    assert choice.judged_by == "level"
    assert arrives_dbfs + choice.gain_db + PEAKS_DB <= -HEADROOM_DB
    assert true_snr_db(arrives_dbfs, choice.gain_db, 99) > best_snr_db(arrives_dbfs, 99) - FINE_DB


def test_with_nothing_on_the_air_the_converters_noise_is_left_behind():
    choice = find_gain(front_end(None), RANGE_DB)
    assert choice.judged_by == "noise"
    assert "nothing was heard to judge by" in choice.sentence and "default" in choice.sentence
    assert choice.gain_db is not None
    assert 9 < THERMAL_DBFS + choice.gain_db - CONVERTER_DBFS < 14.5


@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("thermal_dbfs", [-92.0, -90.5, -86.0])
def test_the_few_steps_of_noise_in_a_converter_are_no_signal(bits: int, thermal_dbfs: float):
    rng = np.random.default_rng(3)
    noise = rng.normal(scale=math.sqrt(power(thermal_dbfs) / 2), size=(2, 60_000))
    step = 2.0 ** (1 - bits)
    seen: list[Reading] = []

    def read(gain_db: float) -> Reading:
        parts = np.clip(step * np.round(10 ** (gain_db / 20) / step * noise), -1, 1 - step)
        figures, _ = survey((parts[0] + 1j * parts[1]).astype(np.complex64), PhyConfig(), 1e6, farther=False)
        seen.append(reading(gain_db, figures))
        return seen[-1]

    choice = find_gain(read, RANGE_DB)
    assert any(one.busy_dbfs is not None for one in seen)  # it does look like one
    assert choice.judged_by == "noise" and choice.gain_db is not None
    assert 9 < thermal_dbfs + choice.gain_db - decibel(step**2 / 6) < 14.5


def test_no_gain_is_named_where_the_noise_does_not_follow_it():
    def read(gain_db: float) -> Reading:
        return Reading(gain_db, -200.0, None, -200.0, 0.0, 0, None)

    choice = find_gain(read, RANGE_DB)
    assert choice.gain_db is None and choice.judged_by is None
    assert "no gain is named: nothing was heard" in choice.sentence


@pytest.mark.parametrize("frames", [True, False])
@pytest.mark.parametrize("readings", [3, 6, 10, 14])
def test_what_ends_during_the_search_is_not_judged_by(frames: bool, readings: int):
    heard, silence = front_end(-60.0, frames=frames), front_end(None)
    taken: list[float] = []

    def read(gain_db: float) -> Reading:
        taken.append(gain_db)
        return (heard if len(taken) <= readings else silence)(gain_db)

    choice = find_gain(read, RANGE_DB)
    assert "had ended" in choice.sentence
    assert choice.gain_db is None or 9 < THERMAL_DBFS + choice.gain_db - CONVERTER_DBFS < 20
    assert choice.judged_by == (None if choice.gain_db is None else "noise")


def test_a_transmitter_that_pauses_at_the_end_is_waited_for():
    heard, silence = front_end(-60.0), front_end(None)
    taken: list[float] = []

    def read(gain_db: float) -> Reading:
        gain_db = round(2 * gain_db) / 2
        taken.append(gain_db)
        return (silence if taken.count(gain_db) == 2 else heard)(gain_db)

    assert find_gain(read, RANGE_DB).judged_by == "frames"
    assert max(map(taken.count, taken)) == 3


def test_a_converter_that_says_zeros_at_low_gain_looks_splendid_and_is_not_chosen():
    thermal = front_end(None)

    def read(gain_db: float) -> Reading:
        seen = thermal(gain_db)
        return seen if gain_db > 20 else Reading(seen.gain_db, -170.0, None, -150.0, 0.0, 0, None)

    assert (find_gain(read, RANGE_DB).gain_db or 0.0) > 50


def test_what_clips_at_the_least_gain_needs_an_attenuator():
    choice = find_gain(front_end(-2.0), RANGE_DB)
    assert choice.gain_db == 0
    assert "attenuator" in choice.sentence


def test_no_gain_far_beyond_clipping_is_tried():
    tried = []

    def read(gain_db: float) -> Reading:
        tried.append(gain_db)
        return front_end(-40.0)(gain_db)

    find_gain(read, RANGE_DB)
    assert max(tried) < 50 < RANGE_DB[1]


def test_a_transmitter_that_pauses_is_noticed():
    heard = front_end(-60.0)

    def read(gain_db: float) -> Reading:
        seen = heard(gain_db)
        return seen if not 32 < gain_db < 38 else front_end(None)(gain_db)

    assert "transmitter is on all the time" in find_gain(read, RANGE_DB).sentence


@pytest.mark.parametrize("gains", [(0.0, 0.0), (10.0, 12.0), (-12.0, 61.0)])
def test_any_range_of_gains_will_do(gains: tuple[float, float]):
    choice = find_gain(front_end(-60.0), gains)
    assert gains[0] <= choice.gain_db <= gains[1]
    if gains == (10.0, 12.0):
        assert "greatest that the device has" in choice.sentence
