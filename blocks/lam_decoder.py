"""ReceivedFrames in, texts out; the decoder worker does the work."""

import math
import threading
from typing import Any

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks import pdu
from semcom_blocks.failure import CountsDropped, ends_process
from semcom_blocks.worker import Worker

from semcom_ota.codecs.base import Decoded
from semcom_ota.config import ReceiverConfig
from semcom_ota.services.reassembly import Reassembler
from semcom_ota.transport.messages import DecodeReply, Failure, Message
from semcom_ota.types import ReceivedMessage

OVER = pmt.intern("over")
QUEUE = 2048
NOTHING = DecodeReply(Decoded("", 0.0, False), 0.0)


class LamDecoder(CountsDropped, gr.basic_block):
    """Adapter of the reassembler and of the decoder worker (`semcom_ota.services.decoder`).

    Ports:
        in: ReceivedFrame PDUs (`pdu.from_received_frame`); and `over` PDUs ({over: true, stream, message}, no data),
            which say that no more frames of this message will come.
        out: one PDU a message (`pdu.Result`): its text as UTF-8 bytes and {confidence, intact, lost, codec, stream,
            message, fragments, lost_fragments, snr_db, decode_ms, remembered, reason, ...}. If the memory has a reader,
            {intent, answer_confidence} and, to a question, {answer}, texts as UTF-8 bytes. `lost` answers an `over`
            when nothing had come; `reason` is a sentence, and the text empty, if the worker failed.

    Attributes:
        frames: PDUs that have been dealt with so far.
        results: published so far, or about to be.
    """

    def __init__(self, config: ReceiverConfig, endpoint: str = ""):
        """For a decoder worker that is told `config`; with `endpoint` '' it is started."""
        gr.basic_block.__init__(self, "semcom lam_decoder", None, None)
        self._worker = Worker("decoder", config, endpoint, self._answered)
        self._reassembler = Reassembler()
        self._lock = threading.Lock()
        self._asked: dict[int, ReceivedMessage] = {}  # with the worker, or on the way there
        self._requests = 0
        self.frames = 0
        self.results = 0
        self.message_port_register_in(pmt.intern("in"))
        self.set_msg_handler(pmt.intern("in"), self.handle_frame)
        self.message_port_register_out(pmt.intern("out"))

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

    @property
    def decoding(self) -> int:
        """Messages that have been put together and whose results are not out."""
        return len(self._asked)

    def finish(self) -> None:
        """Decode what is incomplete. For when all frames have been dealt with, and no more will come."""
        for received in self._reassembler.end():
            self._decode(received)

    @ends_process
    def handle_frame(self, message: Any) -> None:
        """Put frames together; ask the worker to decode a message that is complete or over."""
        try:
            if pmt.is_pair(message) and pmt.is_dict(pmt.car(message)) and pmt.dict_has_key(pmt.car(message), OVER):
                self._end(pdu.split(message)[0])
            else:
                for received in self._reassembler.push(pdu.to_received_frame(message)):
                    self._decode(received)
        except (pdu.PduError, KeyError) as error:
            self.drop(error)
        self.frames += 1

    def _end(self, meta: dict[str, Any]) -> None:
        stream, message = meta["stream"], meta["message"]
        for received in self._reassembler.flush(stream, message):
            self._decode(received)
        with self._lock:
            headers = [asked.header for asked in self._asked.values()]
        decoding = any((header.stream, header.message) == (stream, message) for header in headers)
        if not decoding:
            lost = pdu.Result("", 0.0, False, True, 0, stream, message, 0, (), math.nan, 0.0)
            self._put(lost)

    def _decode(self, received: ReceivedMessage) -> None:
        if self._worker.queued >= QUEUE:
            self._publish(received, NOTHING, f"{QUEUE} messages are waiting for the decoder already")
            return
        with self._lock:
            key, self._requests = self._requests, self._requests + 1
            self._asked[key] = received
        self._worker.submit(key, received)

    def _answered(self, key: int, reply: Message) -> None:
        if isinstance(reply, Failure):
            reason, reply = reply.sentence, NOTHING
        elif isinstance(reply, DecodeReply):
            reason = ""
        else:
            reason, reply = "the decoder worker answered something else than a text", NOTHING
        self._publish(self._asked[key], reply, reason)
        with self._lock:  # only now: an `over` must not find the message gone before its result is out
            del self._asked[key]

    def _publish(self, received: ReceivedMessage, reply: DecodeReply, reason: str) -> None:
        header, decoded = received.header, reply.decoded
        result = pdu.Result(
            text=decoded.text,
            confidence=decoded.confidence,
            word_confidence=decoded.trust,
            intact=decoded.intact,
            lost=False,
            codec=header.codec,
            stream=header.stream,
            message=header.message,
            fragments=header.fragments,
            lost_fragments=received.lost_fragments,
            snr_db=float(np.mean([csi.snr_db for csi in received.csi])),
            decode_ms=reply.decode_ms,
            reason=reason,
            start_sample=received.start_sample,
            cfo_hz=received.csi[-1].cfo_hz,
            sro_ppm=received.csi[-1].sro_ppm,
            lost_samples=received.lost_samples,
            understanding=reply.understanding,
        )
        self._put(result)

    def _put(self, result: pdu.Result) -> None:
        with self._lock:  # two threads come here
            self.results += 1
        self.message_port_pub(pmt.intern("out"), pdu.from_result(result))
