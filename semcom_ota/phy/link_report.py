"""What the receiver tells the transmitter of the channel, from the CSI of one frame."""

import numpy as np

from semcom_ota.types import LinkReport, ReceivedFrame

FLOOR = 1e-6
"""-60 dB: a carrier that is not there at all has some SNR nevertheless, so that reports hold finite numbers only."""


def link_report(frame: ReceivedFrame, frames: int) -> LinkReport:
    """The report on one received frame.

    Args:
        frame: as returned by the receiver.
        frames: frames received so far, this one included.
    """
    csi = frame.csi
    gain = np.mean(np.abs(csi.frequency_response) ** 2, axis=0)  # over the frame, per carrier
    snr = np.maximum(gain / np.maximum(csi.noise_variance, np.finfo(np.float32).tiny), FLOOR)
    return LinkReport(
        stream=frame.header.stream,
        message=frame.header.message,
        fragment=frame.header.fragment,
        frame=frames,
        snr_db=csi.snr_db,
        cfo_hz=csi.cfo_hz,
        carrier_snr_db=(10 * np.log10(snr)).astype(np.float32),
    )
