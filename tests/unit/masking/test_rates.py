import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.masking.rates import PATTERNS, collapsed, kept_by, share_of


@given(st.integers(1, 5000))
def test_patterns_are_nested_and_begin_with_everything(n_symbols):
    kept = [kept_by(pattern, n_symbols) for pattern in range(PATTERNS)]
    assert kept[0] == n_symbols and kept[-1] >= 1 and kept == sorted(kept, reverse=True)
    assert np.allclose(kept, share_of(np.arange(PATTERNS)) * n_symbols, atol=1)


def test_one_rate_for_everything_is_a_collapse():
    assert "99 of 100 messages have one pattern" in collapsed(np.array([7] * 99 + [40]))
    assert "differ by 0.00" in collapsed(np.array([7, 8] * 50))


@pytest.mark.parametrize("patterns", [np.arange(64), np.array([0, 40] * 20), np.array([0] * 9 + [32])])
def test_rates_that_follow_something_are_none(patterns):
    assert collapsed(patterns) == ""
