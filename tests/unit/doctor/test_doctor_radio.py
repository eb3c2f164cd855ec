"""`semcom doctor` on radios: what UHD, SoapySDR and the kernel say is read right, and each fault has its fix."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.doctor import examination, host, usrp
from semcom_ota.doctor.check import LIVE, SOAPY, USRP, Check, Finished, Probe
from semcom_ota.doctor.usrp import Images, Interface, Search, UsbDevice

GOOD, BAD = Probe(True, "UHD 4.3.0.0+ds1-5"), Probe(False, "No module named 'gnuradio'")
B210 = {"serial": "31F5A2C", "name": "", "product": "B210", "type": "b200"}
N310 = {"serial": "3144A9C", "addr": "192.168.10.2", "claimed": "False", "product": "n310", "type": "n3xx"}
RULE = "-" * 50
FOUND = f"""[INFO] [UHD] linux; GNU C++ version 12.2.0; Boost_107400; UHD_4.3.0.0+ds1-5
{RULE}
-- UHD Device 0
{RULE}
Device Address:
    serial: 31F5A2C
    name:{" "}
    product: B210
    type: b200


{RULE}
-- UHD Device 1
{RULE}
Device Address:
    serial: 3144A9C
    addr: 192.168.10.2
    claimed: False
    product: n310
    type: n3xx


"""
NONE_FOUND = Finished(1, "", "No UHD Devices Found\n")
COMPLAINT = "[INFO] [UHD] linux\n[ERROR] [USB] USB open failed: insufficient permissions.\nNo UHD Devices Found\n"
DRY_RUN = """[INFO] Images destination: /tmp/x
[INFO] Target x3xx_x310_fpga_default is up to date.
[INFO] [Dry Run] Fetch target: b2xx_b210_fpga_default-g8c49730.zip
[INFO] [Dry Run] Fetch target: n3xx_n310_fpga_default-gdd757ac.zip
"""
SOAPY_INFO = """Search path:  /usr/local/lib/SoapySDR/modules0.8 (missing)
Module found: /usr/lib/x86_64-linux-gnu/SoapySDR/modules0.8/libHackRFSupport.so (0.3.3)
Available factories... hackrf, lime, null
Available converters...
 -  CF32 -> [CF32, CS16, CS8, CU16, CU8]
"""
ETHTOOL = """Ring parameters for enp1s0:
Pre-set maximums:
RX:		4096
RX Mini:	n/a
TX:		4096
Current hardware settings:
RX:		512
TX:		512
"""
SOME = Images("/usr/share/uhd/images", 12, ())
ONE = Search((B210,))


@pytest.mark.parametrize(
    "good, bad, words",
    [
        (usrp.check_gr_uhd(GOOD), usrp.check_gr_uhd(BAD), "apt-get install gnuradio"),
        (usrp.check_tools("UHD 4.3.0.0+ds1-5", "UHD 4.3.0.0"), usrp.check_tools(None, None), "uhd-host"),
        (usrp.check_tools("UHD 4.3.0.0", None), usrp.check_tools("UHD 4.6.0.0-0", "UHD 4.3.0.0+ds1-5"), "type -a"),
        (usrp.check_images(SOME, ()), usrp.check_images(Images("", 0, None), ()), "sudo uhd_images_downloader"),
        (usrp.check_images(Images("/i", 0, None), (N310,)), usrp.check_images(Images("/i", 0, None), (B210,)), "b2xx"),
        (
            usrp.check_images(Images("/i", 3, None), (B210,)),
            usrp.check_images(Images("/i", 3, ("b2xx_b210_fpga_default",)), (B210,)),
            "downloader",
        ),
        (usrp.check_devices(ONE, []), usrp.check_devices(None, []), "uhd-host"),
        (usrp.check_devices(ONE, []), usrp.check_devices(Search(), []), "connect it"),
        (usrp.check_devices(ONE, []), usrp.check_devices(Search(timed_out=True), []), "uhd_find_devices"),
        (
            usrp.check_usb(UsbDevice("B210", 5000, "/dev/bus/usb/002/003", True)),
            usrp.check_usb(UsbDevice("B210", 480, "/dev/bus/usb/002/003", True)),
            "USB 3 port",
        ),
        (
            usrp.check_usb(UsbDevice("B205mini", None, "/dev/bus/usb/002/003", True)),
            usrp.check_usb(UsbDevice("B205mini", 5000, "/dev/bus/usb/002/003", False)),
            "udevadm",
        ),
        (
            usrp.check_interface(Interface("eth1", 9000, 10_000, None)),
            usrp.check_interface(Interface("eth1", 1500, 10_000, None)),
            "ip link set dev eth1 mtu 9000",
        ),
        (
            usrp.check_interface(Interface("eth1", 9000, 10_000, (4096, 8192))),
            usrp.check_interface(Interface("eth1", 9000, 10_000, (512, 4096))),
            "ethtool -G eth1 rx 4096",
        ),
        (host.check_cores(host.Cores(8, 1.0)), host.check_cores(host.Cores(1, 0.0)), "two cores"),
        (host.check_cores(host.Cores(2, 0.2)), host.check_cores(host.Cores(4, 3.9)), "ps -eo"),
        (host.check_governor({"performance"}), host.check_governor({"performance", "powersave"}), "cpupower"),
        (host.check_governor(set()), host.check_governor({"schedutil"}), "cpupower"),
        (host.check_real_time(GOOD, False, False), host.check_real_time(BAD, True, True), "log out"),
        (host.check_real_time(GOOD, False, False), host.check_real_time(BAD, True, False), "usermod"),
        (host.check_real_time(GOOD, True, True), host.check_real_time(BAD, False, True), "limits.d/usrp.conf"),
        (host.check_socket_buffers(2**26, 2**26), host.check_socket_buffers(2**26, 212992), "sudo sysctl --load"),
        (host.check_socket_buffers(2**26, 2**26), host.check_socket_buffers(None, 2**26), "Linux"),
        (host.check_clock(True), host.check_clock(False), "chrony"),
        (host.check_clock(None), host.check_clock(False), "chrony"),
        (host.check_clock_source("tsc"), host.check_clock_source("hpet"), "tsc"),
        (host.check_clock_source("kvm-clock"), host.check_clock_source("acpi_pm"), "tsc"),
        (host.check_gr_soapy(GOOD), host.check_gr_soapy(BAD), "gnuradio"),
        (host.check_soapy_drivers(("lime",)), host.check_soapy_drivers(None), "soapysdr-tools"),
        (host.check_soapy_drivers(("lime",)), host.check_soapy_drivers(()), "soapysdr-module"),
    ],
)
def test_each_check_tells_good_from_bad_and_names_a_fix(good: Check, bad: Check, words: str) -> None:
    assert good.ok and not good.fix
    assert not bad.ok and words in bad.fix
    assert good.name == bad.name and good.group == bad.group in {USRP, LIVE, SOAPY}
    assert not bad.needed


def test_what_uhd_finds_is_read() -> None:
    found = usrp.search(Finished(0, FOUND, ""))
    assert found.devices == (B210, N310)
    assert usrp.check_devices(found, []).detail == "B210 31F5A2C; n310 3144A9C at 192.168.10.2"
    taken = usrp.check_devices(Search((N310 | {"claimed": "True"},)), [])
    assert taken.ok and "in use" in taken.detail


def test_uhd_that_finds_nothing_is_quoted_if_something_is_on_usb() -> None:
    assert usrp.search(NONE_FOUND) == Search()
    found = usrp.search(Finished(1, "", COMPLAINT))
    assert not found.devices
    seen = usrp.check_devices(found, [UsbDevice("B210", 5000, "/dev/bus/usb/002/003", False)])
    assert not seen.ok
    assert "a B210 is on USB" in seen.detail and "insufficient permissions" in seen.detail


@given(st.text(max_size=400), st.text(max_size=100))
def test_whatever_programs_print_is_read_without_a_fall(out: str, err: str) -> None:
    done = Finished(0, f"-- UHD Device 0\n{out}", err)
    assert usrp.check_devices(usrp.search(done), []).name == "USRPs"
    usrp.outdated_targets(done, ["b2xx"])
    usrp.ring(out)
    host.soapy_drivers(done)
    usrp.check_tools(out, err)


def test_images_of_another_version_are_those_that_the_downloader_would_fetch_again() -> None:
    inventory = ["x3xx_x310_fpga_default", "b2xx_b210_fpga_default"]
    assert usrp.outdated_targets(Finished(0, "", DRY_RUN), inventory) == ("b2xx_b210_fpga_default",)
    assert usrp.outdated_targets(Finished(0, "", "[ERROR] Missing module 'requests'!"), inventory) is None
    assert usrp.outdated_targets(None, inventory) is None


def test_the_ring_of_a_card_is_read() -> None:
    assert usrp.ring(ETHTOOL) == (512, 4096)
    assert usrp.ring("netlink error: Operation not supported") is None


def test_soapys_drivers_are_read() -> None:
    assert host.soapy_drivers(Finished(0, SOAPY_INFO, "")) == ("hackrf", "lime")
    assert host.soapy_drivers(Finished(0, "Available factories... No factories found!\n", "")) == ()


def test_usrps_are_told_from_other_usb_devices(tmp_path: Path) -> None:
    b210 = {"idVendor": "2500", "idProduct": "0020", "speed": "5000", "serial": "31F5A2C"}
    for name, files in {
        "usb1": {"idVendor": "1d6b", "idProduct": "0002", "speed": "480"},
        "2-1": b210 | {"busnum": "998", "devnum": "7"},
        "2-1:1.0": {"bInterfaceNumber": "00"},
        "3-1": {"idVendor": "2500", "idProduct": "zzzz"},
    }.items():
        (tmp_path / name).mkdir()
        for file, said in files.items():
            (tmp_path / name / file).write_text(said + "\n")
    [device] = examination.usb_devices(tmp_path)
    assert device == UsbDevice("B200/B210 31F5A2C", 5000, "/dev/bus/usb/998/007", False)
    assert examination.usb_devices(tmp_path / "not there") == []


def test_limits_and_governors_are_read_from_their_files(tmp_path: Path) -> None:
    (tmp_path / "audio.conf").write_text("@audio - rtprio 95\n# @usrp - rtprio 99\n")
    assert not examination.grants_real_time(tmp_path)
    (tmp_path / "uhd.conf").write_text("@usrp            -       rtprio          99\n")
    assert examination.grants_real_time(tmp_path)
    (tmp_path / "cpu0" / "cpufreq").mkdir(parents=True)
    (tmp_path / "cpu0" / "cpufreq" / "scaling_governor").write_text("powersave\n")
    (tmp_path / "cpu1").mkdir()
    assert examination.governors(tmp_path) == {"powersave"}
    assert examination.clock_is_set() in {True, False, None}
