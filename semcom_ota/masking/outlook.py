"""What a transmitter knows of the channel that its next frame will meet: from the reports on frames that it sent."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import numpy as np

from semcom_ota.masking.forecast import SnrForecast
from semcom_ota.types import FloatArray, LinkReport

REMEMBERED = 1024
"""Frames whose place in the order of sending is known; a report on an older one says nothing any more."""

State = Literal["unknown", "stale", "reported", "predicted"]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What to expect. Without an SNR nothing may be masked.

    `unknown`: there was no report. `stale`: the last one is too old, or samples were lost after it. `reported`: it is
    the last report. `predicted`: it is what follows from several, which did better so far.
    """

    state: State
    snr_db: float | None = None  # Es/N0 of a flat channel that carries as much
    error_db: float = 0.0  # mean absolute error of what was expected before
    age: int = 0  # frames since the one that was last reported


UNKNOWN = Outlook("unknown")


class LinkState:
    """Numbers frames as they are sent, takes reports in, and says what comes next."""

    def __init__(self, in_flight: int, stale_frames: int):
        """For a link.

        Args:
            in_flight: a frame is encoded when that so many before it is reported.
            stale_frames: a report on a frame so many before the next one is stale.
        """
        self._in_flight, self._stale_frames = in_flight, stale_frames
        self._forecast = SnrForecast(in_flight)
        self._frame_of: OrderedDict[tuple[int, int, int], int] = OrderedDict()
        self._next = 0
        self._reported: int | None = None
        self._gap = False

    def sent(self, stream: int, message: int, fragments: int) -> None:
        """The frames of a message leave next."""
        for fragment in range(fragments):
            self._frame_of[stream, message, fragment] = self._next
            self._next += 1
        while len(self._frame_of) > REMEMBERED:
            self._frame_of.popitem(last=False)

    def report(self, report: LinkReport) -> None:
        """Take in what a receiver said of a frame; of one that was not sent of late it is left out."""
        frame = self._frame_of.get((report.stream, report.message, report.fragment))
        if frame is None:
            return
        newer = self._reported is None or frame > self._reported
        if report.lost_samples and not newer:
            self._gap = True
        if not newer:
            return
        if report.lost_samples or self._gap:  # what came before the gap tells nothing of how the channel moves
            self._forecast, self._gap = SnrForecast(self._in_flight), False
        self._forecast.report(frame, effective_snr_db(report.carrier_snr_db))
        self._reported = frame

    def outlook(self) -> Outlook:
        """Of the frame that is sent next."""
        forecast = self._forecast.next()
        if forecast is None or self._reported is None:
            return UNKNOWN
        age = self._next - self._reported
        if self._gap or age > self._stale_frames:
            return Outlook("stale", age=age)
        return Outlook("predicted" if forecast.predicted else "reported", forecast.snr_db, forecast.error_db, age)


def effective_snr_db(carrier_snr_db: FloatArray) -> float:
    """Es/N0 in dB of the flat channel that carries as many bits a symbol as these carriers do on average."""
    capacity = np.mean(np.log2(1 + 10 ** (np.asarray(carrier_snr_db, np.float64) / 10)))
    return 10 * math.log10(max(2**capacity - 1, 1e-6))
