"""Texts in, SemanticFrames out; the encoder worker does the work."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import CountsDropped, ends_process
from semcom_blocks.worker import Worker

from semcom_ota.config import TransmitterConfig
from semcom_ota.masking.closed_loop import ClosedLoop
from semcom_ota.transport.messages import EncodeReply, EncodeRequest, Failure, Message
from semcom_ota.types import LinkReport, SemanticFrame

QUEUE = 2048
NOBODY = -1
"""In place of a message that was not sent from here, or long ago."""


class SemanticEncoder(CountsDropped, gr.basic_block):
    """Adapter of the encoder worker (`semcom_ota.services.encoder`).

    If the mask follows the channel, a text waits here until the reports are in that it is masked by
    (`semcom_ota.masking.closed_loop`).

    Ports:
        in: one PDU a message: its text as UTF-8 bytes, {codec, stream, message, match, snr_db, more, n_symbols}
            (`pdu.TextRequest`); or a bare PMT symbol. What is left out is: the first codec of the configuration, stream
            0, the number after that of the message before.
        report: LinkReport PDUs of the receiver, for the worker; and `over` PDUs ({over: true, stream, message}, no
            data) of a message of which no more will be reported.
        out: one PDU a SemanticFrame (`pdu.from_semantic_frame`), in the order in which the texts came. A text with
            `more` waits for the next one, up to `phy.messages_per_frame` of them: their frames come out together, each
            but the last with `more`, whatever became of the texts that could not be sent.
        failed: one PDU for a text that cannot be sent: {stream, message, reason: does_not_fit, bad_request or failed},
            and a sentence as UTF-8 bytes.
    """

    def __init__(self, config: TransmitterConfig, endpoint: str = ""):
        """For an encoder worker that is told `config`; with `endpoint` '' it is started."""
        gr.basic_block.__init__(self, "semcom semantic_encoder", None, None)
        self._worker = Worker("encoder", config, endpoint, self._answered, self._pass_on)
        mask = config.mask
        self._loop = ClosedLoop[int, LinkReport](mask.in_flight, mask.patience_ms / 1e3) if mask.follows else None
        self._lock = threading.Lock()  # of the loop: the worker's thread uses it, too
        self._codec = config.codec.names[0]
        self._messages_per_frame = config.phy.messages_per_frame
        self._group: list[int] = []  # texts that came last and wait for the next one
        self._held = 0  # texts that wait for their turn
        self._next_message = 0
        self._asked: dict[int, pdu.TextRequest] = {}
        self._on_air: OrderedDict[tuple[int, int], int] = OrderedDict()  # by stream and message
        self._requests = 0
        self._replies: dict[int, Message] = {}
        self._next_reply = 0
        self._together: list[tuple[SemanticFrame, EncodeReply]] = []  # frames that wait for the next text's
        for name in ("in", "report"):
            self.message_port_register_in(pmt.intern(name))
        self.set_msg_handler(pmt.intern("in"), self.handle_text)
        self.set_msg_handler(pmt.intern("report"), self.handle_report)
        for name in ("out", "failed"):
            self.message_port_register_out(pmt.intern(name))

    def start(self) -> bool:
        """Connect to the worker."""
        self._worker.start()
        return True

    def stop(self) -> bool:
        """Leave the worker."""
        self._worker.stop()
        return True

    @property
    def ready(self) -> bool:
        """Whether the worker has ever been heard: its models are loaded."""
        return self._worker.ready

    @ends_process
    def handle_text(self, message: Any) -> None:
        """Ask the worker to encode a text."""
        try:
            request = pdu.to_text_request(message, self._codec, self._next_message)
        except pdu.PduError as error:
            self.drop(error)
            return
        self._next_message = (request.message + 1) % 2**16
        if self._worker.queued + self._held >= QUEUE and not self._group:  # what others wait for is always taken
            self._fail(request, Failure("failed", f"{QUEUE} texts are waiting for the encoder already"))
            return
        more = request.more and len(self._group) + 1 < self._messages_per_frame
        key, self._requests = self._requests, self._requests + 1
        self._asked[key] = replace(request, more=more)
        self._group.append(key)
        if more:
            return
        group, self._group = self._group, []
        if self._loop is None:
            self._submit(group)
            return
        with self._lock:
            self._held += len(group)
            self._loop.submit(*group)
        self._pass_on()

    @ends_process
    def handle_report(self, message: Any) -> None:
        """Hand a link report on, or keep it until those come that may know of it."""
        try:
            over = pdu.to_over(message)
            report = None if over else pdu.to_link_report(message)
        except pdu.PduError as error:
            self.drop(error)
            return
        if self._loop is None:
            if report is not None:
                self._worker.notify(report)
            return
        with self._lock:
            if report is not None:
                key = self._on_air.get((report.stream, report.message), NOBODY)
                self._loop.report(key, report.fragment, report)
            elif over is not None:
                self._loop.over(self._on_air.get(over, NOBODY))
        self._pass_on()

    def _pass_on(self) -> None:
        """Submit those whose turn it is. From any thread, again and again: patience has an end."""
        if self._loop is None:
            return
        with self._lock:
            while (turn := self._loop.begin(time.monotonic())) is not None:
                keys, reports = turn
                for report in reports:
                    self._worker.notify(report)
                self._held -= len(keys)
                self._submit(keys)

    def _submit(self, keys: Sequence[int]) -> None:
        for key in keys:
            request = self._asked[key]
            self._on_air[request.stream, request.message] = key
            while len(self._on_air) > QUEUE:
                self._on_air.popitem(last=False)
            encode = EncodeRequest(
                text=request.text,
                codec=request.codec,
                stream=request.stream,
                message=request.message,
                match=request.match or None,
                snr_db=request.snr_db,
                n_symbols=request.n_symbols,
                task=request.task,
            )
            self._worker.submit(key, encode)

    def _answered(self, key: int, reply: Message) -> None:
        if self._loop is not None:
            with self._lock:
                self._loop.encoded(key, len(reply.frames) if isinstance(reply, EncodeReply) else 0)
        self._replies[key] = reply
        while self._next_reply in self._replies:
            self._publish(self._asked.pop(self._next_reply), self._replies.pop(self._next_reply))
            self._next_reply += 1

    def _publish(self, request: pdu.TextRequest, reply: Message) -> None:
        if isinstance(reply, EncodeReply):
            self._together += [(frame, reply) for frame in reply.frames]
        elif isinstance(reply, Failure):
            self._fail(request, reply)
        else:
            self._fail(request, Failure("failed", "the encoder worker answered something else than frames"))
        if not request.more:
            for left, (frame, made) in zip(reversed(range(len(self._together))), self._together, strict=True):
                known = pdu.from_semantic_frame(frame, made.encode_ms, left > 0, made.masked)
                self.message_port_pub(pmt.intern("out"), known)
            self._together.clear()

    def _fail(self, request: pdu.TextRequest, failure: Failure) -> None:
        meta = {"stream": request.stream, "message": request.message, "reason": failure.reason}
        self.message_port_pub(pmt.intern("failed"), pdu.make(meta, failure.sentence.encode()))
