import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.phy import preamble
from semcom_ota.phy.sequences import gold, interleaver, qpsk


def gold_by_the_book(seed: int, length: int) -> list[int]:
    """TS 38.211, 5.2.1, bit by bit."""
    total = 1600 + length
    x1 = [1] + [0] * 30
    x2 = [seed >> i & 1 for i in range(31)]
    for n in range(total):
        x1.append((x1[n + 3] + x1[n]) % 2)
        x2.append((x2[n + 3] + x2[n + 2] + x2[n + 1] + x2[n]) % 2)
    return [(x1[n + 1600] + x2[n + 1600]) % 2 for n in range(length)]


@given(st.integers(0, 2**31 - 1), st.integers(0, 200))
def test_gold_is_the_one_of_the_standard(seed, length):
    assert gold(seed, length).tolist() == gold_by_the_book(seed, length)


def test_qpsk_has_modulus_one_and_looks_white():
    symbols = qpsk(1, 4096)
    np.testing.assert_allclose(np.abs(symbols), 1, rtol=1e-6)
    spectrum = np.abs(np.fft.fft(symbols)) ** 2 / symbols.size
    assert spectrum.max() < 12  # exp(-12) * 4096 = 0.03 expected above


@given(st.integers(1, 3000), st.integers(1, 60))
def test_interleaver_is_a_permutation(cells, row_cells):
    assert sorted(interleaver(cells, row_cells)) == list(range(cells))


@pytest.mark.parametrize("rows", [2, 5, 20, 21, 100])
def test_interleaver_parts_neighbours_in_time_and_in_frequency(rows):
    """Any eight symbols that follow each other, as those of a word do."""
    width = 48
    row, column = np.divmod(interleaver(rows * width, width), width)
    for first in range(0, rows * width - 8):
        apart = np.abs(column[first : first + 8, None] - column[None, first : first + 8])[np.triu_indices(8, 1)]
        assert np.minimum(apart, width - apart).min() >= 2
        assert np.ptp(row[first : first + 8]) >= 0.6 * (rows - 1)


def test_the_steps_of_the_preamble_are_barkers():
    """Off its peak, the aperiodic autocorrelation of a Barker sequence does not exceed 1."""
    correlation = np.correlate(preamble.STEPS, preamble.STEPS, "full")
    middle = preamble.STEPS.size - 1
    assert correlation[middle] == preamble.STEPS.size
    assert np.abs(np.delete(correlation, middle)).max() <= 1
