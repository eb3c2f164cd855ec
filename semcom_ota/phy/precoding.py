"""DFT precoding: the payload of each OFDM symbol goes through a DFT, so that every symbol is on all of its carriers.

The peaks of the samples are then nearly those of the payload symbols themselves (single-carrier FDMA: H. G. Myung, J.
Lim and D. J. Goodman, IEEE Vehicular Technology Magazine 1(3), 2006), but for the pilots between them. The receiver
combines the carriers by the MMSE rule, so that all symbols of a row are equally good.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from semcom_ota.types import ComplexArray, FloatArray

_TINY = 1e-9


def precode(symbols: ComplexArray, cells: NDArray[np.intp], width: int) -> ComplexArray:
    """A unitary DFT over the symbols of each row.

    Args:
        symbols: (n,) complex64, scrambled.
        cells: (n,) the index of each into the flattened grid.
        width: carriers in a row of the grid.

    Returns:
        (n,) complex64, the values of these cells.
    """
    values = np.empty_like(symbols)
    for index in _batches(cells.tobytes(), width):
        values[index] = fft.fft(symbols[index], axis=1, norm="ortho")
    return values


def despread(
    values: ComplexArray, noise_variance: FloatArray, cells: NDArray[np.intp], width: int
) -> tuple[ComplexArray, FloatArray]:
    """Equalised cells to symbols: MMSE weights, inverse DFT, and the bias of the weights undone.

    With weights w = 1 / (1 + noise variance), of mean u over a row, the symbols come out with a gain of u and an error
    variance of (1 - u) / u once that is undone.

    Args:
        values: (n,) complex64, cells without bias.
        noise_variance: (n,) float32, of each; inf where there is no signal.
        cells: (n,) the index of each into the flattened grid.
        width: carriers in a row of the grid.

    Returns:
        (n,) complex64 symbols, still scrambled, and (n,) float32 their error variances; (0, inf) where a row has no
        signal.
    """
    symbols = np.empty_like(values)
    variance = np.empty_like(noise_variance)
    for index in _batches(cells.tobytes(), width):
        weights = 1 / (1 + noise_variance[index].astype(np.float64))
        gain = weights.mean(axis=1, keepdims=True)
        combined = fft.ifft(weights * values[index], axis=1, norm="ortho")
        heard = gain > _TINY
        symbols[index] = np.where(heard, combined / np.maximum(gain, _TINY), 0)
        variance[index] = np.where(heard, (1 - gain) / np.maximum(gain, _TINY), np.inf)
    return symbols, variance


@lru_cache(maxsize=256)
def _batches(cells: bytes, width: int) -> tuple[NDArray[np.intp], ...]:
    """Indices (rows, length) of the symbols of each row, carriers ascending; an array for each length that occurs."""
    indices = np.frombuffer(cells, np.intp)
    order = np.argsort(indices)
    _, starts, lengths = np.unique(indices[order] // width, return_index=True, return_counts=True)
    return tuple(order[starts[lengths == length, None] + np.arange(length)] for length in np.unique(lengths))
