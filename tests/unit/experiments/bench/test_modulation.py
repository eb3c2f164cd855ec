"""Closed forms against those of the textbooks, and the verdict against drawn errors."""

import numpy as np
import pytest
from scipy.special import ndtr

from semcom_ota.experiments.bench.exchange import AWGN, RAYLEIGH, Point
from semcom_ota.experiments.bench.modulation import POINTS, closed_form, conclude, count_errors

ALL = [Point(channel, snr, 960, payload=payload) for channel, payload, snrs in POINTS for snr in snrs]


def tail(x):
    return ndtr(-x)


@pytest.mark.parametrize("snr_db", [0.0, 7.0, 14.0])
def test_awgn_is_as_in_the_textbooks(snr_db):
    """M. K. Simon, M.-S. Alouini, Digital Communication over Fading Channels, 8.1.1; bits: K. Cho, D. Yoon, 2002."""
    snr = 10 ** (snr_db / 10)
    for payload, order, bits in (
        ("QPSK", 4, tail(np.sqrt(snr))),
        (
            "16-QAM",
            16,
            0.75 * tail(np.sqrt(snr / 5)) + 0.5 * tail(3 * np.sqrt(snr / 5)) - 0.25 * tail(np.sqrt(5 * snr)),
        ),
    ):
        side = 1 - 1 / np.sqrt(order)
        symbols = (
            4 * side * tail(np.sqrt(3 * snr / (order - 1))) - 4 * side**2 * tail(np.sqrt(3 * snr / (order - 1))) ** 2
        )
        point = Point(AWGN, snr_db, 960, payload=payload)
        assert closed_form(point, bits=False).rate == pytest.approx(symbols, rel=1e-5)
        assert closed_form(point, bits=True).rate == pytest.approx(bits, rel=1e-5)


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 25.0])
def test_rayleigh_is_as_in_the_textbooks(snr_db):
    """Simon and Alouini, 8.2.1."""
    snr = 10 ** (snr_db / 10)
    for payload, order in (("QPSK", 4), ("16-QAM", 16)):
        side, beta = 1 - 1 / np.sqrt(order), np.sqrt(1.5 * snr / (order - 1 + 1.5 * snr))
        symbols = 2 * side * (1 - beta) - side**2 * (1 - 4 / np.pi * beta * np.arctan(1 / beta))
        assert closed_form(Point(RAYLEIGH, snr_db, 960, payload=payload), False).rate == pytest.approx(
            symbols, rel=1e-5
        )
    bits = 0.5 * (1 - np.sqrt(snr / (2 + snr)))
    assert closed_form(Point(RAYLEIGH, snr_db, 960, payload="QPSK"), True).rate == pytest.approx(bits, rel=1e-5)


def test_a_frames_share_of_errors_varies_as_said():
    """20,000 frames of 64 QPSK symbols over drawn fading: variance within 5 % (5 sigma of a fourth moment of 6)."""
    generator = np.random.default_rng(5)
    snr = 10 * generator.exponential(1, 20_000)
    error = 1 - (1 - tail(np.sqrt(snr))) ** 2
    share = generator.binomial(64, error) / 64
    expected = closed_form(Point(RAYLEIGH, 10.0, 64, payload="QPSK"), bits=False)
    assert share.var() == pytest.approx(expected.variance, rel=0.1)


def drawn(bias: float):
    """Tables as shards return them, with normal rates around the closed form, biased by so many of its sigmas."""
    generator = np.random.default_rng(8)
    tables = []
    for point in ALL:
        forms = [closed_form(point, bits) for bits in (False, True)]
        rates = [f.rate + np.sqrt(f.variance / 400) * (20 * generator.standard_normal(400) + bias) for f in forms]
        tables.append(np.stack([*rates, np.maximum(1.1 * rates[0], 1e-6)], axis=1))
    return tables


@pytest.mark.parametrize(("bias", "agrees"), [(0.0, True), (8.0, False)])
def test_agreement_is_told_from_a_bias(bias, agrees):
    figures = conclude(ALL, drawn(bias))
    (largest,) = [figure for figure in figures if figure.name == "uncoded_largest_z"]
    assert (largest.value < largest.conditions["limit"]) == agrees
    inside = [
        figure.low <= figure.conditions["closed_form"] <= figure.high
        for figure in figures
        if figure.name in ("uncoded_symbol_errors", "uncoded_bit_errors")
    ]
    assert len(inside) == 24 and all(inside) == agrees


def test_more_errors_than_the_genies_are_a_loss():
    losses = [figure for figure in conclude(ALL, drawn(0.0)) if figure.name == "uncoded_loss"]
    assert len(losses) == len(ALL) and all(loss.value > 0 for loss in losses)


def test_frames_on_the_air_err_as_often_as_the_closed_form():
    """10 frames of 960 symbols: within 5 sigma."""
    point = Point(AWGN, 4.0, 960, payload="QPSK")
    table = count_errors(point, 10, (1, 7))
    for column, bits in ((0, False), (1, True)):
        expected = closed_form(point, bits)
        assert table[:, column].mean() == pytest.approx(expected.rate, abs=5 * np.sqrt(expected.variance / 10))
    assert np.isfinite(table[:, 2]).all()
