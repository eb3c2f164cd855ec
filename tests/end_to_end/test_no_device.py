"""The real gr-uhd and gr-soapy with no device, and with one that can only be found: one sentence, exit status 2."""

import subprocess
import sys
from typing import Any

import pytest
from fake_usrp2 import FakeUsrp2

from semcom_ota.config import LinkConfig

OPEN = """
import sys
from pathlib import Path
from semcom_blocks.failure import process_of_its_own
from semcom_flowgraphs.radio import open_radio
from semcom_ota.config import LinkConfig
with process_of_its_own():
    open_radio(LinkConfig.model_validate_json(sys.argv[1]), transmit=True, receive=True)
"""


def said_by(device: str, kind: str = "uhd") -> str:
    """The sentence with which a process ends that opens this device."""
    radio: dict[str, Any] = {"kind": kind, "receiver": {"device": device}, "transmitter": {"device": device}}
    phy = "pluto" if kind == "soapy" else "indoor"
    link = LinkConfig.model_validate({"phy": phy, "radio": radio}).model_dump_json()
    ended = subprocess.run([sys.executable, "-c", OPEN, link], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (2, "")
    (sentence,) = ended.stderr.splitlines()
    return sentence


@pytest.mark.parametrize("device", ["type=b200", "", "serial=00000000"])
def test_no_usrp(device: str) -> None:
    sentence = said_by(device)
    assert sentence.startswith(f"no USRP found for '{device}': check" if device else "no USRP found: check")
    assert all(word in sentence for word in ("power", "cable", "uhd_find_devices", "uhd_images_downloader"))


@pytest.mark.parametrize(
    ("rubbish", "words"),
    [
        (b"", ("could not be opened", "timeout waiting for control packet ACK")),
        (b"\xff" * 36, ("has no images, or those of another UHD", "uhd_images_downloader")),
        (b"\0\0\0\x0c" + b"\0" * 32, ("could not be opened",)),
    ],
)
def test_a_usrp_that_can_only_be_found(rubbish: bytes, words: tuple[str, ...]) -> None:
    with FakeUsrp2(address := "127.0.7.2", rubbish) as device:
        sentence = said_by(f"type=usrp2,addr={address}")
        assert device.asked > 0
    assert sentence.startswith(f"USRP 'type=usrp2,addr={address}' ")
    assert all(word in sentence for word in words), sentence


def test_no_twin() -> None:
    assert "semcom twin" in said_by("type=twin,serial=nobody")


@pytest.mark.parametrize(
    ("device", "words"),
    [("driver=plutosdr", "SoapySDRUtil --find"), ("", "SoapySDRUtil --find"), ("driver=null", "0 channels available")],
)
def test_no_soapy_device(device: str, words: str) -> None:
    sentence = said_by(device, "soapy")
    assert f"SoapySDR device '{device}'" in sentence and words in sentence
