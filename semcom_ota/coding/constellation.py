"""QPSK, 16-, 64- and 256-QAM of 3GPP TS 38.211 (5.1.3 to 5.1.6): bits to symbols of unit power, symbols to LLRs."""

import math
from functools import lru_cache

import numba
import numpy as np

from semcom_ota.coding.crc import BitArray
from semcom_ota.types import ComplexArray, FloatArray

QPSK, QAM16, QAM64, QAM256 = 4, 16, 64, 256
ORDERS = (QPSK, QAM16, QAM64, QAM256)
_SMALLEST_VARIANCE = np.float32(1e-9)


def bits_per_symbol(order: int) -> int:
    """2, 4, 6 or 8 for an `order` of 4, 16, 64 or 256 points.

    Raises:
        ValueError: another order.
    """
    if order not in ORDERS:
        raise ValueError(f"a constellation of {order} points: must be one of {ORDERS}")
    return order.bit_length() - 1


@lru_cache
def levels(order: int) -> FloatArray:
    """Amplitudes of one dimension, by label.

    Args:
        order: 4, 16, 64 or 256.

    Returns:
        (sqrt(order),) float32, read-only. The index is made of a dimension's bits, the first one sent being the most
        significant. I takes the even bits of a symbol, Q the odd ones; both have a mean power of 1/2.
    """
    dimension_bits = bits_per_symbol(order) // 2
    label = np.arange(2**dimension_bits)
    amplitude = np.zeros(label.size)
    for bit in range(dimension_bits):  # the last bit first: (1-2 b0)(4 - (1-2 b2)(2 - (1-2 b4))), 5.1.5
        amplitude = (1 - 2 * (label >> bit & 1)) * (2**bit - amplitude)
    normalised = (amplitude / math.sqrt(2 * np.mean(amplitude**2))).astype(np.float32)
    normalised.flags.writeable = False
    return normalised


def modulate(bits: BitArray, order: int) -> ComplexArray:
    """Bits to symbols.

    Args:
        bits: (n * log2(order),) uint8, zeros and ones.
        order: 4, 16, 64 or 256.

    Returns:
        (n,) complex64; the mean power over the constellation is 1 (not over these n symbols).

    Raises:
        ValueError: an unknown order, or bits that do not fill the last symbol.
    """
    width = bits_per_symbol(order)
    if bits.size % width:
        raise ValueError(f"{bits.size} bits do not fill symbols of {width} bits")
    return _map(np.ascontiguousarray(bits, np.uint8), width // 2, levels(order)).view(np.complex64)


@numba.njit(cache=True)
def _map(bits: BitArray, dimension_bits: int, amplitudes: FloatArray) -> FloatArray:
    """I, Q, I, ... of the symbols."""
    symbols = bits.size // (2 * dimension_bits)
    out = np.empty(2 * symbols, np.float32)
    for i in range(symbols):
        for dimension in range(2):
            label = 0
            for bit in range(dimension_bits):
                label = 2 * label + bits[2 * (i * dimension_bits + bit) + dimension]
            out[2 * i + dimension] = amplitudes[label]
    return out


def llrs(symbols: ComplexArray, noise_variance: FloatArray | float, order: int) -> FloatArray:
    """Symbols to the exact (log-MAP) log-likelihood ratios of their bits.

    Args:
        symbols: (n,) complex64, the sent symbols plus circular Gaussian noise.
        noise_variance: (n,) float32 or one number, E|noise|**2 of a complex symbol. Where it is infinite or not a
            number, or the symbol is not finite, the LLRs are 0.
        order: 4, 16, 64 or 256.

    Returns:
        (n * log2(order),) float32, ln P(bit = 0) / P(bit = 1), in the order of `modulate`.

    Raises:
        ValueError: an unknown order.
    """
    width = bits_per_symbol(order)
    variances = np.ascontiguousarray(noise_variance, np.float32)
    if variances.shape != symbols.shape:
        variances = np.full(symbols.shape, variances)
    dimensions = np.ascontiguousarray(symbols, np.complex64).view(np.float32)
    out = _dimension_llrs(dimensions, variances, levels(order))
    return out.reshape(-1, 2, width // 2).swapaxes(1, 2).reshape(-1) if width > 2 else out.reshape(-1)


@numba.njit(cache=True)
def _dimension_llrs(received: FloatArray, variances: FloatArray, amplitudes: FloatArray) -> FloatArray:
    """(2n,) received I, Q, I, ... to (2n, bits of a dimension); the variance of one dimension is variances / 2."""
    width = 0
    while 1 << width < amplitudes.size:
        width += 1
    out = np.zeros((received.size, width), np.float32)
    metric = np.empty(amplitudes.size, np.float32)
    for i in range(received.size):
        variance = max(variances[i // 2], _SMALLEST_VARIANCE)
        if not (np.isfinite(received[i - i % 2]) and np.isfinite(received[i - i % 2 + 1]) and np.isfinite(variance)):
            continue
        for level in range(amplitudes.size):
            metric[level] = -((received[i] - amplitudes[level]) ** 2) / variance
        if width == 1:
            out[i, 0] = metric[0] - metric[1]
            continue
        for bit in range(width):
            best0 = best1 = np.float32(-np.inf)
            for level in range(amplitudes.size):
                if level >> (width - 1 - bit) & 1:
                    best1 = max(best1, metric[level])
                else:
                    best0 = max(best0, metric[level])
            sum0 = sum1 = np.float32(0)
            for level in range(amplitudes.size):
                if level >> (width - 1 - bit) & 1:
                    sum1 += np.exp(metric[level] - best1)
                else:
                    sum0 += np.exp(metric[level] - best0)
            out[i, bit] = best0 - best1 + np.log(sum0 / sum1)
    return out
