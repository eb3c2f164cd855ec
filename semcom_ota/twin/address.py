"""Device addresses such as `type=twin,serial=A,lab=DIR`, and the folder in which a lab has its sockets."""

import os
import stat
import tempfile
from pathlib import Path

from semcom_ota.config import ConfigError

TYPE = "twin"
_MAX_SOCKET_PATH = 107  # bytes: sun_path of Linux without its terminating zero
_MAX_ADDRESS = 1024  # characters


def parse_address(address: str) -> dict[str, str]:
    """The keys and values of a device address, as UHD reads them: `key=value` with commas between.

    Raises:
        ConfigError: it is too long, or a part has no key.
    """
    if len(address) > _MAX_ADDRESS:
        raise ConfigError("the device address is too long: give type=twin,serial=NAME")
    pairs = [part.strip() for part in address.split(",") if part.strip()]
    fields = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not key.strip():
            raise ConfigError(f"the device address '{address}' has a part without a key: write key=value,key=value")
        fields[key.strip()] = value.strip() if separator else ""
    return fields


def default_folder() -> Path:
    """Where a lab of this user is, unless somebody says otherwise."""
    return Path(tempfile.gettempdir()) / f"semcom-lab-{os.getuid()}"


def lab_folder(fields: dict[str, str]) -> Path:
    """The lab's folder of an address."""
    return Path(fields["lab"]).expanduser() if fields.get("lab") else default_folder()


def is_private(folder: Path) -> bool:
    """Whether the folder is there, is this user's, and nobody else may put anything into it."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022


def socket_path(folder: Path, serial: str) -> Path:
    """The socket of a device.

    Raises:
        ConfigError: the path is longer than the system allows for a socket.
    """
    path = folder / f"{serial}.sock"
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
        raise ConfigError(
            f"the lab's folder '{folder}' is too long for a socket ({_MAX_SOCKET_PATH} bytes with the device's name):"
            " give a shorter one with --lab"
        )
    return path
