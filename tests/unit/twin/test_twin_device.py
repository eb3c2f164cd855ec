"""What a device makes of what it is asked for."""

import pytest

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.client_streams import TwinError

X310 = {"product": "X310", "gpsdo": True}


@pytest.mark.parametrize(
    ("product", "asked", "actual"),
    [("B210", 1e6, 1e6), ("B210", 3e6, 40e6 / 13), ("B210", 1.0, 40e6 / 512), ("B210", 1e9, 40e6),
     ("X310", 20e6, 20e6), ("X310", 3e6, 200e6 / 67)],
)  # fmt: skip
def test_a_rate_is_the_clock_over_a_whole_number(bench, product, asked, actual):
    lab = bench(a={"product": product})
    assert lab.call("A", "set_rx_rate", asked, 0) == pytest.approx(actual)
    assert lab.call("A", "get_rx_rate") == pytest.approx(actual)


def test_another_master_clock_has_other_rates(bench):
    lab = bench(b=X310)
    assert lab.call("A", "set_master_clock_rate", 30.72e6) == 30.72e6
    assert lab.call("A", "set_tx_rate", 1.92e6) == 1.92e6
    assert lab.call("B", "set_master_clock_rate", 180e6) == 184.32e6
    usrp = lab.lab.devices["A"]
    usrp.close(lab.t)
    usrp.open({"master_clock_rate": "16e6"}, 1, lab.t)
    assert lab.call("A", "get_master_clock_rate") == 16e6


@pytest.mark.parametrize(
    ("direction", "asked", "actual"), [("tx", 200.0, 89.75), ("tx", 30.1, 30.0), ("rx", 30.6, 31.0)]
)
def test_a_gain_is_the_nearest_there_is(bench, direction, asked, actual):
    lab = bench()
    assert lab.call("A", f"set_{direction}_gain", asked) == actual
    assert lab.call("A", f"get_{direction}_gain_range")[0] == 0


@pytest.mark.parametrize(("direction", "sign"), [("rx", 1), ("tx", -1)])
def test_tuning_says_where_the_lo_and_the_carrier_are(bench, direction, sign):
    lab = bench()
    told = lab.call("A", f"set_{direction}_freq", 2.4e9 + 0.7, 1e6)
    assert told["actual_rf_freq"] == pytest.approx(2.401e9, abs=1.2)
    assert told["actual_rf_freq"] - sign * told["actual_dsp_freq"] == pytest.approx(2.4e9 + 0.7, abs=0.01)
    assert lab.call("A", f"get_{direction}_freq") == pytest.approx(2.4e9 + 0.7, abs=0.01)
    lab.call("A", f"set_{direction}_freq", 1e12)
    assert lab.call("A", f"get_{direction}_freq") == pytest.approx(6e9, abs=1)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [("set_rx_antenna", ["TX9"], "TX9"), ("set_clock_source", ["gpsdo"], "gpsdo"), ("set_time_source", ["sun"], "sun"),
     ("set_rx_rate", [1e6, 1], "channel 1 out of range"), ("set_rx_rate", ["fast"], "no number"),
     ("set_rx_rate", [], "does not take"), ("fly", [], "fly"), ("set_time_now", [5], "does not take"),
     ("get_mboard_sensor", ["mood"], "mood"), ("set_tx_subdev_spec", ["Z:Z"], "Z:Z"),
     ("set_rx_rate", [float("nan")], "no number"), ("get_time_now", [1, 2, 3], "does not take")],
)  # fmt: skip
def test_what_it_cannot_do_it_refuses(bench, name, arguments, words):
    with pytest.raises(TwinError, match=words):
        bench().call("A", name, *arguments)


def test_its_sensors_and_sources(bench):
    lab = bench(b=X310)
    assert lab.call("A", "get_time_sources") == ["none", "internal", "external"]
    assert lab.call("B", "get_clock_sources") == ["internal", "external", "gpsdo"]
    assert lab.call("B", "get_mboard_sensor_names") == ["ref_locked", "gps_locked"]
    lab.call("B", "set_clock_source", "gpsdo")
    assert lab.call("B", "get_mboard_sensor", "ref_locked")["value"] == "false"
    lab.t += 2
    assert lab.call("B", "get_mboard_sensor", "ref_locked") == {"name": "Ref", "value": "true", "unit": "locked"}
    assert lab.call("A", "get_rx_sensor", "lo_locked")["value"] == "true"


def test_every_getter_answers_and_every_setter_takes_what_the_getter_says(bench):
    lab = bench()
    calls = lab.lab.devices["A"]._calls._calls
    for name in calls:
        if name.startswith("get_") and not name.endswith("sensor"):
            value = lab.call("A", name)
            if name.replace("get_", "set_") in calls:
                lab.call("A", name.replace("get_", "set_"), value)
                assert name == "get_time_now" or lab.call("A", name) == value


def test_one_host_at_a_time(bench):
    lab = bench()
    with pytest.raises(TwinError, match="libusb_claim_interface"):
        lab.lab.devices["A"].open({}, 2, lab.t)
    lab.lab.devices["A"].close(lab.t)
    lab.lab.devices["A"].open({}, 2, lab.t)
    assert lab.call("A", "get_rx_gain") == 0.0  # set anew


def test_the_clock_of_the_device_is_what_bursts_go_by(bench, tone):
    lab = bench(a={"oscillator_ppm": 20.0})
    lab.call("A", "set_time_now", TimeSpec(1_700_000_000, 0.5))
    lab.send(tone(100), TimeSpec(1_700_000_010, 0.5))
    lab.pass_time(10.0)
    (row,) = lab.written("burst")
    assert row["true_s"] == pytest.approx(110 - 10 * 20e-6, abs=1e-6)
    assert row["device_time"] == pytest.approx([1_700_000_010, 0.5], abs=1e-6)


def test_receiving_may_not_begin_in_the_past(bench):
    lab = bench()
    with pytest.raises(TwinError, match="LATE_COMMAND"):
        lab.lab.devices["B"].start_rx(lab.time("B").after(-1), lab.t)
