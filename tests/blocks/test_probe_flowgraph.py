"""The process that listens: the stretch that it keeps, the gaps in it, and the search for the gain."""

import io
import json
from typing import Any

import numpy as np
import pmt
import pytest
from gnuradio import blocks, gr
from radio_bench import Chopper, wait_until
from semcom_flowgraphs import probe
from semcom_flowgraphs.probe import Capture, Probe

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.radio.settings import PortSettings, RadioSettings
from semcom_ota.radio.stream_clock import Gap
from semcom_ota.radio.time_spec import TimeSpec

pytestmark = pytest.mark.timeout(60)
RATE = 1e6
SAMPLES = np.arange(40_000).astype(np.complex64)


class Tagged(Chopper):
    """Samples in random pieces, with the tags of a device."""

    def work(self, inputs: Any, outputs: Any) -> int:
        tags, self.tags = self.tags, {}
        first = self.position
        count = super().work(inputs, outputs)
        for offset, seconds in tags.items():
            if first <= offset < first + max(count, 0):
                time = pmt.make_tuple(pmt.from_uint64(int(seconds)), pmt.from_double(seconds % 1))
                self.add_item_tag(0, offset, pmt.intern("rx_time"), time)
                self.add_item_tag(0, offset, pmt.intern("rx_rate"), pmt.from_double(RATE))
        self.tags = tags
        return count


@pytest.mark.parametrize("seed", range(3))
def test_the_stretch_that_is_asked_for_is_kept_with_its_gaps_whatever_the_chunks(seed: int):
    gaps = {0: 5.0, 3_000: 5.004, 21_000: 5.0225, 30_000: 5.0415}  # 1000, 500 and 10000 samples lost
    top, source, capture = gr.top_block(), Tagged(SAMPLES, gaps, seed), Capture(RATE)
    top.connect(source, capture)
    capture.begin(20_000, 4_000)
    top.run()
    assert capture.consumed == len(SAMPLES)
    samples, found = capture.end()
    assert np.array_equal(samples, SAMPLES[4_000:24_000])
    assert found == [Gap(17_000, 500)]


def test_a_stream_that_ends_gives_what_there_is():
    top, source, capture = gr.top_block(), Tagged(SAMPLES, {}, 0), Capture(RATE)
    top.connect(source, capture)
    capture.begin(100_000, 35_000)
    top.run()
    samples, found = capture.end()
    assert np.array_equal(samples, SAMPLES[35_000:])
    assert not found


def test_the_time_is_that_of_the_next_sample():
    top, source, capture = gr.top_block(), Tagged(SAMPLES, {0: 5.0, 21_000: 7.5}, 1), Capture(RATE)
    top.connect(source, capture)
    top.run()
    assert float(capture.time) == pytest.approx(7.519)


class Receiver(gr.hier_block2):
    """Noise of a converter and, with the gain, of a front end; see `semcom_flowgraphs.radio.Radio`."""

    total_samples = None

    def __init__(self, gains: tuple[float, float] | None = (0.0, 40.0), silent: bool = False):
        gr.hier_block2.__init__(self, "receiver", gr.io_signature(0, 0, 0), gr.io_signature(1, 1, 8))
        port = PortSettings(device="the fake", sample_rate=RATE, gain_db=gains and gains[0], gain_range_db=gains)
        self.settings = RadioSettings(kind="uhd", level="flowgraph", receiver=port)
        rng = np.random.default_rng(1)
        front_end, converter = (rng.normal(size=(2**17, 2)) @ np.array([1, 1j]) for _ in range(2))
        self.blocks = [
            blocks.vector_source_c(1e-5 * front_end, True),
            blocks.multiply_const_cc(1.0),
            blocks.add_cc(),
            blocks.vector_source_c(1e-4 * converter, True),
            blocks.head(8, 0 if silent else 2**62),
        ]
        self.connect(*self.blocks[:3], self.blocks[4], self)
        self.connect(self.blocks[3], (self.blocks[2], 1))

    def set_rx_gain(self, gain_db: float) -> float:
        self.blocks[1].set_k(10 ** (round(gain_db) / 20))
        return float(round(gain_db))

    def time_now(self) -> TimeSpec:
        return TimeSpec()

    def watch(self) -> None:
        pass


def listening(monkeypatch: pytest.MonkeyPatch, radio: Receiver) -> tuple[Probe, io.StringIO]:
    monkeypatch.setattr(probe, "open_radio", lambda link, receive: radio)
    monkeypatch.setattr(probe, "READING_S", 0.02)
    monkeypatch.setattr(probe, "SETTLE_S", 0.3)  # its buffers are not small, and nothing clocks it
    results = io.StringIO()
    flowgraph = Probe(LinkConfig(), results)
    flowgraph.start()
    return flowgraph, results


def test_the_gain_is_found_and_then_kept(monkeypatch: pytest.MonkeyPatch):
    radio = Receiver()
    flowgraph, results = listening(monkeypatch, radio)
    try:
        flowgraph.find_gain()
        flowgraph.survey(0.02)
    finally:
        flowgraph.stop()
        flowgraph.wait()
    lines = [json.loads(line) for line in results.getvalue().splitlines()]
    told = {name: line[name] for line in lines for name in line}
    assert told["radio"]["receiver"]["device"] == "the fake"
    readings = [line["reading"] for line in lines if "reading" in line]
    assert {reading["gain_db"] for reading in readings} >= {0.0, 40.0}
    assert told["choice"]["judged_by"] == "noise"
    assert 22 < told["choice"]["gain_db"] < 34  # at 20 dB both noises are the same
    assert 20 * np.log10(abs(radio.blocks[1].k())) == pytest.approx(told["choice"]["gain_db"])
    expected = 10 * np.log10(2e-8 + 2e-10 * abs(radio.blocks[1].k()) ** 2)
    assert told["survey"]["noise_dbfs"] == pytest.approx(expected, abs=0.3)
    assert len(told["spectra"]["frequency_hz"]) == len(told["spectra"]["quiet"])
    assert lines[-1] == {"done": True}


def test_a_radio_without_gain_has_none_to_be_found(monkeypatch: pytest.MonkeyPatch):
    flowgraph, _ = listening(monkeypatch, Receiver(gains=None))
    with pytest.raises(ConfigError, match="the fake has no gain"):
        flowgraph.find_gain()
    flowgraph.stop()
    flowgraph.wait()


def test_silence_is_no_survey(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(probe, "SILENCE_S", 0.2)
    flowgraph, _ = listening(monkeypatch, Receiver(silent=True))
    with pytest.raises(ConfigError, match="no samples come from the fake"):
        flowgraph.survey(1.0)
    flowgraph.stop()
    flowgraph.wait()
    wait_until(lambda: not flowgraph.capture.consumed)
