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


class Worker:
    """Sends requests to the encoder or decoder worker and hands on what it answers."""

    def __init__(
        self,
        role: Literal["encoder", "decoder"],
        config: TransmitterConfig | ReceiverConfig,
        endpoint: str,
        on_reply: Callable[[int, Message], None],
    ):
        """Not connected yet.

        Args:
            role: which worker.
            config: its configuration; the transport part is this client's too.
            endpoint: where it listens; '' starts a worker of our own, and restarts it when it dies.
            on_reply: called on this object's thread, once for each request, with its key and its reply (or `Failure`).
        """
        self._role, self._config, self._endpoint, self._on_reply = role, config, endpoint, on_reply
        self._requests: deque[tuple[int, Message]] = deque()
        self._notices: deque[Message] = deque(maxlen=1024)  # a worker that does not keep up needs the newest only
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
        return len(self._requests)

    def submit(self, key: int, message: Message) -> None:
        """Queue a request. From any thread."""
        self._requests.append((key, message))
        self._wake()

    def notify(self, message: Message) -> None:
        """Queue a one-way message. From any thread."""
        self._notices.append(message)
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
        while self._requests:
            key, message = self._requests[0]
            try:
                if not client.submit(key, to_packet(message)):
                    break
            except WireError as error:
                self._on_reply(key, Failure("bad_request", str(error)))
            self._requests.popleft()
        while self._notices:
            client.notify(to_packet(self._notices.popleft()))
