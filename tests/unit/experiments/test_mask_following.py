from semcom_ota.experiments.mask_following import Step, following, measured, steps


def log(snr_db: list[float], expected: list[float | None], met: list[float | None], fragments: int = 1) -> list[dict]:
    return [
        {"message": place, "snr_db": asked, "snr_db_expected": hoped, "snr_db_estimated": found, "fragments": fragments}
        for place, (asked, hoped, found) in enumerate(zip(snr_db, expected, met, strict=True))
    ]


def test_frames_until_the_mask_goes_by_the_new_snr():
    asked = [12.0] * 5 + [0.0] * 5
    rows = log(asked, [None, None, 12.0, 12.0, 12.0, 12.0, 12.0, 0.0, 0.0, 0.0], asked)
    assert steps(rows) == [Step(5, 12.0, 0.0, 2)]
    assert steps(log(asked, [12.0] * 10, asked, fragments=3)) == [Step(5, 12.0, 0.0, None)]
    long = log(asked, [12.0] * 6 + [0.0] * 4, asked, fragments=3)
    assert steps(long) == [Step(5, 12.0, 0.0, 3)]


def test_every_step_is_one_of_its_own():
    asked = [0.0, 0.0, 6.0, 6.0, 0.0, 0.0]
    assert steps(log(asked, [0.0, 0.0, 0.0, 6.0, 6.0, 6.0], asked)) == [Step(2, 0.0, 6.0, 1), Step(4, 6.0, 0.0, None)]


def test_what_was_not_measured_or_not_expected_follows_nothing():
    asked = [9.0, 9.0, 0.0, 0.0, 0.0]
    assert steps(log(asked, [None, 9.0, None, 0.0, 0.0], [9.0, None, 0.0, None, 0.0])) == [Step(2, 9.0, 0.0, 2)]
    assert steps(log(asked, [0.0] * 5, [None] * 5)) == [Step(2, 9.0, 0.0, None)]


def test_a_fade_does_not_make_a_step_followed_or_not():
    asked, met = [12.0, 12.0, 0.0, 0.0, 0.0], [11.0, 8.0, -3.0, -6.0, 1.0]
    assert steps(log(asked, [12.0, 11.0, 8.0, 7.0, -3.0], met)) == [Step(2, 12.0, 0.0, 2)]


def test_the_forecast_is_judged_beside_the_last_report():
    rows = log([6.0] * 5, [None, None, 6.0, 7.0, None], [5.0, 6.0, 7.0, 8.0, 9.0])
    found = following(rows, in_flight=2)
    assert found == {"steps": [], "messages": 2, "expected_error_db": 1.0, "last_report_error_db": 2.0}
    assert following(log([6.0] * 3, [None] * 3, [5.0] * 3), 2) is None
    early = following(log([6.0], [3.0], [5.0]), 2)
    assert early is not None and early["messages"] == 0 and early["expected_error_db"] is None


def test_the_effective_snr_counts_where_it_is_known():
    assert measured({"snr_db_effective": 2.0, "snr_db_estimated": 4.0}) == 2.0
    assert measured({"snr_db_effective": None, "snr_db_estimated": 4.0}) == 4.0
    assert measured({"snr_db_estimated": None}) is None
