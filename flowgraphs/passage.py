"""One message on its way through a flowgraph, and the account of it at the end."""

import math
import time
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from semcom_blocks import pdu

from semcom_ota.phy.numerology import Numerology
from semcom_ota.transport.radio import Latency, MessageReply
from semcom_ota.types import FrameHeader, ReceivedFrame

FAILURES: dict[str, Literal["does_not_fit", "refused", "failed"]] = {
    "does_not_fit": "does_not_fit",
    "bad_request": "refused",
    "failed": "failed",
}


@dataclass(slots=True)
class Passage:
    """What each block has said of a message so far."""

    token: Any  # whatever comes back with it at the end
    request: pdu.TextRequest
    want_arrays: bool = False
    started: float = field(default_factory=time.perf_counter)
    encode_ms: float = 0.0
    header: FrameHeader | None = None  # of any of its frames
    encoded: int = 0  # frames that semantic_encoder made
    energy: float = 0.0  # sum of |s|**2 over their symbols
    failure: tuple[str, str] | None = None  # reason and sentence, if it could not make any
    sent: list[dict[str, Any]] = field(default_factory=list)  # what frame_tx said of each frame
    dropped: list[str] = field(default_factory=list)  # why, for each frame that frame_tx did not send
    received: dict[int, ReceivedFrame] = field(default_factory=dict)  # by fragment
    receive_ms: float = 0.0
    over: bool = False  # lam_decoder was told that no more frames of it will come
    result: pdu.Result | None = None

    @property
    def all_sent(self) -> bool:
        """Whether every one of its frames is on the air, or was, or never will be."""
        gone = len(self.sent) + len(self.dropped)
        return self.header is not None and self.encoded == gone == self.header.fragments

    @property
    def done(self) -> bool:
        """Whether all that the blocks have to say is here. It comes over several ports, in any order."""
        if self.failure is not None:
            return True
        if self.result is None or not self.all_sent:
            return False
        return self.result.lost or len(self.received) >= self.result.fragments - len(self.result.lost_fragments)

    def reply(self, numerology: Numerology) -> MessageReply:
        """The account of it."""
        request, result, header = self.request, self.result, self.header
        known: dict[str, Any] = {"codec": request.codec, "stream": request.stream, "message": request.message}
        total_ms = 1e3 * (time.perf_counter() - self.started)
        if self.failure is not None or result is None or header is None:
            reason, sentence = self.failure or ("failed", "the message did not go through the flowgraph")
            return MessageReply(
                status=FAILURES[reason],
                reason=sentence,
                latency_ms=Latency(total=total_ms),
                **known,
            )
        samples = [frame["stop"] - frame["start"] for frame in self.sent]
        air_samples = sum(map(_share, self.sent, samples))
        frame_cells = [count // numerology.row_samples * numerology.carriers.size for count in samples]
        cells = sum(map(_share, self.sent, frame_cells))
        frames = self.frames
        return MessageReply(
            status="failed" if result.reason else "lost" if result.lost else "decoded",
            reason=result.reason or next(iter(self.dropped), ""),
            text=result.text,
            confidence=result.confidence,
            intact=result.intact,
            fragments=header.fragments,
            lost_fragments=list(range(header.fragments)) if result.lost else list(result.lost_fragments),
            payload_symbols=header.message_symbols,
            overhead_symbols=cells - header.message_symbols,
            air_samples=air_samples,
            mean_symbol_energy=self.energy / header.message_symbols,
            snr_db_estimated=result.snr_db if math.isfinite(result.snr_db) else None,
            cfo_hz_estimated=frames[0].csi.cfo_hz if frames else None,
            latency_ms=Latency(
                encode=self.encode_ms,
                transmit=sum(frame["transmit_ms"] for frame in self.sent),
                air=1e3 * air_samples / numerology.phy.sample_rate,
                receive=self.receive_ms,
                decode=result.decode_ms,
                total=total_ms,
            ),
            **known,
        )

    @property
    def frames(self) -> list[ReceivedFrame]:
        """Its received frames, in order of fragment."""
        return [self.received[fragment] for fragment in sorted(self.received)]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Received symbols, their noise variances, and the first frame's channel; nothing if not asked for or lost."""
        frames = self.frames if self.want_arrays else []
        if not frames:
            return {}
        return {
            "symbols": np.concatenate([frame.symbols for frame in frames]),
            "noise_variance": np.concatenate([frame.noise_variance for frame in frames]),
            "frequency_response": frames[0].csi.frequency_response,
        }


def _share(sent: dict[str, Any], whole: int) -> int:
    """A message's share of a frame's samples or cells, in proportion to its payload symbols; nothing is left over."""
    before, own, total = sent["symbols_before"], sent["symbols"], sent["frame_symbols"]
    return whole * (before + own) // total - whole * before // total
