"""The thread between a block and its worker process: no handler and no `work()` ever waits for a neural network."""

import contextlib
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast

from semcom_blocks.failure import ends_process

from semcom_ota.config import ReceiverConfig, TransmitterConfig
from semcom_ota.services.process import SupervisedProcess, worker_process
from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.messages import Failure, Message, from_packet, to_packet
from semcom_ota.transport.sockets import RequestClient
from semcom_ota.transport.wire import WireError

CHECK_S = 0.5
MAX_NOTICES = 1024


class Worker:
    """Sends requests to the encoder or decoder worker and hands on what it answers."""

    def __init__(
        self,
        role: Literal["encoder", "decoder"],
        config: TransmitterConfig | ReceiverConfig,
        endpoint: str,
        on_reply: Callable[[int, Message], None],
        on_check: Callable[[], None] = lambda: None,
    ):
        """Not connected yet.

        Args:
            role: which worker.
            config: its configuration; the transport part is this client's too.
            endpoint: where it listens; '' starts a worker of our own, and restarts it when it dies.
            on_reply: called on this object's thread, once for each request, with its key and its reply (or `Failure`).
            on_check: called on this object's thread again and again, at least every `CHECK_S`.
        """
        self._role, self._config, self._endpoint, self._on_reply = role, config, endpoint, on_reply
        self._on_check = on_check
        self._outgoing: deque[tuple[int | None, Message]] = deque()  # with a request's key; a notice has none
        self._notices = 0  # of these
        self._lock = threading.Lock()  # of that count
        self._client: RequestClient | None = None
        self._stopping = False
        self.ready = False
        """Whether the worker has ever been heard: its models are loaded."""
        self._thread = threading.Thread(target=self._run, name=f"{role} client", daemon=True)

    def start(self) -> None:
        """Connect, and start the worker if it is ours."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and the worker if it is ours. Requests under way stay without a reply."""
        self._stopping = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    @property
    def queued(self) -> int:
        """Requests that the worker has not been sent yet, for want of credit."""
        return len(self._outgoing) - self._notices

    def submit(self, key: int, message: Message) -> None:
        """Queue a request. From any thread."""
        self._outgoing.append((key, message))
        self._wake()

    def notify(self, message: Message) -> None:
        """Queue a one-way message, behind the requests before it. From any thread.

        Where `MAX_NOTICES` wait already it is left out.
        """
        with self._lock:
            if self._notices == MAX_NOTICES:
                return
            self._notices += 1
            self._outgoing.append((None, message))
        self._wake()

    def _wake(self) -> None:
        if self._client is not None:
            self._client.wake()

    @ends_process
    def _run(self) -> None:
        with contextlib.ExitStack() as stack:
            own = None if self._endpoint else self._start_own(stack)
            self._client = stack.enter_context(RequestClient(self._endpoint, self._config.transport))
            while not self._stopping:
                if own is not None:
                    own.check()
                self._on_check()
                self._send(self._client)
                self.ready |= self._client.credit > 0
                for reply in self._client.poll(CHECK_S):
                    try:
                        message = from_packet(reply.packet)
                    except WireError as error:
                        message = Failure("failed", f"the {self._role} worker's reply makes no sense: {error}")
                    self._on_reply(cast(int, reply.key), message)

    def _start_own(self, stack: contextlib.ExitStack) -> SupervisedProcess:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semcom-")))
        self._endpoint = ipc_endpoint(directory, self._role)
        return stack.enter_context(worker_process(self._role, self._endpoint, self._config, directory, self._wake))

    def _send(self, client: RequestClient) -> None:
        while self._outgoing:
            key, message = self._outgoing[0]
            try:
                if key is None:
                    with self._lock:
                        self._notices -= 1
                    client.notify(to_packet(message))
                elif not client.submit(key, to_packet(message)):
                    break
            except WireError as error:
                if key is not None:
                    self._on_reply(key, Failure("bad_request", str(error)))
            self._outgoing.popleft()
