"""What became of each burst, against a device that does as UHD's do."""

import random
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.radio.burst_ledger import KEPT_S, PATIENCE_S, SILENT_BURSTS, SILENT_PATIENCE_S, BurstLedger
from semcom_ota.radio.health import Health
from semcom_ota.radio.time_spec import TimeSpec

EPOCH = TimeSpec(1_700_000_000, 0.9)  # a fraction that overflows at once
TROUBLE = {"late": ("time_error",), "underflow": ("underflow",), "sequence_error": ("seq_error_in_burst",)}


@dataclass(frozen=True)
class Planned:
    gap: float
    duration: float
    ahead: float  # by which it reaches the device before its time; negative: late
    trouble: str  # "", underflow or sequence_error, if it is met in time
    where: float  # 0..1, in the burst
    stall: float | None  # the rest is sent so much later and acknowledged; None: it is dropped, and nothing more said


PLANS = st.lists(
    st.builds(
        Planned,
        gap=st.sampled_from([0.0, 1e-3, 5e-3]),
        duration=st.floats(1e-3, 20e-3),
        ahead=st.one_of(st.floats(1e-3, 30e-3), st.floats(-30e-3, -1e-6)),
        trouble=st.sampled_from(["", "", "", "underflow", "sequence_error"]),
        where=st.floats(0.01, 0.99),
        stall=st.sampled_from([None, 0.0, 8e-4]),  # less than the next burst takes
    ),
    max_size=30,
)
Event = tuple[tuple[str, ...], TimeSpec]


def device(plans: list[Planned]) -> tuple[list[tuple[TimeSpec, TimeSpec]], list[str], list[Event]]:
    """Times of the bursts, what became of each, and what the device says, in order."""
    times, fates, events = [], [], []
    end = busy = 0.0
    for plan in plans:
        start = end + plan.gap
        end = start + plan.duration
        times.append((EPOCH.after(start), EPOCH.after(end)))
        met = max(start - plan.ahead, busy)
        if met > start + 1e-9:
            fates.append("late")
            events.append((TROUBLE["late"], EPOCH.after(met)))
            busy = met
        elif plan.trouble:
            sent = plan.trouble == "sequence_error" and plan.stall is not None  # all but a packet of it
            fates.append("acknowledged" if sent else plan.trouble)
            noticed = met if plan.trouble == "sequence_error" else start + plan.where * plan.duration
            events.append((TROUBLE[plan.trouble], EPOCH.after(noticed)))
            busy = end + (plan.stall or 0.0) * (plan.trouble == "underflow")
            if plan.stall is not None:
                events.append((("burst_ack",), EPOCH.after(busy)))
        else:
            fates.append("acknowledged")
            events.append((("burst_ack",), EPOCH.after(end + 2e-8)))  # a tick of the device's clock
            busy = end
    return times, fates, events


class Book:
    """A ledger, and what it has said of each burst at last."""

    def __init__(self, times: list[tuple[TimeSpec, TimeSpec]]):
        self.ledger, self.fates, self.verdicts = BurstLedger(), {}, []
        for burst, (start, end) in enumerate(times):
            self.ledger.send(burst, start, end)

    def note(self, verdicts) -> None:
        for verdict in verdicts:
            self.verdicts.append(verdict)
            self.fates[verdict.burst] = verdict.fate

    def hear(self, events: list[Event]) -> None:
        for codes, time in events:
            verdict = self.ledger.hear(codes, time)
            self.note([verdict] if verdict else [])

    def close(self) -> None:
        over = EPOCH.after(1e4)
        self.note([*self.ledger.expire(over, 0.0), *self.ledger.expire(over, PATIENCE_S)])


@given(PLANS)
def test_everything_is_known_of_a_device_whose_messages_all_come(plans: list[Planned]):
    times, fates, events = device(plans)
    book = Book(times)
    book.hear(events)
    count = Counter(fates)
    assert len(book.verdicts) == len(plans) - count["sequence_error"]  # it is not said whose that was
    assert book.ledger.unmatched == 0
    assert book.ledger.health == Health(
        acknowledged=count["acknowledged"], late=count["late"], underflows=count["underflow"],
        sequence_errors=sum(codes == TROUBLE["sequence_error"] for codes, _ in events),
    )  # fmt: skip
    book.close()
    assert Counter(book.fates.values()) == count
    if not count["sequence_error"]:  # which leaves a burst open that a later time error may seem to be of
        assert [book.fates[burst] for burst in range(len(plans))] == fates
    assert len(book.verdicts) == len(plans)  # each was said once


@given(PLANS, st.randoms(use_true_random=False), st.booleans())
def test_whatever_is_lost_and_in_whatever_order_it_comes_all_is_accounted_for_once(plans, chance, in_order):
    times, _, events = device(plans)
    heard = [event for event in events if chance.random() < 0.8]
    if not in_order:
        chance.shuffle(heard)
    heard.insert(chance.randint(0, len(heard)), (("user_payload",), EPOCH))
    book = Book(times)
    book.hear(heard)
    health = book.ledger.health
    told = health.acknowledged + health.late + health.underflows
    assert told + health.sequence_errors + book.ledger.repeated + book.ledger.unmatched == len(heard)
    assert told == len(book.verdicts)
    book.close()
    assert Counter(book.fates.values())["sequence_error"] <= health.sequence_errors
    assert sorted(book.fates) == list(range(len(plans)))
    kinds = Counter(codes[0] for codes, _ in heard)
    assert health.late <= kinds["time_error"] and health.underflows <= kinds["underflow"]
    assert health.acknowledged <= kinds["burst_ack"]


@given(PLANS, st.randoms(use_true_random=False))
def test_a_lost_acknowledgement_concerns_no_other_burst(plans: list[Planned], chance: random.Random):
    plans = [Planned(plan.gap, plan.duration, 0.02, "", 0.5, None) for plan in plans]
    times, _, events = device(plans)
    lost = {burst for burst in range(len(plans)) if chance.random() < 0.3}
    heard = [event for burst, event in enumerate(events) if burst not in lost]
    chance.shuffle(heard)
    book = Book(times)
    book.hear(heard)
    book.close()
    assert {burst for burst, fate in book.fates.items() if fate == "unacknowledged"} == lost
    assert book.ledger.repeated == book.ledger.unmatched == 0


def spans(count: int) -> list[tuple[TimeSpec, TimeSpec]]:
    """Bursts of 5 ms, one every 10 ms."""
    return [(EPOCH.after(0.01 * burst), EPOCH.after(0.01 * burst + 0.005)) for burst in range(count)]


def test_a_time_error_is_not_of_a_burst_before_one_that_was_sent():
    book = Book(spans(3))
    book.hear([(("burst_ack",), EPOCH.after(0.015)), (("time_error",), EPOCH.after(0.021))])
    book.close()
    assert book.fates == {0: "unacknowledged", 1: "acknowledged", 2: "late"}


def test_two_late_bursts_met_at_once_are_two():
    book = Book(spans(3))
    book.hear([(("time_error",), EPOCH.after(0.0101)), (("time_error",), EPOCH.after(0.0102))])
    assert book.fates == {0: "late", 1: "late"}


def test_an_acknowledgement_after_trouble_makes_nothing_good_and_trouble_after_one_is_told():
    book = Book(spans(2))
    book.hear([(("underflow",), EPOCH.after(0.003)), (("underflow_in_packet",), EPOCH.after(0.004))])
    book.hear([(("burst_ack",), EPOCH.after(0.009))])  # after a stall; the end of the next burst is no nearer to it
    book.hear([(("burst_ack",), EPOCH.after(0.015)), (("underflow",), EPOCH.after(0.012))])
    assert [(verdict.burst, verdict.fate) for verdict in book.verdicts] == [
        (0, "underflow"), (1, "acknowledged"), (1, "underflow")
    ]  # fmt: skip
    assert book.ledger.health == Health(underflows=2, acknowledged=1)
    assert book.ledger.repeated == 2


def test_a_sequence_error_is_of_a_burst_that_was_sent_by_then_and_nothing_else_is_said_of():
    ledger, times = BurstLedger(), spans(4)
    for burst in (0, 1, 2):
        ledger.send(burst, *times[burst])
    assert ledger.hear(("seq_error",), EPOCH.after(-0.02)) is None
    ledger.send(3, *times[3])
    ledger.hear(("burst_ack",), times[0][1])
    ledger.hear(("burst_ack",), times[2][1])
    ledger.expire(EPOCH.after(9), 0.0)
    assert ledger.expire(EPOCH.after(9), PATIENCE_S) == [(1, "sequence_error"), (3, "unacknowledged")]
    assert ledger.health == Health(acknowledged=2, sequence_errors=1)

    ledger.send(4, EPOCH.after(10), EPOCH.after(11))
    ledger.hear(("seq_error",), EPOCH.after(9.5))
    assert ledger.hear(("burst_ack",), EPOCH.after(11)) == (4, "acknowledged")  # in spite of it
    ledger.expire(EPOCH.after(11), 5.0)
    ledger.send(5, EPOCH.after(12), EPOCH.after(13))
    ledger.expire(EPOCH.after(13), 6.0)
    assert ledger.expire(EPOCH.after(13), 6.0 + PATIENCE_S) == [(5, "unacknowledged")]


def test_a_burst_that_ran_dry_takes_no_more_than_one_acknowledgement_of_a_device_that_is_never_exact():
    book = Book(spans(4))
    book.hear([(("underflow",), EPOCH.after(0.003))])
    book.hear([(("burst_ack",), EPOCH.after(0.01 * burst + 0.0055)) for burst in (1, 2, 3)])
    book.close()
    assert list(book.fates.values()).count("acknowledged") == 2


def test_what_is_of_no_burst_is_counted_and_does_no_harm():
    book = Book([])
    book.hear([(("burst_ack",), EPOCH), (("underflow",), EPOCH), (("time_error",), EPOCH), ((), EPOCH)])
    assert (book.ledger.unmatched, book.ledger.health) == (4, Health())
    book = Book(spans(1))
    book.hear(
        [(("burst_ack",), EPOCH.after(-5)), (("underflow",), EPOCH.after(-5)), (("time_error",), EPOCH.after(-5))]
    )
    assert (book.ledger.unmatched, book.fates) == (3, {})


def test_a_burst_is_waited_for_by_a_clock_that_does_not_stand_still():
    book = Book(spans(2))
    ledger = book.ledger
    ledger.hear(("burst_ack",), EPOCH.after(0.005))
    assert ledger.expire(EPOCH.after(0.0149), 1000.0) == []  # a device that counts samples, and nobody takes any
    assert ledger.expire(EPOCH.after(0.0149), 2000.0) == []
    assert ledger.expire(EPOCH.after(0.015), 2000.0) == []
    assert ledger.expire(EPOCH.after(99.0), 2000.0 + PATIENCE_S - 0.01) == []
    assert ledger.expire(EPOCH.after(0.015), 2000.0 + PATIENCE_S) == [(1, "unacknowledged")]
    assert ledger.hear(("burst_ack",), EPOCH.after(0.015)) == (1, "acknowledged")  # better late than never
    ledger.expire(EPOCH.after(99.0), 2000.0 + KEPT_S)
    assert ledger.hear(("burst_ack",), EPOCH.after(0.015)) is None
    assert ledger.unmatched == 1


@pytest.mark.parametrize("talks", [True, False])
def test_a_device_that_says_nothing_is_not_waited_for_long(talks: bool):
    book = Book(spans(2 + SILENT_BURSTS))
    ledger = book.ledger
    if talks:
        ledger.hear(("burst_ack",), EPOCH.after(0.005))
    else:
        assert ledger.expire(EPOCH.after(0.005), 0.0) == []
    over = EPOCH.after(0.005 + 0.01 * SILENT_BURSTS)
    assert ledger.expire(over, 5.0) == ([] if talks else [(0, "unacknowledged")])
    given_up = [verdict.burst for verdict in ledger.expire(over, 5.0 + PATIENCE_S)]
    assert given_up == list(range(1, SILENT_BURSTS + 1))
    ledger.expire(EPOCH.after(99.0), 10.0)
    assert bool(ledger.expire(EPOCH.after(99.0), 10.01 + SILENT_PATIENCE_S)) != talks


def test_limited_samples_are_counted():
    ledger = BurstLedger()
    ledger.send(0, EPOCH, EPOCH.after(0.1), limited=3)
    ledger.send(1, EPOCH.after(1), EPOCH.after(1.1), limited=4)
    assert ledger.health == Health(limited_samples=7)
