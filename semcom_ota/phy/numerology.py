"""Where everything stands in time and frequency: carriers, rows, pilots, frame layout.

A frame is a grid of `rows` (OFDM symbols) by used carriers, sent row after row:

    rows 0..5      preamble      every cell known (phy/preamble.py)
    then           header        pilots on every 13th carrier, 3 carriers further on in each row; QPSK between them
    then           payload       the same pilots; payload symbols between them, spread by a fixed permutation

Four rows of pilots together leave no gap wider than four carriers, which is what a delay spread of a quarter of the FFT
needs. Cells that the payload does not fill are known too.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from semcom_ota.config import ConfigError, PhyConfig
from semcom_ota.phy import preamble
from semcom_ota.phy.sequences import interleaver, qpsk
from semcom_ota.types import ComplexArray

PILOT_SPACING = 13
PILOT_STEP = 3
_HEADER_CELLS = 480  # at least; the header takes all cells of its rows
_PILOT_SEED = 0x5EC0
_SCRAMBLING_SEED = 0x0A1F


@dataclass(frozen=True, eq=False, slots=True)
class FrameLayout:
    """The grid of one frame.

    Cells are indices into the flattened grid: those that the receiver knows beforehand, in their order (the preamble
    comes first), those of header and payload in the order in which their symbols are sent. Header and
    payload symbols are multiplied by their scrambling, so that none looks like a preamble or has high peaks.
    """

    rows: int
    known_cells: NDArray[np.intp]  # (known cells,)
    known_symbols: ComplexArray  # (known cells,), of modulus 1
    header_cells: NDArray[np.intp]  # (header cells,)
    header_scrambling: ComplexArray  # (header cells,), of modulus 1
    payload_cells: NDArray[np.intp]  # (frame symbols,)
    payload_scrambling: ComplexArray  # (frame symbols,), of modulus 1


class Numerology:
    """All that follows from a `PhyConfig`. Immutable.

    Attributes:
        phy: where it came from.
        carriers: (used carriers,) int, ascending, in units of the carrier spacing; 0 (DC) is not among them.
        row_samples: samples of an OFDM symbol with its cyclic prefix.
        header_rows: OFDM symbols of the header.
        header_cells: QPSK symbols of the header.
        preamble_samples: samples of the preamble.
        header_samples: samples of preamble and header together.
        carrier_spacing_hz: distance of two carriers.
    """

    def __init__(self, phy: PhyConfig):
        """Derive the numerology.

        Raises:
            ConfigError: this air interface cannot work; the message says why.
        """
        if phy.used_carriers % 2:
            raise ConfigError(f"used_carriers is {phy.used_carriers}: must be even, half on each side of DC")
        if phy.used_carriers > phy.fft_size - 2:
            raise ConfigError(
                f"used_carriers is {phy.used_carriers}: {phy.fft_size - 2} are left beside DC and the edge"
            )
        if phy.used_carriers < phy.fft_size // 2:
            raise ConfigError(
                f"used_carriers is {phy.used_carriers}, less than half of the FFT of {phy.fft_size}: the preamble would"
                " drown in the noise of the empty band; lower sample_rate and fft_size instead"
            )
        if phy.fft_size % 2 or phy.cp_length * 4 > phy.fft_size:
            raise ConfigError(
                f"cp_length is {phy.cp_length}, fft_size {phy.fft_size}: the FFT must be even and the prefix at most a"
                " quarter of it, which is the delay spread that the pilots can follow"
            )
        self.phy = phy
        half = phy.used_carriers // 2
        self.carriers = np.concatenate([np.arange(-half, 0), np.arange(1, half + 1)])
        self.row_samples = phy.fft_size + phy.cp_length
        self.carrier_spacing_hz = phy.sample_rate / phy.fft_size
        self.header_rows = self._rows_for(_HEADER_CELLS, preamble.ROWS)
        header_stop = preamble.ROWS + self.header_rows
        self.header_cells = sum(self.data_carriers(row).size for row in range(preamble.ROWS, header_stop))
        self.preamble_samples = preamble.ROWS * self.row_samples
        self.header_samples = header_stop * self.row_samples

    def frame_rows(self, frame_symbols: int) -> int:
        """OFDM symbols of a frame with `frame_symbols` payload symbols, preamble and header included."""
        before = preamble.ROWS + self.header_rows
        return before + self._rows_for(frame_symbols, before)

    def frame_samples(self, frame_symbols: int) -> int:
        """Samples of a frame with `frame_symbols` payload symbols."""
        return self.frame_rows(frame_symbols) * self.row_samples

    def layout(self, frame_symbols: int) -> FrameLayout:
        """The grid of a frame with `frame_symbols` payload symbols; 0 is preamble and header alone."""
        return _layout(self.phy, frame_symbols)

    def data_carriers(self, row: int) -> NDArray[np.intp]:
        """Indices into `carriers` that bear no pilot in `row` (header and payload rows only)."""
        index = np.arange(self.carriers.size)
        return index[(index - PILOT_STEP * row) % PILOT_SPACING != 0]

    def _rows_for(self, cells: int, first_row: int) -> int:
        row = first_row
        while cells > 0:
            cells -= self.data_carriers(row).size
            row += 1
        return row - first_row


@lru_cache(maxsize=256)
def _layout(phy: PhyConfig, frame_symbols: int) -> FrameLayout:
    numerology = Numerology(phy)
    width = numerology.carriers.size
    rows = numerology.frame_rows(frame_symbols)
    header_stop = preamble.ROWS + numerology.header_rows

    def spread(start: int, stop: int) -> NDArray[np.intp]:
        rows_of_cells = [row * width + numerology.data_carriers(row) for row in range(start, stop)]
        if not rows_of_cells:
            return np.empty(0, np.intp)
        cells = np.concatenate(rows_of_cells)
        return cells[interleaver(cells.size, round(cells.size / len(rows_of_cells)))]

    header_cells = spread(preamble.ROWS, header_stop)
    payload_cells = spread(header_stop, rows)[:frame_symbols]
    is_known = np.ones(rows * width, bool)
    is_known[header_cells] = False
    is_known[payload_cells] = False
    known_cells = np.flatnonzero(is_known)
    known = qpsk(_PILOT_SEED, rows * width)
    known[: preamble.ROWS * width] = preamble.grid(width).ravel()
    scrambling = qpsk(_SCRAMBLING_SEED, rows * width)
    layout = FrameLayout(
        rows=rows,
        known_cells=known_cells,
        known_symbols=known[known_cells],
        header_cells=header_cells,
        header_scrambling=scrambling[header_cells],
        payload_cells=payload_cells,
        payload_scrambling=scrambling[payload_cells],
    )
    for array in (getattr(layout, name) for name in FrameLayout.__slots__ if name != "rows"):
        array.flags.writeable = False
    return layout
