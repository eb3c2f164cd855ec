import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.codecs.text_candidates import LONGEST, Parameters, decided, likeliest


@given(text=st.text(min_size=1, max_size=20), tokens=st.integers(1, LONGEST))
def test_a_header_comes_back_and_knows_its_text(text, tokens):
    sent = Parameters.of(text, tokens)
    assert 0 <= sent.pack() < 2**24
    assert Parameters.unpack(sent.pack()) == sent
    assert sent.holds(text)
    assert sent.checksum_bits == (16 if tokens <= 128 else 9)


@given(st.integers(0, 2**24 - 1))
def test_any_header_makes_some_sense(bits):
    assert 1 <= Parameters.unpack(bits).tokens <= LONGEST


def test_another_text_passes_once_in_two_to_the_checksums_bits():
    for tokens, bits in ((10, 16), (1000, 9)):
        said = Parameters.of("a man", tokens)
        passed = sum(said.holds(f"another text {number}") for number in range(100_000))
        assert passed == pytest.approx(100_000 / 2**bits, rel=0.5, abs=5)


@pytest.mark.parametrize("seed", range(5))
def test_the_likeliest_texts_are_all_there_in_order(seed):
    rng = np.random.default_rng(seed)
    chances = -np.sort(rng.exponential(2, (5, 3)), axis=-1).astype(np.float32)
    tokens = rng.permutation(100)[:15].reshape(5, 3)
    every = sorted(
        (
            (math.exp(sum(float(chances[place, choice]) for place, choice in enumerate(choices))), list(choices))
            for choices in product(range(3), repeat=5)
        ),
        key=lambda one: -one[0],
    )
    found = likeliest(tokens, chances, 8)
    assert len(found) == 8
    for candidate, (probability, choices) in zip(found, every, strict=False):
        assert candidate.tokens == [int(tokens[place, choice]) for place, choice in enumerate(choices)]
        assert candidate.probability == pytest.approx(probability, rel=1e-5)


def test_one_candidate_is_the_likeliest_token_everywhere():
    tokens, chances = np.array([[3, 1], [5, 2]]), np.log(np.array([[0.6, 0.4], [0.9, 0.1]], np.float32))
    (only,) = likeliest(tokens, chances, 1)
    assert only.tokens == [3, 5] and only.probability == pytest.approx(0.54)


def test_the_checksum_chooses_among_the_texts():
    said = Parameters.of("a wetsuit", 4)
    text, confidence = decided([("a raincoat", 0.97), ("a wetsuit", 0.02)], said)
    assert text == "a wetsuit" and 0.999 < confidence < 1


def test_where_no_checksum_holds_the_likeliest_text_is_known_to_be_wrong():
    assert decided([("a raincoat", 0.97), ("a wet suit", 0.02)], Parameters.of("a wetsuit", 4)) == ("a raincoat", 0.0)


def test_a_text_so_unlikely_that_it_passes_by_accident_is_not_chosen():
    said = Parameters.of("a wetsuit", 4)
    text, confidence = decided([("a raincoat", 1e-3), ("a wetsuit", 1e-6)], said)
    assert (text, confidence) == ("a raincoat", 0.0)
    text, confidence = decided([("a wetsuit", 1e-6), ("a raincoat", 1e-7)], said)
    assert text == "a wetsuit" and 0.05 < confidence < 0.07  # 1e-6 / (1e-6 + 2**-16)


def test_spelt_in_two_ways_a_text_is_one():
    said = Parameters.of("a wetsuit", 4)
    _, confidence = decided([("a wetsuit", 0.4), ("a wetsuit", 0.4)], said)
    assert confidence > 0.999
