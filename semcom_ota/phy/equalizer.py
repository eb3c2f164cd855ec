"""The channel estimate taken out of the grid: symbols, and how uncertain each of them is."""

import numba
import numpy as np
from numpy.typing import NDArray

from semcom_ota.phy.channel_estimator import ChannelEstimate
from semcom_ota.types import ComplexArray, FloatArray

_TINY = 1e-30
_FLOOR = 0.25


def equalize(
    grid: ComplexArray, channel: ChannelEstimate, cells: NDArray[np.intp], scrambling: ComplexArray
) -> tuple[ComplexArray, FloatArray]:
    """Received cells to symbols.

    The channel is known as a mean m with an error variance e, and the symbol is y * conj(m) / (|m|**2 + d), d = e / 4.
    Where the channel is far above its own error, that is zero forcing, unbiased; where it might as well be zero,
    dividing by it would make an error without bound of something that says nothing. For unit-power symbols and noise n
    the error variance is ((n + e) * |m|**2 + d**2) / (|m|**2 + d)**2.

    Args:
        grid: (rows, carriers) complex64.
        channel: its channel estimate.
        cells: (n,) indices into the flattened grid.
        scrambling: (n,) complex64 of modulus 1, which the transmitter multiplied the symbols with.

    Returns:
        (n,) complex64 symbols and (n,) float32 E|error|**2; (0, inf) where there is no signal at all.
    """
    return _equalize(
        grid,
        channel.response,
        channel.error_variance,
        channel.noise_variance,
        channel.levels,
        channel.disturbance,
        cells,
        scrambling,
    )


@numba.njit(cache=True)
def _equalize(grid, response, error_variance, noise_variance, levels, disturbance, cells, scrambling):  # type: ignore[no-untyped-def]
    symbols = np.zeros(cells.size, np.complex64)
    variance = np.full(cells.size, np.inf, np.float32)
    width = noise_variance.size
    for i in range(cells.size):
        row = cells[i] // width
        carrier = cells[i] - row * width
        mean, error = np.complex128(response[row, carrier]), np.float64(error_variance[row, carrier])
        gain = mean.real * mean.real + mean.imag * mean.imag
        if gain > _TINY:
            floor = _FLOOR * error
            scale = 1 / (gain + floor)
            symbols[i] = grid[row, carrier] * (mean * scrambling[i]).conjugate() * (scale / levels[row])
            noise = noise_variance[carrier] * disturbance[row]
            variance[i] = ((noise + error) * gain + floor * floor) * scale * scale
    return symbols, variance
