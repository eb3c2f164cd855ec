"""flowgraphs/radio/soapy_radio.py over a device of the test's own; the calls held against the real gr-soapy."""

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gnuradio import blocks, gr, soapy
from pybind_signatures import Recorder, accepts
from radio_bench import wait_until
from semcom_flowgraphs.radio import open_radio, soapy_radio

from semcom_ota.config import ConfigError, LinkConfig

FACTS: dict[str, Any] = {"rate_step": 1.0, "frequency_step": 1.0, "gains": (0.0, 73.0), "antennas": ["A_BALANCED"]}


class Device:
    """The calls of gr-soapy's block on a dictionary."""

    facts = FACTS

    def __init__(self, *arguments: Any):
        self.made_with = arguments
        self.values = {"antenna": self.facts["antennas"][0], "bandwidth": 18e6, "gain": 70.0, "automatic": True}

    def set_sample_rate(self, channel: int, rate: float) -> None:
        if rate > 20e6:
            raise ValueError("source: Unsupported sample rate (25000000).  Rate must be in the range [1, 2]")
        self.values["rate"] = round(rate / self.facts["rate_step"]) * self.facts["rate_step"]

    def set_frequency(self, channel: int, frequency: float) -> None:
        self.values["frequency"] = round(frequency / self.facts["frequency_step"]) * self.facts["frequency_step"]

    def set_gain(self, channel: int, gain: float) -> None:
        if self.facts["gains"][0] <= gain <= self.facts["gains"][1]:  # gr-soapy logs and leaves it
            self.values["gain"] = round(gain)

    def set_gain_mode(self, channel: int, automatic: bool) -> None:
        self.values["automatic"] = automatic

    def set_antenna(self, channel: int, name: str) -> None:
        if name not in self.facts["antennas"]:
            raise ValueError(
                f"source: Antenna {name} at channel 0 is not supported. Available antennas are: [A_BALANCED]"
            )

    def set_bandwidth(self, channel: int, bandwidth: float) -> None:
        self.values["bandwidth"] = bandwidth

    def has_gain_mode(self, channel: int) -> bool:
        return True

    def get_gain_range(self, channel: int) -> Any:
        low, high = self.facts["gains"]
        return SimpleNamespace(minimum=lambda: low, maximum=lambda: high)

    def get_sample_rate(self, channel: int) -> float:
        return self.values["rate"]

    def get_frequency(self, channel: int) -> float:
        return self.values["frequency"]

    def get_gain(self, channel: int) -> float:
        return self.values["gain"]

    def get_antenna(self, channel: int) -> str:
        return self.values["antenna"]

    def get_bandwidth(self, channel: int) -> float:
        return self.values["bandwidth"]


class Source(Recorder, Device, gr.sync_block):
    calls: list[Any] = []  # noqa: RUF012
    callers = (soapy_radio.__name__,)
    left = 10**9  # samples that it still has

    def __init__(self, *arguments: Any):
        gr.sync_block.__init__(self, "source", None, [np.complex64])
        Device.__init__(self, *arguments)

    def work(self, _: Any, outputs: list[np.ndarray]) -> int:
        count = min(len(outputs[0]), self.left, 1000)
        outputs[0][:count] = 0
        time.sleep(0.001)
        self.left -= count
        return count


class Sink(Recorder, Device, gr.sync_block):
    calls: list[Any] = []  # noqa: RUF012
    callers = (soapy_radio.__name__,)

    def __init__(self, *arguments: Any):
        gr.sync_block.__init__(self, "sink", [np.complex64], None)
        Device.__init__(self, *arguments)

    def work(self, inputs: list[np.ndarray], _: Any) -> int:
        return len(inputs[0])


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(Device, "facts", FACTS | getattr(request, "param", {}))
    monkeypatch.setattr(soapy_radio, "soapy", SimpleNamespace(source=Source, sink=Sink))
    Source.calls.clear()
    Sink.calls.clear()


def link(rate: float = 2.5e6, **radio: Any) -> LinkConfig:
    phy = {"preset": "pluto", "sample_rate": rate}
    values = {"kind": "soapy", "frequency_hz": 2.4e9, "oscillator_ppm": 0, "receiver": {"device": "driver=plutosdr"}}
    return LinkConfig.model_validate({"phy": phy, "radio": values | radio})


def refusal(config: LinkConfig) -> str:
    with pytest.raises(ConfigError) as caught:
        open_radio(config, transmit=True, receive=True)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_the_device_is_set_to_is_told() -> None:
    receiver = {"device": "driver=plutosdr", "gain_db": 73.0, "bandwidth_hz": 2e6, "antenna": "A_BALANCED"}
    settings = open_radio(link(receiver=receiver), transmit=True, receive=True).settings
    assert (settings.kind, settings.level, settings.waits) == ("soapy", "air", False)
    assert not settings.tells_gaps
    assert settings.receiver is not None and settings.transmitter is not None
    assert settings.receiver.device == "driver=plutosdr"
    assert (settings.receiver.sample_rate, settings.receiver.frequency_hz) == (2.5e6, 2.4e9)
    assert (settings.receiver.gain_db, settings.receiver.gain_range_db) == (73.0, (0.0, 73.0))
    assert (settings.receiver.bandwidth_hz, settings.receiver.antenna) == (2e6, "A_BALANCED")
    assert settings.transmitter.gain_db == 0.0


def test_automatic_gain_of_the_device_is_off_and_ours_can_set_it() -> None:
    radio = open_radio(link(), receive=True)
    assert radio._receiver.block.values["automatic"] is False
    assert (radio.set_rx_gain(31.0), radio.set_rx_gain(500.0)) == (31.0, 73.0)
    assert open_radio(link(), transmit=True).set_rx_gain(31.0) == 0.0


@pytest.mark.parametrize(
    ("device", "config", "words"),
    [
        ({"rate_step": 1e6}, link(), ("2.5 MS/s", "2 MS/s", "phy.sample_rate")),
        ({"frequency_step": 1e8}, link(frequency_hz=2.45e9), ("2450 MHz", "2400.000000 MHz")),
        ({}, link(rate=25e6), ("Unsupported sample rate",)),
        ({}, link(receiver={"antenna": "B"}), ("A_BALANCED",)),
        ({}, link(transmitter={"gain_db": 95.0}), ("no gain of 95 dB",)),
        ({}, link(transmitter={"channel": 1}), ("transmitter", "channel 0")),
    ],
    indirect=["device"],
)
def test_what_the_device_does_not_have_is_refused(config: LinkConfig, words: tuple[str, ...]) -> None:
    sentence = refusal(config)
    assert all(word in sentence for word in words), sentence


def test_gr_soapy_has_every_call_of_ours() -> None:
    port = {"device": "driver=x", "gain_db": 3, "antenna": "A_BALANCED", "bandwidth_hz": 1e6, "lo_offset_hz": 1e6}
    radio = open_radio(link(receiver=port, transmitter=port), transmit=True, receive=True)
    radio.set_rx_gain(7)
    radio.watch()
    for ours, theirs in ((Source, soapy.source), (Sink, soapy.sink)):
        assert len({name for name, _ in ours.calls}) > 12
        assert [call for call in ours.calls if not accepts(theirs, *call)] == []
    device, kind, channels, *rest = radio._receiver.block.made_with
    assert (device, kind, channels, rest) == ("driver=x", "fc32", 1, ["", "", ["OFFSET=1000000"], [""]])
    with pytest.raises(RuntimeError, match="no match"):  # and not a TypeError
        soapy.source(device, kind, channels, *rest)


def test_a_device_that_sends_nothing_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soapy_radio, "STALL_S", 0.2)
    monkeypatch.setattr(Source, "left", 5000)
    radio, flowgraph, sink = open_radio(link(), receive=True), gr.top_block(), blocks.null_sink(gr.sizeof_gr_complex)
    flowgraph.connect(radio, sink)
    flowgraph.start()
    try:
        with pytest.raises(ConfigError, match=r"'driver=plutosdr' \(receiver\) has moved no samples for 0.2 s"):
            wait_until(lambda: radio.watch() is not None)
    finally:
        flowgraph.stop()
        flowgraph.wait()


def test_time_goes_on_by_the_samples_that_were_handed_over() -> None:
    radio, flowgraph = open_radio(link(), transmit=True), gr.top_block()
    flowgraph.connect(blocks.null_source(gr.sizeof_gr_complex), radio)
    flowgraph.start()
    try:
        wait_until(lambda: float(radio.time_now()) > 0.02)
        radio.watch()
    finally:
        flowgraph.stop()
        flowgraph.wait()


def test_a_device_that_fails_when_its_gain_is_set_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    radio = open_radio(link(), receive=True)

    def fail(*_: object) -> None:
        raise RuntimeError("no device context")

    monkeypatch.setattr(Device, "set_gain", fail)
    with pytest.raises(ConfigError, match="no device context"):
        radio.set_rx_gain(31.0)
