"""semcom_ota/radio/uhd_errors.py: what UHD was seen to say, or says in its source, becomes one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.radio.uhd_errors import last_words, why_gone, why_not_opened

SAID = [
    ("LookupError: KeyError: No devices found for ----->\nDevice Address:\n    type: b200\n", "no USRP found for 'A'"),
    (
        "RuntimeError: Error during RPC call to `claim'. Error message: Someone tried to claim this device again",
        "taken",
    ),
    ("RuntimeError: Failed to claim device", "taken"),
    ("AssertionError: libusb_claim_interface(this->get(), interface) == 0\n  in claim_interface", "taken"),
    ("EnvironmentError: IOError: USB open failed: insufficient permissions.\nSee the application notes", "udev"),
    ("RuntimeError: Could not find path for image: usrp_b200_fw.hex\n\nUsing images directory: x", "images_downloader"),
    (
        "RuntimeError: \nPlease update the firmware and FPGA images for your device.\nExpected protocol compatibility"
        " number [7 to 12], but got 4294967295:\n",
        "(UHD: Please update the firmware and FPGA images for your device.)",
    ),
    ("LookupError: IndexError: multi_usrp::get_rx_rate", "no channel 3"),
    ("RuntimeError: link dead: timeout waiting for control packet ACK", "(UHD: link dead: timeout waiting for control"),
    (
        "AssertionError: in_data.bytes == num_bytes\n  in read_i2c\n  at ./host/lib/x.cpp:255\n",
        "(UHD: in_data.bytes ==",
    ),
]


@pytest.mark.parametrize(("text", "words"), SAID)
def test_what_uhd_says(text: str, words: str) -> None:
    sentence = why_not_opened(text, "A", 3)
    assert words in sentence and "'A'" in sentence


def test_no_device_is_said_of_a_twin_and_of_a_link_that_nobody_has_edited_in_their_own_words() -> None:
    text = "LookupError: KeyError: No devices found for ----->"
    assert "semcom twin" in why_not_opened(text, "type=twin,serial=Z")
    assert "--device" in why_not_opened(text, "serial=CHANGE_ME_1")
    assert "semcom twin" not in why_not_opened(text, "type=b200")


@pytest.mark.parametrize("address", ["", "serial=1"])
@given(text=st.text(max_size=2000))
def test_any_text_becomes_one_sentence(address: str, text: str) -> None:
    for sentence in (why_not_opened(text, address), why_gone(text, "B210 1")):
        assert len(sentence.splitlines()) == 1 and 40 < len(sentence) < 500


def test_the_names_of_exceptions_are_left_out() -> None:
    assert last_words("EnvironmentError: IOError: usb rx6 transfer status: 5") == "usb rx6 transfer status: 5"
    assert last_words("RuntimeError:\n\n  Please update:\nmore") == "Please update:"
    assert last_words(" \n") == "nothing"
    assert len(last_words("x" * 1000)) == 160
