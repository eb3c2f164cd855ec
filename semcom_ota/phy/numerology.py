"""Where everything stands in time and frequency: carriers, rows, pilots, frame layout.

A frame is a grid of `rows` (OFDM symbols) by used carriers, sent row after row:

    rows 0..5      preamble      every cell known (phy/preamble.py)
    then           header        pilots on every 13th carrier, 3 carriers further on in each row; QPSK between them
    (then          followers     the same, if several messages share the frame)
    then           payload       the same pilots; payload symbols between them, spread by a fixed permutation

The preamble has every carrier and serves a channel that stands still; the pilots follow what two free-running radios do
to it, and because they move on from row to row they soon have been on every carrier. Cells that the payload does not
fill are known too.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from semcom_ota.config import ConfigError, PhyConfig
from semcom_ota.phy import preamble
from semcom_ota.phy.header import follower_symbols
from semcom_ota.phy.sequences import interleaver, qpsk
from semcom_ota.types import ComplexArray

MAX_HEADER_ROWS = 16
"""Preamble and header together take so many OFDM symbols at most."""
_PILOTS_A_ROW = 4
_HEADER_CELLS = 480  # at least; the header takes all cells of its rows
_PILOT_SEED = 0x5EC0
_SCRAMBLING_SEED = 0x0A1F


@dataclass(frozen=True, eq=False, slots=True)
class FrameLayout:
    """The grid of one frame.

    Cells of header, followers and payload are indices into the flattened grid, in the order in which their symbols are
    sent. These symbols are multiplied by their scrambling, so that none looks like a preamble or has high peaks.
    """

    rows: int
    known: ComplexArray  # (rows, carriers): what the receiver knows beforehand, of modulus 1; 0 where it knows nothing
    header_cells: NDArray[np.intp]  # (header cells,)
    header_scrambling: ComplexArray  # (header cells,), of modulus 1
    follower_cells: NDArray[np.intp]  # (follower cells,)
    follower_scrambling: ComplexArray  # (follower cells,), of modulus 1
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
        _check(phy)
        self.phy = phy
        half = phy.used_carriers // 2
        self.carriers = np.concatenate([np.arange(-half, 0), np.arange(1, half + 1)])
        self.row_samples = phy.fft_size + phy.cp_length
        self.carrier_spacing_hz = phy.sample_rate / phy.fft_size
        self.header_rows = self._rows_for(_HEADER_CELLS, preamble.ROWS)
        header_stop = preamble.ROWS + self.header_rows
        if header_stop > MAX_HEADER_ROWS:
            raise ConfigError(
                f"used_carriers is {phy.used_carriers}: preamble and header would take {header_stop} OFDM symbols"
                f" ({MAX_HEADER_ROWS} at most); use more carriers"
            )
        self.header_cells = self._cells(preamble.ROWS, header_stop)
        self.preamble_samples = preamble.ROWS * self.row_samples
        self.header_samples = header_stop * self.row_samples

    def follower_rows(self, followers: int) -> int:
        """OFDM symbols that say what the followers in a frame are."""
        return self._rows_for(follower_symbols(followers), preamble.ROWS + self.header_rows)

    def frame_samples(self, frame_symbols: int, followers: int = 0) -> int:
        """Samples of a frame with `frame_symbols` payload symbols, those of its followers included."""
        return self.layout(frame_symbols, followers).rows * self.row_samples

    def layout(self, frame_symbols: int, followers: int = 0) -> FrameLayout:
        """The grid of a frame with `frame_symbols` payload symbols; with 0 it ends behind header and followers."""
        return _layout(self.phy, frame_symbols, followers)

    def data_carriers(self, row: int) -> NDArray[np.intp]:
        """Indices into `carriers` that bear no pilot in `row` (header and payload rows only)."""
        index = np.arange(self.carriers.size)
        return index[(index - self.phy.pilot_step * row) % self.phy.pilot_spacing != 0]

    def _rows_for(self, cells: int, first_row: int) -> int:
        row = first_row
        while cells > 0:
            cells -= self.data_carriers(row).size
            row += 1
        return row - first_row

    def _cells(self, first_row: int, stop_row: int) -> int:
        return sum(self.data_carriers(row).size for row in range(first_row, stop_row))


def _check(phy: PhyConfig) -> None:
    guard = phy.fft_size // 2 - phy.used_carriers / 2
    spacing_hz = phy.sample_rate / phy.fft_size
    if phy.used_carriers % 2:
        raise ConfigError(f"used_carriers is {phy.used_carriers}: must be even, half on each side of DC")
    if phy.used_carriers > phy.fft_size - 2:
        raise ConfigError(f"used_carriers is {phy.used_carriers}: {phy.fft_size - 2} are left beside DC and the edge")
    if phy.used_carriers < phy.fft_size // 2:
        raise ConfigError(
            f"used_carriers is {phy.used_carriers}, less than half of the FFT of {phy.fft_size}: the preamble would"
            " drown in the noise of the empty band; lower sample_rate and fft_size instead"
        )
    if phy.fft_size % 2 or phy.cp_length * 4 > phy.fft_size:
        raise ConfigError(
            f"cp_length is {phy.cp_length}, fft_size {phy.fft_size}: the FFT must be even and the prefix at most a"
            " quarter of it"
        )
    if phy.used_carriers < _PILOTS_A_ROW * phy.pilot_spacing:
        raise ConfigError(
            f"pilot_spacing is {phy.pilot_spacing}: {phy.used_carriers} carriers would hold fewer than {_PILOTS_A_ROW}"
            f" pilots; {phy.used_carriers // _PILOTS_A_ROW} at most"
        )
    closest = math.gcd(phy.pilot_spacing, phy.pilot_step)
    if closest * phy.cp_length > phy.fft_size:
        raise ConfigError(
            f"pilot_step {phy.pilot_step}, pilot_spacing {phy.pilot_spacing}: together the pilots of all symbols stand"
            f" {closest} carriers apart, too far for a delay spread of cp_length; choose numbers with no common divisor"
        )
    if phy.max_cfo_hz > guard * spacing_hz:
        raise ConfigError(
            f"max_cfo_hz is {phy.max_cfo_hz:.0f}: carriers would leave the band; {guard * spacing_hz:.0f} Hz at most,"
            " or a higher sample_rate or fewer carriers"
        )


@lru_cache(maxsize=256)
def _layout(phy: PhyConfig, frame_symbols: int, followers: int) -> FrameLayout:
    numerology = Numerology(phy)
    width = numerology.carriers.size
    header_stop = preamble.ROWS + numerology.header_rows
    follower_stop = header_stop + numerology.follower_rows(followers)
    rows = follower_stop + numerology._rows_for(frame_symbols, follower_stop)

    def spread(start: int, stop: int) -> NDArray[np.intp]:
        rows_of_cells = [row * width + numerology.data_carriers(row) for row in range(start, stop)]
        if not rows_of_cells:
            return np.empty(0, np.intp)
        cells = np.concatenate(rows_of_cells)
        return cells[interleaver(cells.size, round(cells.size / len(rows_of_cells)))]

    header_cells = spread(preamble.ROWS, header_stop)
    follower_cells = spread(header_stop, follower_stop)
    payload_cells = spread(follower_stop, rows)[:frame_symbols]
    pilots, scrambling = _sequences(rows * width)
    known = pilots.copy()
    known[: preamble.ROWS * width] = preamble.grid(width).ravel()
    for cells in (header_cells, follower_cells, payload_cells):
        known[cells] = 0
    layout = FrameLayout(
        rows=rows,
        known=known.reshape(rows, width),
        header_cells=header_cells,
        header_scrambling=scrambling[header_cells],
        follower_cells=follower_cells,
        follower_scrambling=scrambling[follower_cells],
        payload_cells=payload_cells,
        payload_scrambling=scrambling[payload_cells],
    )
    for array in (getattr(layout, name) for name in FrameLayout.__slots__ if name != "rows"):
        array.flags.writeable = False
    return layout


def _sequences(cells: int) -> tuple[ComplexArray, ComplexArray]:
    """What pilots and scrambling are, cell by cell: the beginnings of two sequences that are made once."""
    longest = 1 << (cells - 1).bit_length()
    return _sequence(_PILOT_SEED, longest)[:cells], _sequence(_SCRAMBLING_SEED, longest)[:cells]


@lru_cache(maxsize=32)
def _sequence(seed: int, cells: int) -> ComplexArray:
    return qpsk(seed, cells)
