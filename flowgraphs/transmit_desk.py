"""The desk of a process that transmits."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from semcom_blocks import pdu
from semcom_blocks.failure import ends_process
from semcom_flowgraphs.desk import FAILURES, Desk, Sending

from semcom_ota.phy.numerology import Numerology
from semcom_ota.radio.burst_ledger import Fate
from semcom_ota.radio.health import Health
from semcom_ota.transport.radio import BurstReply, Latency, MessageTransmitted, TransmitReply

MAX_BURSTS = 4096
"""Of how many bursts it is known whose they are: those before have been spoken of."""

Status = Literal["acknowledged", "unacknowledged", "late", "underflow", "failed"]

VERDICTS: dict[Fate, tuple[Status, str]] = {  # the worst one first
    "sequence_error": ("failed", "samples of {} of {} bursts were lost on the way to the device"),
    "underflow": ("underflow", "the samples of {} of {} bursts did not reach the device in time"),
    "late": ("late", "{} of {} bursts reached the device after their time and were not sent: raise bursts.lead_ms"),
    "unacknowledged": ("unacknowledged", "the device says nothing of {} of {} bursts"),
    "acknowledged": ("acknowledged", ""),
}
"""The status of a message whose worst burst met this, and the sentence that says so."""


@dataclass(slots=True)
class Bursted:
    """What has been said of a burst so far."""

    scheduled: dict[str, Any] | None = None
    fate: Fate | None = None


@dataclass(slots=True)
class TransmitPassage(Sending):
    """One message on its way to the device, and the account of it at the end."""

    bursts: list[Bursted] = field(default_factory=list)  # that of each frame in `sent`

    @property
    def done(self) -> bool:
        """Whether the radio has said what became of each burst, or will not say it."""
        told = all(burst.scheduled is not None and burst.fate is not None for burst in self.bursts)
        return self.failure is not None or (self.all_sent and told)

    def reply(self, numerology: Numerology) -> MessageTransmitted:
        """The account of it."""
        header, total_ms = self.header, self.total_ms
        if self.failure is not None or header is None:
            reason, sentence = self.failure or ("failed", "the message did not go through the flowgraph")
            latency = Latency(total=total_ms)
            return MessageTransmitted(status=FAILURES[reason], reason=sentence, latency_ms=latency, **self.known)
        status, reason = self._verdict()
        spent = self.spent(header, numerology)
        return MessageTransmitted(
            status=status,
            reason=reason,
            bursts=[_burst_reply(sent, burst) for sent, burst in zip(self.sent, self.bursts, strict=True)],
            latency_ms=Latency(
                encode=self.encode_ms,
                transmit=self.transmit_ms,
                air=1e3 * spent["air_samples"] / numerology.phy.sample_rate,
                total=total_ms,
            ),
            **spent,
            **self.known,
        )

    def _verdict(self) -> tuple[Status, str]:
        if self.dropped:
            return "failed", self.dropped[0]
        fates = [burst.fate for burst in self.bursts]
        fate = next(fate for fate in VERDICTS if fate in fates)
        status, sentence = VERDICTS[fate]
        return status, sentence.format(fates.count(fate), len(fates))


class TransmitDesk(Desk[TransmitPassage]):
    """Hands messages to the flowgraph and finds out what became of the bursts of each.

    Ports: those of `Desk`, and
        scheduled: from burst_scheduler. fates: from burst_watch.
    """

    reply_type = TransmitReply

    def __init__(self, health: Callable[[], Health]):
        """`health` is asked when a message leaves."""
        super().__init__("semcom transmit_desk")
        self._health = health
        self._bursts: OrderedDict[int, Bursted] = OrderedDict()  # by where the frame began in frame_tx's samples
        self.listen("scheduled", "fates")

    def passage(self, token: Any, request: pdu.TextRequest, want_arrays: bool) -> TransmitPassage:
        """A message to submit. There are no arrays to be had."""
        return TransmitPassage(token, request)

    def account(self, passage: TransmitPassage, numerology: Numerology) -> dict[str, Any]:
        """With the state of the transmitter."""
        return super().account(passage, numerology) | {"health": self._health().as_dict()}

    @ends_process
    def handle_sent(self, message: Any) -> None:
        """Take note of a frame that frame_tx modulated."""
        meta = pdu.split(message)[0]
        with self._lock:
            passage = self._passages[meta["stream"], meta["message"]]
            passage.sent.append(meta)
            passage.bursts.append(self._burst(meta["start"]))

    @ends_process
    def handle_scheduled(self, message: Any) -> None:
        """Take note of when a burst is to leave."""
        meta = pdu.split(message)[0]
        with self._lock:
            self._burst(meta["start"]).scheduled = meta

    @ends_process
    def handle_fates(self, message: Any) -> None:
        """Take note of what became of a burst."""
        meta = pdu.split(message)[0]
        with self._lock:
            self._burst(meta["start"]).fate = meta["fate"]

    def _burst(self, start: int) -> Bursted:
        """That of a frame; what is said of it comes over several ports, in any order."""
        burst = self._bursts.setdefault(start, Bursted())
        if len(self._bursts) > MAX_BURSTS:
            self._bursts.popitem(last=False)
        return burst


def _burst_reply(sent: dict[str, Any], burst: Bursted) -> BurstReply:
    told = burst.scheduled or {}
    return BurstReply(
        tx_time=(told["seconds"], told["fraction"]),
        samples=told["samples"],
        fragment=sent["fragment"],
        fate=burst.fate or "unacknowledged",
        limited=told["limited"],
    )
