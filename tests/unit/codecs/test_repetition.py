import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.codecs.repetition import combine, repeat


def symbols(count, seed=0):
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((count, 2)).view(np.complex128).ravel()
    return (drawn / np.sqrt(np.mean(np.abs(drawn) ** 2))).astype(np.complex64)


@given(st.integers(1, 40), st.integers(0, 100))
def test_what_was_said_several_times_has_unit_power_and_comes_back(count, more):
    sent = repeat(symbols(count), count + more)
    assert sent.shape == (count + more,) and sent.dtype == np.complex64
    assert np.mean(np.abs(sent) ** 2) == pytest.approx(1, rel=1e-5)
    heard, variance = combine(sent, np.full(count + more, 0.5, np.float32), count)
    assert heard == pytest.approx(sent[:count], abs=1e-6)
    scale = np.abs(heard).sum() / np.abs(symbols(count)).sum()
    assert heard == pytest.approx(scale * symbols(count), abs=1e-5) and 0.6 < scale < 1.6
    assert more % count or scale == pytest.approx(1)
    copies = np.bincount(np.arange(count + more) % count)
    assert variance == pytest.approx(0.5 / copies)


def test_each_copy_counts_as_far_as_it_is_heard():
    received = np.array([1, 1j, 3, 9j, 5, 7j], np.complex64)
    variance = np.array([1, np.inf, 3, np.inf, np.inf, 0.25], np.float32)
    heard, left = combine(received, variance, 2)
    assert heard == pytest.approx([(1 / 1 + 3 / 3) / (1 + 1 / 3), 7j])
    assert left == pytest.approx([1 / (1 + 1 / 3), 0.25])


@pytest.mark.parametrize("variance", [0.0, 1e-45, 3e38, np.inf])
def test_of_any_variance_finite_symbols_are_left(variance):
    heard, left = combine(np.full(7, 1e3 + 1e3j, np.complex64), np.full(7, variance, np.float32), 3)
    assert np.isfinite(heard).all() and not np.isnan(left).any()
    assert np.isinf(left).all() == (variance == np.inf) and heard.any() == (variance < np.inf)
