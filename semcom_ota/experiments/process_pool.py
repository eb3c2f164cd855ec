"""Processes that compute for this one, with one thread each, and end with it."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from types import FrameType

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What says to libraries how many threads to start."""
_GRACE_S = 5.0


@contextmanager
def threads_of_children(count: int = 1) -> Iterator[None]:
    """Processes that are started within have so many threads each."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(count)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def children_end() -> Iterator[None]:
    """All processes of any pool are told to end if something is raised within."""
    try:
        yield
    except BaseException:
        for child in active_children():
            child.terminate()
        raise


@contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """Worker processes with one thread each, which end with this one."""
    with threads_of_children():
        made = pool(workers)
        try:
            with children_end():
                yield made
        finally:
            made.shutdown(cancel_futures=True)


def pool(workers: int) -> ProcessPoolExecutor:
    """So many worker processes, which end with this one; each is started when there is work for it."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_prepare)


def _prepare() -> None:
    """In a worker: Ctrl-C is the parent's business, who sends SIGTERM, and nothing goes on without the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """A program that runs for this worker is ended on the way out."""
    raise SystemExit(1)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_GRACE_S)
        os._exit(1)
