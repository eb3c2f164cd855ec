from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from received import csi, received, understood

from semcom_ota.memory.csi_coding import BANDS, CSI_FEATURES, CsiCoding, csi_features
from semcom_ota.memory.entry import CsiSummary
from semcom_ota.memory.store import MemoryStore

MEAN_TRUST, LEAST_TRUST, CONFIDENCE, STALE = range(2 + BANDS, CSI_FEATURES)


def entry(snr_db=10.0, gains=(1, 1, 1, 1), noise=(1.0, 1.0), confidence=0.5):
    came = replace(received(0, 1), csi=(csi(snr_db, gains),), noise_variance=np.array(noise, np.float32))
    return MemoryStore(1).entry_of(came, understood("text", confidence=confidence))


def test_the_channel_over_time_is_the_snr_and_how_it_moved():
    rows = csi_features([entry(10), entry(16), entry(4)], [False] * 3)
    assert rows.shape == (3, CSI_FEATURES) and rows.dtype == np.float32
    assert rows[:, :2].tolist() == [pytest.approx(row) for row in ([0.5, 0], [0.8, 0.3], [0.2, -0.6])]


@pytest.mark.parametrize("carriers", [8, 16, 64])
def test_the_channel_over_frequency_is_every_band_about_the_mean(carriers):
    half = np.repeat([1, 100], carriers // 2)  # 20 dB apart
    (flat, steep), bands = csi_features([entry(gains=[1] * carriers), entry(gains=half)], [False] * 2), slice(2, 10)
    assert flat[bands].tolist() == pytest.approx([0] * BANDS, abs=1e-5)
    assert steep[bands].tolist() == pytest.approx([-0.5] * 4 + [0.5] * 4, abs=1e-4)


def test_what_was_lost_what_the_decoder_thought_and_a_gap_are_told():
    rows = csi_features([entry(noise=(1.0, np.inf), confidence=0.25), entry(noise=(0.0, 0.0))], [True, False])
    assert rows[:, [MEAN_TRUST, LEAST_TRUST, CONFIDENCE, STALE]].tolist() == [[0.25, 0, 0.25, 1], [1, 1, 0.5, 0]]


def test_a_message_of_which_nothing_arrived_came_through_the_worst_channel():
    came = replace(received(0, 1), csi=(), symbols=np.zeros(0, np.complex64), noise_variance=np.zeros(0, np.float32))
    (row,) = csi_features([MemoryStore(1).entry_of(came, understood())], [False])
    assert row[0] == -1 and not row[1 : LEAST_TRUST + 1].any()


@given(
    st.lists(
        st.tuples(st.floats(allow_nan=False), st.lists(st.floats(width=32, allow_nan=False), max_size=20)), max_size=4
    )
)
def test_whatever_the_channel_the_features_are_small_numbers(channels):
    entries = [
        replace(entry(), csi=CsiSummary(snr_db, np.array(carriers, np.float32), 0.0)) for snr_db, carriers in channels
    ]
    rows = csi_features(entries, [False] * len(entries))
    assert rows.shape == (len(entries), CSI_FEATURES) and (np.abs(rows) <= 3).all()


def test_the_coding_adds_nothing_until_it_is_learned():
    coding, rows = CsiCoding(6), torch.from_numpy(csi_features([entry(4), entry(20)], [False] * 2))[None]
    assert not coding(rows).any() and coding(rows).shape == (1, 2, 6)
    coding(rows).sum().backward()
    assert coding.to_vector.weight.grad.any()


def test_a_channel_that_is_no_number_counts_as_the_worst():
    silent = replace(csi(float("nan"), (0, 1, 1, 1)), noise_variance=np.array([0, 1, 1, 1], np.float32))
    came = replace(received(0, 1), csi=(silent,))
    (row,) = csi_features([MemoryStore(1).entry_of(came, understood("text"))], [False])
    assert np.isfinite(row).all() and row[0] == -1
