"""One message on its way through a flowgraph that sends and receives, and the account of it at the end."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from semcom_blocks import pdu
from semcom_flowgraphs.desk import FAILURES, Sending

from semcom_ota.masking.outlook import effective_snr_db
from semcom_ota.phy.link_report import link_report
from semcom_ota.phy.numerology import Numerology
from semcom_ota.transport.radio import Latency, MessageReply
from semcom_ota.types import ReceivedFrame


@dataclass(slots=True)
class Passage(Sending):
    """What each block has said of a message so far."""

    want_arrays: bool = False
    received: dict[int, ReceivedFrame] = field(default_factory=dict)  # by fragment
    receive_ms: float = 0.0
    over: bool = False  # lam_decoder was told that no more frames of it will come
    result: pdu.Result | None = None

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
        result, header, total_ms = self.result, self.header, self.total_ms
        if self.failure is not None or result is None or header is None:
            reason, sentence = self.failure or ("failed", "the message did not go through the flowgraph")
            return MessageReply(
                status=FAILURES[reason],
                reason=sentence,
                latency_ms=Latency(total=total_ms),
                **self.known,
            )
        spent, frames = self.spent(header, numerology), self.frames
        return MessageReply(
            status="failed" if result.reason else "lost" if result.lost else "decoded",
            reason=result.reason or next(iter(self.dropped), ""),
            text=result.text,
            confidence=result.confidence,
            word_confidence=result.word_confidence,
            intact=result.intact,
            **asdict(result.understanding),
            fragments=header.fragments,
            lost_fragments=list(range(header.fragments)) if result.lost else list(result.lost_fragments),
            snr_db_estimated=result.snr_db if math.isfinite(result.snr_db) else None,
            snr_db_effective=effective_snr_db(link_report(frames[0], 1).carrier_snr_db) if frames else None,
            cfo_hz_estimated=frames[0].csi.cfo_hz if frames else None,
            latency_ms=Latency(
                encode=self.encode_ms,
                transmit=self.transmit_ms,
                air=1e3 * spent["air_samples"] / numerology.phy.sample_rate,
                receive=self.receive_ms,
                decode=result.decode_ms,
                total=total_ms,
            ),
            **spent,
            **self.known,
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
