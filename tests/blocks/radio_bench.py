"""Small GNU Radio blocks that feed and watch the block under test."""

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pmt
from gnuradio import gr


class Chopper(gr.sync_block):
    """Hands an array over in random pieces, with tags, and ends."""

    def __init__(self, samples: np.ndarray, tags: dict[int, Any], seed: int, largest: int = 3000):
        gr.sync_block.__init__(self, "chopper", None, [np.complex64])
        self.samples, self.tags, self.largest = samples, tags, largest
        self.rng = np.random.default_rng(seed)
        self.position = 0

    def work(self, _: Any, outputs: list[np.ndarray]) -> int:
        if self.position == len(self.samples):
            return -1
        count = min(int(self.rng.integers(1, self.largest)), len(outputs[0]), len(self.samples) - self.position)
        outputs[0][:count] = self.samples[self.position : self.position + count]
        for offset, value in self.tags.items():
            if self.position <= offset < self.position + count:
                self.add_item_tag(0, offset, pmt.intern("frame"), value)
        self.position += count
        return count


class Collector(gr.basic_block):
    """Keeps every message that comes."""

    def __init__(self) -> None:
        gr.basic_block.__init__(self, "collector", None, None)
        self.messages: list[Any] = []
        self.message_port_register_in(pmt.intern("in"))
        self.set_msg_handler(pmt.intern("in"), self.handle)

    def handle(self, message: Any) -> None:
        self.messages.append(message)

    def wait(self, count: int) -> list[Any]:
        """Wait for `count` messages; pytest-timeout bounds it."""
        while len(self.messages) < count:
            time.sleep(0.002)
        return self.messages


def post(block: Any, port: str, message: Any) -> None:
    block.to_basic_block()._post(pmt.intern(port), message)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; pytest-timeout bounds it."""
    while not condition():
        time.sleep(0.002)


class Server(threading.Thread):
    """A worker in a thread: answers with `service.answer`, the requests of one poll in reverse order unless told."""

    def __init__(self, endpoint: str, transport: Any, service: Any, in_order: bool = False):
        super().__init__(daemon=True)
        self.endpoint, self.transport, self.service = endpoint, transport, service
        self.in_order = in_order
        self.stopping = False
        self.notices: list[Any] = []

    def run(self) -> None:
        from semcom_ota.services.worker import _answer, _notice
        from semcom_ota.transport.sockets import ReplyServer

        with ReplyServer(self.endpoint, self.transport) as server:
            while not self.stopping:
                requests = server.poll(0.05)
                for request in requests if self.in_order else reversed(requests):
                    if request.is_notice:
                        self.notices.append(request.packet)
                        _notice(self.service, request.packet)
                    else:
                        server.reply(request, _answer(self.service, request.packet))

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping = True
        self.join()
