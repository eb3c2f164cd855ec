import numpy as np
import pytest

from semcom_ota.phy.link_report import FLOOR, link_report
from semcom_ota.types import Csi, FrameHeader, ReceivedFrame


def frame(response: np.ndarray, noise_variance: list[float]) -> ReceivedFrame:
    csi = Csi(response.astype(np.complex64), np.array(noise_variance, np.float32), 7.5, -12.0, 1e6, 15625.0)
    header = FrameHeader(codec=1, stream=3, message=9, fragment=1, fragments=2, message_symbols=8)
    return ReceivedFrame(header, np.zeros(4, np.complex64), np.ones(4, np.float32), csi, 0, 10)


def test_the_snr_of_a_carrier_is_its_mean_gain_over_its_own_noise():
    response = np.array([[1, 2j], [1, 0]])
    report = link_report(frame(response, [0.1, 0.4]), frames=5)
    assert report.carrier_snr_db == pytest.approx([10.0, 10 * np.log10(5)], abs=1e-4)
    assert report.carrier_snr_db.dtype == np.float32
    assert (report.stream, report.message, report.fragment, report.frame) == (3, 9, 1, 5)
    assert (report.snr_db, report.cfo_hz) == (7.5, -12.0)


@pytest.mark.parametrize("noise_variance", [0.0, 1e30])
def test_a_report_holds_finite_numbers_only(noise_variance: float):
    report = link_report(frame(np.array([[1.0, 0.0]]), [noise_variance, noise_variance]), frames=1)
    assert np.all(np.isfinite(report.carrier_snr_db))
    assert report.carrier_snr_db[1] == pytest.approx(10 * np.log10(FLOOR))
