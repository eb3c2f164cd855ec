"""Rows made by hand: every lost message gets its cause, and what is not ours is not counted."""

import pytest

from semcom_ota.experiments.score_account import CAUSES, account, causes, mean_snr_db
from semcom_ota.experiments.score_rows import Event, ReceivedRow, SentRow

RATE = 1e6
EPOCH = 1_700_000_000  # a device's clock that was set to the time of day
LENGTH = 0.004  # seconds a burst


def sent(message: int, *times: float, status: str = "acknowledged", fates=(), **fields) -> SentRow:
    """A message whose fragments leave at these times."""
    bursts = [
        {"tx_time": (EPOCH + int(time), time % 1), "samples": int(LENGTH * RATE), "fragment": fragment, "fate": fate}
        for fragment, (time, fate) in enumerate(zip(times, fates or ["acknowledged"] * len(times), strict=True))
    ]
    row = {"stream": 0, "message": message, "codec": "utf8", "sent": f"text number {message}", "bursts": bursts,
           "payload_symbols": 100, "overhead_symbols": 50, "air_samples": 3000, "mean_symbol_energy": 1.0}  # fmt: skip
    return SentRow.model_validate(row | {"status": status} | fields)


def arrival(time: float, offset: float = -7.25, ppm: float = 5.0) -> float:
    return offset + (1 + 1e-6 * ppm) * time


def received(message: int, time: float, **fields) -> ReceivedRow:
    """Its row, when it left at this time."""
    row = {"stream": 0, "message": message, "codec": "utf8", "received": f"text number {message}",
           "status": "delivered", "received_s": arrival(time), "snr_db_estimated": 10.0 + message % 3}  # fmt: skip
    return ReceivedRow.model_validate(row | fields)


def gap(begin: float, seconds: float, cut=()) -> Event:
    """Samples missing that were on the air from `begin` on, by the transmitter's clock."""
    return Event.model_validate(
        {"kind": "overflow", "at_s": arrival(begin + seconds), "lost_samples": int(seconds * RATE), "cut": cut}
    )


def join(rows, arrived, gaps=()):
    return account(rows, arrived, gaps, RATE, lambda codec: codec != "lam-prior")


def test_every_message_is_delivered_corrupted_or_lost_with_its_cause():
    times = [10 + 3.1 * number for number in range(40)]
    fates = {3: "late", 5: "underflow", 7: "sequence_error"}
    rows = [
        sent(number, time, status=fates.get(number, "acknowledged"), fates=[fates.get(number, "acknowledged")])
        for number, time in enumerate(times)
    ]
    lost = {3, 5, 7, 11, 12, 20, 21}
    arrived = [received(number, time) for number, time in enumerate(times) if number not in lost]
    arrived[0] = arrived[0].model_copy(update={"status": "corrupted", "received": "text"})
    # One gap cuts message 11 (its header was known); message 12 is predicted to fall into the other.
    gaps = [gap(times[11] + 1, 0.001, [{"stream": 0, "message": 11, "fragment": 0}, None]), gap(times[12] - 0.1, 0.102)]
    frame = {"stream": 0, "message": 21, "fragment": 0}
    gaps.append(Event.model_validate({"kind": "dropped", "at_s": arrival(times[21]), "dropped": [frame]}))
    done = join(rows, arrived, gaps)
    assert {row["message"]: row["cause"] for row in done.messages if row["status"] == "lost"} == {
        3: "late", 5: "underflow", 7: "sequence_error", 11: "overflow", 12: "overflow", 20: "not received",
        21: "dropped",
    }  # fmt: skip
    assert causes(done.messages) == dict(zip(CAUSES, (1, 1, 1, 2, 1, 1), strict=True))
    assert [row["status"] for row in done.messages].count("delivered") == 32
    assert done.messages[0]["status"] == "corrupted" and done.messages[0]["cause"] == ""
    assert not done.unmatched and done.rate_error == pytest.approx(5e-6, abs=1e-8)
    assert mean_snr_db(done.messages) == pytest.approx(11.0, abs=0.1)
    assert all(row["snr_db"] is None for row in done.messages)


@pytest.mark.parametrize(("beside", "cause"), [(0.0, "overflow"), (0.010, "not received"), (-0.010, "not received")])
def test_only_what_was_on_the_air_in_a_gap_is_lost_in_it(beside: float, cause: str):
    times = [10.0 + number for number in range(100)]
    rows = [sent(number, time) for number, time in enumerate(times)]
    arrived = [received(number, time) for number, time in enumerate(times) if number != 90]
    done = join(rows, arrived, [gap(times[90] + beside, LENGTH)])
    assert done.messages[90]["cause"] == cause


def test_a_message_in_fragments_is_found_by_the_first_one_that_arrived():
    rows = [sent(0, 1.0), sent(1, 2.0, 2.1, 2.2, status="late", fates=["late", "acknowledged", "acknowledged"])]
    rows += [sent(2, 3.0, 3.1), sent(3, 4.0)]
    arrived = [received(0, 1.0), received(1, 2.1, status="corrupted", lost_fragments=[0]), received(3, 4.0)]
    done = join(rows, arrived)
    assert done.messages[1] | {"status": "corrupted", "lost_fragments": [0], "cause": "late"} == done.messages[1]
    assert done.messages[2] | {"status": "lost", "lost_fragments": [0, 1], "cause": "not received"} == done.messages[2]
    assert not done.unmatched


def test_rows_of_another_run_or_another_transmitter_are_not_ours():
    """The transmitter was started anew: the numbers begin again, and the receiver heard both runs."""
    times = [100 + 0.31 * number + 0.01 * (number * 7 % 5) for number in range(30)]
    rows = [sent(number, time) for number, time in enumerate(times)]
    before = [received(number, 20 + 0.37 * number + 0.01 * (number % 3)) for number in range(40)]
    ours = [received(number, time) for number, time in enumerate(times) if number != 4]
    strangers = [received(9, 105.0, stream=7), received(9, 105.0, codec="huffman"), received(4, 80.0)]
    done = join(rows, [*before, *ours, *strangers])
    assert [row["status"] for row in done.messages].count("delivered") == 29
    assert done.messages[4]["status"] == "lost" and done.messages[4]["cause"] == "not received"
    assert done.unmatched == [*before, *strangers]


@pytest.mark.parametrize("which", ["receiver", "transmitter"])
def test_an_end_that_was_started_again_in_between_has_two_clocks(which: str):
    """Message 13, of the second half, is predicted to fall into a gap by the second clock."""
    times = [50 + 0.4 * number + 0.01 * (number * 7 % 5) for number in range(20)]
    shift = {"receiver": 4.4, "transmitter": 0.0}[which]
    began_again = {"receiver": 0.0, "transmitter": 53.0}[which]  # its time of the second half is less by so much
    rows = [sent(number, time - began_again * (number >= 8)) for number, time in enumerate(times)]
    arrived = [
        received(number, time, received_s=arrival(time) - shift * (number >= 8))
        for number, time in enumerate(times)
        if number not in (8, 13)
    ]
    lost = Event.model_validate(
        {"kind": "overflow", "at_s": arrival(times[13]) - shift + 0.001, "lost_samples": 3000, "cut": [None]}
    )
    done = join(rows, arrived, [lost])
    assert [row["message"] for row in done.messages if row["status"] == "lost"] == [8, 13]
    assert (done.messages[8]["cause"], done.messages[13]["cause"]) == ("not received", "overflow")
    assert not done.unmatched


def test_what_the_receiver_says_of_a_frame_of_another_run_is_not_of_ours():
    rows = [sent(number, 100.0 + 3 * number) for number in range(10)]
    arrived = [received(number, 100.0 + 3 * number) for number in range(9)]
    cut = [{"stream": 0, "message": 9, "fragment": 0}]
    assert join(rows, arrived, [gap(40.0, 0.001, cut)]).messages[9]["cause"] == "not received"
    assert join(rows, arrived, [gap(127.0, 0.001, cut)]).messages[9]["cause"] == "overflow"


def test_numbers_that_wrapped_around_within_a_run():
    times = [0.5 * number for number in range(60)]
    rows = [sent(number % 20, time, sent=f"text {number}") for number, time in enumerate(times)]
    arrived = [received(number % 20, time, received=f"text {number}") for number, time in enumerate(times)]
    done = join(rows, arrived[::-1])
    assert all(row["received"] == row["sent"] for row in done.messages) and not done.unmatched


def test_a_message_that_came_twice_counts_once():
    rows = [sent(number, float(number)) for number in range(5)]
    done = join(rows, [received(number, float(number)) for number in (0, 1, 2, 2, 3, 4)])
    assert len(done.unmatched) == 1 and [row["status"] for row in done.messages] == ["delivered"] * 5


def test_wrong_text_that_a_checksum_vouches_for_is_false_and_a_semantic_one_is_not():
    rows = [sent(0, 1.0), sent(1, 2.0), sent(2, 3.0, codec="lam-prior")]
    arrived = [received(0, 1.0), received(1, 2.0, received="wrong"),
               received(2, 3.0, received="wrong", codec="lam-prior")]  # fmt: skip
    assert [row["false"] for row in join(rows, arrived).messages] == [False, True, False]


def test_what_was_never_on_the_air_has_no_cause_but_a_reason():
    rows = [sent(0, status="does_not_fit", reason="too long"), sent(1, status="failed", reason="queue"), sent(2, 1.0)]
    done = join(rows, [received(2, 1.0, status="failed", received="", reason="the decoder fell over")])
    told = [(row["status"], row["cause"], row["does_not_fit"], row["failed"], row["reason"]) for row in done.messages]
    assert told == [
        ("lost", "", True, False, "too long"),
        ("lost", "", False, True, "queue"),
        ("lost", "", False, True, "the decoder fell over"),
    ]


def test_nothing_arrived():
    done = join([sent(0, 1.0), sent(1, 2.0, fates=["late"], status="late")], [], [gap(1.0, 1.0)])
    assert [row["cause"] for row in done.messages] == ["not received", "late"]  # without clocks nothing is predicted
    assert done.rate_error is None and mean_snr_db(done.messages) is None
