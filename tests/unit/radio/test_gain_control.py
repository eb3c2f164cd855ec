"""The gain control before a simulated receiver: it settles, stays, and does not chase silence."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.phy.spectrum import FLOOR_DB
from semcom_ota.radio import gain_control
from semcom_ota.radio.gain_control import (
    HIGH_DBFS,
    LEAST_STEP_DB,
    LOW_DBFS,
    MEMORY_S,
    NOISE_DBFS,
    PATIENCE_S,
    GainControl,
)
from semcom_ota.radio.level_meter import Level

RANGE_DB = (0.0, 76.0)
FULL_SCALE_DBM = -10.0  # at a gain of 0 dB
NOISE_DBM = -106.0
PEAK_OVER_MEAN_DB = 9.0
CALL_S = 0.1
BITS_NOISE_DBFS = -70.0


def seen(gain_db: float, signal_dbm: float | None) -> Level:
    """What a receiver's meter shows of a signal of this power, or of noise alone."""
    dbm = NOISE_DBM if signal_dbm is None else 10 * math.log10(10 ** (signal_dbm / 10) + 10 ** (NOISE_DBM / 10))
    level = 10 * math.log10(10 ** ((dbm - FULL_SCALE_DBM + gain_db) / 10) + 10 ** (BITS_NOISE_DBFS / 10))
    peak = level + PEAK_OVER_MEAN_DB
    clipped = 0 if peak < 0 else 1000 if peak < 3 else 50_000
    return level_of(min(peak, 0.0), min(level, 0.0), clipped)


def level_of(peak_dbfs: float, level_dbfs: float, clipped: int = 0) -> Level:
    return Level(100_000, 10 ** (peak_dbfs / 20), 100_000 * 10 ** (level_dbfs / 10), 0.0, 0.0, clipped)


class Air:
    """A device whose gain has steps of 1 dB, and a history of its gain."""

    def __init__(self, gain_db: float):
        self.control = GainControl(gain_db, RANGE_DB)
        self.gains = [gain_db]
        self.clipped_s = 0.0

    def run(self, seconds: float, signal_dbm: float | None) -> None:
        for _ in range(round(seconds / CALL_S)):
            level = seen(self.gains[-1], signal_dbm)
            self.clipped_s += CALL_S * (level.clipped_samples > 0)
            wanted = self.control.tell(level, CALL_S)
            if wanted is not None:
                assert RANGE_DB[0] <= wanted <= RANGE_DB[1]
                self.control.set(float(round(wanted)))
            self.gains.append(self.control.gain_db)


@given(st.floats(0, 76), st.floats(-100, -5))
def test_whatever_comes_it_settles_and_stays(gain_db, signal_dbm):
    air = Air(gain_db)
    air.run(300, signal_dbm)
    settled = air.gains[-1]
    level = seen(settled, signal_dbm)
    assert not level.clipped_samples or settled < LEAST_STEP_DB
    assert level.peak_dbfs <= HIGH_DBFS or settled < LEAST_STEP_DB
    assert level.peak_dbfs >= LOW_DBFS or level.level_dbfs > NOISE_DBFS - 1 or settled >= RANGE_DB[1] - 1
    air.run(300, signal_dbm)
    assert set(air.gains[-3000:]) == {settled}


def test_steps_of_the_level_are_followed_without_hunting():
    air = Air(10)
    for signal_dbm in (-85.0, -30.0, -75.0, -20.0):
        air.run(12 * MEMORY_S, signal_dbm)
        start = len(air.gains) - round(12 * MEMORY_S / CALL_S)
        moves = [after - before for before, after in zip(air.gains[start - 1 :], air.gains[start:], strict=False)]
        assert any(moves) and not (min(moves) < 0 < max(moves))  # to the new gain, and not beyond it and back
    assert air.clipped_s < 2


def test_clipping_is_met_at_once():
    air = Air(60)
    air.run(2.0, -30.0)
    assert air.gains[-1] <= 24 and air.clipped_s < 1


def test_a_silent_channel_does_not_run_the_gain_up():
    air = Air(0)
    air.run(1200, None)
    assert max(air.gains) < RANGE_DB[1] - 20
    assert seen(air.gains[-1], None).level_dbfs == pytest.approx(NOISE_DBFS, abs=1.5)


def test_zeros_change_nothing():
    air = Air(20)
    nothing = level_of(FLOOR_DB, FLOOR_DB)
    assert [air.control.tell(nothing, CALL_S) for _ in range(1000)] == [None] * 1000


def test_pauses_between_bursts_do_not_move_it():
    air = Air(40)
    air.run(MEMORY_S, -45.0)
    settled = air.gains[-1]
    for _ in range(30):
        air.run(0.8 * PATIENCE_S, None)
        air.run(0.2, -45.0)
    assert set(air.gains[round(MEMORY_S / CALL_S) :]) == {settled}


def test_long_pauses_do_not_make_each_burst_clip():
    air = Air(40)
    for _ in range(20):
        air.run(0.9 * MEMORY_S, None)
        air.run(1.0, -20.0)
    assert air.clipped_s <= 1.5


def test_what_is_still_on_its_way_does_not_count(monkeypatch):
    monkeypatch.setattr(gain_control, "SETTLE_S", 1.0)
    control = GainControl(50, RANGE_DB)
    loud = seen(50, -30.0)
    assert control.tell(loud, CALL_S) == 30
    control.set(30)
    assert [control.tell(loud, CALL_S) for _ in range(9)] == [None] * 9
