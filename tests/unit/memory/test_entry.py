import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from received import csi

from semcom_ota.memory.entry import LATE, Clock, reliability, summarise
from semcom_ota.types import Csi


def test_the_summary_averages_over_fragments():
    summary = summarise((csi(10.0, (1, 2, 3, 4), 5.0), csi(20.0, (3, 2, 1, 0), 7.0)))
    assert summary.snr_db == pytest.approx(10 * np.log10(55))
    assert np.allclose(summary.carrier_snr_db, 10 * np.log10(20), atol=1e-5)
    assert summary.cfo_hz == 7.0


def test_the_summary_takes_each_carriers_own_noise():
    response = np.ones((2, 3), np.complex64)
    one = Csi(response, np.array([0.1, 0.01, 1.0], np.float32), 10.0, 0.0, 1e6, 15625.0)
    assert np.allclose(summarise((one,)).carrier_snr_db, [10.0, 20.0, 0.0], atol=1e-5)


def test_no_fragment_and_odd_fragments_have_a_summary():
    assert summarise(()).snr_db == -np.inf and summarise(()).carrier_snr_db.shape == (0,)
    odd = Csi(np.zeros((2, 4), np.complex64), np.zeros(4, np.float32), 5000.0, 0.0, 1e6, 15625.0)
    assert summarise((csi(gains=(1, 1)), odd)).carrier_snr_db.shape == (4,)


def test_reliability_is_one_without_noise_and_zero_where_a_symbol_is_lost():
    assert reliability(np.array([0, 1, np.inf], np.float32)).tolist() == [1, 0.5, 0]


def mark(content: int) -> bytes:
    return content.to_bytes(16, "big")


def heard(*messages, clock=None) -> list[int]:
    """Times of messages, each with a content of its own, or (message, content)."""
    clock, times = clock or Clock(), []
    for index, one in enumerate(messages):
        message, content = one if isinstance(one, tuple) else (one, 1000 + index)
        times.append(clock.time_of(message, mark(content)))
        clock.hear(message, mark(content))
    return times


@pytest.mark.parametrize(
    ("messages", "times"),
    [
        ([7, 8, 11], [7, 8, 11]),  # a lost one leaves a gap
        ([7, 10, 8, 9, 11], [7, 10, 8, 9, 11]),  # late
        ([65535, 0, 1], [65535, 65536, 65537]),  # the number on the air begins again
        ([65534, 0, 65535], [65534, 65536, 65535]),  # late, across that
        ([5, 6 + LATE, 6], [5, 6 + LATE, 6]),
        ([4, 6 + LATE, 5], [4, 6 + LATE, 7 + LATE + 5]),  # too late: a transmitter that has started anew
        ([*range(10), *range(5), 5], [*range(16)]),
        ([*range(10), 0, *range(10), 10], [*range(10), 10, *range(11, 21), 21]),  # anew twice
        ([*range(10), 2, 1], [*range(10), 12, 13 + 1]),  # what was lost of the new start leaves a gap
        ([7, 8, 0, 1, 2], [7, 8, 9, 10, 11]),  # from before all that was heard
        ([0, 1, 3, 4, 2, 3, 4], [0, 1, 3, 4, 2, 8, 9]),  # taken for late: nothing tells
        ([0, 1, 2, 70, 71, 3], [0, 1, 2, 70, 71, 75]),
    ],
)
def test_the_time_sent_goes_on(messages, times):
    assert heard(*messages) == times


def test_a_copy_is_none_of_a_new_start():
    clock = Clock()
    assert heard((0, 1), (1, 2), (0, 1), (1, 2), (2, 3), (1, 9), (1, 9), clock=clock) == [0, 1, 0, 1, 2, 4, 4]
    assert clock.is_copy(1, mark(9)) and not clock.is_copy(1, mark(2)) and not clock.is_copy(2, mark(9))


def test_a_transmitter_that_starts_anew_after_many_messages_counts_on_from_there():
    times = heard(*range(70), *range(5), 12, 11, *range(13, 70))
    assert times == [*range(70), *range(70, 75), 82, 81, *range(83, 140)]


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2, 3, 60, 70, 65530, 65535]), st.integers(0, 2)), max_size=30))
def test_a_clock_is_the_same_after_a_restart_and_bounded(messages):
    clock = Clock()
    for message, content in messages:
        again = Clock(clock.packed)
        assert again.time_of(message, mark(content)) == clock.time_of(message, mark(content))
        clock.hear(message, mark(content))
        assert clock.is_copy(message, mark(content)) and len(clock.packed) <= 16 + 24 * (LATE + 1)


@pytest.mark.parametrize("packed", [b"x", bytes(17), bytes(16) + bytes(24 * (LATE + 2))])
def test_what_is_no_clock_is_refused(packed):
    with pytest.raises((ValueError, struct.error)):
        Clock(packed)
