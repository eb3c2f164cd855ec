"""flowgraphs/radio/uhd_radio.py over a device of the test's own, through the twin's driver."""

import time
from typing import Any

import numpy as np
import pytest
from fake_usrp import FakeDevice
from gnuradio import blocks, gr
from semcom_flowgraphs.radio import open_radio, twin_calls, uhd_radio

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.client import RxPacket


@pytest.fixture
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    fake = FakeDevice(**getattr(request, "param", {}))
    monkeypatch.setattr(twin_calls, "open_device", lambda address: fake)
    return fake


def link(phy: dict[str, Any] | None = None, **radio: Any) -> LinkConfig:
    ends = {end: {"device": "type=twin,serial=A"} | radio.pop(end, {}) for end in ("transmitter", "receiver")}
    return LinkConfig.model_validate({"phy": phy or {}, "radio": {"kind": "uhd", "frequency_hz": 2.4e9} | ends | radio})


def refusal(**radio: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        open_radio(link(**radio), transmit=True, receive=True)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_what_the_device_is_set_to_is_told(device: FakeDevice) -> None:
    asked = {"gain_db": 76.0, "antenna": "RX2", "bandwidth_hz": 1.5e6, "lo_offset_hz": 3e6, "subdev": "A:A"}
    settings = open_radio(link(receiver=asked), transmit=True, receive=True).settings
    assert (settings.kind, settings.level) == ("uhd", "flowgraph")
    receiver, transmitter = settings.receiver, settings.transmitter
    assert receiver is not None and transmitter is not None
    assert receiver.device == "B210 A"
    assert (receiver.sample_rate, receiver.frequency_hz, receiver.lo_offset_hz) == (1e6, 2.4e9, 3e6)
    assert (receiver.gain_db, receiver.gain_range_db) == (76.0, (0.0, 76.0))
    assert (receiver.antenna, receiver.bandwidth_hz) == ("RX2", 1.5e6)
    assert device.values["rx_subdev_spec"] == "A:A"
    assert (transmitter.gain_db, transmitter.antenna, transmitter.lo_offset_hz) == (0.0, "TX/RX", 0.0)
    assert (settings.clock_source, settings.time_source, settings.clock_rate_hz) == ("internal", "none", 32e6)
    assert settings.sensors == {"ref_locked": "True", "temp": "41.5", "tx_lo_locked": "True", "rx_lo_locked": "True"}


@pytest.mark.parametrize(("transmit", "receive"), [(True, False), (False, True)])
def test_one_end_alone(device: FakeDevice, transmit: bool, receive: bool) -> None:
    radio = open_radio(link(), transmit=transmit, receive=receive)
    assert (radio.settings.transmitter is not None, radio.settings.receiver is not None) == (transmit, receive)
    other = "rx" if transmit else "tx"
    assert not [name for name, _ in device.calls if f"_{other}_" in name]
    assert 0 <= float(radio.time_now()) < 60  # it was set to 0
    radio.watch()


def test_rates_are_set_before_the_time_and_the_time_once_a_device(device: FakeDevice) -> None:
    open_radio(link(), transmit=True, receive=True)
    order = [name for name, _ in device.calls if name in ("set_rx_rate", "set_tx_rate", "set_time_now", "set_tx_freq")]
    assert order == ["set_tx_rate", "set_rx_rate", "set_time_now", "set_tx_freq"]


@pytest.mark.parametrize("device", [{"rate_step": 0.64e6}], indirect=True)
def test_a_rate_that_was_rounded_is_refused(device: FakeDevice) -> None:
    assert "1 MS/s" in (sentence := refusal()) and "1.28 MS/s" in sentence and "phy.sample_rate" in sentence


@pytest.mark.parametrize("device", [{"rate_step": 1e6 + 20}], indirect=True)
def test_a_rate_that_was_hardly_rounded_is_told(device: FakeDevice) -> None:
    settings = open_radio(link(), receive=True).settings
    assert settings.receiver is not None and settings.receiver.sample_rate == 1e6 + 20


@pytest.mark.parametrize(
    ("radio", "words"),
    [
        ({"transmitter": {"antenna": "RX2"}}, ("no antenna 'RX2'", "TX/RX")),
        ({"transmitter": {"gain_db": 95}}, ("no gain of 95 dB", "from 0 to 76")),
        ({"frequency_hz": 7e9}, ("70 to 6000 MHz", "7000 MHz", "radio.frequency_hz")),
        ({"receiver": {"lo_offset_hz": 25e6}}, ("2405.000000 MHz", "lo_offset_hz")),
        ({"clock_source": "mimo"}, ("clock source 'mimo'", "internal, external")),
        ({"time_source": "gpsdo"}, ("time source 'gpsdo'", "external")),
        ({"receiver": {"channel": 3}}, ("no channel 3",)),
    ],
)
def test_what_the_device_does_not_have_is_refused(device: FakeDevice, radio: Any, words: tuple[str, ...]) -> None:
    phy = {"max_cfo_hz": 40e3} if "frequency_hz" in radio else {}
    sentence = refusal(phy=phy, **radio)
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize("device", [{"sensors": {"ref_locked": "false"}}], indirect=True)
def test_no_reference(device: FakeDevice) -> None:
    sentence = refusal(clock_source="external", lock_timeout_s=0.05)
    assert "not locked to its external clock" in sentence and "cable" in sentence
    open_radio(link(), receive=True)  # a clock of its own is not waited for


@pytest.mark.parametrize("device", [{"lo_locked": "false"}], indirect=True)
def test_no_lock_of_the_oscillator(device: FakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semcom_flowgraphs.radio.usrp_setup.LO_TIMEOUT_S", 0.05)
    assert "local oscillator" in refusal()


def test_time_at_an_edge_of_pps(device: FakeDevice) -> None:
    open_radio(link(time_source="external"), receive=True)
    names = [name for name, _ in device.calls]
    assert "set_time_now" not in names
    assert names.index("get_time_last_pps") < names.index("set_time_next_pps")


@pytest.mark.parametrize("device", [{"pps": False}], indirect=True)
def test_no_pps(device: FakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semcom_flowgraphs.radio.usrp_setup.PPS_TIMEOUT_S", 0.1)
    assert "no PPS" in refusal(time_source="external")


def test_gain_while_it_runs(device: FakeDevice) -> None:
    radio = open_radio(link(receiver={"gain_db": 10.0}), receive=True)
    assert radio.set_rx_gain(33.0) == 33.0
    assert radio.set_rx_gain(400.0) == 76.0
    assert open_radio(link(), transmit=True).set_rx_gain(33.0) == 0.0


def test_a_device_that_is_gone_is_noticed(device: FakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uhd_radio, "LOOK_S", 0.0)
    radio = open_radio(link(), transmit=True, receive=True)
    radio.watch()
    device.gone = True
    for call in (radio.watch, radio.time_now, lambda: radio.set_rx_gain(0.0)):
        with pytest.raises(ConfigError, match=r"^B210 A \(.*LIBUSB_TRANSFER_NO_DEVICE") as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [RuntimeError, ValueError, IndexError, KeyError, TypeError])
def test_whatever_a_driver_raises_is_one_sentence(
    device: FakeDevice, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fails(self: FakeDevice, name: str, *arguments: Any) -> Any:
        raise error("vector::at\nand a second line")

    radio = open_radio(link(), receive=True)
    monkeypatch.setattr(FakeDevice, "call", fails)
    with pytest.raises(ConfigError, match=r"^B210 A \(receiver\) has stopped answering: .*vector::at"):
        radio.time_now()
    sentence = refusal()
    assert ("vector::at" in sentence or "no channel 0" in sentence) and "second line" not in sentence


def test_a_device_that_sends_nothing_is_noticed(device: FakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uhd_radio, "LOOK_S", 0.0)
    monkeypatch.setattr(uhd_radio, "STALL_S", 0.5)
    flowgraph, radio = gr.top_block(), open_radio(link(), receive=True)
    sink = blocks.null_sink(gr.sizeof_gr_complex)
    flowgraph.connect(radio, sink)
    flowgraph.start()
    try:
        device.packets.put(RxPacket(np.zeros(100, np.complex64), TimeSpec()))
        while not sink.nitems_read(0):
            radio.watch()
        with pytest.raises(ConfigError, match=r"no samples for 0.5 s"):
            while True:
                radio.watch()
                time.sleep(0.01)
    finally:
        flowgraph.stop()
        flowgraph.wait()
