"""How the clocks of a transmitter and a receiver relate, from pairs of times of which many may be wrong."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_RATE_ERROR = 1e-4
"""Of one clock against the other; two oscillators of 25 ppm differ by 50."""
TOLERANCE_S, DRIFT = 1e-3, 2e-6
"""A pair may miss the line by so many seconds, and so much of the run's length: paths differ, and oscillators warm up.
Another run's pairs miss it by more, because a host never takes the same time twice."""
MAX_SESSIONS = 16

Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClockFit:
    """received = origin_received + (1 + rate_error) * (sent - origin_sent), in seconds of each clock."""

    origin_sent: float
    origin_received: float
    rate_error: float = 0.0
    tolerance_s: float = TOLERANCE_S

    def meets(self, sent: Times, received: Times) -> NDArray[np.bool_]:
        """Which pairs lie on the line."""
        return np.abs(self.received(sent) - received) < self.tolerance_s

    def received(self, sent: Times) -> Times:
        """When what left at these times arrives."""
        return self.origin_received + (1 + self.rate_error) * (sent - self.origin_sent)


def fit_clocks(sent: Times, received: Times) -> ClockFit | None:
    """The line through as many pairs as possible; None if there is no pair.

    A receiver may have heard several runs of a transmitter whose messages have the same numbers. Pairs of different
    runs have different delays; of the delays that many pairs share, the one wins whose line meets the most pairs, and
    the latest of those that meet as many. The line is Theil's and Sen's (P. K. Sen, J. Am. Stat. Assoc. 63, 1968): the
    median of slopes, here between pairs that are half the pairs apart, and the median of what is left.

    Args:
        sent: (n,) seconds, when a message left by the transmitter's clock.
        received: (n,) seconds, when a message of the same number arrived by the receiver's clock.
    """
    best, most = None, 0
    left = np.argsort(received - sent, kind="stable")
    length = float(np.ptp(sent)) if len(sent) else 0.0
    reach, tolerance_s = TOLERANCE_S + MAX_RATE_ERROR * length, TOLERANCE_S + DRIFT * length
    for _ in range(MAX_SESSIONS):
        if len(left) < max(most, 1):
            break
        delays = (received - sent)[left]
        counts = np.searchsorted(delays, delays + reach, side="right") - np.arange(len(delays))
        first = int(np.argmax(counts))
        window = left[first : first + counts[first]]
        left = np.delete(left, np.s_[first : first + counts[first]])
        fit = _line(sent[window], received[window], tolerance_s)
        met = fit.meets(sent, received)
        if met.sum() > most or (best and met.sum() == most and fit.origin_received > best.origin_received):
            best, most = _line(sent[met], received[met], tolerance_s), int(met.sum())
    return best


def _line(sent: Times, received: Times, tolerance_s: float) -> ClockFit:
    order = np.argsort(sent, kind="stable")
    sent, received = sent[order], received[order]
    half = (len(sent) + 1) // 2
    apart = sent[half:] - sent[: len(sent) - half]
    errors = (received[half:] - received[: len(sent) - half])[apart > 0] / apart[apart > 0] - 1
    rate_error = float(np.median(errors)) if len(errors) else 0.0
    if abs(rate_error) > MAX_RATE_ERROR:
        rate_error = 0.0
    origin = float(np.median(sent))
    rest = received - (1 + rate_error) * (sent - origin)
    return ClockFit(origin, float(np.median(rest)), rate_error, tolerance_s)
