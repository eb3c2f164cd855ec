"""A child process that is kept alive: started again when it dies, ended with its parent, its error a sentence."""

import logging
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel

MAX_RESTARTS = 5
RESTART_WINDOW_S = 60.0
WRONG_USE = 2  # the exit status that says: it would end the same way again
_KEPT_LINES = 20
_MAX_LINE_BYTES = 4096
_log = logging.getLogger(__name__)


class ServiceFailed(RuntimeError):
    """A child process ended and is not started again; the message is one sentence that says why."""


def worker_process(
    service: Literal["encoder", "decoder"],
    endpoint: str,
    config: BaseModel,
    directory: Path,
    on_failure: Callable[[], None] | None = None,
) -> "SupervisedProcess":
    """The process of a worker, not started yet. Its configuration is written to `directory`."""
    file = directory / f"{service}.json"
    file.write_text(config.model_dump_json(), encoding="utf-8")
    module = f"semcom_ota.services.{service}"
    arguments = [sys.executable, "-m", module, "--endpoint", endpoint, "--config", str(file)]
    return SupervisedProcess(arguments, f"{service} worker", on_failure)


class SupervisedProcess:
    """Starts a child and starts it again when it dies, at most `MAX_RESTARTS` times a minute.

    The child's stdin is a pipe that nothing is written to: its end tells the child that its parent is gone. The child
    has a session of its own, so that Ctrl-C in a terminal reaches the parent alone, which then ends its children in
    order. What the child writes to stderr is logged (level INFO), and its last line is the reason if it fails.
    """

    def __init__(self, arguments: Sequence[str], name: str, on_failure: Callable[[], None] | None = None) -> None:
        """Not started yet. `on_failure` is called from another thread when the child is given up."""
        self._arguments = list(arguments)
        self._name = name
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._supervise, name=f"supervise {name}", daemon=True)
        self._restarts: deque[float] = deque()
        self.restarts = 0
        self.error: str | None = None  # why it was given up

    @property
    def pid(self) -> int:
        """Process id of the present child, or of the last one.

        Raises:
            ServiceFailed: not started yet.
        """
        if self._process is None:
            raise ServiceFailed(f"{self._name} has not been started")
        return self._process.pid

    def start(self) -> None:
        """Start the child.

        Raises:
            ServiceFailed: the program cannot be run.
        """
        try:
            self._spawn()
        except OSError as error:
            raise ServiceFailed(f"{self._name} cannot be started: {error.strerror}") from error
        self._thread.start()

    def check(self) -> None:
        """Raise `ServiceFailed` if the child was given up; cheap, to be called now and then."""
        if self.error is not None:
            raise ServiceFailed(self.error)

    def close(self, timeout: float = 2.0) -> None:
        """End the child: SIGTERM and end of its stdin, then SIGKILL after `timeout` seconds. May be called twice."""
        self._stopping.set()
        with self._lock:  # nothing is spawned from here on
            process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        process.terminate()
        self._thread.join(timeout)
        if self._thread.is_alive():
            process.kill()
            self._thread.join()

    def __enter__(self) -> Self:
        """Start the child."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the child."""
        self.close()

    def _spawn(self) -> bool:
        with self._lock:
            if self._stopping.is_set():
                return False
            self._process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            return True

    def _supervise(self) -> None:
        while True:
            process, last_line = self._process, self._wait()
            if self._stopping.is_set() or process is None:
                return
            if process.stdin is not None:
                process.stdin.close()
            reason = _how_it_ended(process.returncode, last_line)
            now = time.monotonic()
            while self._restarts and now - self._restarts[0] > RESTART_WINDOW_S:
                self._restarts.popleft()
            if process.returncode == WRONG_USE:
                return self._give_up(f"{self._name}: {reason}")
            if len(self._restarts) >= MAX_RESTARTS:
                return self._give_up(f"{self._name} died {MAX_RESTARTS + 1} times within a minute: {reason}")
            _log.warning("%s died (%s) and is started again", self._name, reason)
            self._restarts.append(now)
            self.restarts += 1
            try:
                if not self._spawn():
                    return
            except OSError as error:
                return self._give_up(f"{self._name} cannot be started again: {error.strerror}")

    def _wait(self) -> str:
        """Wait for the child to end; the last line that it wrote to stderr."""
        process = self._process
        assert process is not None and process.stderr is not None
        lines: deque[str] = deque(maxlen=_KEPT_LINES)
        stream = process.stderr

        def read() -> None:
            with stream:
                while line := stream.readline(_MAX_LINE_BYTES):
                    text = line.decode("utf-8", "replace").strip()
                    if text:
                        _log.info("%s: %s", self._name, text)
                        lines.append(text)

        reader = threading.Thread(target=read, name=f"stderr of {self._name}", daemon=True)
        reader.start()
        process.wait()
        reader.join(0.5)  # a grandchild may keep the pipe open
        return lines[-1] if lines else ""

    def _give_up(self, sentence: str) -> None:
        self.error = sentence
        if self._on_failure is not None:
            self._on_failure()


def _how_it_ended(status: int, last_line: str) -> str:
    """Why, in the child's own words. A signal comes from elsewhere: the last line may have nothing to do with it."""
    if status >= 0:
        return last_line or f"exit status {status}"
    return f"killed by signal {-status}" + (f", having said last: {last_line}" if last_line else "")
