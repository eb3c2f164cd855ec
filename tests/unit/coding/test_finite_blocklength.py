import numpy as np
import pytest

from semcom_ota.coding.constellation import ORDERS, bits_per_symbol, llrs, modulate
from semcom_ota.coding.finite_blocklength import bicm_moments, block_error, gaussian_moments, log_block_success


def test_gaussian_capacity_and_dispersion() -> None:
    capacity, dispersion = gaussian_moments(0.0)
    assert capacity == pytest.approx(1.0)
    assert dispersion == pytest.approx(0.75 * np.log2(np.e) ** 2)


def test_known_rate_of_the_real_channel() -> None:
    """Polyanskiy's real AWGN at 0 dB, n = 500, error 1e-3: 0.5 - sqrt(V/n) Q^-1(1e-3) + log2(n)/2n = 0.3869 a use."""
    assert block_error(250, 0.3869 * 500, gaussian_moments(0.0)) == pytest.approx(1e-3, rel=0.05)


@pytest.mark.parametrize("order", ORDERS)
def test_bicm_moments_equal_simulation(order: int) -> None:
    snr_db = 3.0 * bits_per_symbol(order) - 3.0
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, 200_000 * bits_per_symbol(order), dtype=np.uint8)
    variance = 10 ** (-snr_db / 10)
    noise = np.sqrt(variance / 2) * (rng.standard_normal((200_000, 2)) @ [1, 1j])
    soft = llrs((modulate(bits, order) + noise).astype(np.complex64), variance, order).astype(float)
    density = (1 - np.logaddexp(0, -(1 - 2.0 * bits) * soft) / np.log(2)).reshape(200_000, -1).sum(1)
    capacity, dispersion = bicm_moments(order, snr_db)
    assert capacity == pytest.approx(density.mean(), abs=0.015)
    assert dispersion == pytest.approx(density.var(), rel=0.03)
    assert capacity < gaussian_moments(snr_db)[0]


@pytest.mark.parametrize("order", ORDERS)
def test_limits(order: int) -> None:
    assert bicm_moments(order, 50.0)[0] == pytest.approx(bits_per_symbol(order), abs=1e-3)
    assert bicm_moments(order, -30.0)[0] == pytest.approx(0, abs=2e-3)


def test_success_and_error_are_one() -> None:
    moments = bicm_moments(16, 8.0)
    assert np.exp(log_block_success(95, 200, moments)) + block_error(95, 200, moments) == pytest.approx(1)
    assert log_block_success(95, 5000, moments) < log_block_success(95, 4000, moments) < -100
