"""uhd_radio.py on devices of a twin's lab, which is a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gnuradio import blocks, gr
from semcom_flowgraphs.radio import open_radio

from semcom_ota.config import ConfigError, LinkConfig, load_link
from semcom_ota.twin.client import find

LINKS = Path(__file__).parents[2] / "links"
LAB = """
seed: 1
devices:
  A: {product: B210}
  B: {product: X310}
  C: {product: B210, opens: false}
  D: {product: B210, reference: false}
"""
HOLD = """
import sys
from semcom_ota.twin.client import open_device
device = open_device(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@dataclass
class Lab:
    folder: Path
    process: subprocess.Popen[bytes]

    def address(self, serial: str) -> str:
        return f"type=twin,serial={serial},lab={self.folder}"

    def link(self, serial: str, name: str = "b210", **radio: Any) -> LinkConfig:
        """A link that ships, with both ends on this device."""
        link = load_link(LINKS / f"{name}.yml")
        ends = {end: getattr(link.radio, end).model_copy(update={"device": self.address(serial)}) for end in
                ("transmitter", "receiver")}  # fmt: skip
        return link.model_copy(update={"radio": link.radio.model_copy(update=ends | radio)})


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("twin")
    (folder / "lab.yml").write_text(LAB)
    arguments = [sys.executable, "-m", "semcom_ota.cli", "twin", folder / "lab.yml", "--lab", folder / "lab", "--quiet"]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as process:
        while len(find(f"type=twin,lab={folder / 'lab'}")) < 4:
            assert process.poll() is None
            time.sleep(0.05)
        yield Lab(folder / "lab", process)
        process.kill()


def refusal(link: LinkConfig) -> str:
    with pytest.raises(ConfigError) as caught:
        open_radio(link, receive=True)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("name", "serial", "transmit"), [
    ("b210", "A", True), ("b210_loop_cable", "A", True), ("n310_x310", "B", False),
])  # fmt: skip
def test_a_link_that_ships_opens_as_it_is(lab: Lab, name: str, serial: str, transmit: bool) -> None:
    link = lab.link(serial, name)
    settings = open_radio(link, transmit=transmit, receive=True).settings
    receiver = settings.receiver
    assert receiver is not None and receiver.frequency_hz is not None and receiver.lo_offset_hz is not None
    assert receiver.device.endswith(f" {serial}")
    assert receiver.sample_rate == link.phy.sample_rate
    assert abs(receiver.frequency_hz - link.radio.frequency_hz) < 1
    assert abs(receiver.lo_offset_hz - link.radio.receiver.lo_offset_hz) < 10
    assert (receiver.gain_db, receiver.antenna) == (link.radio.receiver.gain_db, "RX2")
    assert settings.level == "flowgraph"


def test_a_device_that_does_not_open(lab: Lab) -> None:
    sentence = refusal(lab.link("C"))
    assert "was found and could not be opened" in sentence and "timed out" in sentence


def test_a_device_that_another_process_has(lab: Lab) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, lab.address("D")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        assert "taken by another program" in refusal(lab.link("D"))


def test_a_device_without_a_reference(lab: Lab) -> None:
    assert "not locked" in refusal(lab.link("D", clock_source="external", lock_timeout_s=0.1))


def test_a_device_that_vanishes_while_it_streams(lab: Lab) -> None:
    """The last one here: nothing is left after it."""
    radio, flowgraph, sink = open_radio(lab.link("A"), receive=True), gr.top_block(), blocks.null_sink(8)
    flowgraph.connect(radio, sink)
    flowgraph.start()
    try:
        while sink.nitems_read(0) < 100_000:
            radio.watch()
        lab.process.kill()
        with pytest.raises(ConfigError, match=r"^B210 A \(receiver\) has stopped answering: check"):
            while True:
                radio.watch()
                time.sleep(0.05)
    finally:
        flowgraph.stop()
        flowgraph.wait()
