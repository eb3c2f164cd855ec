import pytest

from semcom_ota.experiments.bench.catalogue import PHY_FIGURES
from semcom_ota.experiments.bench.claims import PHY_CLAIMS, Claim
from semcom_ota.experiments.bench.figures import Figure


def figure(value, low, high, **conditions):
    return Figure("loss", value, low, high, "dB", conditions)


@pytest.mark.parametrize(
    ("low", "value", "high", "word"),
    [(0.1, 0.2, 0.25, "holds "), (0.1, 0.2, 0.4, "holds? "), (0.2, 0.4, 0.5, "FAILS? "), (0.35, 0.4, 0.5, "FAILS ")],
)
def test_the_interval_says_how_sure_a_verdict_is(low, value, high, word):
    assert str(Claim("loss", "loss", 0.3).judge([figure(value, low, high)])).startswith(word)


def test_a_figure_without_conditions_has_no_empty_brackets():
    claim = Claim("loss", "loss", 0.3)
    assert "()" not in str(claim.judge([figure(0.1, 0.1, 0.1)]))
    assert str(claim.judge([figure(0.1, 0.1, 0.1, channel="AWGN")])).endswith(" (channel AWGN)")


def test_the_worst_figure_counts():
    claim = Claim("loss", "loss", 0.3, lambda conditions: conditions["channel"] == "AWGN")
    figures = [
        figure(0.1, 0.1, 0.1, channel="AWGN"),
        figure(0.2, 0.2, 0.2, channel="AWGN"),
        figure(9, 9, 9, channel="TDL"),
    ]
    verdict = claim.judge(figures)
    assert verdict.holds and verdict.worst is figures[1]


def test_figures_around_and_above_a_target():
    around = Claim("calibration", "loss", 0.1, around=1.0)
    assert around.judge([figure(0.95, 0.91, 0.99)]).holds and not around.judge([figure(0.85, 0.8, 0.89)]).holds
    speed = Claim("speed", "loss", 10.0, at_least=True)
    assert speed.judge([figure(12, 11, 13)]).surely and not speed.judge([figure(8, 7, 9)]).holds


def test_a_count_is_judged_as_it_is():
    claim = Claim("noise", "loss", 0.0, as_counted=True)
    assert str(claim.judge([figure(0, 0, 3)])).startswith("holds ")
    assert str(claim.judge([figure(1, 0, 5)])).startswith("FAILS ")


def test_what_was_not_measured_everywhere_does_not_hold():
    claim = Claim("loss", "loss", 0.3)
    assert str(claim.judge([])).startswith("not measured")
    assert claim.judge([figure(0.1, 0.1, 0.1), figure(None, None, None)]).holds is None


def test_claims_are_of_figures_that_exist():
    assert {claim.name for claim in PHY_CLAIMS} <= set(PHY_FIGURES)
