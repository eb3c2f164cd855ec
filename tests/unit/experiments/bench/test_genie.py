"""The genie against what is known of a channel without it."""

import numpy as np
import pytest

from semcom_ota.experiments.bench.exchange import AWGN, PHY, RAYLEIGH, TDL_A, Point, exchange, random_frame
from semcom_ota.experiments.bench.genie import Genie
from semcom_ota.phy.impairments import impair
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter

SYMBOLS = 300


def genie_of(point: Point, seed: int = 3):
    frame = random_frame(0, point.symbols, "gaussian", np.random.default_rng(seed))
    sent = np.pad(Transmitter(PHY).modulate(frame), (0, 400))
    air = impair(sent, point.config, PHY, point.snr_db, seed, (1,))
    return frame, air, Genie(sent, air, point.symbols, point.config, PHY, point.snr_db, seed, (1,))


@pytest.mark.parametrize("channel", [AWGN, RAYLEIGH, TDL_A])
@pytest.mark.parametrize("drifting", [False, True])
def test_without_noise_the_genie_errs_in_nothing(channel, drifting):
    frame, _, genie = genie_of(Point(channel, 120.0, SYMBOLS, drifting))
    assert genie.header() == frame.header
    assert genie.weighted_error() < 1e-11
    assert np.mean(np.abs(genie.payload_error()) ** 2 * genie.gain) < 1e-9


def test_its_error_is_the_noise_on_the_payloads_cells():
    """Of 20 * 300 cells with noise of variance 0.5: within 5 standard deviations."""
    errors = [genie_of(Point(TDL_A, 10 * np.log10(2), SYMBOLS), seed)[2].weighted_error() for seed in range(20)]
    assert np.mean(errors) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(20 * SYMBOLS))


def test_its_gain_is_that_of_the_channel():
    """Power 1 in AWGN; in flat fading the same on every carrier, and the SNR follows it."""
    assert genie_of(Point(AWGN, 20.0, SYMBOLS))[2].gain == pytest.approx(1, abs=2e-2)
    faded = genie_of(Point(RAYLEIGH, 20.0, SYMBOLS))[2]
    assert faded.gain == pytest.approx(faded.gain[0], rel=2e-2)
    assert faded.snr_db == pytest.approx(20 + 10 * np.log10(faded.gain[0]), abs=0.05)


def test_its_cfo_and_delay_are_those_that_a_receiver_finds_without_noise():
    for seed in range(5):
        _, air, genie = genie_of(Point(AWGN, 100.0, SYMBOLS), seed)
        receiver = Receiver(PHY)
        (received,) = receiver.process(np.pad(air, (0, 2 * receiver.lookahead_samples)))
        assert received.csi.cfo_hz == pytest.approx(genie.cfo_hz, abs=1.0)
        assert abs(received.start_sample - genie.delay - PHY.cp_length / 2) <= PHY.cp_length


def test_it_decodes_no_header_far_below_the_codes_limit():
    assert genie_of(Point(AWGN, -15.0, SYMBOLS))[2].header() is None


def test_frames_of_a_stream_are_matched_with_what_was_sent():
    passages, wrong = exchange(Point(TDL_A, 25.0, 100), 6, (1, 2))
    again, _ = exchange(Point(TDL_A, 25.0, 100), 6, (1, 2))
    assert wrong == 0 and len(passages) == 6
    for passage, same in zip(passages, again, strict=True):
        assert passage.received is not None and same.received is not None
        assert passage.received.header == passage.sent.header
        assert np.array_equal(passage.received.symbols, same.received.symbols)


def test_a_qam_payload_has_every_point_equally_often():
    frame = random_frame(0, 960, "16-QAM", np.random.default_rng(1))
    points, counts = np.unique(frame.symbols, return_counts=True)
    assert points.size == 16 and set(counts) == {60}
    assert np.mean(np.abs(frame.symbols) ** 2) == pytest.approx(1, abs=1e-6)
