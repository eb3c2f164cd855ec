"""A time limit on what holds Python's interpreter lock, as every call into gr-uhd does.

No thread of this process can run then, so that another process has to watch.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

from semcom_ota.services.process import WRONG_USE

_GUARD = """
import os, select, sys
parent, seconds, sentence = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
if not select.select([0], [], [], seconds)[0] and os.getppid() == parent:
    print(sentence, file=sys.stderr, flush=True)
    os.kill(parent, int(sys.argv[4]))
"""


@contextlib.contextmanager
def ends_within(seconds: float, sentence: str) -> Iterator[None]:
    """End this process with exit status 2 and this sentence if what follows takes longer.

    The guard ends with its parent, because its standard input does. It stops the parent by a signal whose handler is
    C's `_exit`, which takes the number of the signal for the exit status; a handler in Python would never run. So
    Ctrl-C, which is the same signal, ends the process at once while this lasts.
    """
    libc = ctypes.CDLL(None)
    libc.signal.restype = ctypes.c_void_p
    libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    number = signal.Signals(WRONG_USE)
    before = libc.signal(number, ctypes.cast(libc._exit, ctypes.c_void_p))
    arguments = [sys.executable, "-I", "-S", "-c", _GUARD, str(os.getpid()), str(seconds), sentence, str(int(number))]
    try:
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL):
            yield  # leaving closes the guard's standard input, and waits for its end
    finally:
        libc.signal(number, before)
