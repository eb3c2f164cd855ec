"""Takes out of a stream what the receiver's mixer put in: a constant (DC offset) and an image (IQ imbalance).

A direct-conversion mixer turns the signal x into

    y = mu x + nu conj(x) + m

Noise and signal have no mean and are proper, E[x**2] = 0, so that the mean m and the circularity quotient
r = E[(y - m)**2] / E|y - m|**2 show the mixer's faults, with no frame found yet and nothing known of what was sent.
(What is the same in every frame need not be proper; its share of r averages out if there is any CFO.) Blind and
second-order: M. Valkama, M. Renfors, V. Koivunen, "Advanced methods for I/Q imbalance compensation in communication
receivers", IEEE Trans. Signal Processing 49(10), 2001; L. Anttila, M. Valkama, M. Renfors, "Circularity-based I/Q
imbalance compensation in wideband direct-conversion receivers", IEEE Trans. Vehicular Technology 57(4), 2008.

With z = y - m, the output z - w conj(z) is proper where w**2 conj(r) - 2 w + r = 0, hence

    w = r / (1 + sqrt(1 - |r|**2))

which is nu / conj(mu) exactly, and the output is mu (1 - |w|**2) x: the image is gone.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from semcom_ota.types import ComplexArray

LARGEST = 1e6
"""Samples larger than this (or not finite) are garbage and count as 0."""
BLOCK = 1024
"""Samples from one estimate to the next, at fixed positions of the stream."""
MEMORY_BLOCKS = 128
"""The average is over all blocks until there are so many, and exponential with this memory from then on."""
SIGNIFICANCE = 30.0
"""An estimate is believed when its |.|**2 is so many times its variance. In proper white noise alone that has a chance
of exp(-30) = 1e-13; where half of the band is empty, exp(-15). An error of the variance's size leaves a fault 15 dB
lower than it was."""
LARGEST_CIRCULARITY = 0.5
"""No mixer makes more (an image 11 dB below the signal): what does is itself not proper, BPSK for one."""


class _Estimate(NamedTuple):
    """Averages over blocks, and the variances that two of them have if each sample comes with a random phase."""

    blocks: int
    mean: complex
    mean_variance: float
    power: float  # of y - mean
    improper: complex  # E[(y - mean)**2]
    improper_variance: float


class FrontEnd:
    """Corrects one stream, sample for sample. Each block is corrected by what the blocks before it have shown."""

    def __init__(self) -> None:
        """For a stream that has not begun."""
        self._estimate = _Estimate(0, 0j, 0.0, 0.0, 0j, 0.0)
        self._block = np.zeros(BLOCK, np.complex64)  # of which the samples since `_position // BLOCK * BLOCK` are there
        self._position = 0

    def process(self, samples: ComplexArray) -> ComplexArray:
        """Correct the next samples. The result does not depend on how the stream is cut.

        Args:
            samples: (n,) complex64, any n. What is not finite or larger than `LARGEST` counts as 0.

        Returns:
            (n,) complex64, without delay; the same samples where no fault is significant.
        """
        corrected = np.empty(len(samples), np.complex64)
        received = np.ascontiguousarray(samples, np.complex64)
        self._estimate = _process(received, corrected, self._block, self._position % BLOCK, self._estimate)
        self._position += corrected.size
        return corrected


@numba.njit(cache=True)
def _process(samples, corrected, block, filled, estimate):  # type: ignore[no-untyped-def]
    """Fill `corrected`; bring `block` and the estimate up to date, and return the estimate."""
    done = 0
    while done < samples.size:
        count = min(BLOCK - filled, samples.size - done)
        received = block[filled : filled + count]
        _without_garbage(samples[done : done + count], received)
        _correct(received, corrected[done : done + count], estimate)
        done += count
        filled += count
        if filled == BLOCK:
            estimate = _updated(estimate, block)
            filled = 0
    return estimate


@numba.njit(cache=True)
def _without_garbage(samples, received):  # type: ignore[no-untyped-def]
    for n in range(samples.size):
        sample = samples[n]
        good = (abs(sample.real) <= LARGEST) & (abs(sample.imag) <= LARGEST)  # false for NaN
        received[n] = sample if good else np.complex64(0)


@numba.njit(cache=True)
def _correct(received, corrected, estimate):  # type: ignore[no-untyped-def]
    mean, w = 0j, 0j
    if _power(estimate.mean) > SIGNIFICANCE * estimate.mean_variance:
        mean = estimate.mean
    if _power(estimate.improper) > SIGNIFICANCE * estimate.improper_variance:
        r = estimate.improper / estimate.power
        if abs(r) <= LARGEST_CIRCULARITY:
            w = r / (1 + math.sqrt(1 - _power(r)))
    if mean == 0 and w == 0:
        corrected[:] = received
        return
    mean_real, mean_imag = np.float32(mean.real), np.float32(mean.imag)
    a, b, c = np.float32(1 - w.real), np.float32(1 + w.real), np.float32(w.imag)
    for n in range(received.size):
        real, imag = received[n].real - mean_real, received[n].imag - mean_imag
        corrected[n] = complex(a * real - c * imag, b * imag - c * real)


@numba.njit(cache=True, fastmath={"reassoc"})  # each block is summed whole, by the same instructions, whatever the cuts
def _updated(estimate, block):  # type: ignore[no-untyped-def]
    real = imag = 0.0
    for n in range(BLOCK):
        real += block[n].real
        imag += block[n].imag
    mean = complex(real, imag) / BLOCK
    power = improper_real = improper_imag = fourth = 0.0
    for n in range(BLOCK):
        x, y = block[n].real - mean.real, block[n].imag - mean.imag
        xx, yy = x * x, y * y
        power += xx + yy
        improper_real += xx - yy
        improper_imag += 2 * x * y
        fourth += (xx + yy) * (xx + yy)
    power /= BLOCK
    improper = complex(improper_real, improper_imag) / BLOCK

    blocks = min(estimate.blocks + 1, MEMORY_BLOCKS)
    new = 1 / blocks
    old = 1 - new
    return _Estimate(
        blocks,
        old * estimate.mean + new * mean,
        old**2 * estimate.mean_variance + new**2 * (power + _power(mean)) / BLOCK,
        old * estimate.power + new * power,
        old * estimate.improper + new * improper,
        old**2 * estimate.improper_variance + new**2 * fourth / BLOCK**2,
    )


@numba.njit(cache=True)
def _power(value):  # type: ignore[no-untyped-def]
    return value.real * value.real + value.imag * value.imag
