"""flowgraphs/radio/time_limit.py ends a process that hangs with Python's interpreter lock held."""

import os
import signal
import subprocess
import sys

import pytest
from semcom_flowgraphs.radio.time_limit import ends_within

HANGS = """
import ctypes
from semcom_flowgraphs.radio.time_limit import ends_within
print("begun", flush=True)
with ends_within(0.3, "the device did not answer"):
    ctypes.PyDLL(None).sleep(100)  # unlike CDLL, it keeps the lock
print("went on")
"""


def test_a_process_that_hangs_is_ended_with_a_sentence() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "begun\n", "the device did not answer\n")


def test_what_ends_in_time_goes_on() -> None:
    handler = signal.getsignal(signal.SIGINT)
    with ends_within(60, "never said"):
        pass
    assert signal.getsignal(signal.SIGINT) is handler
    with pytest.raises(KeyboardInterrupt):  # the handler of Python is back
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()


def test_an_exception_passes() -> None:
    with pytest.raises(RuntimeError, match="no device"), ends_within(60, "never said"):
        raise RuntimeError("no device")
