"""The YAML files that describe our blocks to GNU Radio Companion say what the blocks are, and GRC shows it."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import semcom_blocks
import yaml
from radio_bench import gr, pmt

from semcom_ota.config import CHANNELS, LinkConfig
from semcom_ota.recording.samples import SampleFile, SampleReader

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).parents[2]
LINK = LinkConfig()
REPORTS = f"ipc:///tmp/semcom-test-reports-{os.getpid()}"
ITSELF = SampleFile(Path(__file__), "ci8")  # any file has samples


def radio() -> Any:
    from semcom_flowgraphs.drawn import DrawnRadio

    return DrawnRadio("", transmit=True, receive=True)


def burst_scheduler() -> Any:
    from semcom_flowgraphs.drawn import burst_scheduler as make

    return make("", radio())


def on_screen(name: str) -> Any:
    from PyQt5 import QtWidgets

    on_screen.application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["test"])
    from semcom_blocks import qt

    return getattr(qt, name)()


BLOCKS: dict[str, Callable[[], Any]] = {
    "semcom_burst_scheduler": burst_scheduler,
    "semcom_burst_sink": lambda: semcom_blocks.BurstSink(radio(), 1, 0.0, print),
    "semcom_burst_watch": semcom_blocks.BurstWatch,
    "semcom_channel_view": lambda: on_screen("ChannelView"),
    "semcom_frame_rx": lambda: semcom_blocks.FrameRx(LINK.phy),
    "semcom_frame_tx": lambda: semcom_blocks.FrameTx(LINK.phy),
    "semcom_lam_decoder": lambda: semcom_blocks.LamDecoder(LINK.receiver),
    "semcom_loopback_channel": lambda: semcom_blocks.LoopbackChannel(LINK.phy, LINK.loopback.channel),
    "semcom_probe": lambda: semcom_blocks.Probe(1e6),
    "semcom_radio": radio,
    "semcom_recording_source": lambda: semcom_blocks.RecordingSource(SampleReader(ITSELF)),
    "semcom_report_sink": lambda: semcom_blocks.ReportSink(REPORTS),
    "semcom_report_source": lambda: semcom_blocks.ReportSource(REPORTS),
    "semcom_result_sink": lambda: semcom_blocks.ResultSink(1, 1.0, print),
    "semcom_semantic_encoder": lambda: semcom_blocks.SemanticEncoder(LINK.transmitter),
    "semcom_signal_view": lambda: on_screen("SignalView"),
    "semcom_text_source": lambda: semcom_blocks.TextSource(["text"], "utf8"),
    "semcom_text_view": lambda: on_screen("TextView"),
    "semcom_unequalizer": lambda: semcom_blocks.Unequalizer(LINK.phy),
}
LINK_IS_BAD = [{"link": "b211"}, {"link": "/nowhere/link.yml"}]
ENDPOINT_IS_BAD = [{"endpoint": "localhost:5000"}, {"endpoint": "tcp://localhost"}]
BAD: dict[str, list[dict[str, str]]] = {
    "semcom_burst_scheduler": LINK_IS_BAD,
    "semcom_burst_sink": [{"count": "-1"}, {"linger_s": "-1"}],
    "semcom_channel_view": [{"title": "x" * 81}],
    "semcom_frame_rx": LINK_IS_BAD,
    "semcom_frame_tx": [*LINK_IS_BAD, {"gap_samples": "-1"}, {"queue_frames": "0"}],
    "semcom_lam_decoder": LINK_IS_BAD + ENDPOINT_IS_BAD,
    "semcom_loopback_channel": [
        *LINK_IS_BAD,
        {"channel": "foggy"},
        {"max_cfo": "5"},
        {"max_cfo": "-0.1"},
        {"snr_db": "61"},
        {"snr_db": "[0, 'a']"},
        {"snr_db": "[]"},
        {"messages_per_snr": "0"},
        {"seed": "-1"},
    ],
    "semcom_probe": [{"sample_rate": "0"}, {"interval": "0"}, {"fft_size": "1"}, {"full_scale": "0"}],
    "semcom_radio": [
        *LINK_IS_BAD,
        {"receive": "False"},
        {"may_transmit": "True"},
        {"receive": "False", "transmit": "True", "rx_gain_db": "30"},
        {"rx_gain_db": "500"},
    ],
    "semcom_recording_source": [{"file": "/nowhere.cf32"}, {"silence": "-1"}],
    "semcom_report_sink": [*ENDPOINT_IS_BAD, {"secret": "/nowhere.secret"}],
    "semcom_report_source": [*ENDPOINT_IS_BAD, {"public": "/nowhere.public"}],
    "semcom_result_sink": [{"count": "-1"}, {"patience_s": "-1"}, {"first_patience_s": "-1"}],
    "semcom_semantic_encoder": LINK_IS_BAD + ENDPOINT_IS_BAD,
    "semcom_text_source": [
        {"texts": "[]"},
        {"texts": "'a text'"},
        {"texts": "['']"},
        {"texts": "['a', 7]"},
        {"codec": "text jscc"},
        {"own_text": "x" * 16385},
        {"stream": "256"},
        {"interval_s": "-1"},
        {"repeat": "True"},
    ],
    "semcom_text_view": [{"rows": "0"}],
    "semcom_unequalizer": LINK_IS_BAD,
}
UNCHECKED = {"gui_hint", "bool", "id"}
"""Types of parameters that GRC itself checks."""

FILES = sorted((ROOT / "grc").glob("*.block.yml"))
DESCRIBED = {file.name.removesuffix(".block.yml"): yaml.safe_load(file.read_text()) for file in FILES}
each_block = pytest.mark.parametrize("name", sorted(BLOCKS))


def drawn(grc: Any, name: str, **values: str) -> Any:
    """A block of ours in a flowgraph with nothing but what it needs; its parameters are what GRC has by default."""
    flowgraph = grc.make_flow_graph()
    for key, kind in (("samp_rate", "variable"), ("radio", "semcom_radio"), ("under_test", name)):
        block = flowgraph.new_block(kind)
        block.params["id"].set_value(key)
        if key == "samp_rate":
            block.params["value"].set_value("1e6")
    for key, value in values.items():
        block.params[key].set_value(value)
    flowgraph.options_block.params["generate_options"].set_value("qt_gui")
    flowgraph.rewrite()
    flowgraph.validate()
    return block


def errors(block: Any) -> list[str]:
    """What GRC has to say against it, but that it is not connected."""
    told = [message for _, message in block.iter_error_messages()]
    return [message for message in told if message != "Port is not connected."]


def test_every_block_has_a_file_and_every_file_a_block():
    from semcom_blocks import qt

    assert sorted(DESCRIBED) == sorted(BLOCKS)
    made = {type(make()).__name__ for make in BLOCKS.values()}
    exported = {name for name in (*semcom_blocks.__all__, *qt.__all__) if not name.startswith("read_")}
    assert made == exported - {"SignalWatch"} | {"DrawnRadio"}  # that it watches, GRC shows as a SignalView


@each_block
def test_ports_are_those_of_the_block(name: str):
    described, block = DESCRIBED[name], BLOCKS[name]()
    assert described["id"] == name
    assert described["flags"][0] == "python"
    assert described["file_format"] == 1
    assert described["category"].startswith("[semcom]/")
    for direction, is_input in (("inputs", True), ("outputs", False)):
        listed = described.get(direction, [])
        names = {port["id"] for port in listed if port["domain"] == "message"}
        streams = [port for port in listed if port["domain"] == "stream"]
        assert all(port["optional"] for port in listed if port["domain"] == "message")
        if isinstance(block, gr.hier_block2):
            signature = block.input_signature() if is_input else block.output_signature()
            assert len(streams) == signature.max_streams()
            assert all(takes(block, port, is_input) for port in names)
        else:
            ports = block.message_ports_in() if is_input else block.message_ports_out()
            registered = {pmt.symbol_to_string(pmt.vector_ref(ports, index)) for index in range(pmt.length(ports))}
            assert names == registered - {"system"}
            assert len(streams) == len(list(block.in_sig() if is_input else block.out_sig()))


def takes(block: Any, port: str, is_input: bool) -> bool:
    """Whether a hierarchical block, which does not list its ports, has this one."""
    from gnuradio import blocks

    top, debug, strobe = gr.top_block(), blocks.message_debug(), blocks.message_strobe(pmt.PMT_NIL, 1000)
    try:
        if is_input:
            top.msg_connect(strobe, "strobe", block, port)
        else:
            top.msg_connect(block, port, debug, "store")
    except ValueError:
        return False
    return True


def test_a_port_that_a_hierarchical_block_does_not_have_is_noticed():
    assert not takes(BLOCKS["semcom_burst_sink"](), "nowhere", True)


@each_block
def test_grc_shows_documentation_that_names_every_parameter_and_port(grc: Any, name: str):
    shown = grc.blocks[name].documentation[""]
    described = DESCRIBED[name]
    for parameter in described.get("parameters", []):
        label = re.sub(r" \([^)]*\)$", "", parameter["label"])  # without its unit
        assert re.search(rf"^ *{re.escape(label)}: ", shown, re.MULTILINE), label
    for direction, stream in (("inputs", "in"), ("outputs", "out")):
        for port in described.get(direction, []):
            assert re.search(rf"^ *{port.get('id', stream)}( \([^)]*\))?: ", shown, re.MULTILINE), port
    assert len(shown) > 300


@each_block
def test_every_check_holds_for_the_defaults_and_refuses_something(grc: Any, name: str):
    assert errors(drawn(grc, name)) == []
    checks = grc.blocks[name].asserts
    failed = set()
    for values in BAD.get(name, []):
        told = errors(drawn(grc, name, **values))
        assert told, f"{values} is taken"
        failed |= {check for check in checks for message in told if f'"{check}"' in message}
    assert failed == set(checks)


@each_block
def test_every_parameter_is_checked(name: str):
    described = DESCRIBED[name]
    for parameter in described.get("parameters", []):
        if parameter["dtype"] not in UNCHECKED:
            checks = [check for check in described["asserts"] if re.search(rf"\b{parameter['id']}\b", check)]
            assert checks, parameter["id"]


def test_names_that_ship_are_those_that_are_checked_and_told():
    links = {file.stem for file in (ROOT / "links").glob("*.yml")}
    channels = {file.stem for file in CHANNELS.glob("*.yml")}
    for name, described in DESCRIBED.items():
        for parameter, names in (("link", links | {""}), ("channel", channels)):
            for check in described.get("asserts", []):
                if told := re.match(rf"\$\{{ {parameter} in (\(.*?\))", check):
                    assert set(yaml.safe_load(told[1].replace("(", "[").replace(")", "]"))) == names, name
                    assert all(each in described["documentation"] for each in names)


def test_a_radio_shows_the_ports_that_it_has(grc: Any):
    def ports(**values: str) -> tuple[list[str], list[str]]:
        block = drawn(grc, "semcom_radio", **values)
        return tuple([port.name for port in ports if not port.hidden] for ports in (block.sinks, block.sources))

    assert ports() == ([], ["out"])
    assert ports(transmit="True", receive="False") == (["in"], ["async_msgs"])
    assert ports(transmit="True") == (["in"], ["out", "async_msgs"])


def test_a_codec_that_somebody_wrote_is_taken(grc: Any):
    assert errors(drawn(grc, "semcom_text_source", codec="my-codec_2.0")) == []
