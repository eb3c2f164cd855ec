"""What two software USRPs did, as their lab wrote it down, beside what transmitter and receiver say of it.

The lab's log (semcom_ota/twin/lab_log.py) is the truth: every burst with its fate, every gap with its size. An honest
testbed accounts for each fault by itself: a late burst is a late message and no other, a gap of 1,234 samples is a gap
of 1,234 samples, and whatever nothing happened to arrives.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from semcom_ota.codecs.base import GAP
from semcom_ota.experiments.statistics import Estimate, proportion

Row = dict[str, Any]
Key = tuple[int, int]  # stream and message

GONE_WRONG = ("late", "underflow", "sequence_error")
"""Fates of a burst that the transmitter is told of."""
_SAME_TIME_S = 1e-6
"""Within which two times of a burst are the same; bursts are milliseconds apart."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, and whether transmitter and receiver say the same of it."""

    kind: str
    accounted: bool
    detail: str


@dataclass(frozen=True, slots=True)
class TwinAccount:
    """A run, fault by fault."""

    findings: list[Finding]
    touched: set[Key]  # messages with a burst that a fault of the script hit
    untouched: int
    whole: int  # of the untouched ones: there is a text, and no gap in it; how well a codec reads it is not the radio's
    false: list[Key]  # a text that its receiver vouches for, and that is not the one sent
    unexpected: list[str] = field(default_factory=list)  # what went wrong without the script

    @property
    def whole_share(self) -> Estimate:
        """Of the messages that no fault touched, with its 95 % interval."""
        return proportion(self.whole, self.untouched)

    @property
    def complete(self) -> bool:
        """Whether every fault is accounted for, and nothing went wrong but what the script says."""
        return all(finding.accounted for finding in self.findings) and not self.unexpected


def account(
    truth: Sequence[Row],
    sent: Sequence[Row],
    received: Sequence[Row],
    events: Sequence[Row],
    transmitter: str,
    receiver: str,
    checked: frozenset[str],
) -> TwinAccount:
    """Hold the log of a lab against the rows of a transmitter and a receiver.

    Args:
        truth: the lab's log.
        sent: `messages.jsonl` of the transmitter.
        received: `messages.jsonl` of the receiver.
        events: `events.jsonl` of the receiver.
        transmitter: serial number of the transmitting device.
        receiver: serial number of the receiving device.
        checked: codecs whose payload has a checksum, so that nothing wrong may be delivered.
    """
    bursts = _Bursts(truth, transmitter)
    findings: list[Finding] = []
    touched: set[Key] = set()
    went_out: set[Key] = set()
    scripted_gaps = [row for row in _overflows(truth, receiver) if row["cause"] == "script"]
    arrived = {(row["stream"], row["message"]): row for row in received}
    unexpected = [f"{row['kind']}: {row}" for row in truth if row["kind"] == "lab_too_slow"]

    for row in sent:
        key = row["stream"], row["message"]
        for burst in row["bursts"]:
            went_out.add(key)
            real = bursts.at(burst["tx_time"])
            if real is None:
                unexpected.append(f"message {key}: the device knows nothing of its burst at {burst['tx_time']}")
                continue
            fate = real["fate"]
            deaf = receiver in real["faded"] or receiver in real["cut"]
            if bursts.scripted(real) or receiver in real["faded"] or _in_a_gap(real, scripted_gaps):
                touched.add(key)
            if fate == "sequence_error" and not real["samples"] and burst["fate"] == "unacknowledged":
                # Lost as a whole, like the burst before or behind it: the device counts packets, and tells of one gap.
                findings.append(
                    Finding(fate, True, f"burst {real['number']}: message {key}, of which it heard nothing")
                )
            elif fate != burst["fate"]:
                findings.append(Finding(fate, False, f"burst {real['number']}: the transmitter says {burst['fate']}"))
            elif fate in GONE_WRONG:
                findings.append(Finding(fate, True, f"burst {real['number']}: message {key}"))
                if not bursts.scripted(real):
                    unexpected.append(f"burst {real['number']} was {fate} without the script")
            elif deaf:
                findings.append(_unheard(real, key, receiver, arrived))
    findings += _gaps(truth, events, receiver, unexpected)
    findings += bursts.never_met()

    untouched = went_out - touched
    texts = {(row["stream"], row["message"]): row["sent"] for row in sent}
    delivered = {key for key, row in arrived.items() if row["status"] == "delivered"}
    false = [key for key in delivered if key in texts and arrived[key]["codec"] in checked]
    false = [key for key in false if arrived[key]["received"] != texts[key]]
    whole = {key for key, row in arrived.items() if _whole(row)}
    return TwinAccount(findings, touched, len(untouched), len(untouched & whole), false, unexpected)


def _whole(row: Row) -> bool:
    """Whether nothing of a message is missing, though its codec may not be sure of the text."""
    arrived = row["status"] in ("delivered", "corrupted") and not row["lost_fragments"]
    return arrived and bool(row["received"]) and GAP not in row["received"]


class _Bursts:
    """The bursts of a device, by the time at which they began on its clock."""

    def __init__(self, truth: Sequence[Row], device: str):
        self._rows = {
            round(row["device_time"][0] / _SAME_TIME_S) + round(row["device_time"][1] / _SAME_TIME_S): row
            for row in truth
            if row["kind"] == "burst" and row["device"] == device
        }
        self._met: set[int] = set()
        faults = [row["fault"] for row in truth if row["kind"] == "fault" and row["device"] == device]
        self._scripted = {fault["burst"] for fault in faults if fault["kind"] in GONE_WRONG}

    def at(self, time: Sequence[float]) -> Row | None:
        """The burst of this time."""
        tick = round(time[0] / _SAME_TIME_S) + round(time[1] / _SAME_TIME_S)
        found = next((self._rows[near] for near in (tick, tick - 1, tick + 1) if near in self._rows), None)
        if found is not None:
            self._met.add(found["number"])
        return found

    def scripted(self, row: Row) -> bool:
        """Whether the script has it that this burst goes wrong."""
        return row["number"] in self._scripted

    def never_met(self) -> Iterable[Finding]:
        """Bursts that the device was handed and that no message of the transmitter speaks of."""
        for row in self._rows.values():
            if row["number"] not in self._met:
                yield Finding(row["fate"], False, f"burst {row['number']} is in no row of the transmitter")


def _unheard(real: Row, key: Key, receiver: str, arrived: dict[Key, Row]) -> Finding:
    """A burst that was sent, and did not reach the receiver, or not all of it."""
    kind = "faded" if receiver in real["faded"] else "cut by a gap"
    row = arrived.get(key)
    if row is None:
        return Finding(kind, True, f"burst {real['number']}: message {key} is lost")
    whole = _whole(row)
    # A gap may take no more than the zeros around a frame, or a path may fade within one: then the receiver decides.
    said = "arrived all the same" if whole else "arrived in part"
    return Finding(kind, kind != "faded" or not whole, f"burst {real['number']}: message {key} {said}")


def _gaps(truth: Sequence[Row], events: Sequence[Row], receiver: str, unexpected: list[str]) -> Iterable[Finding]:
    """The gaps of the receiver's stream, in order: each as long as the receiver says."""
    real = _overflows(truth, receiver)
    said = [row["lost_samples"] for row in events if row["kind"] == "overflow"]
    unexpected += [f"an overflow that the script does not have: {row}" for row in real if row["cause"] != "script"]
    for index, row in enumerate(real):
        lost = said[index] if index < len(said) else None
        detail = f"{row['lost_samples']} samples at {row['at_sample']}"
        if lost != row["lost_samples"]:
            detail += f", the receiver says {lost}"
        yield Finding("overflow", lost == row["lost_samples"], detail)
    for lost in said[len(real) :]:
        yield Finding("overflow", False, f"the receiver says {lost} samples, and there was no gap")


def _overflows(truth: Sequence[Row], receiver: str) -> list[Row]:
    return [row for row in truth if row["kind"] == "overflow" and row["device"] == receiver]


def _in_a_gap(burst: Row, gaps: Sequence[Row]) -> bool:
    """Whether any of a burst is in one of these gaps."""
    start, stop = burst["true_s"], burst["true_s"] + burst["samples"] / burst["rate"]
    return any(gap["true_s"] < stop and start < gap["true_s"] + gap["lost_samples"] / burst["rate"] for gap in gaps)
