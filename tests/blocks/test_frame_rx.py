from pathlib import Path

import numpy as np
import pytest
from radio_bench import Chopper, Collector, gr
from semcom_blocks import FrameRx, pdu

from semcom_ota.config import PhyConfig, load_channel
from semcom_ota.phy.impairments import impair
from semcom_ota.phy.link_report import link_report
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.recording.frame_log import FrameLog, read_log
from semcom_ota.types import FrameHeader, SemanticFrame

pytestmark = pytest.mark.timeout(120)
PHY = PhyConfig()


def stream(seed: int) -> np.ndarray:
    rng, transmitter = np.random.default_rng(seed), Transmitter(PHY)
    parts = []
    for message in range(6):
        symbols = np.exp(2j * np.pi * rng.random(rng.integers(20, 400))).astype(np.complex64)
        frame = SemanticFrame(FrameHeader(3, message=message, message_symbols=len(symbols)), symbols)
        samples = np.concatenate([transmitter.modulate(frame), np.zeros(3000, np.complex64)])
        parts.append(impair(samples, load_channel("multipath"), PHY, 15.0, seed, (message,)))
    return np.concatenate(parts)


@pytest.mark.parametrize("seed", range(3))
def test_the_frames_are_those_of_the_receiver_whatever_the_chunks(seed: int, tmp_path: Path):
    samples = stream(seed)
    receiver = Receiver(PHY)
    expected = receiver.process(samples)
    assert len(expected) >= 5  # so that something is compared

    log = FrameLog(tmp_path / "frames.jsonl", offset=1000)
    top, rx, out, report = gr.top_block(), FrameRx(PHY, log), Collector(), Collector()
    source = Chopper(samples, {}, seed)
    top.connect(source, rx)
    top.msg_connect(rx, "out", out, "in")
    top.msg_connect(rx, "report", report, "in")
    top.run(int(np.random.default_rng(seed).integers(100, 5000)))

    got = [pdu.to_received_frame(message) for message in out.wait(len(expected))]
    for one, other in zip(got, expected, strict=True):
        assert (one.header, one.start_sample, one.stop_sample) == (other.header, other.start_sample, other.stop_sample)
        np.testing.assert_array_equal(one.symbols, other.symbols)
        np.testing.assert_array_equal(one.noise_variance, other.noise_variance)
        np.testing.assert_array_equal(one.csi.frequency_response, other.csi.frequency_response.astype(np.complex64))
        np.testing.assert_array_equal(one.csi.noise_variance, other.csi.noise_variance)
        assert one.csi.sro_ppm == other.csi.sro_ppm
    assert rx.position == receiver.position
    assert rx.consumed == len(samples)
    assert rx.frames == len(expected)
    logged = [(frame.start - 1000, frame.stop - 1000, frame.header) for frame in read_log(tmp_path / "frames.jsonl")]
    assert logged == [(frame.start_sample, frame.stop_sample, frame.header) for frame in expected]

    for count, (message, frame) in enumerate(zip(report.wait(len(expected)), expected, strict=True), start=1):
        one, other = pdu.to_link_report(message), link_report(frame, count)
        assert (one.message, one.frame, one.snr_db) == (other.message, count, other.snr_db)
        np.testing.assert_array_equal(one.carrier_snr_db, other.carrier_snr_db)
