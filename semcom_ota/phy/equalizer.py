"""The channel estimate taken out of the grid: symbols, and how uncertain each of them is."""

import numba
import numpy as np
from numpy.typing import NDArray

from semcom_ota.phy.channel_estimator import ChannelEstimate
from semcom_ota.types import ComplexArray, FloatArray

_TINY = np.float32(1e-30)


def equalize(
    grid: ComplexArray, channel: ChannelEstimate, cells: NDArray[np.intp], scrambling: ComplexArray
) -> tuple[ComplexArray, FloatArray]:
    """Received cells to symbols.

    Zero forcing by the mean of the channel given the known cells is unbiased, and what is not known of the channel adds
    to the noise: for unit-power symbols the error variance is (noise + channel error) / |mean|**2.

    Args:
        grid: (rows, carriers) complex64.
        channel: its channel estimate.
        cells: (n,) indices into the flattened grid.
        scrambling: (n,) complex64 of modulus 1, which the transmitter multiplied the symbols with.

    Returns:
        (n,) complex64 symbols and (n,) float32 E|error|**2; (0, inf) where there is no signal at all.
    """
    return _equalize(
        grid.ravel(),
        channel.response.ravel(),
        channel.error_variance.ravel(),
        np.float32(channel.noise_variance),
        cells,
        scrambling,
    )


@numba.njit(cache=True)
def _equalize(received, response, error_variance, noise_variance, cells, scrambling):  # type: ignore[no-untyped-def]
    symbols = np.zeros(cells.size, np.complex64)
    variance = np.full(cells.size, np.inf, np.float32)
    for i in range(cells.size):
        cell = cells[i]
        gain = response[cell].real ** 2 + response[cell].imag ** 2
        if gain > _TINY:
            symbols[i] = received[cell] * (response[cell] * scrambling[i]).conjugate() / gain
            variance[i] = (noise_variance + error_variance[cell]) / gain
    return symbols, variance
