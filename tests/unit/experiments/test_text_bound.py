import math
from itertools import pairwise

import pytest

from semcom_ota.experiments.text_bound import bleu_bound

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
