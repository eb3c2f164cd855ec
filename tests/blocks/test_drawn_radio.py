"""The radio of drawn flowgraphs, and how they find links and channels."""

import subprocess
import sys
from pathlib import Path

import pytest
from radio_bench import gr, wait_until
from semcom_blocks import read_channel, read_link
from semcom_flowgraphs import drawn
from semcom_flowgraphs.drawn import DrawnRadio

from semcom_ota.config import LinkConfig, load_channel

pytestmark = pytest.mark.timeout(60)
LINKS = Path(__file__).parents[2] / "links"


def ended(program: str) -> tuple[int, str]:
    """How a process that does this ends: exit status, standard error."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def test_every_link_that_ships_is_found_by_its_name():
    assert read_link() == LinkConfig()
    for file in LINKS.glob("*.yml"):
        assert read_link(file.stem) == read_link(str(file))


def test_a_channel_has_the_offset_that_is_asked_for():
    assert read_channel("tdl-a") == load_channel("tdl-a")
    changed = read_channel("tdl-a", 0.25)
    assert changed.max_cfo_subcarriers == 0.25
    assert changed.profile == "tdl-a"


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("from semcom_blocks import read_link; read_link('b211')", "unknown link 'b211': use one of b210"),
        ("from semcom_blocks import read_channel; read_channel('fog')", "unknown channel 'fog': use one of awgn"),
        ("from semcom_blocks import read_samples; read_samples('')", "no recording is named"),
        (
            "from semcom_flowgraphs.drawn import DrawnRadio; DrawnRadio('b210', transmit=True, receive=True)",
            "nothing was sent: a device transmits only when it may",
        ),
        (
            "from semcom_flowgraphs.drawn import DrawnRadio; DrawnRadio('', transmit=True, receive=False)",
            "this link has no radio",
        ),
    ],
    ids=["link", "channel", "recording", "permission", "radio"],
)
def test_what_is_wrong_is_a_sentence_and_status_2(program: str, sentence: str):
    status, told = ended(program)
    assert status == 2
    assert told.startswith(sentence)
    assert told.count("\n") == 1


def test_it_says_what_it_is_set_to_and_is_a_radio(capfd: pytest.CaptureFixture[str]):
    radio = DrawnRadio("", transmit=True, receive=True, rx_gain_db=10.0)
    printed = capfd.readouterr().out
    assert "kind: loopback\n" in printed
    assert "sample_rate: 1000000.0\n" in printed
    assert radio.settings.kind == "loopback"
    assert radio.total_samples is None
    assert radio.set_rx_gain(20.0) == 0.0
    assert radio.time_now() == (0, 0.0)
    scheduler = drawn.burst_scheduler("", radio)
    assert scheduler._rate == 1e6


def test_it_looks_after_itself_while_the_flowgraph_runs(monkeypatch: pytest.MonkeyPatch):
    radio, looked = DrawnRadio("", transmit=True, receive=True), []
    monkeypatch.setattr(radio._radio, "watch", lambda: looked.append(1))
    top, scheduler = gr.top_block(), drawn.burst_scheduler("", radio)
    source, frame_rx = drawn_ends()
    top.connect(source, scheduler, radio, frame_rx)
    top.start()
    wait_until(lambda: len(looked) > 1)
    top.stop()
    top.wait()


def drawn_ends() -> tuple[object, object]:
    from semcom_blocks import FrameRx, FrameTx

    return FrameTx(LinkConfig().phy), FrameRx(LinkConfig().phy)


def test_a_radio_that_is_gone_ends_the_process_with_its_sentence():
    status, told = ended(
        "import time\n"
        "from gnuradio import gr\n"
        "from semcom_blocks import FrameRx, FrameTx\n"
        "from semcom_flowgraphs import drawn\n"
        "from semcom_ota.config import ConfigError, PhyConfig\n"
        "radio = drawn.DrawnRadio('', transmit=True, receive=True)\n"
        "def gone(): raise ConfigError('the radio is gone')\n"
        "radio._radio.watch = gone\n"
        "blocks = FrameTx(PhyConfig()), drawn.burst_scheduler('', radio), radio, FrameRx(PhyConfig())\n"
        "top = gr.top_block()\n"
        "top.connect(*blocks)\n"
        "top.start()\n"
        "time.sleep(50)\n"
    )
    assert status == 2
    assert "the radio is gone\n" in told
    assert "Traceback" not in told
