from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.codecs.text_budget import LITERAL_SYMBOLS_PER_BYTE, chunks, symbol_budget
from semcom_ota.codecs.tokenizer import Tokens


def test_budget_is_symbols_per_word():
    assert symbol_budget(Tokens([1] * 12, words=10, literal=False), symbols_per_word=8, layers=16) == 80


def test_literal_text_costs_more_and_the_cost_is_per_byte():
    assert symbol_budget(Tokens([1] * 40, words=5, literal=True), 8, 16) == 40 * LITERAL_SYMBOLS_PER_BYTE


@given(length=st.integers(1, 3000), words=st.integers(0, 3000), rate=st.floats(2, 64), literal=st.booleans())
def test_every_token_gets_between_one_symbol_and_all_layers(length, words, rate, literal):
    budget = symbol_budget(Tokens([1] * length, words, literal), rate, 16)
    assert length <= budget <= 16 * length


@given(tokens=st.integers(1, 5000), extra=st.floats(0, 1), longest=st.integers(1, 128))
def test_chunks_add_up_and_each_can_carry_its_tokens(tokens, extra, longest):
    symbols = tokens + round(extra * 15 * tokens)
    cut = chunks(tokens, symbols, longest)
    assert sum(length for length, _ in cut) == tokens
    assert sum(count for _, count in cut) == symbols
    assert all(0 < length <= longest and length <= count <= 16 * length for length, count in cut)
