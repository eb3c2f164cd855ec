import numpy as np
import pytest
from received import csi

from semcom_ota.memory.entry import LATE, reliability, sent_at, summarise
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


@pytest.mark.parametrize(
    ("message", "last", "sent"),
    [
        (7, None, 7),
        (8, 7, 8),
        (0, 65535, 65536),  # the number on the air begins again
        (65535, 65536, 65535),  # late, across that
        (5, 5 + LATE, 5),
        (5, 6 + LATE, 7 + LATE),  # a transmitter that has started anew
        (3, 65536 * 4 + 2, 65536 * 4 + 3),
    ],
)
def test_the_time_sent_goes_on(message, last, sent):
    assert sent_at(message, last) == sent
