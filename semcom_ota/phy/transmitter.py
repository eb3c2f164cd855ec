"""The transmitter: a semantic frame becomes samples."""

import numpy as np

from semcom_ota.config import PhyConfig
from semcom_ota.phy import ofdm
from semcom_ota.phy.header import HeaderCode
from semcom_ota.phy.numerology import Numerology
from semcom_ota.types import ComplexArray, SemanticFrame


class Transmitter:
    """Semantic frames to samples. Immutable, and the same frame gives the same samples.

    header  ──▶ polar code, QPSK ──▶ scramble ──┐
    payload ──▶ scramble, interleave ───────────┼──▶ grid ──▶ OFDM ──▶ samples
    preamble and pilots ────────────────────────┘
    """

    def __init__(self, phy: PhyConfig):
        """Prepare the numerology and the header's code.

        Raises:
            ConfigError: this air interface cannot work.
        """
        self._numerology = Numerology(phy)
        self._header_code = HeaderCode(self._numerology.header_cells)

    def frame_samples(self, frame_symbols: int) -> int:
        """Samples of a frame with `frame_symbols` payload symbols."""
        return self._numerology.frame_samples(frame_symbols)

    def modulate(self, frame: SemanticFrame) -> ComplexArray:
        """One frame as samples.

        Args:
            frame: at most `phy.max_frame_symbols` payload symbols of unit mean power.

        Returns:
            (frame_samples(n),) complex64. A payload symbol has its own energy on its carrier under a unitary FFT; the
            power of a sample is used_carriers / fft_size on average, in preamble, header and payload alike.

        Raises:
            ValueError: the header does not match the payload or does not fit its bits, or the frame is too long.
        """
        count = frame.header.frame_symbols
        if frame.symbols.shape != (count,):
            raise ValueError(f"the header announces {count} payload symbols, the frame has shape {frame.symbols.shape}")
        if count > self._numerology.phy.max_frame_symbols:
            limit = self._numerology.phy.max_frame_symbols
            raise ValueError(f"{count} payload symbols: a frame carries {limit} at most")
        header_symbols = self._header_code.encode(frame.header)
        layout = self._numerology.layout(count)
        grid = np.empty((layout.rows, self._numerology.carriers.size), np.complex64)
        cells = grid.ravel()
        cells[layout.known_cells] = layout.known_symbols  # preamble and pilots
        cells[layout.header_cells] = layout.header_scrambling * header_symbols
        cells[layout.payload_cells] = layout.payload_scrambling * frame.symbols
        return ofdm.modulate(grid, self._numerology)
