"""The channel estimate taken out of the grid: symbols, and how uncertain each of them is."""

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
    response = channel.response.ravel()[cells] * scrambling
    gain = np.abs(response) ** 2
    seen = gain > _TINY
    gain = np.where(seen, gain, 1)
    symbols = np.where(seen, grid.ravel()[cells] * response.conj() / gain, 0).astype(np.complex64)
    variance = (np.float32(channel.noise_variance) + channel.error_variance.ravel()[cells]) / gain
    return symbols, np.where(seen, variance, np.inf).astype(np.float32)
