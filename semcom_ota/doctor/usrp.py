"""What a USRP needs: gr-uhd and UHD's tools of one version, its FPGA images, a device, and the way to it."""

import re
import shlex
from dataclasses import dataclass

from semcom_ota.doctor.check import USRP, Check, Finished, Probe

GR_UHD_PROBE = "from gnuradio import uhd; print('UHD', uhd.get_version_string())"
FIND_LIMIT_S = 8.0
"""UHD asks all networks and, the first time, loads firmware into what is on USB: that takes some seconds."""

USB_PRODUCTS = {
    (0x2500, 0x0002): "B100",
    (0x2500, 0x0020): "B200/B210",
    (0x2500, 0x0021): "B200mini",
    (0x2500, 0x0022): "B205mini",
    (0x3923, 0x7813): "B200 (NI)",
    (0x3923, 0x7814): "B210 (NI)",
    (0xFFFE, 0x0002): "USRP1",
}
"""Vendor and product on USB of every USRP that has one, from UHD's udev rules."""
SUPER_SPEED_MBPS = 5000
JUMBO_MTU = 8000
"""Bytes of a packet. UHD asks for an MTU of 9000 on 10 Gbit/s, and its largest frames have 8000."""
TEN_GIGABIT_MBPS = 10_000
RING_PACKETS = 4096

UDEV_RULES = (
    r"""printf 'SUBSYSTEMS=="usb", ATTRS{idVendor}=="%s", MODE:="0666"\n' 2500 3923"""
    " | sudo tee /etc/udev/rules.d/61-usrp.rules"
    " && sudo udevadm control --reload-rules && sudo udevadm trigger  # then plug it in anew"
)
"""Debian's own rules (60-uhd-host.rules of uhd-host 4.3) lack the B205mini."""


@dataclass(frozen=True, slots=True)
class Images:
    """Firmware and FPGA images that UHD loads into a device. Which ones UHD wants, its own downloader knows."""

    folder: str  # where UHD looks; '' if there is none
    files: int
    outdated: tuple[str, ...] | None  # downloads that another version of UHD made; None: cannot be told


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """A USRP on USB, as the kernel has it."""

    product: str
    speed_mbps: int | None
    node: str
    may_use: bool  # whether this user may read and write the node


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface with a USRP behind it."""

    name: str
    mtu: int
    speed_mbps: int | None
    ring: tuple[int, int] | None  # packets that the card holds for the kernel: now, at most


@dataclass(frozen=True, slots=True)
class Search:
    """What `uhd_find_devices` said."""

    devices: tuple[dict[str, str], ...] = ()
    complaint: str = ""  # the first warning or error of UHD's
    timed_out: bool = False


def search(done: Finished) -> Search:
    """Read what `uhd_find_devices` printed: a list of `key: value` for each device, and what was logged."""
    devices: list[dict[str, str]] = []
    for line in done.out.splitlines():
        if line.startswith("-- UHD Device "):
            devices.append({})
        elif devices and (pair := re.fullmatch(r"\s+(\w+): (.*)", line)):
            devices[-1].setdefault(pair[1], pair[2].strip())
    logged = re.search(r"^\[(?:WARNING|ERROR|FATAL)\] (.*)$", f"{done.out}\n{done.err}", re.MULTILINE)
    return Search(tuple(device for device in devices if device), logged[1] if logged else "", done.timed_out)


def outdated_targets(dry_run: Finished | None, inventory: list[str]) -> tuple[str, ...] | None:
    """Which of the downloads in an images folder's inventory UHD's downloader would fetch again.

    Args:
        dry_run: `uhd_images_downloader --dry-run` with that inventory.
        inventory: names of the downloads.

    Returns:
        Their names; None if the downloader did not say.
    """
    if dry_run is None or not dry_run.ok:
        return None
    said = f"{dry_run.out}\n{dry_run.err}"
    if "Dry Run" not in said and "up to date" not in said:
        return None
    fetched = re.findall(r"Fetch target: (\S+)", said)
    return tuple(name for name in inventory if any(file.startswith(f"{name}-") for file in fetched))


def check_gr_uhd(loading: Probe) -> Check:
    """GNU Radio's blocks for a USRP."""
    return Check("gr-uhd", loading.ok, loading.said, "" if loading.ok else "sudo apt-get install gnuradio", USRP)


def check_tools(tools: str | None, library: str | None) -> Check:
    """UHD's programs, of the same version as the library that GNU Radio loads.

    Args:
        tools: what `uhd_config_info --version` says, such as `UHD 4.3.0.0+ds1-5`; None if it is not there.
        library: what gr-uhd says; None if it does not load.
    """
    name = "UHD tools"
    if tools is None:
        return Check(name, False, "uhd_find_devices is not there", "sudo apt-get install uhd-host", USRP)
    if library is not None and _numbers(tools) != _numbers(library):
        detail = f"they are of {tools}, and gr-uhd loads {library}: there are two UHDs here"
        fix = "type -a uhd_config_info; ldconfig -p | grep libuhd  # and remove one of the two"
        return Check(name, False, detail, fix, USRP)
    return Check(name, True, tools, group=USRP)


def check_images(images: Images, devices: tuple[dict[str, str], ...]) -> Check:
    """Firmware and FPGA images. A B200 gets them at every start; an N310 or X310 keeps its own."""
    name = "FPGA images"
    fetch = "sudo uhd_images_downloader"
    if images.folder:  # sudo forgets UHD_IMAGES_DIR
        fetch += f" --install-location {shlex.quote(images.folder)}"
    if images.files and images.outdated:
        detail = f"{', '.join(images.outdated)} in {images.folder}: of another version of UHD"
        return Check(name, False, detail, fetch, USRP)
    if images.files:
        of_this = "" if images.outdated is None else ", of this UHD's version"
        return Check(name, True, f"{images.files} files in {images.folder}{of_this}", group=USRP)
    if devices and all(device.get("type") not in {"b200", "b100", "usrp1", "usrp2"} for device in devices):
        return Check(name, True, "none here, and what UHD finds keeps its own", group=USRP)
    where = f"no file in {images.folder}" if images.folder else "UHD knows no folder with images"
    detail = f"{where}: opening a B200 or B210 would fail, 'Could not find path for image: usrp_b200_fw.hex'"
    return Check(name, False, detail, f"{fetch}  # or only: --types b2xx", USRP)


def check_devices(found: Search | None, usb: list[UsbDevice]) -> Check:
    """What UHD finds, on USB and on all networks."""
    name = "USRPs"
    if found is None:
        return Check(name, False, "uhd_find_devices is not there", "sudo apt-get install uhd-host", USRP)
    if found.devices:
        return Check(name, True, "; ".join(map(_described, found.devices)), group=USRP)
    if found.timed_out:
        return Check(name, False, f"UHD did not answer within {FIND_LIMIT_S:g} s", "uhd_find_devices", USRP)
    if usb:
        why = f", and says: {found.complaint}" if found.complaint else ""
        detail = f"a {usb[0].product} is on USB, but UHD does not find it{why}"
        return Check(name, False, detail, "mend what is said of images and of USB here, then uhd_find_devices", USRP)
    fix = "connect it and switch it on; on a network: ping 192.168.10.2 && uhd_find_devices --args addr=192.168.10.2"
    return Check(name, False, "UHD finds none", fix, USRP)


def check_usb(device: UsbDevice) -> Check:
    """Rights and speed of a USRP on USB."""
    name = f"USB, {device.product}"
    if not device.may_use:
        return Check(name, False, f"this user may not open {device.node}", UDEV_RULES, USRP)
    if device.speed_mbps is not None and device.speed_mbps < SUPER_SPEED_MBPS:
        detail = f"runs at {device.speed_mbps} Mbit/s, which is USB 2: 8 MS/s at most, one way"
        return Check(name, False, detail, "plug it straight into a USB 3 port (blue), with its own short cable", USRP)
    return Check(name, True, f"USB 3, {device.node}", group=USRP)


def check_interface(interface: Interface) -> Check:
    """The network card between host and USRP."""
    name = f"network, {interface.name}"
    speed = interface.speed_mbps or 0
    detail = f"MTU {interface.mtu}" + (f", {speed / 1000:g} Gbit/s" if speed > 0 else "")
    if speed < TEN_GIGABIT_MBPS:
        return Check(name, True, detail, group=USRP)
    if interface.mtu < JUMBO_MTU:
        fix = f"sudo ip link set dev {interface.name} mtu 9000"
        return Check(name, False, f"{detail}: a USRP at 10 Gbit/s wants packets of 9000 bytes", fix, USRP)
    if interface.ring is not None and interface.ring[0] < min(RING_PACKETS, interface.ring[1]):
        most = min(RING_PACKETS, interface.ring[1])
        detail += f", the card holds {interface.ring[0]} of {interface.ring[1]} packets"
        return Check(name, False, detail, f"sudo ethtool -G {interface.name} rx {most} tx {most}", USRP)
    return Check(name, True, detail, group=USRP)


def ring(said: str) -> tuple[int, int] | None:
    """Receive packets that a card holds, now and at most, from what `ethtool -g` printed."""
    counts = [int(count) for count in re.findall(r"^RX:\s+(\d{1,9})\s*$", said, re.MULTILINE)]
    return (counts[1], counts[0]) if len(counts) == 2 else None


def _described(device: dict[str, str]) -> str:
    what = device.get("product") or device.get("type", "USRP")
    where = f" at {device['addr']}" if "addr" in device else ""
    taken = ", in use by another process" if device.get("claimed", "").lower() == "true" else ""
    return f"{what} {device.get('serial', '')}".strip() + where + taken


def _numbers(version: str) -> str:
    found = re.search(r"\d+(?:\.\d+)+", version)
    return found[0] if found else version
