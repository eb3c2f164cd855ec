"""What equalisation does, made visible: the payload as it came out of the FFT. For screens, not for the receiver."""

import numpy as np

from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.precoding import precode
from semcom_ota.types import ComplexArray, ReceivedFrame


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
