import numpy as np
import pytest

from semcom_ota.masking.outlook import REMEMBERED, UNKNOWN, LinkState, effective_snr_db
from semcom_ota.types import LinkReport


def report(message, snr_db=6.0, stream=0, fragment=0, lost_samples=0) -> LinkReport:
    return LinkReport(stream, message, fragment, 1, snr_db, 0.0, np.full(4, snr_db, np.float32), lost_samples)


def link(frames=4) -> LinkState:
    state = LinkState(2, 8)
    for message in range(frames):
        state.sent(0, message, 1)
    return state


def test_nothing_is_known_before_a_report():
    assert link().outlook() == UNKNOWN


def test_the_last_report_counts_with_its_age():
    state = link()
    state.report(report(1, 6.0))
    state.report(report(2, 7.0))
    outlook = state.outlook()
    assert outlook.state == "reported" and outlook.snr_db == pytest.approx(7.0, abs=1e-4) and outlook.age == 2


def test_an_old_report_is_stale_until_there_is_a_new_one():
    state = link()
    state.report(report(0))
    for message in range(4, 9):
        state.sent(0, message, 1)
    assert state.outlook().state == "stale" and state.outlook().snr_db is None and state.outlook().age == 9
    state.report(report(8, 2.0))
    assert state.outlook().snr_db == pytest.approx(2.0, abs=1e-4)


def test_a_gap_makes_it_stale_until_a_frame_behind_the_gap():
    state = link()
    state.report(report(2))
    state.report(report(2, lost_samples=500))  # said at once, again of the frame before the gap
    assert state.outlook().state == "stale"
    state.report(report(3, 1.0, lost_samples=500))
    assert state.outlook().state == "reported" and state.outlook().snr_db == pytest.approx(1.0, abs=1e-4)


def test_reports_on_what_was_not_sent_say_nothing():
    state = link()
    for other in (report(9), report(0, stream=3), report(0, fragment=1)):
        state.report(other)
    assert state.outlook() == UNKNOWN
    state.sent(1, 5, REMEMBERED)
    state.report(report(0))
    assert state.outlook() == UNKNOWN


def test_carriers_count_by_what_they_carry():
    assert effective_snr_db(np.full(5, 8.0, np.float32)) == pytest.approx(8.0, abs=1e-5)
    assert effective_snr_db(np.array([20.0, -60.0], np.float32)) == pytest.approx(9.5, abs=0.1)  # half of the bits
    assert np.isfinite(effective_snr_db(np.full(3, -np.inf, np.float32)))
