from semcom_ota.experiments.mask_following import Step, errors, following, measured, steps


def log(snr_db: list[float], expected: list[float | None], met: list[float | None], fragments: int = 1) -> list[dict]:
    return [
        {"message": place, "snr_db": asked, "snr_db_expected": hoped, "snr_db_estimated": found, "fragments": fragments}
        for place, (asked, hoped, found) in enumerate(zip(snr_db, expected, met, strict=True))
    ]


def test_frames_until_the_mask_goes_by_the_new_snr():
    asked = [12.0] * 5 + [0.0] * 5
    rows = log(asked, [None, None, 12.0, 12.0, 12.0, 12.0, 12.0, 0.0, 0.0, 0.0], asked)
    assert steps(rows, 2) == [Step(5, 12.0, 0.0, 2)]
    assert steps(log(asked, [12.0] * 10, asked, fragments=3), 2) == [Step(5, 12.0, 0.0, None)]
    long = log(asked, [12.0] * 6 + [0.0] * 4, asked, fragments=3)
    assert steps(long, 2) == [Step(5, 12.0, 0.0, 3)]


def test_what_no_report_can_have_told_is_chance():
    asked = [12.0] * 5 + [0.0] * 5
    rows = log(asked, [12.0] * 5 + [0.0] * 5, asked)
    assert steps(rows, 2) == [Step(5, 12.0, 0.0, 2)] and steps(rows, 4) == [Step(5, 12.0, 0.0, 4)]
    assert steps(rows, 6) == [Step(5, 12.0, 0.0, None)]


def test_every_step_is_one_of_its_own():
    asked = [0.0, 0.0, 6.0, 6.0, 0.0, 0.0]
    rows = log(asked, [0.0, 0.0, 0.0, 6.0, 6.0, 6.0], asked)
    assert steps(rows, 1) == [Step(2, 0.0, 6.0, 1), Step(4, 6.0, 0.0, None)]


def test_what_was_not_measured_or_not_expected_follows_nothing():
    asked = [9.0, 9.0, 0.0, 0.0, 0.0]
    assert steps(log(asked, [None, 9.0, None, 0.0, 0.0], [9.0, None, 0.0, None, 0.0]), 1) == [Step(2, 9.0, 0.0, 2)]
    assert steps(log(asked, [0.0] * 5, [None] * 5), 1) == [Step(2, 9.0, 0.0, None)]


def test_over_a_fading_channel_it_is_what_a_message_met_that_counts():
    asked, met = [12.0, 12.0, 0.0, 0.0, 0.0], [11.0, 8.0, -3.0, -6.0, 1.0]
    assert steps(log(asked, [12.0, 11.0, 8.0, 7.0, -3.0], met), 2) == [Step(2, 12.0, 0.0, 2)]


def test_the_forecast_is_judged_beside_the_last_report():
    rows = log([6.0] * 5, [None, None, 6.0, 7.0, None], [5.0, 6.0, 7.0, 8.0, 9.0])
    assert errors(rows, 2) == [(1.0, 2.0), (1.0, 2.0)]
    found = following(rows, in_flight=2)
    assert found == {"steps": [], "messages": 2, "expected_error_db": 1.0, "last_report_error_db": 2.0}
    unsent = {"message": 9, "snr_db": 6.0, "snr_db_expected": 6.0, "snr_db_estimated": None, "fragments": 0}
    assert errors([*rows[:2], unsent, *rows[2:]], 2) == errors(rows, 2)


def test_where_a_message_is_no_frame_of_its_own_forecasts_are_not_judged():
    known = [6.0] * 5
    for found in (following(log(known, known, known, 3), 2), following(log(known, known, known), 2, 4)):
        assert found == {"steps": [], "messages": 0, "expected_error_db": None, "last_report_error_db": None}


def test_the_effective_snr_counts_where_it_is_known():
    assert measured({"snr_db_effective": 2.0, "snr_db_estimated": 4.0}) == 2.0
    assert measured({"snr_db_effective": None, "snr_db_estimated": 4.0}) == 4.0
    assert measured({"snr_db_estimated": None}) is None
