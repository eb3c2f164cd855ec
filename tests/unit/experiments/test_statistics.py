import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU
from scipy.stats import binomtest

from semcom_ota.experiments.statistics import (
    RESAMPLES,
    Estimate,
    Resampling,
    clustered_proportion,
    estimate,
    proportion,
    text_quality,
    word_errors,
)

SENT = ["A man in a red hat is walking down the street.", "Two dogs play in the snow, happily.", "A girl sings."]
RECEIVED = ["A man in a blue hat is walking down the road.", "Two dogs play in the snow, happily.", ""]
WORDS = st.lists(st.sampled_from("abc"), max_size=7).map(" ".join)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_bleu_is_sacrebleus(order):
    expected = BLEU(max_ngram_order=order, smooth_method="none").corpus_score(RECEIVED, [SENT]).score / 100
    assert text_quality(SENT, RECEIVED)[f"bleu{order}"].value == pytest.approx(expected)


def test_a_lost_message_scores_zero_and_copies_score_one():
    lost, same = text_quality(SENT, [""] * 3), text_quality(SENT, SENT)
    assert lost["bleu1"].value == lost["words_right"].value == 0 and lost["word_error_rate"].value == 1
    assert same["bleu4"].value == same["exact_match"].value == 1 and same["word_error_rate"].value == 0


def test_what_stands_for_a_lost_part_is_no_word():
    sent = ["a cat sat on the mat", "a dog"]
    for name, found in text_quality(sent, ["a cat […]", "[…]"]).items():
        assert found == text_quality(sent, ["a cat", ""])[name]
    assert word_errors("a b c", "a […]") == word_errors("a b c", "a") == (2, 1)
    assert text_quality(["A […] B"], ["A […] B"])["exact_match"].value == 1


def test_intervals_hold_the_value_and_shrink_with_more_messages():
    few, many = text_quality(SENT, RECEIVED), text_quality(SENT * 30, RECEIVED * 30)
    assert few["bleu1"].low <= few["bleu1"].value <= few["bleu1"].high
    assert many["bleu1"].high - many["bleu1"].low < few["bleu1"].high - few["bleu1"].low


def test_the_same_seed_gives_the_same_interval():
    assert text_quality(SENT, RECEIVED, seed=4) == text_quality(SENT, RECEIVED, seed=4)


def test_word_errors_counts_and_matches():
    assert word_errors("a b c d", "a x c d e") == (2, 3)
    assert word_errors("a b", "") == (2, 0)


@given(WORDS, WORDS)
def test_word_errors_is_a_distance(first, second):
    errors, right = word_errors(first, second)
    assert word_errors(second, first) == (errors, right)
    assert (errors == 0) == (first == second)
    assert right <= min(len(first.split()), len(second.split()))


@pytest.mark.parametrize(("count", "total"), [(0, 50), (1, 1), (20, 100), (999, 1000)])
def test_a_proportion_has_wilsons_interval(count, total):
    ours, scipys = proportion(count, total), binomtest(count, total).proportion_ci(0.95, "wilson")
    assert ours.value == count / total
    assert (ours.low, ours.high) == pytest.approx((scipys.low, scipys.high), abs=1e-4)


def test_a_proportion_of_texts_sent_several_times_is_no_surer_than_the_texts_are_many():
    right = (np.arange(40) % 3 == 0).astype(float)
    once = clustered_proportion(right, np.arange(40))
    alike = clustered_proportion(np.tile(right, 5), np.tile(np.arange(40), 5))
    assert (once.low, once.high) == pytest.approx((proportion(14, 40).low, proportion(14, 40).high))
    assert alike.value == once.value
    assert alike.high - alike.low == pytest.approx(once.high - once.low, rel=0.03)
    apart = clustered_proportion(np.random.default_rng(0).random(400) < 0.4, np.repeat(np.arange(40), 10))
    assert apart.high - apart.low < 0.6 * (once.high - once.low)  # trials of one text are as good as any
    for all_alike in (np.ones(200), np.zeros(200)):
        found, alone = clustered_proportion(all_alike, np.tile(np.arange(40), 5)), proportion(all_alike[0] * 40, 40)
        assert (found.low, found.high) == (alone.low, alone.high)


def test_the_bootstrap_draws_messages_with_replacement():
    """A share of right messages has the standard deviation of its mean, and draw 0 is the sample."""
    right = (np.arange(400) % 4 == 0).astype(float)
    sums = Resampling(400, seed=1).sums(np.column_stack([right, np.ones(400)]))
    assert sums.shape == (RESAMPLES + 1, 2) and sums[0].tolist() == [100, 400]
    assert (sums[:, 1] == 400).all()
    assert (sums[1:, 0] / 400).std() == pytest.approx((0.25 * 0.75 / 400) ** 0.5, rel=0.1)


def test_rows_are_drawn_with_their_message():
    resampling = Resampling(3, seed=2)
    by_row = resampling.sums(np.array([[1.0], [2.0], [4.0]]), np.array([0, 2, 2]))
    by_message = resampling.sums(np.array([[1.0], [0.0], [6.0]]))
    assert (by_row == by_message).all()


def test_an_estimate_passes_over_draws_that_hold_nothing():
    assert estimate(np.array([0.5, np.nan, 0.25, np.nan])) == Estimate(0.5, 0.25, 0.25)
    assert estimate(np.array([0.5, np.nan])) == Estimate(0.5, 0.5, 0.5)


def test_texts_that_were_sent_several_times_are_drawn_together():
    once, twice = text_quality(SENT, RECEIVED), text_quality(SENT * 2, RECEIVED * 2, text=[0, 1, 2] * 2)
    apart = text_quality(SENT * 2, RECEIVED * 2)
    assert twice == once
    assert apart["exact_match"].high - apart["exact_match"].low < twice["exact_match"].high - twice["exact_match"].low
