import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.coding.finite_blocklength import gaussian_moments
from semcom_ota.masking.theory import Equivalence, semantic_snr_db

SNRS = st.floats(-30, 50)


@given(st.integers(1, 4000), SNRS, SNRS, st.floats(0, 60))
def test_better_channels_never_need_more(n_symbols, one, other, semantic):
    needs = Equivalence(0.0, semantic)
    worse, better = sorted((one, other))
    assert 1 <= needs.needed(n_symbols, better) <= needs.needed(n_symbols, worse) <= n_symbols
    assert needs.needed(n_symbols, min(one, 0.0)) == n_symbols  # at the reference, all are needed


def test_long_messages_need_what_capacities_say():
    share = Equivalence(0.0).needed(10**6, 12.0) / 10**6
    assert share == pytest.approx(gaussian_moments(0.0)[0] / gaussian_moments(12.0)[0], abs=0.01)
    assert Equivalence(0.0).needed(60, 12.0) / 60 == pytest.approx(share, abs=0.06)


def test_carriers_that_fade_need_more_than_their_mean():
    needs = Equivalence(0.0)
    faded = needs.needed(100, np.array([-20.0, 15.0], np.float32))
    assert faded > needs.needed(100, 12.0)
    assert needs.needed(100, [9.0, 9.0]) == needs.needed(100, 9.0)
    assert needs.needed(100, -math.inf) == 100


def test_semantic_noise_bounds_what_is_saved():
    assert Equivalence(0.0, 6.0).needed(100, 40.0) > 30 > 10 > Equivalence(0.0).needed(100, 40.0)


@pytest.mark.parametrize("semantic", [8.0, 15.0, 25.0])
def test_semantic_noise_is_found_again(semantic):
    fewer = Equivalence(2.0, semantic).needed(20_000, 15.0)
    found = semantic_snr_db(20_000, 2.0, fewer, 15.0)
    assert Equivalence(2.0, found).needed(20_000, 15.0) == pytest.approx(fewer, rel=1e-3)
    assert found == pytest.approx(semantic, abs=0.3)


def test_a_codec_better_than_theory_has_no_semantic_noise():
    assert semantic_snr_db(500, 2.0, 20, 15.0) == math.inf


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="at least 1 symbol"):
        Equivalence(0.0).needed(0, 3.0)
    for snr_db in (math.nan, []):
        with pytest.raises(ValueError, match="nan is none"):
            Equivalence(0.0).needed(5, snr_db)
