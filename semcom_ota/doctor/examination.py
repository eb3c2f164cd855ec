"""Gathers the facts and puts every check to them. What takes time runs side by side; nothing here raises."""

import grp
import json
import os
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

from semcom_ota.doctor import host, software, usrp
from semcom_ota.doctor.check import PROBE_TIMEOUT_S, Check, Finished, Probe, number, probe, read, run

TOOL_LIMIT_S = 5.0
LIBRARY_LIMIT_S = 20.0
"""For gr-uhd and gr-soapy, which load in a tenth of a second once they were loaded before."""
TWIN_PROBE = """
from semcom_ota.twin import client
devices = [f"{device['product']} {device['serial']}" for device in client.find("type=twin")]
print(", ".join(devices) or "none run; 'semcom twin' in another terminal starts them")
"""
CPUS = Path("/sys/devices/system/cpu")
USB = Path("/sys/bus/usb/devices")
NETWORK = Path("/sys/class/net")
CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
LIMITS = Path("/etc/security/limits.d")


def examine() -> list[Check]:
    """Look at this machine: every check once, in the order in which problems are best mended. Takes some seconds."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        inference = pool.submit(run, [sys.executable, "-c", software.INFERENCE_PROGRAM], PROBE_TIMEOUT_S)
        gnuradio = pool.submit(probe, software.GNURADIO_PROBE)
        zmq = pool.submit(probe, software.ZMQ_PROBE)
        gr_uhd = pool.submit(probe, usrp.GR_UHD_PROBE, LIBRARY_LIMIT_S)
        gr_soapy = pool.submit(probe, host.GR_SOAPY_PROBE, LIBRARY_LIMIT_S)
        found = pool.submit(run, ["uhd_find_devices"], usrp.FIND_LIMIT_S)
        version = pool.submit(run, ["uhd_config_info", "--version"], TOOL_LIMIT_S)
        images = pool.submit(_images)
        soapy = pool.submit(run, ["SoapySDRUtil", "--info"], TOOL_LIMIT_S)
        real_time = pool.submit(probe, host.REAL_TIME_PROBE, TOOL_LIMIT_S)
        twin = pool.submit(probe, TWIN_PROBE, TOOL_LIMIT_S)
    here = Path.cwd()
    torch, checkpoint = software.inference(inference.result())
    library = gr_uhd.result().said if gr_uhd.result().ok else None
    searched = usrp.search(done) if (done := found.result()) is not None else None
    devices = searched.devices if searched is not None else ()
    usb = usb_devices(USB)
    return [
        software.check_python(sys.version_info[:2]),
        software.check_numpy(software.version("numpy")),
        software.check_probe("GNU Radio", gnuradio.result(), f"sudo apt-get install gnuradio, then {software.SET_UP}"),
        software.check_probe("torch", torch, software.SET_UP),
        software.check_checkpoint(software.CHECKPOINT, checkpoint),
        software.check_probe("zmq", zmq.result(), software.SET_UP),
        software.check_numba_cache(software.numba_folders()),
        software.check_disk(here, shutil.disk_usage(here).free),
        check_twin(twin.result()),
        software.check_device(torch, shutil.which("nvidia-smi") is not None),
        software.check_grc(
            software.grc_folder(), os.environ.get("GRC_BLOCKS_PATH", ""), shutil.which("grcc") is not None
        ),
        usrp.check_gr_uhd(gr_uhd.result()),
        usrp.check_tools(_first_line(version.result()), library),
        usrp.check_images(images.result(), devices),
        *(usrp.check_usb(device) for device in usb),
        usrp.check_devices(searched, usb),
        *(usrp.check_interface(interface) for interface in _interfaces(devices)),
        host.check_gr_soapy(gr_soapy.result()),
        host.check_soapy_drivers(host.soapy_drivers(done) if (done := soapy.result()) is not None else None),
        host.check_cores(host.Cores(len(os.sched_getaffinity(0)), os.getloadavg()[0])),
        host.check_governor(governors(CPUS)),
        host.check_real_time(real_time.result(), grants_real_time(LIMITS), _in_group("usrp")),
        host.check_socket_buffers(_kernel_number("rmem_max"), _kernel_number("wmem_max")),
        host.check_clock(clock_is_set()),
        host.check_clock_source(read(CLOCK_SOURCE)),
    ]


def check_twin(found: Probe) -> Check:
    """Software devices, if somebody has started them."""
    return Check("twin devices", True, found.said if found.ok else f"not told: {found.said}")


def usb_devices(folder: Path) -> list[usrp.UsbDevice]:
    """The USRPs among the USB devices, from /sys/bus/usb/devices."""
    found = []
    for device in sorted(folder.glob("*")):
        try:
            ids = int(read(device / "idVendor") or "", 16), int(read(device / "idProduct") or "", 16)
        except ValueError:  # an interface of a device, not a device
            continue
        if ids in usrp.USB_PRODUCTS:
            bus, place = number(device / "busnum") or 0, number(device / "devnum") or 0
            node = f"/dev/bus/usb/{bus:03d}/{place:03d}"
            name = f"{usrp.USB_PRODUCTS[ids]} {read(device / 'serial') or ''}".strip()
            may_use = os.access(node, os.R_OK | os.W_OK)
            found.append(usrp.UsbDevice(name, number(device / "speed"), node, may_use))
    return found


def governors(cpus: Path) -> set[str]:
    """How the cores' clocks are governed; nothing in a virtual machine that has no say in it."""
    return {said for file in cpus.glob("cpu[0-9]*/cpufreq/scaling_governor") if (said := read(file))}


def grants_real_time(folder: Path) -> bool:
    """Whether a file there lets the group usrp have real-time priority."""
    return any(re.search(r"^@usrp\s+\S+\s+rtprio\s", read(file) or "", re.MULTILINE) for file in folder.glob("*.conf"))


def clock_is_set() -> bool | None:
    """Whether a time server sets the clock, from adjtimex(2), as `timedatectl` has it. None: cannot be told."""
    import ctypes

    timex = (ctypes.c_long * 64)()  # struct timex and more; all zero asks and sets nothing
    try:
        state = int(ctypes.CDLL(None).adjtimex(timex))
    except (OSError, AttributeError):  # no such call in this C library
        return None
    return None if state < 0 else state != _TIME_ERROR


_TIME_ERROR = 5


def _images() -> usrp.Images:
    """Where UHD looks for images, and what is there."""
    told = run(["uhd_config_info", "--images-dir"], TOOL_LIMIT_S)
    folder = (_first_line(told) or "").removeprefix("Images directory:").strip()
    if not folder or not Path(folder).is_dir():
        return usrp.Images(folder, 0, None)
    files = [file for file in Path(folder).iterdir() if file.is_file() and file.suffix in {".bin", ".bit", ".hex"}]
    inventory = Path(folder, "inventory.json")
    try:
        names = list(json.loads(read(inventory) or ""))
    except (ValueError, TypeError):
        return usrp.Images(folder, len(files), None)
    with tempfile.TemporaryDirectory() as writable:  # the downloader wants one even when it downloads nothing
        asked = ["uhd_images_downloader", "--dry-run", "-i", writable, "-I", str(inventory)]
        return usrp.Images(folder, len(files), usrp.outdated_targets(run(asked, TOOL_LIMIT_S), names))


def _interfaces(devices: tuple[dict[str, str], ...]) -> list[usrp.Interface]:
    """The network interfaces on the way to these devices."""
    names = []
    for device in devices:
        try:
            address = str(ip_address(device.get("addr", "")))
        except ValueError:
            continue
        route = run(["ip", "-o", "route", "get", address], TOOL_LIMIT_S)
        if route is not None and (way := re.search(r"\bdev (\S+)", route.out)):
            names.append(way[1])
    found = []
    for name in dict.fromkeys(names):
        card = run(["ethtool", "-g", name], TOOL_LIMIT_S)
        ring = usrp.ring(card.out) if card is not None else None
        mtu, speed = number(NETWORK / name / "mtu"), number(NETWORK / name / "speed")
        found.append(usrp.Interface(name, mtu or 0, speed, ring))
    return found


def _first_line(done: Finished | None) -> str | None:
    return (done.out.strip().splitlines() or [""])[0] if done is not None else None


def _in_group(name: str) -> bool:
    try:
        return grp.getgrnam(name).gr_gid in os.getgroups()
    except KeyError:
        return False


def _kernel_number(name: str) -> int | None:
    return number(Path("/proc/sys/net/core", name))
