"""What any code could do: the normal approximation of finite-blocklength information theory.

Polyanskiy, Poor and Verdú, "Channel Coding Rate in the Finite Blocklength Regime", IEEE Transactions on Information
Theory 56(5), 2010: over n uses of a channel of capacity C and dispersion V, the best code for k bits errs with a
probability of about Q((n C - k + log2(n') / 2) / sqrt(n V)), n' being the number of real dimensions (2 n here).
"""

import functools
import math

import numpy as np
from scipy.special import log_ndtr, ndtr

from semcom_ota.coding.constellation import levels


def gaussian_moments(snr_db: float) -> tuple[float, float]:
    """Capacity and dispersion of the complex AWGN channel with Gaussian inputs.

    Args:
        snr_db: Es/N0 in dB.

    Returns:
        C in bits and V in bits**2, each for one complex symbol.
    """
    snr = 10 ** (snr_db / 10)
    return math.log2(1 + snr), snr * (snr + 2) / (snr + 1) ** 2 * math.log2(math.e) ** 2


@functools.lru_cache(maxsize=4096)
def bicm_moments(order: int, snr_db: float) -> tuple[float, float]:
    """The same for bit-interleaved coded modulation with exact LLRs: mean and variance of the information density.

    Of a symbol it is the sum over its bits of log2(2 P(bit | received)) (Martinez, Guillén i Fàbregas, Caire and
    Willems, IEEE Transactions on Information Theory 55(6), 2009). Both dimensions are alike, and integrated by
    Gauss-Hermite quadrature.

    Args:
        order: 4, 16, 64 or 256.
        snr_db: Es/N0 in dB.

    Returns:
        C in bits and V in bits**2, each for one complex symbol.
    """
    amplitudes = levels(order).astype(float)
    variance = 10 ** (-snr_db / 10)
    nodes, weights = _quadrature()
    received = amplitudes[:, None] + math.sqrt(variance) * nodes  # (sent level, node)
    metric = -((received[..., None] - amplitudes) ** 2) / variance
    total = np.logaddexp.reduce(metric, axis=-1)
    density = np.zeros_like(received)
    label = np.arange(amplitudes.size)
    for bit in range((amplitudes.size - 1).bit_length()):
        same = (label[:, None] >> bit & 1) == (label >> bit & 1)
        own = np.logaddexp.reduce(np.where(same[:, None, :], metric, -np.inf), axis=-1)
        density += 1 + (own - total) / math.log(2)
    share = weights / math.sqrt(math.pi) / amplitudes.size
    mean = float(np.sum(share * density))
    return 2 * mean, 2 * (float(np.sum(share * density**2)) - mean**2)


def block_error(n_symbols: float, n_bits: float, moments: tuple[float, float]) -> float:
    """Normal approximation of the block error rate.

    Args:
        n_symbols: complex channel uses.
        n_bits: bits to carry.
        moments: capacity and dispersion of one channel use.

    Returns:
        Probability, 0..1.
    """
    return float(ndtr(-_margin(n_symbols, n_bits, moments)))


def log_block_success(n_symbols: float, n_bits: float, moments: tuple[float, float]) -> float:
    """Natural logarithm of the probability that a block is right, which still differs where `block_error` is 0 or 1."""
    return float(log_ndtr(_margin(n_symbols, n_bits, moments)))


def _margin(n_symbols: float, n_bits: float, moments: tuple[float, float]) -> float:
    capacity, dispersion = moments
    spread = math.sqrt(n_symbols * max(dispersion, 1e-12))
    return (n_symbols * capacity - n_bits + math.log2(2 * n_symbols) / 2) / spread


@functools.lru_cache(maxsize=1)
def _quadrature() -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Hermite nodes and weights: slow to find, and always the same."""
    return np.polynomial.hermite.hermgauss(64)
