import pytest
from fake_sweep import rows
from pydantic import TypeAdapter

from semcom_ota.experiments import sweep_tables, trust
from semcom_ota.experiments.sweep_data import curve_name
from semcom_ota.experiments.sweep_reading import Row

LINE = rows(messages=1, channels=("awgn",), snrs=(8.0,))[0]


def row(sent, received, status="delivered", confidence=0.95, **more):
    return TypeAdapter(Row).validate_python(
        LINE | {"sent": sent, "received": received, "status": status, "confidence": confidence} | more
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Call 555 0182 before 8, at 17:42.", ["555", "0182", "8", "17:42"]),
        ("Two men sold 1,250 tickets; none is left.", ["two", "1250"]),
        ("Somebody stoned a tenant.", []),
        ("At -5 degrees, 10-15 of 1,25.", ["-5", "10-15", "1,25"]),
    ],
)
def test_numbers_of_a_text(text, found):
    assert trust.numbers(text) == found


def test_what_was_vouched_for_and_wrong_is_counted_with_its_interval():
    counts = trust.wrong_counts(
        [
            row("Room 404.", "Room 404."),
            row("Room 404.", "Room 405."),
            row("Two dogs.", "Three dogs.", confidence=0.5),
            row("A dog.", "A cat."),
            row("Room 404.", "Room 1.", status="corrupted", confidence=0.0),
            row("On a bus.", "On two lawns.", status="corrupted", confidence=0.91),  # damaged, it says, and sure
        ]
    )
    assert [counts[name] for name in ("wrong_delivered", "wrong_trusted", "wrong_numbers")] == [3, 3, 2]
    assert 0 < counts["wrong_delivered_low"] < 3 < counts["wrong_delivered_high"] < 5


def test_a_text_that_was_sent_again_and_again_counts_as_one():
    once = trust.wrong_counts([row(f"Text {n}.", "wrong" if n == 0 else f"Text {n}.") for n in range(20)])
    often = [row(f"Text {n}.", "wrong" if n == 0 else f"Text {n}.", seed=seed) for n in range(20) for seed in range(9)]
    again = trust.wrong_counts(often)
    assert again["wrong_delivered"] == 9
    assert again["wrong_delivered_low"] / 9 == pytest.approx(once["wrong_delivered_low"], rel=0.15)
    assert again["wrong_delivered_high"] / 9 == pytest.approx(once["wrong_delivered_high"], rel=0.15)
    nothing = trust.wrong_counts([one for one in often if one.sent != "Text 0."])
    assert nothing["wrong_delivered_low"] == 0 and 9 < nothing["wrong_delivered_high"] < 171


def test_each_set_of_texts_has_its_own_line():
    found = trust.by_set(
        [
            row("Room 1.", "Room 2.", set="numbers"),
            row("Room 1.", "", status="lost", does_not_fit=True, set="numbers"),
            row("Room 1.", "", status="lost", set="numbers", codec="cliff"),
            row("Ann met Bob.", "Ann met Bob.", set="names"),
            row("Ann met Bob.", "Ann Bob.", set="names", status="corrupted", budget=24.0),
        ],
        curve_name,
    )
    assert [(one["codec"], one["set"], one["budget"]) for one in found] == [
        ("graceful", "numbers", 8), ("graceful", "names", 8), ("graceful", "names", 24), ("cliff", "numbers", 8)
    ]  # fmt: skip
    counted = ("messages", "does_not_fit", "right", "wrong_numbers", "corrupted", "lost")
    assert [found[0][name] for name in counted] == [2, 1, 0, 1, 0, 0]
    assert [found[3][name] for name in counted] == [1, 0, 0, 0, 0, 1]
    assert "| 1 [0.1, 1.9]" in sweep_tables.sets(found).markdown()
    assert trust.by_set([row("a", "b", set="names")], curve_name) == []
