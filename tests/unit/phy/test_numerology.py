import numpy as np
import pytest

from semcom_ota.config import ConfigError, PhyConfig
from semcom_ota.phy import preamble
from semcom_ota.phy.header import follower_symbols
from semcom_ota.phy.numerology import Numerology

WIDE = PhyConfig(fft_size=256, cp_length=32, used_carriers=200, sample_rate=20e6)


def test_the_default_is_what_the_documents_say():
    numerology = Numerology(PhyConfig())
    assert numerology.carriers.tolist() == [*range(-26, 0), *range(1, 27)]
    assert numerology.row_samples == 80
    assert preamble.ROWS + numerology.header_rows == 16
    assert numerology.header_cells == 480
    assert numerology.carrier_spacing_hz == 15625
    assert numerology.frame_samples(1) == 17 * 80


@pytest.mark.parametrize(
    ("phy", "reason"),
    [
        (PhyConfig(used_carriers=51), "even"),
        (PhyConfig(used_carriers=64), "left beside DC"),
        (PhyConfig(used_carriers=30), "less than half"),
        (PhyConfig(cp_length=17), "quarter"),
        (PhyConfig(fft_size=65, cp_length=16), "even"),
        (PhyConfig(used_carriers=50, pilot_spacing=12, pilot_step=5), "17 OFDM symbols"),
        (PhyConfig(pilot_spacing=14), "fewer than 4 pilots"),
        (PhyConfig(pilot_spacing=12, pilot_step=6), "6 carriers apart"),
        (PhyConfig(max_cfo_hz=100e3), "leave the band"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(phy, reason):
    with pytest.raises(ConfigError, match=reason):
        Numerology(phy)


@pytest.mark.parametrize("phy", [PhyConfig(), PhyConfig(max_frame_symbols=8192), WIDE])
@pytest.mark.parametrize("frame_symbols", [0, 1, 47, 48, 49, 1000])
@pytest.mark.parametrize("followers", [0, 1, 7])
def test_every_cell_has_exactly_one_use(phy, frame_symbols, followers):
    numerology = Numerology(phy)
    layout = numerology.layout(frame_symbols, followers)
    known_cells = np.flatnonzero(layout.known)
    cells = np.concatenate([known_cells, layout.header_cells, layout.follower_cells, layout.payload_cells])
    assert sorted(cells) == list(range(layout.rows * numerology.carriers.size))
    assert layout.follower_cells.size >= follower_symbols(followers)
    assert layout.payload_cells.size == layout.payload_scrambling.size == frame_symbols
    assert layout.rows * numerology.row_samples == numerology.frame_samples(frame_symbols, followers)
    np.testing.assert_allclose(np.abs(layout.known.ravel()[known_cells]), 1, rtol=1e-6)
    np.testing.assert_array_equal(layout.known[: preamble.ROWS], preamble.grid(numerology.carriers.size))


@pytest.mark.parametrize("phy", [PhyConfig(), WIDE])
def test_pilots_of_four_rows_leave_no_gap_wider_than_four_carriers(phy):
    """A delay spread of a quarter of the FFT needs a pilot on every fourth carrier."""
    numerology = Numerology(phy)
    every = np.arange(numerology.carriers.size)
    for first in range(6, 40):
        pilots = [np.setdiff1d(every, numerology.data_carriers(row)) for row in range(first, first + 4)]
        assert np.diff(np.unique(np.concatenate(pilots))).max() <= 4


def test_a_layout_is_made_once_and_cannot_be_changed():
    phy = PhyConfig()
    assert Numerology(phy).layout(100) is Numerology(phy).layout(100)
    with pytest.raises(ValueError, match="read-only"):
        Numerology(phy).layout(100).payload_cells[0] = 0
