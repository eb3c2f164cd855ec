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
    made = loop(in_flight=1)
    made.begin(0.0)
    made.encoded(0, 0 if fate == "not encoded" else 3)
    if fate != "not encoded":
        assert made.begin(1.0) is None
        made.report(0, 1, "one of three")
    if fate == "over":
        made.over(0)
    now = PATIENCE if fate == "patience" else 1.0
    assert made.begin(now) == ((1,), [] if fate == "not encoded" else ["one of three"])


def test_a_message_of_many_frames_is_many_in_flight():
    made = loop(in_flight=2)
    assert begin(made, fragments=4) == ((0,), [])
    for fragment in (3, 0, 1):
        assert begin(made) is None
        made.report(0, fragment, f"frame {fragment}")
    assert begin(made) is None  # two are under way, though the last one was heard of: that is not waited for
    made.report(0, 2, "frame 2")
    assert begin(made) == ((1,), ["frame 0", "frame 1", "frame 2"])
    assert begin(made) == ((2,), ["frame 3"])
    assert begin(made) is None


def test_nobody_begins_before_it_is_known_how_many_frames_are_in_flight():
    made = loop(in_flight=2)
    made.begin(0.0)
    assert made.begin(PATIENCE) is None
    made.encoded(0, 1)
    assert made.begin(PATIENCE) == ((1,), [])


def test_a_gap_is_told_twice():
    made = loop()
    begin(made, fragments=2)
    made.report(0, 0, "first")
    made.report(0, 0, "first, and then a gap")
    assert begin(made) == ((1,), ["first", "first, and then a gap"])


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


def test_messages_that_go_together_begin_together_and_leave_in_their_order():
    made = ClosedLoop[int, str](1, PATIENCE)
    made.submit(0, 1)
    made.submit(2)
    assert made.begin(0.0) == ((0, 1), [])
    made.encoded(1, 1)
    assert made.begin(0.0) is None
    made.encoded(0, 1)
    made.report(1, 0, "b")
    assert begin(made) is None
    made.report(0, 0, "a")
    assert begin(made) == ((2,), ["a", "b"])


@given(st.integers(1, 4), st.lists(st.integers(0, 5), min_size=1, max_size=8), st.integers(0, 3), st.randoms())
def test_what_a_message_knows_does_not_depend_on_the_order_in_which_reports_come(in_flight, frames_of, early, chance):
    """Reports in any order, taken at any time: it knows of the frames before it but for `in_flight` - 1, each once."""
    made, told, on_air = loop(in_flight, len(frames_of)), [], []

    def begin_next() -> bool:
        turn = made.begin(0.0)
        if turn is None:
            return False
        told.append(turn)
        (message,) = turn[0]
        made.encoded(message, frames_of[message])
        on_air.extend((message, fragment) for fragment in range(frames_of[message]))
        return True

    while len(told) < len(frames_of):
        begun = any([begin_next() for _ in range(early + 1)])
        if on_air and (not begun or chance.random() < 0.5):
            message, fragment = on_air.pop(chance.randrange(len(on_air)))
            made.report(message, fragment, (message, fragment))
    heard = []
    for place, (messages, reports) in enumerate(told):
        heard += reports
        before = [(message, fragment) for message in range(place) for fragment in range(frames_of[message])]
        assert messages == (place,) and heard == before[: max(0, len(before) - in_flight + 1)]
