"""The measurements with GNU Radio measure something; how much is not for a test to say."""

import json
import time

import numpy as np
import pytest
from gnuradio import blocks, gr
from semcom_flowgraphs import measurement, receiver_speed, stock_ofdm

from semcom_ota.config import ChannelConfig

pytestmark = pytest.mark.timeout(120)
AWGN = ChannelConfig(max_cfo_subcarriers=1.0, max_delay_samples=40.0)


@pytest.fixture(autouse=True)
def quiet():
    gr.logging().set_default_level(gr.log_levels.off)


@pytest.fixture(scope="module")
def packets() -> np.ndarray:
    return stock_ofdm.random_packets(20, np.random.default_rng(1))


@pytest.fixture(scope="module")
def sent(packets: np.ndarray) -> np.ndarray:
    return stock_ofdm.transmit(packets)


def test_a_used_carrier_has_unit_power_under_a_unitary_fft(sent: np.ndarray):
    symbols = sent.reshape(len(sent), -1, 80)[:, 2:-1, 16:]  # no preamble, no cyclic prefix, no half-filled end
    power = np.abs(np.fft.fft(symbols, norm="ortho")) ** 2
    used = np.r_[1:27, 38:64]
    np.testing.assert_allclose(power[..., used], 1, rtol=1e-4)
    assert np.delete(power, used, axis=-1).max() < 1e-9


@pytest.mark.parametrize("threshold", [stock_ofdm.DEFAULT_THRESHOLD, stock_ofdm.BEST_THRESHOLD])
def test_every_packet_of_a_good_channel_arrives(packets: np.ndarray, sent: np.ndarray, threshold: float):
    samples = stock_ofdm.on_air(sent, AWGN, 25.0, seed=2)
    assert stock_ofdm.receive(samples, packets, threshold) == (len(packets), len(packets))


def test_what_is_not_sent_is_not_counted(packets: np.ndarray, sent: np.ndarray):
    assert stock_ofdm.receive(sent[:3].ravel()[: 2 * 1600 + 700], packets, 0.9)[1] <= 2
    others = stock_ofdm.random_packets(20, np.random.default_rng(2))
    found, received = stock_ofdm.receive(stock_ofdm.on_air(sent, AWGN, 25.0, seed=2), others, 0.9)
    assert (found, received) == (20, 0)  # the headers' numbers are the same, the bytes are not


def test_the_threshold_is_the_detectors(packets: np.ndarray, sent: np.ndarray):
    samples = stock_ofdm.on_air(sent, AWGN, 9.0, seed=3)
    found = {threshold: stock_ofdm.receive(samples, packets, threshold)[0] for threshold in (0.9, 0.6)}
    assert found[0.9] <= 3 and found[0.6] >= 15


def figures(capsys: pytest.CaptureFixture, measure, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict]]:
    monkeypatch.setattr("sys.argv", ["measurement", "--quick", "--seed", "5", "--json", "-"])
    measurement.main(measure, "")
    by_name: dict[str, list[dict]] = {}
    for figure in json.loads(capsys.readouterr().out)["figures"]:
        assert set(figure) == {"name", "value", "low", "high", "unit", "conditions"}
        assert figure["low"] <= figure["value"] <= figure["high"]
        by_name.setdefault(figure["name"], []).append(figure)
    return by_name


def test_all_figures_of_the_stock_receiver(capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stock_ofdm, "QUICK", stock_ofdm.Plan(5, (20,), (20,), (14,), 20_000, 1))
    found = figures(capsys, stock_ofdm.measure, monkeypatch)
    channels = [figure["conditions"]["channel"] for figure in found["stock_ofdm_packets_missed"]]
    assert channels == ["AWGN"] * 4 + ["flat Rayleigh"] * 2 + ["TDL-A, 1 us"] * 2
    assert len(found["stock_ofdm_headers_missed"]) == 8
    assert len(found["stock_ofdm_packets_missed_by_threshold"]) == len(stock_ofdm.THRESHOLDS)
    assert len(found["stock_ofdm_packets_missed_back_to_back"]) == 2
    assert all(figure["value"] == 0 for figure in found["stock_ofdm_packets_missed"][:4])
    assert found["stock_ofdm_packets_missed"][0]["conditions"]["snr_per_sample_db"] == 19.1
    for name in ("stock_ofdm_receiver_speed", "stock_ofdm_receiver_speed_all_cores"):
        assert all(figure["value"] > 0 for figure in found[name]) and len(found[name]) == 2


def test_all_figures_of_our_receiver(capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(receiver_speed, "FRAMES", 4)
    found = figures(capsys, receiver_speed.measure, monkeypatch)
    assert set(found) == {"receiver_speed_same_pieces", "frame_rx_speed", "frame_rx_time_beside_receiver"}
    conditions = found["frame_rx_speed"][0]["conditions"]
    assert conditions["frames"] - 1 <= conditions["frames_received"] <= conditions["frames"]  # the last one looks ahead


def test_the_stand_in_returns_each_frame_once():
    stand_in = receiver_speed.StandIn(["a", "b"], 10)
    returned = [stand_in.process(np.zeros(count, np.complex64)) for count in (9, 1, 0, 25, 5)]
    assert returned == [[], ["a"], [], ["b", "a"], ["b"]]


def test_a_flowgraph_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measurement, "TIME_LIMIT_S", 0.2)
    top, source, sink = gr.top_block(), blocks.null_source(8), blocks.null_sink(8)
    top.connect(source, sink)
    started = time.monotonic()
    assert measurement.run(top).wall_s >= 0.15
    assert time.monotonic() - started < 30


def test_a_file_that_cannot_be_written_is_told(capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.argv", ["measurement", "--json", "/nowhere/figures.json"])
    with pytest.raises(SystemExit, match="2"):
        measurement.main(lambda quick, seed: iter([measurement.figure("a", 1, 0, 2, "dB")]), "")
    assert "cannot write '/nowhere/figures.json'" in capsys.readouterr().err
