"""What a check is, and how other programs are asked: each in a process of its own, with a time limit."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROBE_TIMEOUT_S = 120.0
"""For a Python program that imports a large library from a disk that has not read it yet."""
ALWAYS, SPEED, COMPANION, USRP, SOAPY, LIVE = (
    "always",
    "for speed",
    "with GNU Radio Companion",
    "with a USRP",
    "with other radios, through SoapySDR",
    "with any radio, so that it runs without gaps",
)
"""What checks are for, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `fix` is the exact remedy, empty if all is well."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    group: str = ALWAYS

    @property
    def needed(self) -> bool:
        """Whether nothing works without it; all the rest only some uses want."""
        return self.group == ALWAYS


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program came to."""

    status: int  # negative: killed by that signal
    out: str
    err: str
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked to."""
        return self.status == 0 and not self.timed_out


@dataclass(frozen=True, slots=True)
class Probe:
    """What a short Python program in a process of its own came to."""

    ok: bool
    said: str  # its last line: of stdout if it went well, else of stderr


def run(arguments: list[str], limit_s: float) -> Finished | None:
    """Run a program for at most so many seconds; None if there is no such program here."""
    try:
        done = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        return Finished(-9, "", "", timed_out=True)
    except OSError:
        return None
    return Finished(done.returncode, done.stdout, done.stderr)


def probe(program: str, limit_s: float = PROBE_TIMEOUT_S) -> Probe:
    """Run a Python program with this interpreter."""
    return came_to(run([sys.executable, "-c", program], limit_s), limit_s)


def came_to(done: Finished | None, limit_s: float = PROBE_TIMEOUT_S) -> Probe:
    """What a program that was given so many seconds came to."""
    if done is None:
        return Probe(False, f"{sys.executable} cannot be run")
    if done.timed_out:
        return Probe(False, f"no answer within {limit_s:g} s")
    lines = (done.out if done.ok else done.err).strip().splitlines()
    return Probe(done.ok, lines[-1] if lines else f"ended with status {done.status}")


def read(path: Path) -> str | None:
    """What one of the kernel's small files says; None if it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def number(path: Path) -> int | None:
    """The whole number in one of the kernel's small files; None if there is none."""
    try:
        return int(read(path) or "")
    except ValueError:
        return None
