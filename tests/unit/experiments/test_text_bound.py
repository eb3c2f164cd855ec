import math
from itertools import pairwise

import numpy as np
import pytest

from semcom_ota.experiments.text_bound import bleu_bound, bounds, distances

TEXTS = [" ".join(["word"] * count) for count in (8, 12, 16)]


def alike(texts, budget, bits_a_word, snr_db):
    return bleu_bound(texts, budget, [bits_a_word * len(text.split()) for text in texts], snr_db)


def test_far_below_capacity_everything_comes_through_and_far_above_nothing():
    low, high = alike(TEXTS, 8, 6.0, [-20.0, 20.0])
    assert low < 1e-6 and high == pytest.approx(1.0)


def test_half_of_a_long_text_comes_through_near_capacity():
    """At 6 bits in 8 symbols, capacity is reached at 10 log10(2**(6/8) - 1); a correction of log2(n')/2 bits aside."""
    text = [" ".join(["word"] * 2000)]
    capacity_db = 10 * math.log10(2 ** (6 / 8) - 1)
    below, above = alike(text, 8, 6.0, [capacity_db - 0.4, capacity_db + 0.4])
    assert below < 0.01 and above > 0.99


def test_what_is_lost_is_penalised_as_bleu_does():
    """Half of the words: exp(1 - 2)."""
    curve = alike(TEXTS[:1], 8, 6.0, [place / 20 for place in range(-120, 60)])
    assert all(one <= other for one, other in pairwise(curve))
    assert min(abs(value - math.exp(-1)) for value in curve) < 0.06


def test_fewer_bits_need_less():
    assert alike(TEXTS, 8, 5.0, [0.0])[0] > alike(TEXTS, 8, 7.0, [0.0])[0]


def test_texts_that_differ_need_more_than_the_same_bits_spread_evenly():
    text, places = " ".join(["word"] * 12), [place / 10 for place in range(-60, 60)]
    even, uneven = (bleu_bound([text] * 2, 8, bits, places) for bits in ([72, 72], [40, 104]))
    assert next(p for p, value in zip(places, even, strict=True) if value > 0.9) < next(
        p for p, value in zip(places, uneven, strict=True) if value > 0.9
    )
    assert uneven[20] > even[20]  # the cheaper one comes through earlier


def test_the_distance_to_the_bound_is_that_of_the_interpolated_curves():
    bits = np.array([6.0 * len(text.split()) for text in TEXTS])
    limits = bounds([{"snr_db": -6.0}, {"snr_db": 9.0}], TEXTS, bits, 8)
    at = {name: float(np.interp(0.9, curve, steps)) for name, (steps, curve) in limits.items()}
    own, less = at.values()
    assert own > less + 1  # 24 bits of 48 to 96
    assert alike(TEXTS, 8, 6.0, [own])[0] == pytest.approx(0.9, abs=2e-3)
    reached = {"metric": "bleu1", "level": 0.9, "length": "all", "codec": "ours", "low": own, "high": None}
    table = distances([
        reached | {"at_least": own + 1.5, "at_most": own + 1.5},
        reached | {"codec": "beyond", "at_least": 9.0, "at_most": None},
        reached | {"codec": "of short ones", "length": "short", "at_least": 1.0, "at_most": 1.0},
    ], limits)  # fmt: skip
    (mine,) = [row for row in table.rows if row[1] == "ours"]
    assert mine[2:] == (f"{own + 1.5:.2f} [{own:.2f}, open]", "+1.50", f"{own + 1.5 - less:+.2f}")
    assert not {"beyond", "of short ones"} & {row[1] for row in table.rows}


def test_a_level_that_no_bound_reaches_has_no_distance():
    bits = np.array([12.0 * len(text.split()) for text in TEXTS])
    ours = {"metric": "bleu1", "level": 0.9, "length": "all", "codec": "ours", "low": 1.0, "high": 1.0,
            "at_least": 1.0, "at_most": 1.0}  # fmt: skip
    low = distances([ours], bounds([{"snr_db": -6.0}, {"snr_db": -3.0}], TEXTS, bits, 8))
    high = distances([ours], bounds([{"snr_db": 12.0}, {"snr_db": 18.0}], TEXTS, bits, 8))
    of_level = [row for row in (*low.rows, *high.rows) if row[0] == "0.9"]
    assert [row[2] for row in of_level if row[1] != "ours"] == ["not reached up to -3"] * 2 + ["above it from 9 on"] * 2
    assert all(row[3:] == ("", "") for row in of_level)
