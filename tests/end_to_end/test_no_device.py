"""The real gr-uhd and gr-soapy with no device, and with one that can only be found: one sentence, exit status 2."""

import subprocess
import sys
from pathlib import Path

import pytest
from fake_usrp2 import FakeUsrp2
from semcom_flowgraphs.radio import open_radio

from semcom_ota.config import ConfigError, LinkConfig, load_link
from semcom_ota.radio_config import Port, SoapyRadio, UhdRadio

LINK = Path(__file__).parents[2] / "links" / "b210.yml"
ADDRESS = "127.0.7.2"
USRP2 = f"type=usrp2,addr={ADDRESS}"
OPEN = """
import sys
from semcom_blocks.failure import process_of_its_own
from semcom_flowgraphs.radio import open_radio
from semcom_ota.config import LinkConfig
with process_of_its_own():
    open_radio(LinkConfig.model_validate_json(sys.argv[1]), transmit=True, receive=True)
"""


def ended(*arguments: str) -> str:
    """The only line that such a process says; its exit status is 2."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    return sentence


def uhd_link(device: str) -> LinkConfig:
    return LinkConfig(radio=UhdRadio(transmitter=Port(device=device), receiver=Port(device=device)))


def refusal(link: LinkConfig) -> str:
    with pytest.raises(ConfigError) as caught:
        open_radio(link, receive=True)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_no_usrp_ends_a_process_with_one_sentence() -> None:
    sentence = ended("-c", OPEN, uhd_link("type=b200").model_dump_json())
    assert sentence.startswith("no USRP found for 'type=b200': check")
    assert all(word in sentence for word in ("power", "cable", "uhd_find_devices", "uhd_images_downloader"))


def test_no_usrp_ends_semcom_tx_with_one_sentence(tmp_path: Path) -> None:
    folder, options = tmp_path / "run", ("--device", "type=b200", "--transmit", "--text", "Hi.")
    sentence = ended("-m", "semcom_ota.cli", "tx", str(LINK), *options, "--out", str(folder))
    assert sentence.startswith("semcom: radio process: no USRP found for 'type=b200': check")
    assert not folder.exists()


@pytest.mark.parametrize("device", ["", "serial=00000000", "no address at all"])
def test_no_usrp(device: str) -> None:
    assert refusal(uhd_link(device)).startswith(f"no USRP found for '{device}': " if device else "no USRP found: ")


def test_no_twin() -> None:
    assert "semcom twin" in refusal(uhd_link("type=twin,serial=nobody"))


def test_a_usrp_that_answers_with_rubbish() -> None:
    with FakeUsrp2(ADDRESS, b"\xff" * 36) as device:
        sentence = ended("-c", OPEN, uhd_link(USRP2).model_dump_json())
        assert device.asked > 0
    assert sentence.startswith(f"USRP '{USRP2}' has no images, or those of another UHD: run uhd_images_downloader")


def test_a_usrp_that_can_only_be_found_ends_semcom_tx() -> None:
    with FakeUsrp2(ADDRESS) as device:
        sentence = ended(
            "-m", "semcom_ota.cli", "tx", str(LINK), "--device", USRP2, "--transmit", "--quiet", "--text", "Hi."
        )
        assert device.asked > 0
    assert f"USRP '{USRP2}' was found and could not be opened" in sentence
    assert "timeout waiting for control packet ACK" in sentence


@pytest.mark.parametrize(
    ("device", "words"),
    [("driver=plutosdr", "SoapySDRUtil --find"), ("", "SoapySDRUtil --find"), ("driver=null", "0 channels available")],
)
def test_no_soapy_device(device: str, words: str) -> None:
    link = load_link(LINK.with_name("pluto.yml"))
    sentence = refusal(link.model_copy(update={"radio": SoapyRadio(receiver=Port(device=device))}))
    assert f"SoapySDR device '{device}'" in sentence and words in sentence
