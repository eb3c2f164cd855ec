"""What uhd_radio.py calls while it opens a device, held against the signatures of the real gr-uhd, which needs none.

What cannot be checked without a device: that what comes back means what we take it for, and the order that a device
wants its calls in.
"""

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_usrp import FakeDevice
from gnuradio import uhd
from pybind_signatures import Recorder, accepts, parameters
from semcom_flowgraphs.radio import open_radio, twin, twin_calls, twin_types, uhd_radio, usrp_setup

from semcom_ota.config import LinkConfig

OURS = (uhd_radio.__name__, usrp_setup.__name__)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The calls of an opening with every option, of each class, and those of the driver module."""
    source = type("usrp_source", (Recorder, twin.usrp_source), {"calls": [], "callers": OURS})
    sink = type("usrp_sink", (Recorder, twin.usrp_sink), {"calls": [], "callers": OURS})
    made: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def noting(name: str, function: Any) -> Any:
        def made_by(*arguments: Any, **options: Any) -> Any:
            made.append((name, arguments, options))
            return function(*arguments, **options)

        return made_by

    functions = {name: getattr(twin, name) for name in twin.__all__ if name != "SIMULATED"}
    functions |= {"usrp_source": source, "usrp_sink": sink}
    driver = SimpleNamespace(**{name: noting(name, function) for name, function in functions.items()})
    monkeypatch.setattr(twin_calls, "open_device", lambda address: FakeDevice())
    monkeypatch.setattr(uhd_radio, "driver_of", lambda address: driver)
    monkeypatch.setattr(uhd_radio, "LOOK_S", 0.0)
    monkeypatch.setattr(usrp_setup, "PPS_PERIOD_S", 0.0)
    port = {"device": "type=x", "gain_db": 3, "antenna": "TX/RX", "bandwidth_hz": 1e6, "lo_offset_hz": 1e6}
    options = {"clock_rate_hz": 32e6, "stream_args": "num_recv_frames=64", "clock_source": "external"}
    for time_source in ("external", "none"):
        ends = {"transmitter": port | {"subdev": "A:A"}, "receiver": port | {"subdev": "A:A"}}
        values = {"kind": "uhd", "time_source": time_source} | options | ends
        radio = open_radio(LinkConfig.model_validate({"radio": values}), transmit=True, receive=True)
        radio.time_now()
        radio.set_rx_gain(7)
        radio.watch()
    return SimpleNamespace(source=source.calls, sink=sink.calls, driver=made)


def test_gr_uhd_has_every_call_of_ours(recorded: SimpleNamespace) -> None:
    for block, calls in ((uhd.usrp_source, recorded.source), (uhd.usrp_sink, recorded.sink)):
        assert len({name for name, _ in calls}) > 20
        assert [call for call in calls if not accepts(block, *call)] == []


def test_gr_uhd_makes_the_same_objects(recorded: SimpleNamespace) -> None:
    assert {name for name, _, _ in recorded.driver} == set(twin.__all__) - {"SIMULATED"}
    for name, arguments, options in recorded.driver:
        if name in ("usrp_source", "usrp_sink"):
            address, streams, *rest = arguments
            assert not options and accepts(getattr(uhd, name), "__init__", (address, streams, *rest))
        else:
            real = {key: uhd.device_addr(value) if key == "args" else value for key, value in options.items()}
            made = getattr(uhd, name)(*arguments, **real)
            if name == "tune_request":
                assert (made.target_freq, made.rf_freq) == (arguments[0], sum(arguments))
            if name == "stream_args":
                assert (made.cpu_format, made.channels, made.args.to_string()) == ("fc32", [0], options["args"])
            if name == "time_spec":
                assert made.get_real_secs() == arguments[0]


@pytest.mark.parametrize("name", ["usrp_source", "usrp_sink"])
def test_the_twin_has_no_parameter_that_gr_uhd_has_not(name: str) -> None:
    ours, theirs = getattr(twin, name), getattr(uhd, name)
    own = {name for made in (ours, twin_calls.UsrpCalls) for name in vars(made) if not name.startswith("_")}
    methods = own - {"direction", "start", "stop", "work"}
    assert len(methods) >= 30
    for method in methods:
        wanted = list(inspect.signature(getattr(ours, method)).parameters.values())[1:]
        overloads = [
            [(parameter, default is not None) for parameter, _, default in overload]
            for overload in parameters(getattr(theirs, method))
        ]
        mine = [(parameter.name, parameter.default is not parameter.empty) for parameter in wanted]
        assert any(overload[: len(mine)] == mine for overload in overloads), method


def test_the_twin_s_types_have_nothing_that_gr_uhd_s_have_not() -> None:
    classes = [
        made for made in vars(twin_types).values() if inspect.isclass(made) and made.__module__ == twin_types.__name__
    ]
    assert len(classes) == 6
    samples = {"tune_request": (1.0, 2.0), "sensor_value": ("true",), "meta_range": (0.0, 1.0)}
    for made in classes:
        one = made(*samples.get(made.__name__, ()))
        theirs = dir(getattr(uhd, made.__name__))
        assert [name for name in dir(one) if not name.startswith("_") and name not in theirs] == []


def test_ports_and_keys_are_strings_of_gr_uhd_s_library() -> None:
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    (library,) = {line.split()[-1] for line in maps.splitlines() if "libgnuradio-uhd" in line}
    constants = Path(library).read_bytes()
    keys = (
        "rx_time",
        "rx_rate",
        "rx_freq",
        "tx_time",
        "async_msgs",
        "uhd_async_msg",
        "event_code",
        "time_spec",
        "channel",
    )
    for word in keys + twin.EVENT_CODES:
        assert b"\0" + word.encode() + b"\0" in constants, word


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_flux", (1.0,)),  # no such method
        ("set_gain", ("much",)),  # another type
        ("set_gain", (1.0, 0, 0, 0)),  # too many
        ("get_clock_source", ()),  # its mboard has no default
        ("set_center_freq", (twin.time_spec(1.0),)),
    ],
)
def test_a_call_that_gr_uhd_has_not_is_found(name: str, arguments: tuple[Any, ...]) -> None:
    assert not accepts(uhd.usrp_source, name, arguments)
