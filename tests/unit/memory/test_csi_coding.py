from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from received import csi, received, understood

from semcom_ota.memory.csi_coding import BANDS, CSI_FEATURES, HISTORY, CsiCoding, csi_features
from semcom_ota.memory.entry import SLOTS, CsiSummary
from semcom_ota.memory.store import MemoryStore

PARTS = np.cumsum([1, HISTORY, BANDS, SLOTS])
OWN, HISTORIC, BAND, SLOT, REST = (slice(*ends) for ends in zip([0, *PARTS], [*PARTS, CSI_FEATURES], strict=True))


def entry(snr_db=10.0, gains=(1, 1, 1, 1), noise=(1.0, 1.0)):
    came = replace(received(0, 1), csi=(csi(snr_db, gains),), noise_variance=np.array(noise, np.float32))
    return MemoryStore(1).entry_of(came, understood("text"))


def test_the_history_is_how_much_better_the_messages_before_came_the_last_one_first():
    rows = csi_features([entry(snr_db) for snr_db in (10, 16, 4, 4, 4, 14)], [False] * 6)
    assert rows.shape == (6, CSI_FEATURES) and rows.dtype == np.float32
    assert rows[:3, OWN].ravel().tolist() == pytest.approx([0.5, 0.8, 0.2])
    found = rows[[0, 1, 2, 5], HISTORIC].tolist()
    expected = [0, 0, 0, 0], [-0.3, 0, 0, 0], [0.6, 0.3, 0, 0], [-0.5, -0.5, -0.5, 0.1]
    assert found == [pytest.approx(row) for row in expected]


def test_the_channel_over_time_is_every_part_of_the_message_about_the_mean():
    moving = csi()
    steps = np.repeat([0.1, 1, 0.1, 1], 3)[:, np.newaxis]  # 20 dB apart
    moving = replace(moving, frequency_response=(steps * np.ones((12, 4))).astype(np.complex64))
    (row,) = csi_features([MemoryStore(1).entry_of(replace(received(0, 1), csi=(moving,)), understood())], [False])
    assert row[SLOT].tolist() == pytest.approx([-0.5, 0.5, -0.5, 0.5], abs=1e-4)
    (short,) = csi_features([entry()], [False])  # of one OFDM symbol
    assert not short[SLOT].any()


@pytest.mark.parametrize("carriers", [8, 16, 64])
def test_the_channel_over_frequency_is_every_band_about_the_mean(carriers):
    half = np.repeat([1, 100], carriers // 2)  # 20 dB apart
    (flat, steep) = csi_features([entry(gains=[1] * carriers), entry(gains=half)], [False] * 2)
    assert flat[BAND].tolist() == pytest.approx([0] * BANDS, abs=1e-5)
    assert steep[BAND].tolist() == pytest.approx([-0.5] * 4 + [0.5] * 4, abs=1e-4)


def test_what_was_lost_and_a_gap_are_told():
    rows = csi_features([entry(noise=(1.0, np.inf)), entry(noise=(0.0, 0.0))], [True, False])
    assert rows[:, REST].tolist() == [[0.25, 0, 1], [1, 1, 0]]  # mean and least reliability, stale


def test_a_message_of_which_nothing_arrived_came_through_the_worst_channel():
    came = replace(received(0, 1), csi=(), symbols=np.zeros(0, np.complex64), noise_variance=np.zeros(0, np.float32))
    (row,) = csi_features([MemoryStore(1).entry_of(came, understood())], [False])
    assert row[0] == -1 and not row[1:].any()


@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False),
            st.lists(st.floats(width=32, allow_nan=False), max_size=20),
            st.lists(st.floats(width=32, allow_nan=False), min_size=SLOTS, max_size=SLOTS),
        ),
        max_size=8,
    )
)
def test_whatever_the_channel_the_features_are_small_numbers(channels):
    entries = [
        replace(entry(), csi=CsiSummary(snr_db, np.array(carriers, np.float32), np.array(slots, np.float32), 0.0))
        for snr_db, carriers, slots in channels
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
