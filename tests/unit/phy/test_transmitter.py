import numpy as np
import pytest

from semcom_ota.config import PhyConfig
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import FrameHeader, SemanticFrame


def frame(count, value=None):
    symbols = np.random.default_rng(count).standard_normal(2 * count).view(np.complex128)
    symbols /= np.sqrt(np.mean(np.abs(symbols) ** 2))
    if value is not None:
        symbols[:] = value
    return SemanticFrame(FrameHeader(codec=1, message_symbols=count), symbols.astype(np.complex64))


@pytest.mark.parametrize("count", [1, 100, 1024])
def test_length_type_and_power(count):
    transmitter = Transmitter(PhyConfig())
    samples = transmitter.modulate(frame(count))
    assert samples.dtype == np.complex64
    assert samples.shape == (transmitter.frame_samples(count),)
    assert abs(np.mean(np.abs(samples) ** 2) / (52 / 64) - 1) < 0.05


def test_a_constant_payload_does_not_make_peaks():
    peaks = np.abs(Transmitter(PhyConfig()).modulate(frame(1024, value=1.0))) ** 2
    assert peaks.max() < 12 * 52 / 64  # without scrambling all carriers would add up to a peak of 52


def test_what_cannot_be_sent_is_refused():
    transmitter = Transmitter(PhyConfig(max_frame_symbols=1024))
    with pytest.raises(ValueError, match="announces 10"):
        transmitter.modulate(SemanticFrame(FrameHeader(codec=1, message_symbols=10), np.ones(9, np.complex64)))
    with pytest.raises(ValueError, match="1024 at most"):
        transmitter.modulate(frame(1025))
