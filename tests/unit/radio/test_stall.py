from semcom_ota.radio.stall import Stall


def test_a_count_that_stands_still_is_seen_after_its_time() -> None:
    stall = Stall(10.0)
    counts = [(0, 1000.0), (0, 1009.0), (5, 1009.5), (5, 1019.5)]
    assert not any(stall.seen(count, now) for count, now in counts)
    assert stall.seen(5, 1019.6)
    assert not stall.seen(6, 1019.7)


def test_a_count_that_never_begins_is_seen_too() -> None:
    stall = Stall(1.0)
    assert [stall.seen(0, now) for now in (50.0, 51.0, 51.1)] == [False, False, True]
