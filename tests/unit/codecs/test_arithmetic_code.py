import math
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.codecs.arithmetic_code import MAX_TOTAL, Decoder, Encoder

EVEN = (0, 1, 2)


def message_of(tables: list[list[int]], choices: bytes) -> list[tuple[tuple[int, ...], int]]:
    """Symbols, each with a cumulative table in which it has some share, however small."""
    message = []
    for choice in choices:
        frequencies = tables[choice % len(tables)]
        possible = [symbol for symbol, share in enumerate(frequencies) if share]
        message.append(((0, *accumulate(frequencies)), possible[choice // len(tables) % len(possible)]))
    return message


def messages() -> st.SearchStrategy[list[tuple[tuple[int, ...], int]]]:
    frequency = st.one_of(st.integers(0, 3), st.integers(0, 2**20))
    tables = st.lists(st.lists(frequency, min_size=1, max_size=6).filter(any), min_size=1, max_size=4)
    return st.builds(message_of, tables, st.binary(max_size=60))


def encoded(message: list[tuple[tuple[int, ...], int]]) -> np.ndarray:
    encoder = Encoder()
    for table, symbol in message:
        encoder.encode(table, symbol)
    return encoder.finish()


def information(message: list[tuple[tuple[int, ...], int]]) -> float:
    return -sum(math.log2((table[symbol + 1] - table[symbol]) / table[-1]) for table, symbol in message)


@given(messages())
def test_any_symbols_of_any_tables_come_back(message: list[tuple[tuple[int, ...], int]]) -> None:
    bits = encoded(message)
    assert bits.dtype == np.uint8
    assert set(bits.tolist()) <= {0, 1}
    decoder = Decoder(bits)
    assert [decoder.decode(table) for table, _ in message] == [symbol for _, symbol in message]
    assert not decoder.exhausted


@given(messages())
def test_not_one_bit_more_than_the_information_rounded_up(message: list[tuple[tuple[int, ...], int]]) -> None:
    assert 1 <= encoded(message).size <= max(1, math.ceil(information(message) + 1e-3))


def test_on_average_nearly_two_bits_fewer_than_the_information() -> None:
    rng = np.random.default_rng(1)
    table = (0, 5, 6, 8, 20)
    drawn = rng.choice(4, size=(400, 30), p=np.diff(table) / 20)
    gained = [
        information(message) - encoded(message).size
        for message in [[(table, s) for s in row] for row in drawn.tolist()]
    ]
    assert np.mean(gained) == pytest.approx(1.75, abs=0.2)


@given(messages(), st.data())
def test_the_first_bits_tell_the_first_symbols_and_no_wrong_one(
    message: list[tuple[tuple[int, ...], int]], data: st.DataObject
) -> None:
    bits = encoded(message)
    cut = data.draw(st.integers(0, bits.size))
    decoder = Decoder(bits[:cut], cut=True)
    told = 0.0
    for table, symbol in message:
        found = decoder.decode(table)
        if found is None:
            break
        assert found == symbol
        told += information([(table, symbol)])
    assert told <= cut + 1e-3


def test_cut_bits_tell_what_they_can() -> None:
    bits = np.random.default_rng(2).integers(0, 2, 500, dtype=np.uint8)
    decoder = Decoder(bits, cut=True)
    assert [decoder.decode(EVEN) for _ in range(500)] == bits.tolist()
    assert decoder.decode(EVEN) is None


@given(st.lists(st.integers(0, 1), min_size=0, max_size=200), st.lists(st.integers(0, 9), min_size=2, max_size=9))
def test_any_bits_can_be_read_and_reading_ends(bits: list[int], frequencies: list[int]) -> None:
    frequencies[0] += 1
    frequencies[1] += 1
    table = (0, *accumulate(frequencies))
    decoder = Decoder(np.array(bits, np.uint8))
    for _ in range(100_000):
        symbol = decoder.decode(table)
        assert symbol is not None
        assert frequencies[symbol]
        if decoder.exhausted:
            return
    raise AssertionError("the decoder goes on")


def test_a_number_of_one_bit_behind_which_much_was_encoded() -> None:
    """Just above one half: the shortest number inside would leave the reader without an end to its patience."""
    encoder = Encoder()
    encoder.encode(EVEN, 1)
    for _ in range(20):
        encoder.encode((0, 1, MAX_TOTAL), 0)
    decoder = Decoder(encoder.finish())
    assert [decoder.decode(EVEN), *(decoder.decode((0, 1, MAX_TOTAL)) for _ in range(20))] == [1] + [0] * 20
    assert not decoder.exhausted


def test_carries_run_through_all_that_was_settled() -> None:
    """Just below one half for long, then above."""
    message = [((0, 2**20 - 1, 2**20 + 1, 2**21), 1), *[((0, 1, 2), 0)] * 100, ((0, 1, 2), 1), ((0, 1, 2), 1)]
    for last in (0, 1):
        decoder = Decoder(encoded([*message, (EVEN, last)]))
        assert [decoder.decode(table) for table, _ in message] == [symbol for _, symbol in message]
        assert decoder.decode(EVEN) == last


def test_what_cannot_be_encoded_is_refused() -> None:
    for table, symbol in [((0, 1, 1), 1), ((0, MAX_TOTAL + 1), 0)]:
        with pytest.raises(ValueError, match="has no share"):
            Encoder().encode(table, symbol)
