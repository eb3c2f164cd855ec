import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.codecs.huffman_code import code_lengths, compress, expand, shipped_lengths


@given(st.binary(max_size=200))
def test_any_bytes_round_trip(data: bytes) -> None:
    assert expand(compress(data)) == (data, True)


@given(st.lists(st.integers(0, 1), max_size=300))
def test_any_bits_can_be_read(bits: list[int]) -> None:
    array = np.array(bits, np.uint8)
    data, complete = expand(array)
    written = compress(data)
    assert np.array_equal(written, array[: written.size])
    assert complete == (written.size == array.size)


def test_every_row_of_the_table_is_a_complete_prefix_code() -> None:
    lengths = shipped_lengths()
    assert lengths.shape == (256, 256)
    assert np.allclose(np.sum(0.5 ** lengths.astype(float), axis=1), 1)


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=60))
def test_lengths_are_within_a_bit_of_the_entropy(weights: list[float]) -> None:
    share = np.array(weights) / np.sum(weights)
    lengths = code_lengths(share)
    assert np.sum(0.5 ** lengths.astype(float)) == pytest.approx(1)
    entropy = -np.sum(share * np.log2(share))
    assert entropy - 1e-9 <= np.sum(share * lengths) < entropy + 1


def test_textbook_example() -> None:
    assert sorted(code_lengths(np.array([0.4, 0.2, 0.2, 0.1, 0.1]))) in (
        [2, 2, 2, 3, 3],
        [1, 3, 3, 3, 3],
        [1, 2, 3, 4, 4],
    )


def test_captions_take_less_than_3_6_bits_a_byte() -> None:
    captions = [
        "Two dogs are running along the beach with a red ball.",
        "A woman in a blue coat is waiting for the bus in the rain.",
        "Three children play with a kite on a green hill.",
        "An old man reads a newspaper on a bench near the river.",
    ]
    assert sum(compress(text.encode()).size for text in captions) < 3.6 * sum(len(text) for text in captions)
