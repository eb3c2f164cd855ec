"""When each sample was received, and where samples are missing, from what a device says of its stream.

A device says the time of a stream's first sample, and of the first one behind each gap (gr-uhd's tags `rx_time` and
`rx_rate`). Between two of these the samples follow one another at the rate that it said last.
"""

import math
from bisect import bisect_right
from typing import NamedTuple

from semcom_ota.radio.time_spec import TimeSpec

RATE_ERROR = 1e-8
"""By which share of itself a rate may be wrong, as a device says it: it is a quotient of clocks, rounded now and then.
A difference between time and count that this explains is none."""
MOST_ERROR = 64
"""Samples that it explains at most, however long the stream: no device loses less than a packet, which is more."""
LONGEST_GAP_S = 3600.0
"""A jump by more than this is a clock that was set, not an hour of samples in which nobody was there to take them."""
KEPT = 4096
"""Marks that are remembered: results ask for the times of samples that came some seconds ago."""


class Gap(NamedTuple):
    """The samples from `sample` on do not follow on from those before it."""

    sample: int  # position in the stream, which leaves out what was lost
    lost_samples: int | None  # None: the device's clock was set, and how many are missing cannot be known


class _Mark(NamedTuple):
    sample: int
    time: TimeSpec
    elapsed_s: float  # since the first sample of the stream, however the clock was set
    rate: float  # from here on


class StreamClock:
    """Of one received stream, from its first sample, which has position 0. Told by one thread, asked by any."""

    def __init__(self, sample_rate: float):
        """Samples/s, until the device says its own rate. Until it says a time, that is 0 at the first sample."""
        self._marks = [_Mark(0, TimeSpec(), 0.0, sample_rate)]
        self._told = False

    def tell(self, sample: int, time: TimeSpec, rate: float | None = None) -> Gap | None:
        """Take what the device says.

        Args:
            sample: position in the stream, not before that of the call before.
            time: of that sample.
            rate: samples/s from there on; None leaves it as it is.

        Returns:
            The gap before `sample`, or None if there is none: it is the first time that the device has said, or the
            one that was to be expected.
        """
        last = self._marks[-1]
        count = sample - last.sample
        rate = rate if rate is not None and math.isfinite(rate) and rate > 0 else last.rate
        elapsed_s = time.since(last.time)
        gap = None
        if self._told:
            if not abs(elapsed_s - count / last.rate) <= LONGEST_GAP_S:  # nor is NaN
                gap = Gap(sample, None)
            else:
                lost = round(elapsed_s * last.rate) - count
                if abs(lost) > min(1 + RATE_ERROR * count, MOST_ERROR):
                    gap = Gap(sample, lost if lost > 0 else None)
        known = self._told and (gap is None or gap.lost_samples is not None)
        elapsed_s = last.elapsed_s + (elapsed_s if known else count / last.rate)
        self._told = True
        self._marks = [*self._marks[1 - KEPT :], _Mark(sample, time, elapsed_s, rate)]  # others may read the old list
        return gap

    def time_at(self, sample: int) -> TimeSpec:
        """The device's time at a sample; at one from before all marks that are kept, as if there had been no gap."""
        mark = self._mark(sample)
        return mark.time.after((sample - mark.sample) / mark.rate)

    def seconds_at(self, sample: int) -> float:
        """Seconds since the first sample of the stream, gaps included. A clock that is set makes no difference."""
        mark = self._mark(sample)
        return mark.elapsed_s + (sample - mark.sample) / mark.rate

    def _mark(self, sample: int) -> _Mark:
        """The last one at or before a sample; the first one if there is none."""
        marks = self._marks
        return marks[max(0, bisect_right(marks, sample, key=lambda mark: mark.sample) - 1)]
