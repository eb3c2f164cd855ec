"""A radio process at work: requests in, replies out."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from semcom_blocks import pdu
from semcom_flowgraphs.desk import Desk, Sending

from semcom_ota.config import LinkConfig, PhyConfig
from semcom_ota.phy.link_report import link_report
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.transport.radio import RadioRequest, read
from semcom_ota.transport.sockets import ReplyServer, Request
from semcom_ota.transport.wire import Packet, WireError
from semcom_ota.types import FrameHeader, SemanticFrame

BUSY_S = 0.002
IDLE_S = 0.5
READY_S = 0.02


class Flowgraph(Protocol):
    """What is served: a top block with a desk."""

    desk: Desk[Any]
    start: Callable[[], None]
    stop: Callable[[], None]
    wait: Callable[[], None]

    @property
    def ready(self) -> bool:
        """Whether its workers are there."""
        ...

    def watch(self) -> None:
        """Called again and again, from the start on."""
        ...


def serve(flowgraph: Flowgraph, endpoint: str, link: LinkConfig) -> None:
    """Start the flowgraph and, once its workers are there, answer requests until something raises, such as SystemExit.

    Raises:
        ConfigError: the endpoint is in use, or beyond this machine; or what the flowgraph's `watch` says.
    """
    numerology, desk = Numerology(link.phy), flowgraph.desk
    with ReplyServer(endpoint, link.transport) as server:
        flowgraph.start()
        try:
            while not flowgraph.ready:
                flowgraph.watch()
                time.sleep(READY_S)
            while True:
                for request in server.poll(BUSY_S if desk.busy else IDLE_S):
                    _take(desk, server, request)
                flowgraph.watch()
                for passages in desk.finished():
                    server.reply(passages[0].token, _reply(desk, passages, numerology))
        except SystemExit:  # any other end is at once (semcom_blocks.failure): what waits for a dead device never stops
            flowgraph.stop()
            flowgraph.wait()
            raise


def warm_up_receiver(phy: PhyConfig) -> None:
    """Receive a frame: numba compiles now, or loads what it compiled before, and the first message need not wait."""
    frame = SemanticFrame(FrameHeader(codec=0, message_symbols=1), np.ones(1, np.complex64))
    receiver = Receiver(phy)
    silence = np.zeros(receiver.lookahead_samples, np.complex64)
    for received in receiver.process(np.append(Transmitter(phy).modulate(frame), silence)):
        link_report(received, 1)


def _take(desk: Desk[Any], server: ReplyServer, request: Request) -> None:
    if request.is_notice:
        return
    asked = RadioRequest(text="", codec="")
    try:
        asked = read(request.packet, RadioRequest)
        if desk.submit(*_passages(desk, asked, request)):
            return
        reason = f"message {asked.message} of stream {asked.stream} is under way already"
    except WireError as error:
        reason = str(error)
    known = {"codec": asked.codec, "stream": asked.stream, "message": asked.message}
    refused = desk.reply_type.model_validate({"status": "refused", "reason": reason} | known)
    server.reply(request, Packet("result", refused.model_dump()))


def _passages(desk: Desk[Any], asked: RadioRequest, request: Request) -> Iterator[Sending]:
    texts = (asked.text, *asked.followers)
    for place, text in enumerate(texts):
        one = pdu.TextRequest(
            text=text,
            codec=asked.codec,
            stream=asked.stream,
            message=(asked.message + place) % 2**16,
            match=asked.match or "",
            snr_db=asked.snr_db,
            n_symbols=asked.n_symbols,
            task=asked.task,
            more=place < len(asked.followers),
        )
        yield desk.passage(request, one, asked.want_arrays and not place)


def _reply(desk: Desk[Any], passages: Sequence[Sending], numerology: Numerology) -> Packet:
    first, *followers = (desk.account(passage, numerology) for passage in passages)
    return Packet("result", first | {"followers": followers}, passages[0].arrays())
