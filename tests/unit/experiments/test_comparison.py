import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from semcom_ota.experiments.comparison import Crossing, Sample, crossing, difference, draws, gap
from semcom_ota.experiments.statistics import RESAMPLES, Resampling, estimate

MESSAGES = 200
SNRS = np.arange(-4.0, 11.0, 2.0)


def share(sums):
    return sums[..., 0] / sums[..., 1]


def sample(right, message=None):
    """Messages that are right or not."""
    table = np.column_stack([right, np.ones(len(right))])
    return Sample(np.arange(len(right)) if message is None else np.asarray(message), table)


def messages(share_right, seed=0):
    return np.random.default_rng(seed).random(MESSAGES) < share_right


def curve(needs_db, resampling, seed=0):
    """Draws of a codec whose messages are right from an SNR of their own on, around `needs_db`."""
    needs = np.random.default_rng(seed).normal(needs_db, 2.0, MESSAGES)
    return np.stack([draws(sample(needs <= snr_db), share, resampling) for snr_db in SNRS], axis=1)


def test_a_codec_does_not_differ_from_itself():
    one = sample(messages(0.7))
    nothing = difference(one, one, share, Resampling(MESSAGES))
    assert nothing.value == nothing.low == nothing.high == 0


def test_pairing_takes_out_what_is_common():
    """Two codecs fail at the same hard messages, and one of them at three more: unpaired, that is lost in the noise."""
    resampling, hard = Resampling(MESSAGES), messages(0.5)
    worse = hard.copy()
    worse[np.flatnonzero(hard)[:6]] = False
    paired = difference(sample(hard), sample(worse), share, resampling)
    apart = estimate(draws(sample(hard), share, resampling) - draws(sample(worse), share, Resampling(MESSAGES, seed=1)))
    assert paired.value == pytest.approx(6 / MESSAGES)
    assert paired.low > 0 > apart.low
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)


def test_only_messages_that_both_have_are_compared():
    early, whole = sample([1, 1], [0, 1]), sample([1, 0, 0, 0], [0, 1, 2, 3])
    assert difference(early, whole, share, Resampling(4)).value == pytest.approx(0.5)
    assert difference(sample([1], [0]), sample([1], [1]), share, Resampling(4)) is None


def test_rows_of_one_message_are_drawn_together():
    """A message sent ten times over is one message."""
    once, right = Resampling(50), messages(0.5)[:50]
    tenfold = sample(np.repeat(right, 10), np.repeat(np.arange(50), 10))
    assert np.allclose(draws(tenfold, share, once), draws(sample(right), share, once))


def test_a_crossing_is_interpolated_and_its_interval_holds_the_truth():
    found = crossing([0.0, 2.0, 4.0], np.array([[0.0, 0.5, 1.0]]), 0.75)
    assert found.at_least == found.at_most == 3.0
    bounded = crossing(SNRS, curve(3.0, Resampling(MESSAGES)), 0.5).bounded()
    assert bounded.low < bounded.value < bounded.high
    assert bounded.low < 3.0 < bounded.high and bounded.high - bounded.low < 1.5


def test_what_was_not_measured_is_said():
    flat = np.full((RESAMPLES + 1, len(SNRS)), 0.5)
    never, always = crossing(SNRS, flat, 0.9).bounded(), crossing(SNRS, flat, 0.3).bounded()
    assert (never.at_least, never.at_most, never.high) == (10.0, math.inf, math.inf) and never.value is None
    assert (always.at_least, always.at_most, always.low) == (-math.inf, -4.0, -math.inf)
    assert never.as_json() == {"at_least": 10.0, "at_most": None, "low": 10.0, "high": None}


def test_a_gap_is_paired_or_bounded():
    resampling = Resampling(MESSAGES)
    good = crossing(SNRS, curve(1.0, resampling), 0.5)
    same = gap(good, good)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    worse = gap(good, crossing(SNRS, curve(4.0, resampling), 0.5))
    assert worse.value == pytest.approx(3.0, abs=0.3) and worse.low < worse.value < worse.high
    never = crossing(SNRS, np.zeros((RESAMPLES + 1, len(SNRS))), 0.5)
    bound = gap(good, never)
    assert bound.value is None and bound.at_most == math.inf
    assert bound.at_least == pytest.approx(10.0 - good.at_least[0])
    other_way = gap(never, good)
    assert other_way.at_least == -math.inf and other_way.at_most == pytest.approx(-bound.at_least)
    neither = gap(never, never)
    assert (neither.at_least, neither.at_most) == (-math.inf, math.inf)


def test_a_draw_without_messages_is_left_out():
    lonely = draws(sample([1.0], [0]), share, Resampling(5))
    assert lonely[0] == 1.0 and np.isnan(lonely).any()
    bounded = Crossing(lonely, lonely).bounded()
    assert (bounded.low, bounded.high) == (1.0, 1.0)


@given(arrays(np.float64, (3, 6), elements=st.floats(0, 1)), st.floats(0.05, 0.95))
def test_a_crossing_lies_where_the_curve_does(values, level):
    """A curve that does not fall crosses within the right piece; any other still gets one place or one bound."""
    places = np.arange(6.0)
    for rows in (values, np.sort(values, axis=1)):
        found = crossing(places, rows, level)
        assert (found.at_least <= found.at_most).all()
    for row, at_least, at_most in zip(rows, found.at_least, found.at_most, strict=True):
        if row[0] >= level:
            assert (at_least, at_most) == (-math.inf, 0.0)
        elif row[-1] < level:
            assert (at_least, at_most) == (5.0, math.inf)
        else:
            assert at_least == at_most and np.interp(at_least, places, row) == pytest.approx(level, abs=1e-6)
