from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.experiments.word_trigram import PIECE, NGram, WordTrigram

CAPTIONS = ["A red dog runs.", "A blue cat runs.", "A red cat sleeps on a mat.", "Two dogs run, and a cat sleeps."] * 5


@pytest.mark.parametrize("order", [1, 2, 3])
def test_probabilities_of_all_sequences_sum_to_one(order):
    rng = np.random.default_rng(order)
    model = NGram([rng.integers(2, size=rng.integers(3)).tolist() for _ in range(60)], 2, order)
    totals = [(2.0 ** -model.bits([*product(range(2), repeat=length)])).sum() for length in range(13)]
    assert 0.995 < sum(totals) <= 1 + 1e-9


def test_counts_come_through_with_enough_text():
    rng = np.random.default_rng(0)
    heads = [[int(bit)] for bit in rng.random(20_000) < 0.25]
    bits = NGram(heads, 2, 2).bits([[1], [0]])
    assert bits == pytest.approx([2, np.log2(4 / 3)], abs=0.05)


def test_context_is_worth_something():
    sequences = [[0, 1] * 5, [1, 0] * 5] * 20
    costs = [NGram(sequences, 2, order).bits(sequences).sum() for order in (1, 2, 3)]
    assert costs[0] > 2 * costs[1] > 2 * costs[2]


def test_too_many_symbols_for_one_number_are_refused():
    with pytest.raises(ValueError, match="too many"):
        NGram([[0]], 2**32, 2)


@given(st.text())
def test_pieces_are_the_whole_text(text):
    assert "".join(PIECE.findall(text)) == text


@given(st.text(max_size=40))
def test_every_text_has_a_price(text):
    (bits,) = MODEL.bits([text])
    assert 0 < bits < np.inf


def test_what_was_learned_is_cheaper_than_what_was_not():
    known, shuffled, foreign, longer = MODEL.bits(
        ["A red dog runs.", "runs. dog A red", "A red Hund runs.", "A red Donaudampfschiff runs."]
    )
    assert known < shuffled and known < foreign < longer


def test_nothing_learned_leaves_bytes():
    bits = WordTrigram([]).bits(["ab", ""])
    assert np.isfinite(bits).all() and bits[0] > 16 > bits[1]


MODEL = WordTrigram(CAPTIONS)
