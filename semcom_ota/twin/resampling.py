"""From one sample clock to another: band-limited interpolation at any time, with a carrier that turns meanwhile.

A windowed sinc in many phases (J. O. Smith and P. Gossett, "A flexible sampling-rate conversion method", ICASSP 1984).
"""

import math
from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from semcom_ota.types import FloatArray

PHASES = 4096
"""Of the filter between two samples. The nearest one is taken: at 0.4 of the sample rate its error is -70 dB."""
TAPS = 32
_MOST_TAPS = 512
_KAISER = 6.5  # 32 taps: what aliases from beyond 0.6 of the sample rate is below -60 dB


@lru_cache(maxsize=16)
def interpolator(ratio: float) -> FloatArray:
    """The filter's phases.

    Args:
        ratio: the receiver's sample rate over the transmitter's. Below 1 the filter is as narrow as the receiver.

    Returns:
        (PHASES + 1, taps) float32: row f gives the value f / PHASES samples behind tap taps / 2 - 1. Each row has the
        sum 1: DC passes as it is.
    """
    cutoff = min(1.0, ratio)
    taps = min(_MOST_TAPS, 2 * math.ceil(TAPS / 2 / cutoff))
    offset = np.arange(taps) - (taps // 2 - 1) - np.arange(PHASES + 1)[:, None] / PHASES
    window = np.i0(_KAISER * np.sqrt(np.maximum(0, 1 - (offset / (taps / 2)) ** 2)))
    rows = np.sinc(cutoff * offset) * window
    table: FloatArray = (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
    table.flags.writeable = False
    return table


@numba.njit(cache=True, nogil=True, fastmath=True)
def add_resampled(
    real: FloatArray,
    imaginary: FloatArray,
    sent: FloatArray,
    table: FloatArray,
    first: float,
    step: float,
    turns: float,
    turn_step: float,
    amplitude: float,
) -> None:
    """Add what arrives of a transmitter to what a receiver sees.

    Args:
        real: (n,) float32, of what the receiver sees; added to.
        imaginary: (n,) float32, the same.
        sent: (2, m) float32, the transmitter's samples around it; outside there is silence.
        table: of `interpolator`.
        first: where in `sent` the receiver's first sample falls, in samples, any fraction.
        step: samples of the transmitter in one of the receiver.
        turns: phase of the first sample, in cycles.
        turn_step: cycles a sample.
        amplitude: factor.
    """
    taps = table.shape[1]
    size = sent.shape[1]
    sent_real, sent_imaginary = sent[0], sent[1]
    angle = 2 * math.pi * (turns - math.floor(turns))
    phasor = complex(math.cos(angle), math.sin(angle)) * amplitude
    turn = complex(math.cos(2 * math.pi * turn_step), math.sin(2 * math.pi * turn_step))
    for n in range(real.size):
        position = first + n * step
        whole = math.floor(position)
        row = table[int((position - whole) * PHASES + 0.5)]
        start = int(whole) - taps // 2 + 1
        a = b = np.float32(0)
        if start >= 0 and start + taps <= size:
            x, y = sent_real[start : start + taps], sent_imaginary[start : start + taps]
            for k in range(taps):
                a += row[k] * x[k]
                b += row[k] * y[k]
        else:
            for k in range(max(0, -start), min(taps, size - start)):
                a += row[k] * sent_real[start + k]
                b += row[k] * sent_imaginary[start + k]
        real[n] += np.float32(phasor.real * a - phasor.imag * b)
        imaginary[n] += np.float32(phasor.real * b + phasor.imag * a)
        phasor *= turn


def separated(interleaved: NDArray[np.int16]) -> FloatArray:
    """sc16 as the functions here take it: (2 n,) int16, I and Q in turn, to (2, n) float32, 1.0 being full scale."""
    parts = interleaved.reshape(-1, 2).T.astype(np.float32, order="C")
    parts *= np.float32(1 / 32768)
    return parts
