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


def following(messages: Sequence[Row], in_flight: int) -> dict[str, Any] | None:
    """What a run's summary says of it; None if its mask went by no SNR.

    Args:
        messages: rows of `messages.jsonl` in the order of sending.
        in_flight: frames that are under way at a time (`mask.in_flight`).

    Returns:
        {steps, messages, expected_error_db, last_report_error_db}: what became of each step (`Step`); how many messages
        the mask expected an SNR for, and was told what that was; by how much it was off, mean absolute; and by how much
        the SNR of the frame `in_flight` before would have been.
    """
    if all(row.get("snr_db_expected") is None for row in messages):
        return None
    made, last = [], []
    for place in range(in_flight, len(messages)):
        row, reported, found = messages[place], measured(messages[place - in_flight]), measured(messages[place])
        if row.get("snr_db_expected") is not None and reported is not None and found is not None:
            made.append(abs(row["snr_db_expected"] - found))
            last.append(abs(reported - found))
    return {
        "steps": [asdict(step) for step in steps(messages)],
        "messages": len(made),
        "expected_error_db": float(np.mean(made)) if made else None,
        "last_report_error_db": float(np.mean(last)) if last else None,
    }


def steps(messages: Sequence[Row]) -> list[Step]:
    """Where the SNR that was asked for changed.

    A mask goes by the new one with the first message whose expected SNR is nearer to what that message met than to what
    was last measured before the step: so fading does not count as one, and a report that does not come does not either.
    """
    starts = [
        place
        for place in range(1, len(messages))
        if messages[place]["snr_db"] is not None and messages[place]["snr_db"] != messages[place - 1]["snr_db"]
    ]
    found = []
    for start, end in pairwise([*starts, len(messages)]):
        old = next((snr for row in reversed(messages[:start]) if (snr := measured(row)) is not None), None)
        frames: int | None = 0
        for row in messages[start:end]:
            expected, new = row.get("snr_db_expected"), measured(row)
            if None not in (old, expected, new) and abs(expected - new) < abs(expected - old):  # type: ignore[operator]
                break
            frames += row["fragments"]
        else:
            frames = None
        found.append(Step(messages[start]["message"], messages[start - 1]["snr_db"], messages[start]["snr_db"], frames))
    return found
