"""What was heard before as a prior: by its formula, and as a distribution."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.codecs.base import DoesNotFit, Remembered
from semcom_ota.codecs.lam_search import Prior
from semcom_ota.codecs.memory_prior import MOST_CHARACTERS, MOST_TOKENS, START, STRENGTHS, MemoryPrior, runs

WORDS, END = 6, 0
texts = st.lists(st.lists(st.integers(1, WORDS - 1), max_size=6), max_size=5)


def whole(*text):
    return [START, START, *text, END]


def model(rows):
    return torch.randn(rows, WORDS, generator=torch.Generator().manual_seed(1)).log_softmax(-1)


@given(texts, st.floats(0, 1), st.lists(st.lists(st.integers(1, WORDS - 1), min_size=3, max_size=3), min_size=1))
def test_it_is_a_distribution_whatever_is_remembered(remembered, trust, beginnings):
    prior = MemoryPrior(Prior(), [(whole(*text), trust) for text in remembered])
    for length in range(4):
        before = torch.tensor(beginnings)[:, :length]
        of_model = model(len(before))
        given_copy = of_model.clone()
        total = prior(of_model, before)
        torch.testing.assert_close(total.exp().sum(-1), torch.ones(len(before)))
        assert torch.equal(of_model, given_copy)


def test_the_formula():
    first, second = STRENGTHS
    prior = MemoryPrior(Prior(), [(whole(1, 2, 3), 1.0), (whole(1, 2, 4), 0.5), (whole(5, 2, 4), 1.0)])
    of_model = model(1)
    (found,) = prior(of_model, torch.tensor([[5, 1, 2]])).exp()
    after_two = {token: (seen + first * of_model.exp()[0, token]) / (2.5 + first) for token, seen in ((3, 1), (4, 1.5))}
    assert found[3] == pytest.approx(float((1 + second * after_two[3]) / (1.5 + second)), rel=1e-5)
    assert found[4] == pytest.approx(float((0.5 + second * after_two[4]) / (1.5 + second)), rel=1e-5)
    (begins,) = prior(of_model, torch.zeros(1, 0, dtype=torch.long)).exp()
    assert begins[1] > of_model.exp()[0, 1] and begins[5] > of_model.exp()[0, 5] and begins[2] < of_model.exp()[0, 2]
    (ends,) = prior(of_model, torch.tensor([[2, 4]])).exp()
    assert ends[END] > of_model.exp()[0, END]


@pytest.mark.parametrize("remembered", [[], [(whole(1, 2, 3), 0.0)]], ids=["nothing", "nothing that is trusted"])
def test_without_memory_the_other_prior_is_left(remembered):
    fixed = torch.linspace(-3, -1, WORDS).log_softmax(0)
    prior = MemoryPrior(Prior(fixed), remembered)
    torch.testing.assert_close(prior(model(2), torch.tensor([[1, 2], [3, 4]])), fixed.expand(2, -1))


class Letters:
    """A language model as far as `runs` needs one: a letter is a token."""

    end = END

    def tokens(self, text):
        if "?" in text:
            raise DoesNotFit("it cannot spell this")
        return [ord(letter) for letter in text]


def test_nothing_is_made_up_where_there_was_a_gap():
    heard = runs(Letters(), [Remembered("ab […] c", 0.5), Remembered("[…]", 1.0), Remembered("?", 1.0)])
    spelled = [[chr(token) if token > END else token for token in tokens] for tokens, _ in heard if len(tokens) > 2]
    assert spelled == [[START, START, "a", "b", " "], [" ", "c", END]]
    prior = MemoryPrior(Prior(), [([1, 2], 1.0), ([3, END], 1.0)])
    torch.testing.assert_close(prior(model(1), torch.tensor([[1, 2]])), model(1))


def test_what_is_counted_is_bounded_the_newest_first():
    long = [Remembered("b" * MOST_CHARACTERS, 1.0)] * (MOST_TOKENS // MOST_CHARACTERS - 1)
    before = [Remembered("a" * MOST_CHARACTERS, 1.0), Remembered("c", 1.0), *long, Remembered("d", 1.0)]
    before += [Remembered("e" * (MOST_CHARACTERS + 1), 1.0), Remembered("f", 0.0)]
    letters = [chr(tokens[2]) for tokens, _ in runs(Letters(), before)]
    assert letters == ["d", *"b" * len(long), "c"]
