"""How well a mask followed the channel, from a run's own log: after steps of the SNR, and beside the last report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """The SNR that a run asks for becomes another one."""

    message: int  # the first with the new one
    before_db: float
    after_db: float
    frames: int | None  # that left before the mask went by the new one; None if it never did


def measured(row: Row) -> float | None:
    """SNR in dB that a receiver measured of a message: the effective one, or where that is not known, the mean."""
    effective = row.get("snr_db_effective")
    return row["snr_db_estimated"] if effective is None else effective


def following(messages: Sequence[Row], in_flight: int, messages_per_frame: int = 1) -> dict[str, Any]:
    """What the summary of a run says of a mask that follows the channel.

    Args:
        messages: rows of `messages.jsonl` in the order of sending.
        in_flight: frames that are under way at a time (`mask.in_flight`).
        messages_per_frame: texts that share a frame, at most.

    Returns:
        {steps, messages, expected_error_db, last_report_error_db}: what became of each step (`Step`); of how many
        messages the mask expected an SNR that was then measured; by how much it was off, mean absolute; and by how much
        the last report would have been. The latter three are 0 and None unless every message is a frame of its own.
    """
    offs = errors(messages, in_flight) if messages_per_frame == 1 else []
    made, last = np.mean(offs, axis=0).tolist() if offs else (None, None)
    return {
        "steps": [asdict(step) for step in steps(messages, in_flight)],
        "messages": len(offs),
        "expected_error_db": made,
        "last_report_error_db": last,
    }


def errors(messages: Sequence[Row], in_flight: int) -> list[tuple[float, float]]:
    """By how many dB what was expected of a message was off, and the report on the frame `in_flight` before it.

    Nothing where a message has several frames: which of them was the last to be reported on is not in the log.
    """
    sent = [row for row in messages if row["fragments"]]
    if any(row["fragments"] > 1 for row in sent):
        return []
    return [
        (abs(row["snr_db_expected"] - met), abs(reported - met))
        for before, row in zip(sent, sent[in_flight:], strict=False)
        if row.get("snr_db_expected") is not None
        and (met := measured(row)) is not None
        and (reported := measured(before)) is not None
    ]


def steps(messages: Sequence[Row], in_flight: int) -> list[Step]:
    """Where the SNR that was asked for changed.

    A mask goes by the new one with the first message that a report from behind the step can have reached, and whose
    expected SNR is nearer to what that message met than to what was last measured before the step: so it counts where
    the channel fades, too. That it goes on to do so is not said.
    """
    starts = [
        place
        for place in range(1, len(messages))
        if messages[place]["snr_db"] is not None and messages[place]["snr_db"] != messages[place - 1]["snr_db"]
    ]
    found = []
    for start, end in pairwise([*starts, len(messages)]):
        old = next((snr for row in reversed(messages[:start]) if (snr := measured(row)) is not None), None)
        frames, gone = None, 0
        for row in messages[start:end]:
            if gone >= in_flight and _goes_by_the_new(row, old):
                frames = gone
                break
            gone += row["fragments"]
        found.append(Step(messages[start]["message"], messages[start - 1]["snr_db"], messages[start]["snr_db"], frames))
    return found


def _goes_by_the_new(row: Row, old: float | None) -> bool:
    expected, new = row.get("snr_db_expected"), measured(row)
    if old is None or expected is None or new is None:
        return False
    return bool(abs(expected - new) < abs(expected - old))
