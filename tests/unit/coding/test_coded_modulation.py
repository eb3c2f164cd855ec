from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from semcom_ota.coding.coded_modulation import CRC_BITS, Checksum, demodulate_message, modulate_message, segments
from semcom_ota.coding.constellation import ORDERS, bits_per_symbol
from semcom_ota.coding.finite_blocklength import bicm_moments, block_error, gaussian_moments
from semcom_ota.coding.link_adaptation import best_order, log_success, symbols_needed


def random_bits(size: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, size, dtype=np.uint8)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 140_000), st.integers(1, 40_000), st.sampled_from(ORDERS))
def test_segments_cover_everything_once_and_each_has_a_code(n_bits: int, n_symbols: int, order: int) -> None:
    layout = segments(n_bits, n_symbols, order)
    coded_bits = n_symbols * bits_per_symbol(order)
    if layout is None:
        assert n_bits + CRC_BITS * (n_bits / 1008) + n_bits / 100 + 40 > coded_bits * 0.95
        return
    assert layout[0].information[0] == layout[0].coded[0] == 0
    assert (layout[-1].information[1], layout[-1].coded[1]) == (n_bits, coded_bits)
    for one, following in pairwise(layout):
        assert one.information[1] == following.information[0]
        assert one.coded[1] == following.coded[0]
    for part in layout:
        information, coded = part.sizes
        assert 1 <= information <= 1024 - CRC_BITS
        assert information + CRC_BITS <= coded


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n_bits", [1, 100, 700, 2500])
def test_round_trip_and_unit_power(order: int, n_bits: int) -> None:
    n_symbols = int(2 * n_bits / bits_per_symbol(order)) + 40
    bits = random_bits(n_bits)
    symbols = modulate_message(bits, n_symbols, order)
    assert symbols.shape == (n_symbols,)
    assert symbols.dtype == np.complex64
    decoded, right = demodulate_message(symbols, np.full(n_symbols, 0.01, np.float32), n_bits, order)
    assert right.all()
    assert np.array_equal(decoded, bits)


@pytest.mark.parametrize("order", ORDERS)
def test_regular_bits_still_use_the_whole_constellation(order: int) -> None:
    symbols = modulate_message(np.zeros(2000, np.uint8), 3000, order)
    assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1, abs=0.05)
    assert len(np.unique(symbols)) == order


def test_a_lost_part_costs_only_its_own_segments() -> None:
    bits = random_bits(2500)
    symbols = modulate_message(bits, 2500, 4)
    variance = np.full(2500, 0.1, np.float32)
    symbols[:600], variance[:600] = 0, np.inf
    decoded, right = demodulate_message(symbols, variance, 2500, 4)
    assert not right[:400].any()
    assert right[-1500:].all()
    assert np.array_equal(decoded[right], bits[right])


def test_too_many_bits() -> None:
    with pytest.raises(ValueError, match="do not go into"):
        modulate_message(random_bits(400), 50, 256)
    bits, right = demodulate_message(np.ones(50, np.complex64), np.ones(50, np.float32), 400, 256)
    assert bits.size == right.size == 400
    assert not right.any()
    assert not demodulate_message(np.ones(0, np.complex64), np.ones(0, np.float32), 8, 4)[1].any()


@pytest.mark.parametrize("order", ORDERS)
def test_a_part_of_the_checksum_by_other_means(order: int) -> None:
    check = Checksum(11, 9)
    bits = random_bits(60)
    n_symbols = 62 // bits_per_symbol(order) + 4
    symbols, told = modulate_message(bits, n_symbols, order, check), check.withheld_of(bits)
    variance = np.full(n_symbols, 1e-3, np.float32)
    decoded, right = demodulate_message(symbols, variance, 60, order, check, told)
    assert right.all()
    assert np.array_equal(decoded, bits)
    assert not demodulate_message(symbols, variance, 60, order, check, told ^ 5)[1].any()


def test_a_shorter_checksum_needs_fewer_symbols() -> None:
    needed = [symbols_needed(62, 0.0, 0.1, (crc_bits,) * 4) for crc_bits in (2, 11, 16)]
    assert needed[0] < needed[1] < needed[2] == symbols_needed(62, 0.0, 0.1)


def test_order_grows_with_the_bits() -> None:
    assert [best_order(n_bits, 95, 12.0) for n_bits in (60, 250, 480, 700, 745)] == [4, 16, 64, 256, None]


def test_prediction_is_about_right_for_the_best_order() -> None:
    """Measured block error rate at the SNR where 10 % are predicted, for a sentence of 12 words in 96 symbols."""
    rng = np.random.default_rng(8)
    for n_bits in (210, 420):
        snr_db = next(
            snr
            for snr in np.arange(4, 25, 0.3)
            if np.exp(log_success(n_bits, 96, best_order(n_bits, 96, snr), snr)) > 0.9
        )
        order = best_order(n_bits, 96, snr_db)
        variance = 10 ** (-snr_db / 10)
        bits = random_bits(n_bits)
        sent = modulate_message(bits, 96, order)
        lost = 0
        for _ in range(200):
            noise = rng.standard_normal((96, 2)) @ [1, 1j] * np.sqrt(variance / 2)
            received = (sent + noise).astype(np.complex64)
            lost += not demodulate_message(received, np.full(96, variance, np.float32), n_bits, order)[1].all()
        assert 0.005 < lost / 200 < 0.3


def test_symbols_needed_is_enough_and_no_more() -> None:
    for n_bits in (20, 300, 3000):
        n_symbols = symbols_needed(n_bits, 10.0, 1e-3)
        assert -log_success(n_bits, n_symbols, best_order(n_bits, n_symbols, 10.0), 10.0) <= 1e-3
        fewer = n_symbols - 1
        assert -log_success(n_bits, fewer, best_order(n_bits, fewer, 10.0), 10.0) > 1e-3


@pytest.mark.parametrize(
    ("order", "n_bits", "moments"),
    [
        (4, 79, gaussian_moments),
        (4, 108, gaussian_moments),
        (16, 231, partial(bicm_moments, 16)),
        (64, 440, partial(bicm_moments, 64)),
    ],
)
def test_within_1_5_db_of_the_normal_approximation(order: int, n_bits: int, moments: Callable) -> None:
    """95 symbols, block error rate 0.01: 1.5 dB above what theory grants any code of so many bits over this channel."""
    snr_db = brentq(lambda snr_db: block_error(95, n_bits, moments(snr_db)) - 0.01, -10, 30) + 1.5
    variance = np.float32(10 ** (-snr_db / 10))
    rng = np.random.default_rng(9)
    lost = 0
    for _ in range(400):
        bits = rng.integers(0, 2, n_bits, dtype=np.uint8)
        noise = rng.standard_normal((95, 2)) @ [1, 1j] * np.sqrt(variance / 2)
        received = (modulate_message(bits, 95, order) + noise).astype(np.complex64)
        decoded, right = demodulate_message(received, np.full(95, variance), n_bits, order)
        lost += not np.array_equal(decoded, bits)
        assert np.array_equal(decoded, bits) or not right.all()
    assert lost <= 8  # 4 are expected at an error rate of exactly 0.01; 9 or more have a chance of 2 %
