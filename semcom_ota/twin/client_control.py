"""Calls from a host to the twin, and what is known of its clock."""

import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.client_streams import TwinError, gone, ready
from semcom_ota.twin.wire import Frame, FrameError, FrameReader, Kind, pack_json, unpack_json


@dataclass(frozen=True, slots=True)
class KnownClock:
    """What a device's clock showed, when that was (CLOCK_MONOTONIC), and how fast it runs."""

    asked: float
    showed: TimeSpec
    rate: float


class Control:
    """A connection on which calls are answered."""

    def __init__(self, path: Path, timeout_s: float):
        """Connect.

        Raises:
            TwinError: nobody is there.
        """
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.reader = FrameReader()
        self.connection.settimeout(timeout_s)
        try:
            self.connection.connect(os.fspath(path))
        except OSError as error:
            self.connection.close()
            raise gone() from error

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Ask, and wait for the answer.

        Raises:
            TwinError: the device refuses, does not answer, or is gone.
        """
        try:
            self.connection.sendall(pack_json(Kind.CALL, {"call": name, "arguments": arguments}))
            answer = unpack_json(self._answer())
        except TimeoutError as error:
            raise TwinError("RuntimeError: OpTimeout: Control operation timed out waiting for ACK") from error
        except OSError as error:
            raise gone() from error
        except FrameError as error:
            raise TwinError(f"RuntimeError: {error}") from error
        if "error" in answer:
            raise TwinError(str(answer["error"]))
        return answer.get("result")

    def _answer(self) -> Frame:
        while True:
            data = self.connection.recv(65536)
            if not data:
                raise gone()
            for frame in self.reader.feed(data):
                return frame

    def check(self) -> None:
        """Raise `TwinError` if the device is gone. Only while no answer is waited for."""
        if ready(self.connection, 0.0, writing=False):
            raise gone()

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()
