"""What a received frame looks like on a screen: its payload before equalisation, and its channel."""

import numpy as np

from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.precoding import precode
from semcom_ota.types import ComplexArray, Csi, FloatArray, ReceivedFrame

FLOOR = 1e-12
"""-120 dB: what is not there at all has a level nevertheless, so that it can be drawn."""


def unequalized(frame: ReceivedFrame, numerology: Numerology) -> ComplexArray | None:
    """The payload of a frame before its channel was taken out: the received symbols, times the channel of their cells.

    This is what the FFT put out, to within the channel estimate's own error, with the carrier frequency offset already
    taken out and, unless the air interface is precoded, with the scrambling removed, so that it looks like `symbols`.

    Args:
        frame: as returned by the receiver.
        numerology: of the air interface.

    Returns:
        (header.frame_symbols,) complex64; None where several messages share the frame on the air, since one of them
        does not say where its symbols stood.
    """
    symbols, response = frame.symbols, frame.csi.frequency_response
    layout = numerology.layout(len(symbols))
    if layout.known.shape != response.shape:
        return None
    if numerology.phy.precoding == "dft":
        symbols = precode(symbols * layout.payload_scrambling, layout.payload_cells, response.shape[1])
    return (symbols * response.ravel()[layout.payload_cells]).astype(np.complex64, copy=False)


def channel_levels(csi: Csi) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What the channel does to each subcarrier, in dB: the distance of the two curves is the SNR there.

    Returns:
        (carriers + 1,) float32 three times: numbers of the subcarriers, ascending, with the unused one at DC among
        them; mean power gain over the frame, 10 log10 |h|**2; noise variance, 10 log10 E|n|**2. Both levels are NaN at
        DC, where a line drawn through them has its gap.
    """
    power = np.mean(np.abs(csi.frequency_response) ** 2, axis=0)
    half = power.size // 2
    levels = 10 * np.log10(np.maximum([power, csi.noise_variance], FLOOR))
    gain, noise = np.insert(levels, half, np.nan, axis=1).astype(np.float32)
    return np.arange(-half, half + 1, dtype=np.float32), gain, noise
