"""What the receiver tells the transmitter of the channel, from the CSI of one frame."""

import numba
import numpy as np

from semcom_ota.types import ComplexArray, FloatArray, LinkReport, ReceivedFrame

FLOOR = 1e-6
"""-60 dB: a carrier that is not there at all has some SNR nevertheless, so that reports hold finite numbers only."""
_TINY = float(np.finfo(np.float32).tiny)


def link_report(frame: ReceivedFrame, frames: int) -> LinkReport:
    """The report on one received frame.

    Args:
        frame: as returned by the receiver.
        frames: frames received so far, this one included.
    """
    csi = frame.csi
    return LinkReport(
        stream=frame.header.stream,
        message=frame.header.message,
        fragment=frame.header.fragment,
        frame=frames,
        snr_db=csi.snr_db,
        cfo_hz=csi.cfo_hz,
        carrier_snr_db=_carrier_snr_db(csi.frequency_response, csi.noise_variance),
        lost_samples=frame.lost_samples,
    )


@numba.njit(cache=True)
def _carrier_snr_db(response: ComplexArray, noise_variance: FloatArray) -> FloatArray:
    """(carriers,) mean power of a (rows, carriers) response over the noise variance, not below the floor, in dB."""
    rows, carriers = response.shape
    snr_db = np.empty(carriers, np.float32)
    gain = np.zeros(carriers)
    for row in range(rows):
        for carrier in range(carriers):
            cell = response[row, carrier]
            gain[carrier] += cell.real**2 + cell.imag**2
    for carrier in range(carriers):
        snr = gain[carrier] / rows / max(noise_variance[carrier], _TINY)
        snr_db[carrier] = 10 * np.log10(max(snr, FLOOR))
    return snr_db
