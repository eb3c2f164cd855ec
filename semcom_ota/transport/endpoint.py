"""Where sockets may be: `ipc://` files and IPv4 loopback; beyond this machine only with a key (`keys.py`)."""

import fcntl
import ipaddress
import os
import time
from pathlib import Path

from semcom_ota.config import ConfigError

MAX_IPC_PATH_BYTES = 107  # sockaddr_un
TAKEOVER_S = 2.5  # a worker whose parent was killed needs up to 2 s to end; its successor waits for that long


def ipc_endpoint(directory: Path, name: str) -> str:
    """The endpoint `name` in a directory, which should be private to its user (mode 0700).

    Raises:
        ConfigError: the path is too long for a socket.
    """
    endpoint = f"ipc://{directory.absolute() / name}"
    check_endpoint(endpoint)
    return endpoint


def check_endpoint(endpoint: str) -> None:
    """Accept `ipc:///absolute/path` and `tcp://127.x.y.z:port`.

    Raises:
        ConfigError: anything else; these sockets have no keys, so nothing beyond this machine may reach them.
    """
    scheme, separator, address = endpoint.partition("://")
    if scheme == "ipc" and separator:
        if not address.startswith("/") or len(os.fsencode(address)) > MAX_IPC_PATH_BYTES:
            raise ConfigError(f"endpoint '{endpoint}' needs an absolute path of at most {MAX_IPC_PATH_BYTES} bytes")
        return
    host, _, port = address.rpartition(":")
    if scheme != "tcp" or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ConfigError(f"endpoint '{endpoint}' is neither ipc:///path nor tcp://127.0.0.1:port")
    if not _is_loopback(host):
        raise ConfigError(f"endpoint '{endpoint}' is refused: without a key, only ipc:// and 127.0.0.0/8")


def check_far_endpoint(endpoint: str, has_key: bool) -> None:
    """Accept any `tcp://host:port` (the host of one that binds may be `*`) if there is a key; else see above.

    Raises:
        ConfigError: anything else.
    """
    scheme, _, address = endpoint.partition("://")
    host, _, port = address.rpartition(":")
    if not has_key or scheme != "tcp" or not host:
        check_endpoint(endpoint)
    elif not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ConfigError(f"endpoint '{endpoint}' needs a port of 1 to 65535")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


class EndpointLock:
    """Holds an ipc endpoint for one process. The kernel lets go of it when the process dies, however it dies.

    Without it libzmq would unlink the socket file of a living server and take its place without a word.
    """

    def __init__(self, endpoint: str) -> None:
        """Wait up to `TAKEOVER_S` for the endpoint.

        Raises:
            ConfigError: another process holds it, or its directory cannot be written.
        """
        path = endpoint.removeprefix("ipc://") + ".lock"
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"endpoint '{endpoint}' cannot be made: {error.strerror}") from error
        deadline = time.monotonic() + TAKEOVER_S
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    os.close(self._file)
                    raise ConfigError(in_use(endpoint)) from error
                time.sleep(0.05)

    def release(self) -> None:
        """Let another process have the endpoint."""
        os.close(self._file)


def in_use(endpoint: str) -> str:
    """The sentence for an endpoint that another process has."""
    return f"endpoint '{endpoint}' is already in use by another process: end that one or choose another endpoint"
