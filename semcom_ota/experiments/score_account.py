"""What came of each message that a transmitter sent, from its own rows and those of a receiver elsewhere."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from semcom_ota.config import MAX_TEXT_BYTES
from semcom_ota.experiments.clock_fit import ClockFit, fit_clocks
from semcom_ota.experiments.statistics import word_errors
from semcom_ota.transport.messages import MAX_FRAGMENTS, MAX_STREAMS

CAUSES = ("late", "underflow", "sequence_error", "overflow", "dropped", "not received")
"""Why a frame is missing: it came late to the transmitting device, its samples did, or they were lost on the way; it
fell into a gap of the receiver's stream; the receiver's decoder had no time for it; or nothing is known of it. Of
several, the first one counts."""

Row = dict[str, Any]
_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Seconds = Annotated[float, Field(ge=-1e12, le=1e12)]
_Fragment = Annotated[int, Field(ge=0, lt=MAX_FRAGMENTS)]
_Text = Annotated[str, Field(max_length=4 * MAX_TEXT_BYTES)]


class _Said(BaseModel):
    """A row of a run folder; fields that others need are none of our business."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Key(_Said):
    stream: int = Field(ge=0, lt=MAX_STREAMS)
    message: int = Field(ge=0, lt=2**16)


class SentBurst(_Said):
    """A burst that carried a fragment, or was to."""

    tx_time: tuple[_Seconds, _Seconds]  # device time of its first sample
    samples: _Count
    fragment: _Fragment
    fate: str


class SentRow(_Key):
    """A line of a transmitter's `messages.jsonl`."""

    codec: str
    sent: _Text
    status: str
    reason: str = ""
    bursts: tuple[SentBurst, ...] = Field((), max_length=MAX_FRAGMENTS)
    payload_symbols: _Count
    overhead_symbols: _Count
    air_samples: _Count
    mean_symbol_energy: float = Field(ge=0, allow_inf_nan=False)


class ReceivedRow(_Key):
    """A line of a receiver's `messages.jsonl`."""

    codec: str
    received: _Text
    status: str  # delivered or corrupted; anything else: the decoder failed at it
    reason: str = ""
    confidence: float = Field(0.0, ge=0, le=1)
    lost_fragments: tuple[_Fragment, ...] = Field((), max_length=MAX_FRAGMENTS)
    received_s: _Seconds  # of the first frame that arrived, since the receiver's first sample
    snr_db_estimated: float | None = None
    cfo_hz_estimated: float | None = None
    sro_ppm_estimated: float | None = None


class Frame(_Key):
    """One frame of a message."""

    fragment: _Fragment


class Event(_Said):
    """A line of a receiver's `events.jsonl`."""

    kind: str  # overflow: samples are missing; dropped: a frame that the decoder had no time for
    at_s: _Seconds  # of the first sample behind the gap, or of the frame
    lost_samples: _Count | None = None  # None: nobody knows how many
    cut: tuple[Frame | None, ...] = ()  # frames that were under way; None: not even their header was known
    dropped: tuple[Frame | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """A run of two ends, joined."""

    messages: list[Row]  # one for each message sent, in this order; lines of `messages.jsonl`
    unmatched: list[ReceivedRow] = field(default_factory=list)  # what is of no message sent
    clocks: ClockFit | None = None  # of the two ends; the transmitter's time less its first whole second


def account(
    sent: Sequence[SentRow],
    received: Sequence[ReceivedRow],
    events: Sequence[Event],
    sample_rate: float,
    has_checksum: Callable[[str], bool],
) -> Account:
    """Join the rows of a transmitter and a receiver.

    A row is of a message if stream, number and codec are the same and it arrived when it should have by the relation of
    the two clocks. That relation is found from all rows whose numbers agree (clock_fit.py), so that a receiver may have
    heard another run of the same transmitter, with the same numbers, before.

    Args:
        sent: rows of the transmitter.
        received: rows of the receiver.
        events: of the receiver's stream.
        sample_rate: of the receiver.
        has_checksum: whether a codec vouches for the text that it delivers.
    """
    epoch = min((int(burst.tx_time[0]) for row in sent for burst in row.bursts), default=0)
    candidates: dict[tuple[int, int, str], list[int]] = {}
    for place, row in enumerate(sent):
        candidates.setdefault((row.stream, row.message, row.codec), []).append(place)
    pairs = [
        (place, index, at)
        for index, arrived in enumerate(received)
        for place in candidates.get((arrived.stream, arrived.message, arrived.codec), ())
        if (at := _first_sent(sent[place], arrived, epoch)) is not None
    ]
    left_at = np.array([at for *_, at in pairs], np.float64)
    arrived_at = np.array([received[index].received_s for _, index, _ in pairs], np.float64)
    clocks = fit_clocks(left_at, arrived_at)
    matched: dict[int, ReceivedRow] = {}
    taken: set[int] = set()
    if clocks is not None:
        met = clocks.meets(left_at, arrived_at)
        for pair in np.argsort(np.abs(clocks.received(left_at) - arrived_at), kind="stable"):
            place, index, _ = pairs[pair]
            if met[pair] and place not in matched and index not in taken:
                matched[place] = received[index]
                taken.add(index)
    holes = _Holes(events, sample_rate, clocks, epoch)
    messages = [_message(row, matched.get(place), holes, has_checksum(row.codec)) for place, row in enumerate(sent)]
    return Account(messages, [row for index, row in enumerate(received) if index not in taken], clocks)


def causes(messages: Iterable[Row]) -> dict[str, int]:
    """How many lost messages are due to what."""
    lost = [message["cause"] for message in messages if message["status"] == "lost"]
    return {cause: lost.count(cause) for cause in CAUSES}


def mean_snr_db(messages: Iterable[Row]) -> float | None:
    """The mean of what the receiver estimated, in dB; None if nothing arrived."""
    known = [message["snr_db_estimated"] for message in messages if message["snr_db_estimated"] is not None]
    return statistics.fmean(known) if known else None


class _Holes:
    """What a receiver lost, in the transmitter's words."""

    def __init__(self, events: Sequence[Event], sample_rate: float, clocks: ClockFit | None, epoch: int):
        self._clocks, self._epoch, self._rate = clocks, epoch, sample_rate
        gaps = [event for event in events if event.kind == "overflow"]
        self._spans = [(gap.at_s - (gap.lost_samples or 0) / sample_rate, gap.at_s) for gap in gaps]
        self._told = {
            (one.stream, one.message, one.fragment): event.kind
            for event in events
            for one in (*event.cut, *event.dropped)
            if one is not None and event.kind in CAUSES
        }

    def cause(self, row: SentRow, burst: SentBurst) -> str | None:
        """What the receiver says of a frame; or overflow, if a gap was where it is predicted to have arrived."""
        told = self._told.get((row.stream, row.message, burst.fragment))
        if told is not None or self._clocks is None:
            return told
        begin = float(self._clocks.received(np.array(_seconds(burst, self._epoch))))
        end = begin + burst.samples / self._rate
        return "overflow" if any(first < end and begin < last for first, last in self._spans) else None


def _first_sent(row: SentRow, arrived: ReceivedRow, epoch: int) -> float | None:
    """When the first fragment left of those that arrived."""
    times = [_seconds(burst, epoch) for burst in row.bursts if burst.fragment not in arrived.lost_fragments]
    return min(times, default=None)


def _seconds(burst: SentBurst, epoch: int) -> float:
    return (burst.tx_time[0] - epoch) + burst.tx_time[1]


def _message(row: SentRow, arrived: ReceivedRow | None, holes: _Holes, has_checksum: bool) -> Row:
    """One line of `messages.jsonl`, with the names of a loopback's."""
    decoded = arrived if arrived is not None and arrived.status in ("delivered", "corrupted") else None
    status, text = (decoded.status, decoded.received) if decoded else ("lost", "")
    missing = [burst for burst in row.bursts if arrived is None or burst.fragment in arrived.lost_fragments]
    errors, right = word_errors(row.sent, text)
    return {
        "message": row.message,
        "stream": row.stream,
        "codec": row.codec,
        "snr_db": None,  # of the channel: nobody knows it
        "status": status,
        "cause": _cause(row, missing, holes),
        "false": status == "delivered" and has_checksum and text != row.sent,
        "does_not_fit": row.status == "does_not_fit",
        "failed": (arrived is not None and decoded is None) or (row.status == "failed" and not row.bursts),
        "reason": row.reason or (arrived.reason if arrived else ""),
        "sent": row.sent,
        "received": text,
        "words": len(row.sent.split()),
        "words_right": right,
        "word_errors": errors,
        "tx_time": row.bursts[0].tx_time if row.bursts else None,
        "received_s": arrived.received_s if arrived else None,
        "confidence": arrived.confidence if arrived else 0.0,
        "snr_db_estimated": arrived.snr_db_estimated if arrived else None,
        "cfo_hz_estimated": arrived.cfo_hz_estimated if arrived else None,
        "sro_ppm_estimated": arrived.sro_ppm_estimated if arrived else None,
        "fragments": len(row.bursts),
        "lost_fragments": sorted(burst.fragment for burst in missing),
        "payload_symbols": row.payload_symbols,
        "overhead_symbols": row.overhead_symbols,
        "air_samples": row.air_samples,
        "mean_symbol_energy": row.mean_symbol_energy,
        "latency_ms": {},  # the clocks of the two ends have nothing in common
    }


def _cause(row: SentRow, missing: Iterable[SentBurst], holes: _Holes) -> str:
    """The first of CAUSES that a missing frame has; '' if none is missing."""
    found = {burst.fate if burst.fate in CAUSES else holes.cause(row, burst) or "not received" for burst in missing}
    return next((cause for cause in CAUSES if cause in found), "")
