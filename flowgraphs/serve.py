"""A radio process at work: requests in, replies out."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from semcom_blocks import FrameRx, FrameTx, LamDecoder, SemanticEncoder, pdu
from semcom_flowgraphs.exchange import Exchange
from semcom_flowgraphs.passage import Passage

from semcom_ota.config import LinkConfig, PhyConfig
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.transport.radio import RadioReply, RadioRequest, read
from semcom_ota.transport.sockets import ReplyServer, Request
from semcom_ota.transport.wire import Packet, WireError
from semcom_ota.types import FrameHeader, SemanticFrame

BUSY_S = 0.002
IDLE_S = 0.5
READY_S = 0.02


class Flowgraph(Protocol):
    """What is served: a top block with these blocks."""

    exchange: Exchange
    semantic_encoder: SemanticEncoder
    frame_tx: FrameTx
    frame_rx: FrameRx
    lam_decoder: LamDecoder
    start: Callable[[], None]
    stop: Callable[[], None]
    wait: Callable[[], None]


def serve(flowgraph: Flowgraph, endpoint: str, link: LinkConfig) -> None:
    """Start the flowgraph and, once its workers are there, answer requests until something raises, such as SystemExit.

    Raises:
        ConfigError: the endpoint is in use, or beyond this machine.
    """
    numerology = Numerology(link.phy)
    encoder, decoder = flowgraph.semantic_encoder, flowgraph.lam_decoder
    with ReplyServer(endpoint, link.transport) as server:
        flowgraph.start()
        try:
            _warm_up(link.phy)
            while not (encoder.ready and decoder.ready):
                time.sleep(READY_S)
            while True:
                for request in server.poll(BUSY_S if flowgraph.exchange.busy else IDLE_S):
                    _take(flowgraph.exchange, server, request)
                consumed, produced = flowgraph.frame_rx.consumed, flowgraph.frame_tx.produced
                flowgraph.exchange.watch(consumed, produced, flowgraph.frame_rx.position)
                for passages in flowgraph.exchange.finished():
                    server.reply(passages[0].token, _reply(passages, numerology))
        finally:
            flowgraph.stop()
            flowgraph.wait()


def _warm_up(phy: PhyConfig) -> None:
    """Receive a frame: numba compiles now, or loads what it compiled before, and the first message need not wait."""
    frame = SemanticFrame(FrameHeader(codec=0, message_symbols=1), np.ones(1, np.complex64))
    receiver = Receiver(phy)
    receiver.process(np.append(Transmitter(phy).modulate(frame), np.zeros(receiver.lookahead_samples, np.complex64)))


def _take(exchange: Exchange, server: ReplyServer, request: Request) -> None:
    if request.is_notice:
        return
    asked = RadioRequest(text="", codec="")
    try:
        asked = read(request.packet, RadioRequest)
        if exchange.submit(*_passages(asked, request)):
            return
        reason = f"message {asked.message} of stream {asked.stream} is under way already"
    except WireError as error:
        reason = str(error)
    known: dict[str, Any] = {"codec": asked.codec, "stream": asked.stream, "message": asked.message}
    server.reply(request, Packet("result", RadioReply(status="refused", reason=reason, **known).model_dump()))


def _passages(asked: RadioRequest, request: Request) -> Iterator[Passage]:
    texts = (asked.text, *asked.followers)
    for place, text in enumerate(texts):
        one = pdu.TextRequest(
            text=text,
            codec=asked.codec,
            stream=asked.stream,
            message=(asked.message + place) % 2**16,
            match=asked.match or "",
            snr_db=asked.snr_db,
            more=place < len(asked.followers),
        )
        yield Passage(request, one, want_arrays=asked.want_arrays and not place)


def _reply(passages: tuple[Passage, ...], numerology: Numerology) -> Packet:
    first, *followers = (passage.reply(numerology).model_dump() for passage in passages)
    return Packet("result", first | {"followers": followers}, passages[0].arrays())
