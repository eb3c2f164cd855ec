"""What UHD says when it fails, in one sentence that tells a user what to do.

The texts were read in UHD 4.3's library, or seen. UHD's exceptions arrive in Python as RuntimeError, with the name of
the real one in the text: `RuntimeError: link dead: timeout waiting for control packet ACK`.
"""

import re

_MAX_QUOTE = 160
_NAMES = re.compile(r"^(?:\w+Error:\s*)+")  # "LookupError: KeyError: "
_TAKEN = re.compile(
    r"claim this device again|failed to claim|claim_interface|already (?:claimed|in use)|LIBUSB_ERROR_BUSY|"
    r"locked by|another process",
    re.IGNORECASE,
)
_IMAGES = re.compile(
    r"path for image|images_downloader|firmware and FPGA images|update the (?:firmware|FPGA)|compatib\w+ number|"
    r"FPGA image|FPGA compat|not compatible with the host",
    re.IGNORECASE,
)
_PERMISSION = re.compile(r"insufficient permission|LIBUSB_ERROR_ACCESS|permission denied", re.IGNORECASE)
_NO_CHANNEL = re.compile(r"IndexError|channel .*out of range|invalid channel|no such channel", re.IGNORECASE)


def device_words(address: str) -> str:
    """The device in a sentence, by the address that it was looked for with."""
    return f"USRP '{address}'" if address else "the USRP"


def why_not_opened(text: str, address: str, channel: int = 0) -> str:
    """Why a device could not be opened or set up.

    Args:
        text: what UHD's exception says, many lines perhaps.
        address: the device address that was looked for; '' is any device.
        channel: that was asked for.

    Returns:
        One sentence.
    """
    device = device_words(address)
    if "No devices found" in text and "CHANGE_ME" in address:
        return (
            f"no USRP found for '{address}': write your own device's serial number into the link file, or give it with"
            " --device serial=...; uhd_find_devices lists it"
        )
    if "No devices found" in text and "type=twin" in address:
        return (
            f"no twin found for '{address}': start its lab in another terminal (semcom twin), and use an address that"
            " it prints"
        )
    if "No devices found" in text:
        which = f" for '{address}'" if address else ""
        return (
            f"no USRP found{which}: check its power and its cable, that no other program holds it, and what"
            " uhd_find_devices lists; a USB device also needs its images (uhd_images_downloader)"
        )
    if _TAKEN.search(text):
        return f"{device} is taken by another program: end that one, or wait a few seconds if it was killed"
    if _PERMISSION.search(text):
        return (
            f"{device} may not be opened by this user: install UHD's udev rules (package uhd-host) and plug it in anew"
        )
    if _IMAGES.search(text):
        return (
            f"{device} has no images, or those of another UHD: run uhd_images_downloader, for a network device"
            f" uhd_image_loader after it, and switch it off and on (UHD: {last_words(text)})"
        )
    if _NO_CHANNEL.search(text):
        return f"{device} has no channel {channel}, or no such subdevice: change radio's channel or subdev"
    return (
        f"{device} was found and could not be opened or set up: check its cable, switch it off and on"
        f" (UHD: {last_words(text)})"
    )


def why_gone(text: str, device: str) -> str:
    """The sentence for a device that stops while it is in use; `text` is what UHD says, or we."""
    return f"{device} has stopped answering: check its power and its cable, and start again ({last_words(text)})"


def last_words(text: str) -> str:
    """The first line of UHD's text that says something, without the names of exceptions, shortened."""
    lines = [_NAMES.sub("", line.strip()) for line in text.splitlines()]
    words = next((line for line in lines if line), "nothing")
    return words if len(words) <= _MAX_QUOTE else words[: _MAX_QUOTE - 1] + "…"
