"""The transmitter: a semantic frame becomes samples."""

import numpy as np

from semcom_ota.config import PhyConfig
from semcom_ota.phy import ofdm
from semcom_ota.phy.header import AirHeader, HeaderCode, can_follow, encode_followers
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.precoding import precode
from semcom_ota.types import ComplexArray, SemanticFrame


class Transmitter:
    """Semantic frames to samples. Immutable, and the same frame gives the same samples.

    header  ──▶ polar code, QPSK ──▶ scramble ───────────────┐
    payload ──▶ scramble, interleave ──▶ DFT (if precoded) ──┼──▶ grid ──▶ OFDM ──▶ samples
    preamble and pilots ─────────────────────────────────────┘
    """

    def __init__(self, phy: PhyConfig):
        """Prepare the numerology and the header's code.

        Raises:
            ConfigError: this air interface cannot work.
        """
        self._numerology = Numerology(phy)
        self._header_code = HeaderCode(self._numerology.header_cells)

    def frame_samples(self, frame_symbols: int, followers: int = 0) -> int:
        """Samples of a frame with `frame_symbols` payload symbols, those of its followers included."""
        return self._numerology.frame_samples(frame_symbols, followers)

    def modulate(self, frame: SemanticFrame, *followers: SemanticFrame) -> ComplexArray:
        """One frame as samples.

        Args:
            frame: its payload symbols have unit mean power.
            followers: short messages that share the frame, in order (`phy/header.py`, `can_follow`).

        Returns:
            (frame_samples(n, followers),) complex64. A payload symbol has its own energy on its carrier under a unitary
            FFT; the power of a sample is used_carriers / fft_size on average, in preamble, header and payload alike.

        Raises:
            ValueError: a header does not match its payload or does not fit its bits, a follower cannot follow, or the
                frame is too long (`phy.max_frame_symbols`).
        """
        self._check(frame, followers)
        symbols = np.concatenate([one.symbols for one in (frame, *followers)])
        layout = self._numerology.layout(symbols.size, len(followers))
        precoded = self._numerology.phy.precoding == "dft"
        header = self._header_code.encode(AirHeader(frame.header, len(followers), precoded))
        grid = layout.known.copy()  # preamble and pilots
        cells = grid.ravel()
        cells[layout.header_cells] = layout.header_scrambling * header
        if followers:
            announced = encode_followers([one.header for one in followers], layout.follower_cells.size)
            cells[layout.follower_cells] = layout.follower_scrambling * announced
        payload = layout.payload_scrambling * symbols
        cells[layout.payload_cells] = precode(payload, layout.payload_cells, grid.shape[1]) if precoded else payload
        return ofdm.modulate(grid, self._numerology)

    def _check(self, first: SemanticFrame, followers: tuple[SemanticFrame, ...]) -> None:
        total = 0
        for place, frame in enumerate((first, *followers)):
            count = frame.header.frame_symbols
            total += count
            if frame.symbols.shape != (count,):
                shape = frame.symbols.shape
                raise ValueError(f"the header announces {count} payload symbols, the frame has shape {shape}")
            if place and not can_follow(first.header, frame.header, place):
                raise ValueError(f"{frame.header} cannot be number {place} behind {first.header} in one frame")
        if total > self._numerology.phy.max_frame_symbols:
            limit = self._numerology.phy.max_frame_symbols
            raise ValueError(f"{total} payload symbols: a frame carries {limit} at most")
