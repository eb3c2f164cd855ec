"""The lab as a process: a Unix socket for each device, threads that move samples in real time."""

import contextlib
import fcntl
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import IO

import numpy as np

from semcom_ota.config import ConfigError
from semcom_ota.twin.address import TYPE, default_folder, is_private, socket_path
from semcom_ota.twin.connection import Connection
from semcom_ota.twin.front_end import FrontEnd
from semcom_ota.twin.lab import Lab
from semcom_ota.twin.lab_config import LabConfig, LabDevice
from semcom_ota.twin.lab_log import LabLog
from semcom_ota.twin.resampling import add_resampled, interpolator

MOST_CONNECTIONS = 32
"""To one device, at a time."""
_TICK_S = 5e-3
_FORGET_S = 0.5


class LabServer:
    """A lab in its folder. Use as a context manager; the devices are there until it ends."""

    def __init__(self, config: LabConfig, folder: Path, log: LabLog):
        """Take the folder, make the sockets, start all threads.

        Args:
            config: what there is.
            folder: made if it is not there. What a killed lab has left in it is taken over.
            log: what happens is written there.

        Raises:
            ConfigError: a lab is alive in the folder, or folder or log cannot be used.
        """
        folder = folder.expanduser().absolute()
        self._paths = {serial: socket_path(folder, serial) for serial in config.devices}
        self._folder = folder
        self._lock_file = _take(folder)
        try:
            log.open()  # not before: a lab that is alive may be writing to it
            for left in folder.glob("*.sock"):
                left.unlink()
            _warm_up(config)
            sys.setswitchinterval(1e-3)  # a thread with samples in its hands waits less for one with none
            began = time.monotonic()
            self._began = began
            self.lab = Lab(config, log, lambda: time.monotonic() - began)
            self._connections: dict[str, set[Connection]] = {serial: set() for serial in config.devices}
            self._listeners: dict[str, socket.socket] = {}
            self._back: dict[str, float] = {}
            self._ended = threading.Event()
            for serial in config.devices:
                self._listen(serial)
        except BaseException:
            self._lock_file.close()
            raise
        self._ticking = threading.Thread(target=self._tick_on, name="lab", daemon=True)
        self._ticking.start()

    def __enter__(self) -> "LabServer":
        """The lab runs already."""
        return self

    def __exit__(self, *error: object) -> None:
        """All devices vanish."""
        self._ended.set()
        self._ticking.join()
        for serial in self._paths:
            self._unplug(serial)
        self.lab.close()
        self._lock_file.close()

    def addresses(self) -> list[tuple[str, str, str]]:
        """For each device what it is, what its oscillator does, and the address with which it is opened."""
        where = "" if self._folder == default_folder().absolute() else f",lab={self._folder}"
        lines = []
        for serial, usrp in self.lab.devices.items():
            ppm = 1e6 * usrp.clock.oscillator.error(self.lab.now())
            lines.append((f"{usrp.config.product} {serial}", f"{ppm:+.2f} ppm", f"type={TYPE},serial={serial}{where}"))
        return lines

    def wait(self) -> None:
        """Until somebody interrupts."""
        while not self._ended.wait(3600):
            pass

    def _listen(self, serial: str) -> None:
        """Plug a device in."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path = self._paths[serial]
        before = os.umask(0o177)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(before)
        listener.listen(MOST_CONNECTIONS)
        self._listeners[serial] = listener
        threading.Thread(target=self._accept, args=(serial, listener), name=f"device {serial}", daemon=True).start()

    def _accept(self, serial: str, listener: socket.socket) -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:  # unplugged
                return
            connections = self._connections[serial]
            if len(connections) >= MOST_CONNECTIONS:
                accepted.close()
                continue
            connection = Connection(accepted, self.lab, self.lab.devices[serial], self._began, connections)
            connections.add(connection)
            threading.Thread(target=connection.serve, name=f"host of {serial}", daemon=True).start()

    def _unplug(self, serial: str) -> None:
        listener = self._listeners.pop(serial, None)
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            listener.close()
        self._paths[serial].unlink(missing_ok=True)
        for connection in list(self._connections[serial]):
            connection.close()

    def _tick_on(self) -> None:
        forgotten = 0.0
        while not self._ended.wait(_TICK_S):
            now = self.lab.now()
            self.lab.advance(self.lab.horizon())
            self._plug(now)
            if now - forgotten > _FORGET_S:
                forgotten = now
                with self.lab.lock:
                    self.lab.air.forget(now)

    def _plug(self, now: float) -> None:
        """Do what the script says of plugs."""
        for serial, usrp in self.lab.devices.items():
            if now >= usrp.vanishes_at:
                with self.lab.lock:
                    self._back[serial] = usrp.unplug(now)
                self._unplug(serial)
            elif now >= self._back.get(serial, float("inf")):
                del self._back[serial]
                usrp.plugged = True
                self._listen(serial)
                self.lab.log.write("plugged_in", now, device=serial)
                self.lab.log.say(f"{serial}: plugged in again")


def _take(folder: Path) -> IO[str]:
    """Lock the folder for as long as this process lives, however it ends.

    Raises:
        ConfigError: it cannot be used, or a lab is alive in it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_private(folder):
            raise ConfigError(f"others may write to '{folder}': give a folder of your own with --lab")
        lock = (folder / "lab.lock").open("a+")
    except OSError as error:
        raise ConfigError(
            f"the lab cannot use '{folder}' ({error.strerror}): give another folder with --lab"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        pid = lock.read(16).strip()
        lock.close()
        raise ConfigError(
            f"a lab is running in '{folder}' (process {pid}): end it, or give this one another folder with --lab"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _warm_up(config: LabConfig) -> None:
    """Compile, or load what is compiled, before anything is due."""
    samples = np.zeros((2, 64), np.float32)
    add_resampled(samples[0], samples[1], samples, interpolator(1.0), 0.0, 1.0, 0.0, 0.0, 1.0)
    FrontEnd(LabDevice(), config.seed, "").convert(samples, 0, gain_db=0.0, lo_offset_hz=0.0, rate=1e6)
