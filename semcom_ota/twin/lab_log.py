"""The lab's ground truth: every burst and every fault, as JSON lines and as short lines for people."""

import contextlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from semcom_ota.config import ConfigError
from semcom_ota.radio.time_spec import TimeSpec


class LabLog:
    """One row for each thing that happened. Rows have a `kind` and `true_s`, the lab's time in seconds.

    begun: the lab, as configured. opened, closed: device, pid. rx_started, rx_stopped: device, device_time, rate.
    burst: device, number, device_time of its first sample, true_s of that, samples that the host gave, played, rate,
        frequency_hz, faded (receivers that did not hear it), cut (receivers that did not hear all of it), and its fate:
        acknowledged, late, underflow, sequence_error (the link lost a packet of it), abandoned (its end never came).
    overflow: device, device_time, at_sample, lost_samples, cause (host, script or lab_too_slow).
    fault: what the script did, with its own words.
    lab_behind: a receiver's samples come so many seconds late, because this computer is busy. Nothing is lost by it.
    lab_too_slow: so late that samples had to be lost, which is the fault of neither host nor script.
    """

    def __init__(self, path: Path | None = None, tell: Callable[[str], None] | None = None):
        """Write rows to a file, once it is opened, and lines for people to `tell`."""
        self._path = path
        self._file: IO[str] | None = None
        self._tell = tell
        self._lock = threading.Lock()
        self.rows: list[dict[str, Any]] | None = None
        """If a list is put here, rows are kept in it, too."""

    def open(self) -> None:
        """Begin the file anew.

        Raises:
            ConfigError: it cannot be written.
        """
        try:
            self._file = self._path.open("w") if self._path is not None else None
        except OSError as error:
            reason = error.strerror
            raise ConfigError(f"cannot write to '{self._path}' ({reason}): give another file with --log") from error

    def close(self) -> None:
        """Nothing more will be written."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    def write(self, kind: str, true_s: float, **fields: Any) -> None:
        """One row."""
        row = {"kind": kind, "true_s": round(true_s, 9), **{key: _plain(value) for key, value in fields.items()}}
        with self._lock:
            if self.rows is not None:
                self.rows.append(row)
            if self._file is not None:
                try:
                    self._file.write(json.dumps(row) + "\n")
                    self._file.flush()
                except OSError as error:  # a full disk: the devices go on
                    self._file = None
                    self.say(f"'{self._path}' cannot be written any more ({error.strerror})")

    def say(self, line: str) -> None:
        """One line for people."""
        if self._tell is not None:
            with contextlib.suppress(OSError):  # whoever read it is gone
                self._tell(line)


def _plain(value: Any) -> Any:
    if isinstance(value, TimeSpec):
        return [value.seconds, value.fraction]
    return sorted(value) if isinstance(value, set) else value
