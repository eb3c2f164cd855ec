"""The SNR that the next frame will meet, from those that earlier frames have met.

A report tells of a frame that is some frames old by the time its news is used. While the channel stands still the last
report is the best forecast; while it moves with some memory (Doppler), a linear prediction is better. Both are made
here, judged by how they did so far on this very link, and the better one is used. After a step of the SNR (something
moved into the path, a gain was changed) a prediction from both sides of it is worth nothing; that shows in its latest
errors, and the last report is used until they are small again.

What is predicted is the ratio itself, not its decibels: the power of a fading channel is limited to a band of twice the
Doppler frequency, so that a few values tell the next, and its logarithm is not, because of the deep fades. Weights
follow by recursive least squares (Haykin, Adaptive Filter Theory, ch. 10).
"""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ORDER = 6
"""Reports that the linear prediction looks at."""
FORGETTING = 0.995
"""A report's weight in what was learned, a report later."""
LATELY = 0.8
"""The same of a report's weight in the latest errors."""
DOUBTED = 1.3
"""Latest errors of the prediction over those of the last report, from which on it is not used for a while."""
PROBATION = 28
"""Reports, weighted so, before which the prediction has learned too little to be used, however well it did."""
LEAST = 0.1
"""Of the last SNR: less is never predicted. A prediction of powers may be far off, or negative, in a fade."""
FLOOR_DB, CEILING_DB = -30.0, 60.0
MOST_UNCERTAIN = 1e4
"""Trace of the weights' covariance, up to the noise variance, from which on nothing is forgotten."""
LONGEST_GAP = 32
"""Reports in a row that may be missing before what was learned of the channel's motion is worth nothing."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect of a frame."""

    snr_db: float
    error_db: float  # mean absolute error of such forecasts so far; 0 before there was any to judge
    predicted: bool  # whether it is the linear prediction; else the last report


class SnrForecast:
    """Forecasts of one link, `horizon` frames after the last report."""

    def __init__(self, horizon: int):
        """For forecasts of frame n from the reports on frames up to n - `horizon`, at least 1."""
        if horizon < 1:
            raise ValueError(f"a report is at least 1 frame old when it is used, not {horizon}")
        self._horizon = horizon
        self._begin()

    def _begin(self) -> None:
        self._seen: deque[float] = deque(maxlen=ORDER + self._horizon)  # Es/N0 as ratios
        self._unit = 1.0  # the first of them: about what the others are
        self._weights = np.zeros(ORDER + 1)
        self._weights[0] = 1.0  # begins as: the last report
        self._inverse = np.eye(ORDER + 1) * 10.0
        self._errors = {"last": 0.0, "predicted": 0.0}
        self._latest = dict(self._errors)
        self._judged = 0.0
        self._frame: int | None = None

    def report(self, frame: int, snr_db: float) -> None:
        """Take in the SNR of a frame, by number; from one that is not newer than the last nothing is learned.

        Frames of which there is no report are taken to have met what was expected of them.
        """
        if not math.isfinite(snr_db) or (self._frame is not None and frame <= self._frame):
            return
        missing = 0 if self._frame is None else frame - self._frame - 1
        if missing > LONGEST_GAP:
            self._begin()
        elif missing and (expected := self.next()):
            self._seen.extend([_ratio(expected.snr_db)] * missing)
        snr = _ratio(snr_db)
        if self._frame is None:
            self._unit = snr
        self._learn(snr)
        self._seen.append(snr)
        self._frame = frame

    def next(self) -> Forecast | None:
        """What the frame `horizon` after the last reported one will meet; None before any report."""
        if not self._seen:
            return None
        last = self._seen[-1]
        if self._judged == 0.0:
            return Forecast(_decibels(last), 0.0, predicted=False)
        errors = {name: total / self._judged for name, total in self._errors.items()}
        doubted = self._latest["predicted"] > DOUBTED * self._latest["last"]
        tried = self._judged >= PROBATION and len(self._seen) == self._seen.maxlen
        if tried and errors["predicted"] < errors["last"] and not doubted:
            predicted = self._predicted(len(self._seen), last)
            return Forecast(_decibels(predicted), errors["predicted"], predicted=True)
        return Forecast(_decibels(last), errors["last"], predicted=False)

    def _learn(self, snr: float) -> None:
        """Judge both forecasts of this SNR, then adapt the weights."""
        if len(self._seen) < self._horizon:
            return
        last = self._seen[-self._horizon]
        whole = len(self._seen) == self._seen.maxlen
        self._judged = FORGETTING * self._judged + 1
        for name, value in (("last", last), ("predicted", self._predicted(ORDER, last) if whole else last)):
            error = abs(_decibels(value) - _decibels(snr))
            self._errors[name] = FORGETTING * self._errors[name] + error
            self._latest[name] = LATELY * self._latest[name] + error
        if whole:
            inputs = self._inputs(ORDER)
            gain = self._inverse @ inputs / (FORGETTING + inputs @ self._inverse @ inputs)
            self._weights += gain * (snr / self._unit - self._weights @ inputs)
            inverse = self._inverse - np.outer(gain, inputs @ self._inverse)
            # A channel that stands still excites nothing: what is known of it must not be forgotten for ever.
            forgetting = FORGETTING if np.trace(inverse) < MOST_UNCERTAIN else 1.0
            self._inverse = (inverse + inverse.T) / (2 * forgetting)

    def _inputs(self, until: int) -> NDArray[np.float64]:
        """(ORDER + 1,): the ORDER ratios before place `until`, newest first, and a constant."""
        seen = list(self._seen)[until - ORDER : until]
        return np.append(np.array(seen[::-1]) / self._unit, 1.0)

    def _predicted(self, until: int, last: float) -> float:
        value = self._unit * float(self._weights @ self._inputs(until))
        return min(max(value, LEAST * last), max(self._seen))  # what is hoped for beyond that is paid for in errors


def _ratio(snr_db: float) -> float:
    return float(10 ** (min(max(snr_db, FLOOR_DB), CEILING_DB) / 10))


def _decibels(ratio: float) -> float:
    return 10 * math.log10(ratio)
