"""What is shown is what was received."""

import numpy as np
import pytest

from semcom_ota.config import PhyConfig, load_channel
from semcom_ota.phy import receiver
from semcom_ota.phy.channel_estimator import ChannelEstimate
from semcom_ota.phy.display import channel_levels, unequalized
from semcom_ota.phy.equalizer import equalize
from semcom_ota.phy.impairments import impair
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import Csi, FrameHeader, ReceivedFrame, SemanticFrame


def received(phy: PhyConfig, *counts: int, channel: str = "multipath") -> list[ReceivedFrame]:
    """Frames that share one on the air."""
    rng = np.random.default_rng(5)
    frames = [
        SemanticFrame(
            FrameHeader(codec=1, message=message, message_symbols=count),
            np.exp(0.5j * np.pi * (rng.integers(0, 4, count) + 0.5)).astype(np.complex64),
        )
        for message, count in enumerate(counts)
    ]
    samples = np.append(Transmitter(phy).modulate(*frames), np.zeros(4000, np.complex64))
    still = load_channel(channel).model_copy(update={"max_cfo_subcarriers": 0.0})
    samples = impair(samples, still, phy, 40.0, 3, (0,))
    return receiver.Receiver(phy).process(samples)


@pytest.mark.parametrize("precoding", ["none", "dft"])
def test_it_is_what_the_fft_put_out(precoding: str, monkeypatch: pytest.MonkeyPatch):
    grids = []

    def spy(grid: np.ndarray, channel: ChannelEstimate, *rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        grids.append(grid / channel.levels[:, None])
        return equalize(grid, channel, *rest)

    monkeypatch.setattr(receiver, "equalize", spy)
    phy = PhyConfig(precoding=precoding)
    layout = Numerology(phy).layout(100)
    (frame,) = received(phy, 100)
    shown = unequalized(frame, Numerology(phy))
    assert shown is not None
    assert shown.dtype == np.complex64
    cells = grids[-1].ravel()[layout.payload_cells]
    if precoding == "none":
        cells = cells * layout.payload_scrambling.conj()
    np.testing.assert_allclose(shown, cells, atol=0.02 * np.abs(cells).max())
    assert np.ptp(np.abs(shown)) > 0.5  # the channel is still in it: equalised, all magnitudes are 1
    assert precoding == "dft" or np.ptp(np.abs(frame.symbols)) < 0.5


def test_messages_that_share_a_frame_are_not_shown():
    phy = PhyConfig(messages_per_frame=2)
    frames = received(phy, 60, 40, channel="awgn")
    assert len(frames) == 2
    assert [unequalized(frame, Numerology(phy)) for frame in frames] == [None, None]


def test_levels_of_the_channel_are_in_db_with_a_gap_at_dc():
    response = np.array([[1, 10, 0, 1j], [1, 10, 0, 2j]], np.complex64)
    csi = Csi(response, np.array([0.1, 1, 0, 0.5], np.float32), 10.0, 0.0, 1e6, 15625.0)
    carriers, gain, noise = channel_levels(csi)
    np.testing.assert_array_equal(carriers, [-2, -1, 0, 1, 2])
    np.testing.assert_allclose(gain, [0, 20, np.nan, -120, 10 * np.log10(2.5)], atol=1e-5)
    np.testing.assert_allclose(noise, [-10, 0, np.nan, -120, 10 * np.log10(0.5)], atol=1e-5)
