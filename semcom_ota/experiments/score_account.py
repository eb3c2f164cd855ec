"""What came of each message that a transmitter sent, from its own rows and those of a receiver elsewhere."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semcom_ota.experiments.clock_fit import ClockFit
from semcom_ota.experiments.score_matching import match, seconds
from semcom_ota.experiments.score_rows import Event, ReceivedRow, SentBurst, SentRow
from semcom_ota.experiments.statistics import word_errors
from semcom_ota.radio.health import Health

CAUSES = ("late", "underflow", "sequence_error", "overflow", "dropped", "not received")
"""Why a frame is missing: it came late to the transmitting device, its samples did, or they were lost on the way; it
fell into a gap of the receiver's stream; the receiver's decoder had no time for it; or nothing is known of it. Of
several, the first one counts."""

NEAR_S = 1.0
"""What a receiver says of a frame within so much of its time is of this frame, and not of another run's."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A run of two ends, joined."""

    messages: list[Row]  # one for each message sent, in this order; lines of `messages.jsonl`
    unmatched: list[ReceivedRow]  # what is of no message sent
    rate_error: float | None  # of the receiver's clock against the transmitter's; None if nothing arrived


def account(
    sent: Sequence[SentRow],
    received: Sequence[ReceivedRow],
    events: Sequence[Event],
    sample_rate: float,
    has_checksum: Callable[[str], bool],
) -> Account:
    """Join the rows of a transmitter and a receiver (score_matching.py).

    Args:
        sent: rows of the transmitter.
        received: rows of the receiver.
        events: of the receiver's stream.
        sample_rate: of the receiver.
        has_checksum: whether a codec vouches for the text that it delivers.
    """
    parts = match(sent, received)
    arrived = {place: received[index] for part in parts for place, index in part.rows.items()}
    taken = {index for part in parts for index in part.rows.values()}
    losses = _Losses(events, sample_rate)
    messages = []
    for place, row in enumerate(sent):
        nearest = min(parts, key=lambda part: part.distance(place), default=None)
        clocks = nearest.clocks if nearest else None
        messages.append(_message(row, arrived.get(place), losses, clocks, has_checksum(row.codec)))
    unmatched = [row for index, row in enumerate(received) if index not in taken]
    return Account(messages, unmatched, parts[0].clocks.rate_error if parts else None)


def causes(messages: Iterable[Row]) -> dict[str, int]:
    """How many lost messages are due to what."""
    lost = [message["cause"] for message in messages if message["status"] == "lost"]
    return {cause: lost.count(cause) for cause in CAUSES}


def mean_snr_db(messages: Iterable[Row]) -> float | None:
    """The mean of what the receiver estimated, in dB; None if nothing arrived."""
    known = [message["snr_db_estimated"] for message in messages if message["snr_db_estimated"] is not None]
    return statistics.fmean(known) if known else None


class _Losses:
    """What a receiver says that it lost."""

    def __init__(self, events: Sequence[Event], sample_rate: float):
        self._rate = sample_rate
        gaps = [event for event in events if event.kind == "overflow"]
        self._spans = [(gap.at_s - (gap.lost_samples or 0) / sample_rate, gap.at_s) for gap in gaps]
        self._told: dict[tuple[int, int, int], list[Event]] = {}
        for event in events:
            for one in (*event.cut, *event.dropped):
                if one is not None and event.kind in CAUSES:
                    self._told.setdefault((one.stream, one.message, one.fragment), []).append(event)

    def cause(self, row: SentRow, burst: SentBurst, clocks: ClockFit | None) -> str | None:
        """What it says of a frame; or overflow, if a gap was where it is predicted to have arrived."""
        told = self._told.get((row.stream, row.message, burst.fragment), [])
        if clocks is None:
            return told[0].kind if told else None
        begin = float(clocks.received(np.array(seconds(burst))))
        end = begin + burst.samples / self._rate
        for event in told:  # another run has frames with the same numbers
            if begin - NEAR_S < event.at_s < end + NEAR_S + (event.lost_samples or 0) / self._rate:
                return event.kind
        return "overflow" if any(first < end and begin < last for first, last in self._spans) else None


def _message(
    row: SentRow, arrived: ReceivedRow | None, losses: _Losses, clocks: ClockFit | None, has_checksum: bool
) -> Row:
    """One line of `messages.jsonl`, with the names of a loopback's; `health` has the counters of both ends together,
    each as of its own row, and those of the transmitter alone if the receiver has none."""
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
        "cause": _cause(row, missing, losses, clocks),
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
        "word_confidence": arrived.word_confidence if arrived else 0.0,
        "intent": arrived.intent if arrived else "",
        "answer": arrived.answer if arrived else None,
        "answer_confidence": arrived.answer_confidence if arrived else 0.0,
        "remembered": arrived.remembered if arrived else 0,
        "snr_db_estimated": arrived.snr_db_estimated if arrived else None,
        "cfo_hz_estimated": arrived.cfo_hz_estimated if arrived else None,
        "sro_ppm_estimated": arrived.sro_ppm_estimated if arrived else None,
        "fragments": len(row.bursts),
        "lost_fragments": sorted(burst.fragment for burst in missing),
        "payload_symbols": row.payload_symbols,
        "overhead_symbols": row.overhead_symbols,
        "air_samples": row.air_samples,
        "mean_symbol_energy": row.mean_symbol_energy,
        "masked_symbols": row.masked_symbols,
        "outlook": row.outlook,
        "snr_db_expected": row.snr_db_expected,
        "health": (Health(**row.health) + Health(**(arrived.health if arrived else {}))).as_dict(),
        "latency_ms": {},  # the clocks of the two ends have nothing in common
    }


def _cause(row: SentRow, missing: Iterable[SentBurst], losses: _Losses, clocks: ClockFit | None) -> str:
    """The first of CAUSES that a missing frame has; '' if none is missing."""
    found = {
        burst.fate if burst.fate in CAUSES else losses.cause(row, burst, clocks) or "not received" for burst in missing
    }
    return next((cause for cause in CAUSES if cause in found), "")
