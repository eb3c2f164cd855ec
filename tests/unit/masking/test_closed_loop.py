import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.masking.closed_loop import MAX_LATE, ClosedLoop

PATIENCE = 10.0


def loop(in_flight=2, messages=6) -> ClosedLoop[int, str]:
    made = ClosedLoop[int, str](in_flight, PATIENCE)
    for message in range(messages):
        made.submit(message)
    return made


def begin(made, now=0.0, fragments=1):
    """The message whose turn it is with what it may know; its frames are on the air then."""
    turn = made.begin(now)
    if turn is None:
        return None
    for message in turn[0]:
        made.encoded(message, fragments)
    return turn[0], turn[1]


def test_no_more_frames_are_in_flight_than_agreed():
    made = loop()
    assert begin(made) == ((0,), []) and begin(made) == ((1,), [])
    assert begin(made) is None
    made.report(0, 0, "good")
    assert begin(made) == ((2,), ["good"])
    assert begin(made) is None


def test_a_newer_report_is_kept_for_later():
    made = loop()
    begin(made)
    begin(made)
    made.report(1, 0, "newer")
    assert begin(made) is None  # what became of the first is not known yet
    made.report(0, 0, "older")
    assert begin(made) == ((2,), ["older"])
    assert begin(made) == ((3,), ["newer"])


@pytest.mark.parametrize("fate", ["over", "not encoded", "patience"])
def test_what_is_lost_holds_nobody_up(fate):
    made = loop()
    made.begin(0.0)
    begin(made)
    assert made.begin(1.0) is None
    if fate == "over":
        made.encoded(0, 3)
        made.report(0, 1, "one of three")
        made.over(0)
    elif fate == "not encoded":
        made.encoded(0, 0)
    now = PATIENCE if fate == "patience" else 1.0
    assert made.begin(now) == ((2,), ["one of three"] if fate == "over" else [])


def test_all_fragments_are_waited_for_and_a_gap_is_told_twice():
    made = loop()
    begin(made, fragments=2)
    begin(made)
    made.report(0, 1, "second")
    made.report(0, 1, "second, and then a gap")
    assert begin(made) is None
    made.report(0, 0, "first")
    assert begin(made) == ((2,), ["second", "second, and then a gap", "first"])


def test_late_reports_are_told_at_the_next_turn_and_bounded():
    made = loop()
    begin(made, now=0.0)
    begin(made, now=0.0)
    assert begin(made, now=PATIENCE) == ((2,), [])
    for number in range(MAX_LATE + 3):
        made.report(0, 0, f"late {number}")
    made.report(99, 0, "of nobody")
    made.over(99)
    made.encoded(99, 1)
    turn = begin(made, now=2 * PATIENCE)
    assert turn is not None and turn[0] == (3,) and len(turn[1]) == MAX_LATE and turn[1][-1] == "of nobody"


def test_messages_that_go_together_are_one_turn():
    made = ClosedLoop[int, str](1, PATIENCE)
    made.submit(0, 1)
    made.submit(2)
    assert begin(made) == ((0, 1), [])
    made.report(0, 0, "a")
    assert begin(made) is None
    made.report(1, 0, "b")
    assert begin(made) == ((2,), ["a", "b"])


@given(st.integers(1, 4), st.permutations(range(12)), st.integers(0, 3))
def test_what_a_message_knows_does_not_depend_on_the_order_in_which_reports_come(in_flight, order, early):
    """Reports in any order, taken at any time: message n knows those up to n - in_flight, each told once."""
    made, told, heard = loop(in_flight, len(order)), [], []
    for message in order:
        for _ in range(early + 1):
            if (turn := begin(made)) is not None:
                told.append(turn)
        heard.append(message)
        for known in list(heard):
            if known < len(told):  # it is on the air
                made.report(known, 0, str(known))
                heard.remove(known)
    while (turn := begin(made)) is not None or heard:
        if turn is not None:
            told.append(turn)
        for known in [known for known in heard if known < len(told)]:
            made.report(known, 0, str(known))
            heard.remove(known)
    assert [turn[0][0] for turn in told] == list(range(len(order)))
    assert all(turn[1] == [str(place - in_flight)] for place, turn in enumerate(told) if place >= in_flight)
