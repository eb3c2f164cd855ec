"""The radios without a device: what each does with bursts and samples, and the sentences for what cannot work."""

import json
import socket
import time
from pathlib import Path

import numpy as np
import pytest
import sigmf
from gnuradio import blocks, zeromq
from radio_bench import Collector, gr, wait_until
from semcom_flowgraphs.radio import open_radio, zmq_radio
from test_burst_filler import Bursts, events_of, noise

from semcom_ota.config import ConfigError, LinkConfig, PhyConfig, load_channel
from semcom_ota.phy.impairments import impair
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.recording.reading import read_recording
from semcom_ota.recording.samples import SampleReader
from semcom_ota.transport import endpoint as endpoint_module
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.types import FrameHeader, SemanticFrame

pytestmark = pytest.mark.timeout(60)
RNG = np.random.default_rng(1)


def link(kind: str, **values) -> LinkConfig:
    return LinkConfig.model_validate({"radio": {"kind": kind, **values}})


def frame(message: int, count: int = 200) -> SemanticFrame:
    symbols = np.exp(2j * np.pi * np.random.default_rng(message).uniform(size=count)).astype(np.complex64)
    return SemanticFrame(FrameHeader(codec=0, message=message, message_symbols=count), symbols)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """Bursts into a radio that transmits, its messages collected; and its samples, if it receives."""

    def __init__(self, radio, transmit: bool = True, receive: bool = False):
        self.radio, self.top, self.said = radio, gr.top_block(), Collector()
        self.top.msg_connect(radio, "async_msgs", self.said, "in")
        self.bursts = Bursts([], hold=True)
        self.sink = blocks.vector_sink_c()
        if transmit:
            self.top.connect(self.bursts, radio)
        if receive:
            self.top.connect(radio, self.sink)

    def send(self, *bursts):
        self.bursts.bursts += bursts
        self.said.wait(len(self.said.messages) + len(bursts))

    @property
    def samples(self) -> np.ndarray:
        return np.array(self.sink.data(), np.complex64)

    def __enter__(self):
        self.top.start()
        return self

    def __exit__(self, *_):
        self.top.stop()
        self.top.wait()


def test_a_recording_is_valid_from_the_first_sample_on_and_holds_the_bursts_at_their_times(tmp_path: Path):
    radio = open_radio(link("file", transmit=tmp_path / "new" / "sent.sigmf-meta"), transmit=True)
    assert radio.settings.level == "recording" and radio.total_samples is None
    first, second = noise(RNG, 700), noise(RNG, 300)
    with Running(radio) as running:
        running.send((first, TimeSpec(0, 1e-3), None), (second, TimeSpec(0, 3e-3), None))
        running.send((first, TimeSpec(0, 0), None))
        assert [code for code, _ in events_of(running.said)] == ["burst_ack", "burst_ack", "time_error"]
        recording = read_recording(tmp_path / "new" / "sent")  # while it is being written
        assert recording.contents.phy == PhyConfig() and recording.sample_rate == 1e6
        wait_until(lambda: SampleReader(recording.samples).count >= 3300)
    sigmf.fromfile(str(tmp_path / "new" / "sent.sigmf-meta")).validate()
    samples = SampleReader(recording.samples).read(0, 10**6)
    expected = np.zeros(3300, np.complex64)
    expected[1000:1700], expected[3000:3300] = first, second
    np.testing.assert_array_equal(samples, expected)


def test_a_recording_is_received_whole_with_silence_behind_it_and_says_how_long_it_is(tmp_path: Path):
    samples = noise(RNG, 100_001)
    samples.tofile(tmp_path / "x.cf32")
    radio = open_radio(link("file", receive=tmp_path / "x.cf32"), receive=True)
    silence = Receiver(PhyConfig()).lookahead_samples
    assert radio.total_samples == len(samples) + silence and radio.settings.waits
    radio.watch()
    assert radio.set_rx_gain(10.0) == 0.0 and radio.time_now() == TimeSpec()
    with Running(radio, transmit=False, receive=True) as running:
        wait_until(lambda: len(running.sink.data()) >= radio.total_samples)
    np.testing.assert_array_equal(running.samples, np.append(samples, np.zeros(silence, np.complex64)))


def describe(tmp_path: Path, rate: float, **contents) -> Path:
    noise(RNG, 100).tofile(tmp_path / "x.sigmf-data")
    told = {"core:datatype": "cf32_le", "core:version": "1.0.0", "core:sample_rate": rate, **contents}
    (tmp_path / "x.sigmf-meta").write_text(json.dumps({"global": told, "captures": [], "annotations": []}))
    return tmp_path / "x.sigmf-meta"


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        ({"rate": 2e6}, r"has 2e\+06 samples/s and the air interface of this link 1e\+06: choose under phy"),
        ({"rate": 1e6, "semcom:phy": {"fft_size": 128, "used_carriers": 104}}, "another one: make phy the same"),
    ],
)
def test_a_recording_of_another_air_interface_is_refused(tmp_path: Path, contents, sentence: str):
    with pytest.raises(ConfigError, match=sentence):
        open_radio(link("file", receive=describe(tmp_path, **contents)), receive=True)


@pytest.mark.parametrize("there", ["a.sigmf-data", "a.sigmf-meta"])
def test_no_recording_is_overwritten(tmp_path: Path, there: str):
    (tmp_path / there).write_text("kept")
    with pytest.raises(ConfigError, match=f"{there}' is there already: choose another name under radio.transmit"):
        open_radio(link("file", transmit=tmp_path / "a"), transmit=True)
    assert (tmp_path / there).read_text() == "kept"


def test_files_that_are_not_named_or_cannot_be_written_or_read():
    with pytest.raises(ConfigError, match=r"no recording to transmit: give it as radio.transmit"):
        open_radio(link("file"), transmit=True)
    with pytest.raises(ConfigError, match=r"no recording to receive: give it as radio.receive"):
        open_radio(link("file", transmit="/proc/x"), receive=True)
    with pytest.raises(ConfigError, match=r"cannot write '/proc/x.sigmf-data'"):
        open_radio(link("file", transmit="/proc/x"), transmit=True)
    with pytest.raises(ConfigError, match=r"cannot read '/nowhere/x.sigmf-meta'"):
        open_radio(link("file", receive="/nowhere/x"), receive=True)


def test_both_ends_of_the_simulated_channel_are_in_one_process():
    for ends in ({"transmit": True}, {"receive": True}):
        with pytest.raises(ConfigError, match="both its ends are in one process: use semcom loopback or trx"):
            open_radio(link("loopback"), **ends)


def test_a_burst_meets_the_channel_that_is_drawn_for_its_message_at_the_snr_of_the_configuration():
    config = link("loopback", channel=load_channel("rayleigh").model_dump(), snr_db=[20.0], seed=3)
    radio, phy = open_radio(config, transmit=True, receive=True), config.phy
    assert radio.settings.level == "flowgraph"
    sent = Transmitter(phy).modulate(frame(5))
    scale = config.radio.bursts.rms / np.sqrt(phy.used_carriers / phy.fft_size)
    with Running(radio, receive=True) as running:
        running.send((sent * np.float32(scale), None, 5))
        stop = round(float(radio.time_now()) * phy.sample_rate)
        wait_until(lambda: len(running.sink.data()) > stop + 2000)
    begin = int(np.flatnonzero(running.samples)[0])
    silence = np.zeros(config.radio.gap_samples, np.complex64)
    expected = scale * impair(np.append(sent, silence), config.loopback.channel, phy, 20.0, 3, (5, 0))
    where = begin - int(np.flatnonzero(expected)[0])
    np.testing.assert_allclose(running.samples[where : where + len(expected)], expected, atol=1e-5)
    assert not running.samples[where + len(expected) :].any()


@pytest.mark.parametrize(
    ("endpoint", "sentence"),
    [
        ("tcp://127.0.0.1", "has no port from 1 to 65535"),
        ("tcp://127.0.0.1:65537", "has no port from 1 to 65535"),
        ("tcp://192.0.2.1:2000", r"cannot be used \(.+\): give an address of this machine"),
        ("ipc://here", "needs an absolute path"),
        ("ipc:///" + "x" * 200, "at most 107 bytes"),
        ("ipc:///nowhere/x", "cannot be made"),
    ],
)
def test_an_endpoint_that_cannot_be_is_one_sentence(endpoint: str, sentence: str):
    with pytest.raises(ConfigError, match=sentence):
        open_radio(link("zmq", transmit=endpoint), transmit=True)


@pytest.mark.parametrize("scheme", ["tcp", "ipc"])
def test_an_endpoint_that_another_one_has_is_one_sentence(tmp_path: Path, scheme: str, monkeypatch):
    monkeypatch.setattr(endpoint_module, "TAKEOVER_S", 0.1)
    endpoint = ipc_endpoint(tmp_path, "radio") if scheme == "ipc" else f"tcp://127.0.0.1:{free_port()}"
    first = open_radio(link("zmq", transmit=endpoint), transmit=True)
    with pytest.raises(ConfigError, match="is already in use by another process"):
        open_radio(link("zmq", transmit=endpoint), transmit=True)
    assert first.settings.transmitter.device == endpoint


def test_a_transmitter_that_stops_to_answer_is_told_of(tmp_path: Path, monkeypatch):
    """And not before it has ever answered: the receiver may be started first."""
    monkeypatch.setattr(zmq_radio, "SILENCE_S", 0.2)
    endpoint = ipc_endpoint(tmp_path, "iq")
    radio = open_radio(link("zmq", receive=endpoint), receive=True)
    with Running(radio, transmit=False, receive=True) as running:
        for _ in range(8):
            radio.watch()
            time.sleep(0.05)
        theirs = gr.top_block()
        theirs.connect(blocks.vector_source_c(np.ones(1000)), zeromq.rep_sink(8, 1, endpoint, 10, False))
        theirs.start()
        wait_until(lambda: len(running.sink.data()) == 1000)
        with pytest.raises(ConfigError, match=r"has not answered for 0.2 s: when it runs again, start this receiver"):
            while True:
                radio.watch()
                time.sleep(0.01)
        theirs.stop()
        theirs.wait()


class Held(gr.sync_block):
    """Takes nothing until it may."""

    takes = offered = False

    def __init__(self):
        super().__init__("held", [np.complex64], None)

    def work(self, inputs, _):
        self.offered = True
        time.sleep(0.001)
        return len(inputs[0]) if self.takes else 0


def test_a_transmitter_that_nobody_has_asked_is_not_silent(tmp_path: Path, monkeypatch):
    """What is behind the radio takes nothing for a while, as when a model is loaded."""
    monkeypatch.setattr(zmq_radio, "SILENCE_S", 0.1)
    endpoint = ipc_endpoint(tmp_path, "iq")
    radio, held = open_radio(link("zmq", receive=endpoint), receive=True), Held()
    theirs, top = gr.top_block(), gr.top_block()
    theirs.connect(blocks.null_source(8), zeromq.rep_sink(8, 1, endpoint, 10, False))
    top.connect(radio, held)
    for flowgraph in (theirs, top):
        flowgraph.start()
    wait_until(lambda: held.offered)
    for _ in range(40):
        radio.watch()
        time.sleep(0.01)
    held.takes = True
    for flowgraph in (top, theirs):
        flowgraph.stop()
        flowgraph.wait()
