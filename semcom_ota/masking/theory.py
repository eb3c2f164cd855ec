"""How many of a message's symbols may stay unsent at an SNR: from what those that are sent can tell apart.

Derivation (docs/masking.md has it at length). Of N symbols at SNR rho a receiver can tell apart, in the normal
approximation (Polyanskiy, Poor and Verdú, 2010), messages of

    I(N, rho) = N C(rho) - sqrt(N V(rho)) Qinv(error) + log2(2 N) / 2   bits.

A semantic decoder is no ideal one: what a network makes of noiseless symbols is right up to an error of its own, the
semantic noise of variance s. Both noises add up, so that its rho is 1 / (1 / SNR + s); it is also why N does not fall
to 0 as the SNR grows. If N symbols are just enough at a reference SNR, K are at another one as soon as
I(K, SNR) >= I(N, reference): the elements N - K may be masked. Xie, Qin and Li (Semantic Communication with Memory,
IEEE JSAC 2023) pack spheres to the same end; their K / N is that of long messages, C(reference) / C(SNR).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from semcom_ota.coding.finite_blocklength import gaussian_moments


@dataclass(frozen=True, slots=True)
class Equivalence:
    """What a codec needs: N symbols at one SNR, and so K at another.

    Attributes:
        reference_snr_db: Es/N0 at which all symbols are just needed; at less nothing is masked.
        semantic_snr_db: unit power over the semantic noise, in dB; inf for a codec that noise alone makes err.
        error: messages that may be told apart wrongly.
    """

    reference_snr_db: float
    semantic_snr_db: float = math.inf
    error: float = 0.01

    def needed(self, n_symbols: int, snr_db: float | Sequence[float] | NDArray[np.float32]) -> int:
        """Symbols to send of `n_symbols`.

        Args:
            n_symbols: of the message unmasked, at least 1.
            snr_db: Es/N0, of the whole frame or of each carrier.

        Returns:
            1..n_symbols.

        Raises:
            ValueError: no symbols, or an SNR that is no number.
        """
        if n_symbols < 1:
            raise ValueError(f"a message has at least 1 symbol, not {n_symbols}")
        at_hand = self._moments(tuple(np.atleast_1d(np.asarray(snr_db, float)).round(2).tolist()))
        wanted = self._bits(n_symbols, self._moments((self.reference_snr_db,)))
        few, enough = 0, n_symbols
        while enough - few > 1:
            middle = (few + enough) // 2
            few, enough = (few, middle) if self._bits(middle, at_hand) >= wanted else (middle, enough)
        return enough

    def _bits(self, n_symbols: int, moments: tuple[float, float]) -> float:
        capacity, dispersion = moments
        spread = -float(ndtri(self.error)) * math.sqrt(n_symbols * dispersion)
        return n_symbols * capacity - spread + math.log2(2 * n_symbols) / 2

    def _moments(self, snr_db: tuple[float, ...]) -> tuple[float, float]:
        return _mean_moments(snr_db, self.semantic_snr_db)


@lru_cache(maxsize=1024)
def _mean_moments(snr_db: tuple[float, ...], semantic_snr_db: float) -> tuple[float, float]:
    """Capacity and dispersion of a symbol, averaged over carriers; both noises add up."""
    if not snr_db or any(math.isnan(value) for value in snr_db):
        raise ValueError("an SNR is a number of dB: nan is none")
    semantic = 10 ** (-semantic_snr_db / 10)
    whole = [-10 * math.log10(10 ** (-max(value, -60.0) / 10) + semantic) for value in snr_db]
    capacity, dispersion = np.mean([gaussian_moments(value) for value in whole], axis=0)
    return float(capacity), float(dispersion)


def semantic_snr_db(n_symbols: int, reference_snr_db: float, fewer: int, snr_db: float, error: float = 0.01) -> float:
    """The semantic noise of a codec that does as well with `fewer` symbols at `snr_db` as with all at the reference.

    Returns:
        `Equivalence.semantic_snr_db` with which `needed(n_symbols, snr_db)` is `fewer`, or nearly; inf where even
        without semantic noise so few were not enough.
    """
    low, high = -10.0, 80.0
    if Equivalence(reference_snr_db, math.inf, error).needed(n_symbols, snr_db) >= fewer:
        return math.inf
    while high - low > 0.01:
        middle = (low + high) / 2
        enough = Equivalence(reference_snr_db, middle, error).needed(n_symbols, snr_db) <= fewer
        low, high = (low, middle) if enough else (middle, high)
    return high
