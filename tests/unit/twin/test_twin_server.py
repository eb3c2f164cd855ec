"""A lab with sockets, and hosts that open its devices. Waits are generous: only what is wrong takes long."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from semcom_ota.config import ConfigError
from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.client import TwinError, find, open_device
from semcom_ota.twin.client_control import Control
from semcom_ota.twin.lab_config import LabConfig
from semcom_ota.twin.lab_log import LabLog
from semcom_ota.twin.server import LabServer

RATE = 1e6
DEVICE = {"oscillator_ppm": 1.0, "transient_dbfs": None}
PATHS = [{"from": "A", "to": "B", "loss_db": 60}]


@pytest.fixture
def serve(tmp_path):
    """Starts labs: `serve(faults=[...], a={...}, b={...})` gives the address's `lab=`, and the log's rows."""
    servers = []

    def start(a=None, b=None, folder="lab", **lab):
        devices = {"A": DEVICE | (a or {}), "B": DEVICE | (b or {}), "DEAD": {"opens": False}}
        log = LabLog()
        log.rows = []
        config = LabConfig.model_validate({"devices": devices, "paths": PATHS} | lab)
        servers.append(LabServer(config, tmp_path / folder, log))
        return f"lab={tmp_path / folder}", log.rows

    yield start
    for server in servers:
        server.__exit__(None, None, None)


@pytest.fixture
def opened():
    """Opens devices, and closes them behind the test."""
    devices = []

    def opening(address):
        devices.append(open_device(address))
        return devices[-1]

    yield opening
    for device in devices:
        device.close()


def tuned(device):
    for direction in ("rx", "tx"):
        device.call(f"set_{direction}_rate", RATE)
        device.call(f"set_{direction}_freq", 2.4e9)
        device.call(f"set_{direction}_gain", 60.0)
    return device


def until(true, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_burst_goes_from_one_device_to_the_other(serve, opened):
    lab, rows = serve(b={"buffer_ms": 5000})  # this test sends before it reads
    a, b = (tuned(opened(f"type=twin,serial={serial},{lab}")) for serial in "AB")
    b.start_rx()
    first = b.recv(1000, 10.0)
    assert (first.error, first.samples.size, first.samples.dtype) == ("none", 1000, np.complex64)
    more = b.recv(10**9, 10.0, one_packet=True)
    assert (more.error, more.time.since(first.time)) == ("none", pytest.approx(1000 / RATE, abs=1e-8))
    at = a.call("get_time_now").after(0.3)
    samples = np.full(30_000, 0.5, np.complex64)
    assert a.send(samples, start=True, end=True, at=at, timeout=10.0) == 30_000
    event = a.recv_async_msg(30.0)
    assert event.codes == {"burst_ack"}
    assert event.time.since(at) == pytest.approx(0.03, abs=1e-8)
    levels, expected = [], more.time.after(more.samples.size / RATE)
    while len(levels) < 400:
        packet = b.recv(2000, 10.0)
        assert packet.error == "none"
        assert packet.time.since(expected) == pytest.approx(0, abs=1e-8)  # no gap
        expected = packet.time.after(packet.samples.size / RATE)
        levels.append(np.mean(np.abs(packet.samples) ** 2))
    assert 14 <= np.sum(np.array(levels) > 0.05) <= 17  # of 2000 samples each
    b.stop_rx()
    until(lambda: b.recv(100_000, 0.05).error == "timeout")
    b.start_rx()
    assert b.recv(100, 10.0).time.since(expected) > 0
    assert not [row for row in rows if row["kind"] in ("overflow", "lab_too_slow")]


def test_discovery_tells_who_is_there(serve):
    lab, _ = serve()
    assert [one["serial"] for one in find(f"type=twin,{lab}")] == ["A", "B", "DEAD"]
    assert find(f"type=twin,serial=B,{lab}") == [{"type": "twin", "serial": "B", "product": "B210", "name": "twin-B"}]
    assert find(f"type=b200,{lab}") == find(f"serial=Z,{lab}") == find("lab=/nowhere/at/all") == []


@pytest.mark.parametrize(("serial", "words"), [("Z", "No devices found"), ("DEAD", "timed out waiting for ACK")])
def test_what_cannot_be_opened_says_so_as_uhd_does(serve, serial, words):
    lab, _ = serve()
    with pytest.raises(TwinError, match=words):
        open_device(f"type=twin,serial={serial},{lab}")


OTHER = """
import sys
from semcom_ota.twin.client import TwinError, open_device
try:
    open_device(sys.argv[1])
except TwinError as error:
    print(error)
"""


def test_a_second_process_finds_it_taken_and_the_same_one_shares_it(serve, opened):
    lab, rows = serve()
    address = f"type=twin,serial=A,{lab}"
    first, second = opened(address), opened(address)
    assert first is second
    other = subprocess.run([sys.executable, "-c", OTHER, address], capture_output=True, text=True, timeout=60)
    assert "libusb_claim_interface" in other.stdout
    first.close()
    assert second.call("get_rx_rate") == RATE  # still open
    second.close()
    until(lambda: any(row["kind"] == "closed" for row in rows))
    opened(address)


def test_a_host_that_is_killed_lets_go(serve, opened):
    lab, rows = serve()
    program = "import sys, time\nfrom semcom_ota.twin.client import open_device\nopen_device(sys.argv[1])\nprint()\n"
    program += "sys.stdout.flush()\ntime.sleep(60)"
    host = subprocess.Popen([sys.executable, "-c", program, f"serial=A,{lab}"], stdout=subprocess.PIPE)
    assert host.stdout.readline()
    host.kill()
    host.wait()
    host.stdout.close()
    until(lambda: any(row["kind"] == "closed" for row in rows))
    opened(f"serial=A,{lab}")


def test_who_does_not_read_is_told_what_was_lost(serve, opened):
    lab, rows = serve(b={"buffer_ms": 20})
    b = tuned(opened(f"serial=B,{lab}"))
    b.start_rx()
    until(lambda: any(usrp["kind"] == "rx_started" for usrp in rows))
    time.sleep(0.7)  # asleep
    expected, seen, lost = None, 0, 0
    while not lost:
        packet = b.recv(5000, 10.0)
        assert packet.error != "timeout"
        if packet.error == "overflow":
            seen += 1
            assert packet.samples.size == 0
            continue
        if expected is not None and packet.time.since(expected) > 0.5 / RATE:
            lost = round(packet.time.since(expected) * RATE)
        expected = packet.time.after(packet.samples.size / RATE)
    assert seen == 1
    until(lambda: any(row["kind"] == "overflow" for row in rows))
    (row,) = (row for row in rows if row["kind"] == "overflow")
    assert (row["lost_samples"], row["cause"]) == (lost, "host")


def test_a_device_that_is_unplugged_is_an_error_everywhere(serve, opened):
    lab, _ = serve(faults=[{"kind": "vanish", "device": "A", "after_s": 0.3, "back_after_s": 0.2}])
    a = tuned(opened(f"serial=A,{lab}"))
    a.start_rx()
    failed = []

    def listen():
        try:
            while True:
                a.recv_async_msg(1.0)
        except TwinError as error:
            failed.append(error)

    listener = threading.Thread(target=listen)
    listener.start()
    with pytest.raises(TwinError, match="NO_DEVICE"):
        while a.recv(5000, 10.0).error != "timeout":
            pass
    with pytest.raises(TwinError):
        a.call("get_time_now")
    with pytest.raises(TwinError):
        for _ in range(100):
            a.send(np.zeros(1000, np.complex64), start=True, end=True, timeout=1.0)
    listener.join(30)
    assert failed
    a.close()
    until(lambda: find(f"serial=A,{lab}"))  # plugged in again
    opened(f"serial=A,{lab}").call("get_time_now")


def test_garbage_on_a_socket_harms_nobody_else(serve, opened):
    lab, _ = serve()
    a = opened(f"serial=A,{lab}")
    generator = np.random.default_rng(1)
    path = Path(lab.removeprefix("lab=")) / "A.sock"
    for size in (1, 40, 5000):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.settimeout(10)
            stranger.connect(str(path))
            try:
                stranger.sendall(b"TWIN" + generator.bytes(size))
                stranger.shutdown(socket.SHUT_WR)
                assert stranger.recv(100) == b""  # hung up on
            except ConnectionError:
                pass  # hung up on, too
    assert a.call("get_time_now") > TimeSpec()
    stranger = Control(path, 10.0)
    for name, arguments in (
        ("get_time_now", []),
        ("attach", ["", "rx"]),
        ("attach", ["wrong", "tx"]),
        ("open", [1, 2]),
    ):
        with pytest.raises(TwinError):
            stranger.call(name, arguments)
    stranger.close()


def test_one_lab_a_folder(serve, tmp_path):
    serve()
    with pytest.raises(ConfigError, match=f"a lab is running in .*process {os.getpid()}.*--lab"):
        serve()


def test_what_a_killed_lab_left_is_taken_over(serve, tmp_path, opened):
    folder = tmp_path / "lab"
    folder.mkdir(mode=0o700)
    (folder / "lab.lock").write_text("12345")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "A.sock"))
    lab, _ = serve()
    opened(f"serial=A,{lab}")


def test_folders_that_cannot_be_are_refused_in_a_sentence(tmp_path):
    lab = LabConfig()
    with pytest.raises(ConfigError, match="too long for a socket"):
        LabServer(lab, tmp_path / ("x" * 120), LabLog())
    with pytest.raises(ConfigError, match="another folder"):
        (tmp_path / "file").write_text("")
        LabServer(lab, tmp_path / "file", LabLog())
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(ConfigError, match="others may write"):
        LabServer(lab, shared, LabLog())


def test_the_clock_that_a_host_reads_is_the_devices(serve, opened):
    lab, _ = serve(a={"oscillator_ppm": 100.0, "drift_ppm": 0.0, "tolerance_ppm": 100})
    a = opened(f"serial=A,{lab}")
    before, first, after = time.monotonic(), a.call("get_time_now"), time.monotonic()
    readings, asked, told = [], before, after
    while told < before + 0.5:
        asked = time.monotonic()
        readings.append(a.call("get_time_now"))
        told = time.monotonic()  # however long the machine had other things to do
        apart = a._control.call("get_time_now", []).since(readings[-1])
        assert abs(apart) < time.monotonic() - asked + 0.2
    assert readings == sorted(readings)
    assert asked - after - 0.2 < readings[-1].since(first) < told - before + 0.2
    a.call("set_time_now", TimeSpec(5000))
    assert 0 <= a.call("get_time_now").since(TimeSpec(5000)) < 20


def test_the_time_is_set_at_a_pulse(serve, opened):
    lab, _ = serve(a={"reference": False})
    b = opened(f"serial=B,{lab}")
    b.call("set_time_unknown_pps", TimeSpec(1000))
    assert b.call("get_time_now").since(TimeSpec(1000)) < 20
    a = opened(f"serial=A,{lab}")
    a.call("set_time_source", "external")
    with pytest.raises(TwinError, match="may not be getting a PPS"):
        a.call("set_time_unknown_pps", TimeSpec())
