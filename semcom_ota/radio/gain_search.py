"""Finds the receiver's gain: enough that the converter adds no noise of its own, little enough that nothing clips.

Below a certain gain the converter's noise is what one hears, and each decibel of gain is a decibel of SNR. Above it the
noise comes from the front end, and more gain changes nothing until the peaks clip. In between all gains are as good,
and the middle of them is as far from either end as can be: what arrives may become stronger or weaker.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from semcom_ota.radio.survey import Survey
from semcom_ota.radio.verdicts import HEADROOM_DB

COARSE_DB, FINE_DB = 6.0, 2.0
AS_GOOD_DB = 1.0
"""Less is no loss: estimates fluctuate, and a fade takes more."""
NARROW = 3
"""If so few gains or fewer are as good as the best, there is more to be found between them."""
MOST_CLIPPING = 1e-5
HOPELESS_CLIPPING = 0.05
"""Of the samples: a gain above one that clips so many is not tried."""
ABOVE_NOISE_DB = 3.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What was heard at one gain."""

    gain_db: float  # as the device says it
    noise_dbfs: float
    busy_dbfs: float | None  # mean power of what is louder than the noise
    peak_dbfs: float
    clipping: float
    frames: int
    snr_db: float | None  # of the frames

    @property
    def fits(self) -> bool:
        """Whether it clips nothing and keeps its headroom."""
        return self.clipping <= MOST_CLIPPING and self.peak_dbfs <= -HEADROOM_DB


@dataclass(frozen=True, slots=True)
class Choice:
    """The gain to use, and why."""

    gain_db: float
    judged_by: Literal["frames", "level", "noise"]
    sentence: str
    as_good: int  # how many readings are as good as any


def reading(gain_db: float, seen: Survey) -> Reading:
    """The part of a survey that the search looks at."""
    return Reading(
        gain_db=gain_db,
        noise_dbfs=seen.noise_dbfs,
        busy_dbfs=seen.bursts.dbfs,
        peak_dbfs=seen.peak_dbfs,
        clipping=seen.clipping,
        frames=seen.heard.frames,
        snr_db=seen.heard.snr_db,
    )


def find_gain(read: Callable[[float], Reading], gain_range_db: tuple[float, float]) -> Choice:
    """Step through the range, coarsely and then finely around the best.

    Args:
        read: sets a gain and says what is heard at it.
        gain_range_db: the device's least and greatest gain.
    """
    low, high = gain_range_db
    taken: dict[float, Reading] = {}

    def take(gain_db: float) -> Reading:
        seen = read(gain_db)
        taken[seen.gain_db] = seen
        return seen

    steps = max(1, math.ceil((high - low) / COARSE_DB))
    for step in range(steps + 1):
        if take(low + (high - low) * step / steps).clipping > HOPELESS_CLIPPING:
            break
    choice = choose(list(taken.values()))
    if choice.as_good > NARROW:
        return choice
    spacing = (high - low) / steps
    count = max(1, round(spacing / FINE_DB))
    for step in range(1 - count, count):
        gain_db = choice.gain_db + spacing * step / count
        if step and low < gain_db < high:
            take(gain_db)
    return choose(list(taken.values()))


def choose(readings: Sequence[Reading]) -> Choice:
    """The middle of the gains that are as good as any, among those that clip nothing.

    How good a gain is shows in the frames' SNR if frames are heard at any gain; else in how far what is on the air
    stands above the noise; else in the noise alone, of which the front end's grows with the gain and the converter's
    does not. Then the lowest of these gains is taken, because whatever comes will be stronger.

    Args:
        readings: one at least.
    """
    ordered = sorted(readings, key=lambda one: one.gain_db)
    fitting = [one for one in ordered if one.fits]
    framed = [one for one in fitting if one.snr_db is not None]
    loud = [one for one in fitting if _above_noise(one) > ABOVE_NOISE_DB]
    judged_by: Literal["frames", "level", "noise"]
    if not fitting:
        least = ordered[0].gain_db
        sentence = f"it clips even at the least gain, {least:g} dB: put an attenuator before the receiver"
        return Choice(least, "level", sentence, 1)
    if framed:
        best = max(one.snr_db or 0.0 for one in framed)
        judged_by, as_good = "frames", [one for one in framed if (one.snr_db or 0.0) >= best - AS_GOOD_DB]
    elif loud:
        judged_by, as_good = "level", _like_the_greatest(loud, _above_noise)
    else:
        judged_by, as_good = "noise", _like_the_greatest(fitting, lambda one: one.noise_dbfs - one.gain_db)
    lowest, highest = as_good[0].gain_db, as_good[-1].gain_db
    middle = lowest if judged_by == "noise" else (lowest + highest) / 2
    chosen = min(as_good, key=lambda one: abs(one.gain_db - middle))
    sentence = _why(chosen, judged_by, lowest, highest)
    if chosen is ordered[-1] and len(ordered) > 1:
        sentence += "; it is the greatest that the device has, so that more at the transmitter may help"
    if judged_by == "frames" and any(lowest < one.gain_db < highest and not one.frames for one in fitting):
        sentence += "; between them are gains with no frame: look again while the transmitter is on all the time"
    return Choice(chosen.gain_db, judged_by, sentence, len(as_good))


def _like_the_greatest(readings: Sequence[Reading], figure: Callable[[Reading], float]) -> list[Reading]:
    """The readings from the greatest gain downwards whose figure is that of the greatest.

    Not the best figure: far below, where all that is left of the noise are zeros, every figure looks splendid.
    """
    reference = figure(readings[-1])
    alike = itertools.takewhile(lambda one: abs(figure(one) - reference) <= AS_GOOD_DB, reversed(readings))
    return list(alike)[::-1]


def _above_noise(one: Reading) -> float:
    return one.busy_dbfs - one.noise_dbfs if one.busy_dbfs is not None else 0.0


def _why(chosen: Reading, judged_by: str, lowest: float, highest: float) -> str:
    gain = f"{chosen.gain_db:g} dB"
    span = f", and about as much from {lowest:g} to {highest:g} dB" if highest > lowest else ""
    if judged_by == "frames":
        return f"{gain}: frames have {chosen.snr_db:.1f} dB SNR here{span}"
    if judged_by == "level":
        return f"{gain}: what is on the air stands {_above_noise(chosen):.0f} dB above the noise here{span}"
    return (
        f"{gain}: nothing was on the air; from here on the noise is the front end's own, not the converter's. Look"
        " again while the transmitter is on"
    )
