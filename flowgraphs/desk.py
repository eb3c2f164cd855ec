"""The desk of a radio process: texts come in, go through the flowgraph, and each leaves with what became of it."""

import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from itertools import chain, compress
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
import pmt
from gnuradio import gr
from numpy.typing import NDArray
from semcom_blocks import pdu
from semcom_blocks.failure import ends_process

from semcom_ota.phy.numerology import Numerology
from semcom_ota.transport.fields import Strict
from semcom_ota.transport.messages import Masked
from semcom_ota.types import FrameHeader

FAILURES: dict[str, Literal["does_not_fit", "refused", "failed"]] = {
    "does_not_fit": "does_not_fit",
    "bad_request": "refused",
    "failed": "failed",
}


@dataclass(slots=True)
class Sending(ABC):
    """One message on its way to the air: what each block of the transmitter has said of it so far."""

    token: Any  # whatever comes back with it at the end
    request: pdu.TextRequest
    started: float = field(default_factory=time.perf_counter)
    encode_ms: float = 0.0
    masked: Masked = field(default_factory=Masked)
    header: FrameHeader | None = None  # of any of its frames
    encoded: int = 0  # frames that semantic_encoder made
    energy: float = 0.0  # sum of |s|**2 over their symbols
    failure: tuple[str, str] | None = None  # reason and sentence, if it could not make any
    sent: list[dict[str, Any]] = field(default_factory=list)  # what frame_tx said of each frame
    dropped: list[str] = field(default_factory=list)  # why, for each frame that frame_tx did not send

    @property
    def all_sent(self) -> bool:
        """Whether every one of its frames is on the air, or was, or never will be."""
        gone = len(self.sent) + len(self.dropped)
        return self.header is not None and self.encoded == gone == self.header.fragments

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether all that the blocks have to say is here. It comes over several ports, in any order."""

    @abstractmethod
    def reply(self, numerology: Numerology) -> Strict:
        """The account of it."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What goes with the reply."""
        return {}

    @property
    def known(self) -> dict[str, Any]:
        """Which message it is."""
        return {"codec": self.request.codec, "stream": self.request.stream, "message": self.request.message}

    def spent(self, header: FrameHeader, numerology: Numerology) -> dict[str, Any]:
        """What it took of the air: its share of frames that it had in common with others."""
        samples = [frame["stop"] - frame["start"] for frame in self.sent]
        frame_cells = [count // numerology.row_samples * numerology.carriers.size for count in samples]
        return {
            "payload_symbols": header.message_symbols,
            "overhead_symbols": sum(map(_share, self.sent, frame_cells)) - header.message_symbols,
            "air_samples": sum(map(_share, self.sent, samples)),
            "mean_symbol_energy": self.energy / header.message_symbols,
            "masked_symbols": self.masked.symbols,
            "outlook": self.masked.outlook,
            "snr_db_expected": self.masked.snr_db,
        }

    @property
    def transmit_ms(self) -> float:
        """Its share of the time that modulation took."""
        return float(sum(frame["transmit_ms"] for frame in self.sent))

    @property
    def total_ms(self) -> float:
        """Since it came."""
        return 1e3 * (time.perf_counter() - self.started)


Kind = TypeVar("Kind", bound=Sending)


class Desk(gr.basic_block, ABC, Generic[Kind]):
    """Hands messages to the flowgraph and takes note of what its transmitting blocks say.

    Ports:
        messages: texts, to semantic_encoder.
        encoded, failed: from semantic_encoder. sent, dropped: from frame_tx.
    """

    reply_type: ClassVar[type[Strict]]
    """The account of a request, with `followers`."""

    def __init__(self, name: str):
        """A block of this name."""
        gr.basic_block.__init__(self, name, None, None)
        self._lock = threading.Lock()
        self._passages: dict[tuple[int, int], Kind] = {}  # by stream and message
        self._together: list[tuple[Kind, ...]] = []  # the same, as they were submitted
        self.message_port_register_out(pmt.intern("messages"))
        self.listen("encoded", "failed", "sent", "dropped")

    def listen(self, *names: str) -> None:
        """Register input ports, whose handlers are named after them."""
        for name in names:
            self.message_port_register_in(pmt.intern(name))
            self.set_msg_handler(pmt.intern(name), getattr(self, f"handle_{name}"))

    @abstractmethod
    def passage(self, token: Any, request: pdu.TextRequest, want_arrays: bool) -> Kind:
        """A message to submit."""

    def submit(self, *passages: Kind) -> bool:
        """Send messages. False, and none is sent, if one of the same stream and number is under way."""
        by_key = {(passage.request.stream, passage.request.message): passage for passage in passages}
        with self._lock:
            if by_key.keys() & self._passages.keys():
                return False
            self._passages |= by_key
            self._together.append(passages)
        for passage in passages:
            self.message_port_pub(pmt.intern("messages"), pdu.from_text_request(passage.request))
        return True

    @property
    def busy(self) -> bool:
        """Whether any message is under way."""
        return bool(self._passages)

    def finished(self) -> list[tuple[Kind, ...]]:
        """The messages whose fate is known, each once, and not before that of those submitted with them is known."""
        with self._lock:
            done = [all(passage.done for passage in passages) for passages in self._together]
            finished = list(compress(self._together, done))
            self._together = [passages for passages, gone in zip(self._together, done, strict=True) if not gone]
            for passage in chain(*finished):
                del self._passages[passage.request.stream, passage.request.message]
            return finished

    def account(self, passage: Kind, numerology: Numerology) -> dict[str, Any]:
        """What is said of one message of a reply."""
        return passage.reply(numerology).model_dump()

    @ends_process
    def handle_encoded(self, message: Any) -> None:
        """Take note of a frame that semantic_encoder made."""
        frame = pdu.to_semantic_frame(message)
        with self._lock:
            passage = self._passages[frame.header.stream, frame.header.message]
            passage.header = frame.header
            passage.encode_ms = pdu.scalar(message, "encode_ms")
            passage.masked = pdu.to_masked(message)
            passage.encoded += 1
            passage.energy += float(np.sum(np.abs(frame.symbols.astype(np.complex128)) ** 2))

    @ends_process
    def handle_failed(self, message: Any) -> None:
        """Take note of a text that semantic_encoder could not send."""
        meta, sentence = pdu.split(message)
        with self._lock:
            self._passages[meta["stream"], meta["message"]].failure = meta["reason"], sentence.tobytes().decode()

    @ends_process
    def handle_sent(self, message: Any) -> None:
        """Take note of a frame that frame_tx modulated."""
        meta = pdu.split(message)[0]
        with self._lock:
            self._passages[meta["stream"], meta["message"]].sent.append(meta)

    @ends_process
    def handle_dropped(self, message: Any) -> None:
        """Take note of a frame that frame_tx did not send: it is lost, the rest of its message need not be."""
        meta, sentence = pdu.split(message)
        with self._lock:
            passage = self._passages.get((meta.get("stream"), meta.get("message")))
            if passage is not None:
                passage.dropped.append(sentence.tobytes().decode())


def _share(sent: dict[str, Any], whole: int) -> int:
    """A message's share of a frame's samples or cells, in proportion to its payload symbols; nothing is left over."""
    before, own, total = sent["symbols_before"], sent["symbols"], sent["frame_symbols"]
    return whole * (before + own) // total - whole * before // total
