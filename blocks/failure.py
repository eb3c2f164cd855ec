"""A block that fails ends its process (GNU Radio itself would go on, without the block and with exit status 0); a block
that is handed nonsense drops it and counts."""

import contextlib
import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from gnuradio import gr

from semcom_ota.config import ConfigError
from semcom_ota.services.process import WRONG_USE, ServiceFailed

FAILED = 70  # EX_SOFTWARE of sysexits.h


def end_process(error: Exception) -> NoReturn:
    """Say what went wrong and end the process at once.

    The exit status is 2 and there is one sentence if the user can do something about it, 70 and a traceback if not.
    `os._exit`, because the scheduler's other threads, which `sys.exit` would wait for, may wait for this very block.
    """
    wrong_use = isinstance(error, ConfigError | ServiceFailed)
    if wrong_use:
        print(error, file=sys.stderr)
    else:
        traceback.print_exception(error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(WRONG_USE if wrong_use else FAILED)


@contextlib.contextmanager
def process_of_its_own() -> Iterator[None]:
    """What a radio process does for a living: `SystemExit` ends it in order, any other exception as `end_process`."""
    try:
        yield
    except SystemExit:
        os._exit(0)  # not `sys.exit`: the interpreter was seen to hang while it took a flowgraph apart
    except Exception as error:
        end_process(error)


def ends_process(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make an exception in `work`, `general_work`, `forecast`, a message handler or a thread end the process.

    The name stays, because GNU Radio looks message handlers up by name.
    """

    @functools.wraps(method)
    def guarded(*args: Any) -> Any:
        try:
            return method(*args)
        except Exception as error:
            end_process(error)

    return guarded


class CountsDropped:
    """Part of a block that drops what it cannot use."""

    dropped = 0
    """PDUs dropped so far."""
    name: Callable[[], str]

    def drop(self, why: object) -> None:
        """Count a PDU, and say so if it is the first: a line each would be a flood."""
        if not self.dropped:
            gr.logger(self.name()).warn(f"a PDU was dropped: {why}")
        self.dropped += 1
