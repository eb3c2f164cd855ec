"""Finds the receiver's gain: enough that the converter adds no noise of its own, little enough that nothing clips.

Below a certain gain the converter's noise is what one hears, and each decibel of gain is a decibel of SNR. Above it the
noise comes from the front end, and more gain changes nothing until the peaks clip. In between all gains are as good,
and the middle of them is as far from either end as can be: what arrives may become stronger or weaker.

With nothing to hear, the noise alone is left, and the least gain at which it is the front end's own is no more than a
default. Where it is below the converter's step, it comes as zeros and now and then a one, which look like a signal.
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
SEVERAL = 3
FOLLOWS_DB = 3.0
"""A signal's level grows with the gain to within this, at `SEVERAL` gains: that of a converter's few steps does not."""
LAST_LOOKS = 3
"""At the gain that was found, until something is heard: a transmitter may send seldom."""
WELL_ABOVE_DB = 4.0
"""Where noise is 1 dB (`AS_GOOD_DB`) above the front end's, that is 6 dB above the converter's; here on 10 dB."""


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

    gain_db: float | None  # None: none can be named
    judged_by: Literal["frames", "level", "noise"] | None  # noise: for want of a signal
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
    """Step through the range, coarsely and then finely around the best, and listen there once more.

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
    middle = choice.gain_db
    if choice.judged_by == "noise":  # the least gain is looked for, not the middle of many
        middle = _own_noise(list(taken.values()))[0].gain_db
    if middle is not None and (choice.as_good <= NARROW or choice.judged_by == "noise"):
        spacing = (high - low) / steps
        count = max(1, round(spacing / FINE_DB))
        for step in range(1 - count, count):
            gain_db = middle + spacing * step / count
            if step and low < gain_db < high:
                take(gain_db)
        choice = choose(list(taken.values()))
    found = choice.gain_db
    if found is None or choice.judged_by == "noise" or any(_heard(read(found)) for _ in range(LAST_LOOKS)):
        return choice
    return choose(list(taken.values()), ended=True)


def choose(readings: Sequence[Reading], *, ended: bool = False) -> Choice:
    """The middle of the gains that are as good as any, among those that clip nothing.

    How good a gain is shows in the frames' SNR if frames are heard at any gain; else in how far what is on the air
    stands above the noise, if it is there at several gains; else in the noise alone, of which the front end's grows
    with the gain and the converter's does not.

    Args:
        readings: one at least.
        ended: what was on the air was gone at the end, so that nobody knows when it ended: the noise is to decide.
    """
    ordered = sorted(readings, key=lambda one: one.gain_db)
    fitting = [one for one in ordered if one.fits]
    framed = [one for one in fitting if one.snr_db is not None]
    loud = [one for one in fitting if _above_noise(one) > ABOVE_NOISE_DB]
    judged_by: Literal["frames", "level"]
    if ended:
        return _by_noise(
            ordered, "what was heard had ended before the search did, so that there is nothing to judge by"
        )
    if not fitting:
        least = ordered[0].gain_db
        sentence = f"gain {least:g} dB, the least, and even there it clips: put an attenuator before the receiver"
        return Choice(least, "level", sentence, 1)
    if framed:
        best = max(one.snr_db or 0.0 for one in framed)
        judged_by, as_good = "frames", [one for one in framed if (one.snr_db or 0.0) >= best - AS_GOOD_DB]
    elif loud and _follows_the_gain(loud[-1], ordered):
        judged_by, as_good = "level", _like_the_greatest(loud, _above_noise)
    else:
        return _by_noise(ordered, "nothing was heard to judge by")
    lowest, highest = as_good[0].gain_db, as_good[-1].gain_db
    chosen = min(as_good, key=lambda one: abs(one.gain_db - (lowest + highest) / 2))
    sentence = _why(chosen, judged_by, lowest, highest)
    if chosen is ordered[-1] and len(ordered) > 1:
        sentence += "; it is the greatest that the device has, so that more at the transmitter may help"
    if judged_by == "frames" and any(lowest < one.gain_db < highest and not one.frames for one in fitting):
        sentence += "; between them are gains with no frame: look again while the transmitter is on all the time"
    return Choice(chosen.gain_db, judged_by, sentence, len(as_good))


def _by_noise(readings: Sequence[Reading], why: str) -> Choice:
    """The least gain at which the noise is well the front end's own, because whatever comes will be stronger."""
    again = "look again while the transmitter sends until the end"
    own = _own_noise(readings)
    well = [one.gain_db for one in own if one.gain_db >= own[0].gain_db + WELL_ABOVE_DB]
    if not well:
        return Choice(None, None, f"no gain is named: {why}, and the noise does not tell one either; {again}", 0)
    sentence = (
        f"gain {well[0]:g} dB is a default: {why}, and from there on the receiver's own noise is well above its"
        f" converter's rounding; {again}"
    )
    return Choice(well[0], "noise", sentence, len(well))


def _own_noise(readings: Sequence[Reading]) -> list[Reading]:
    """Ascending, the readings whose noise grows with the gain as that of the greatest does: it is the front end's."""
    fitting = sorted((one for one in readings if one.fits), key=lambda one: one.gain_db)
    return _like_the_greatest(fitting, lambda one: one.noise_dbfs - one.gain_db) if fitting else []


def _heard(one: Reading) -> bool:
    return one.frames > 0 or _above_noise(one) > ABOVE_NOISE_DB or not one.fits


def _follows_the_gain(one: Reading, readings: Sequence[Reading]) -> bool:
    """Whether the same is on the air at several gains, as strong at each but for the gain."""

    def arrives(each: Reading) -> float:
        return (each.busy_dbfs if each.busy_dbfs is not None else -math.inf) - each.gain_db

    undistorted = [each for each in readings if each.clipping <= HOPELESS_CLIPPING]
    return sum(abs(arrives(each) - arrives(one)) <= FOLLOWS_DB for each in undistorted) >= SEVERAL


def _like_the_greatest(readings: Sequence[Reading], figure: Callable[[Reading], float]) -> list[Reading]:
    """The readings from the greatest gain downwards whose figure is that of the greatest.

    Not the best figure: far below, where all that is left of the noise are zeros, every figure looks splendid.
    """
    reference = figure(readings[-1])
    alike = itertools.takewhile(lambda one: abs(figure(one) - reference) <= AS_GOOD_DB, reversed(readings))
    return list(alike)[::-1]


def _above_noise(one: Reading) -> float:
    return one.busy_dbfs - one.noise_dbfs if one.busy_dbfs is not None else 0.0


def _why(chosen: Reading, judged_by: Literal["frames", "level"], lowest: float, highest: float) -> str:
    gain = f"gain {chosen.gain_db:g} dB"
    span = f", and about as much from {lowest:g} to {highest:g} dB" if highest > lowest else ""
    if judged_by == "frames":
        return f"{gain}: frames have {chosen.snr_db:.1f} dB SNR here{span}"
    return f"{gain}: what is on the air stands {_above_noise(chosen):.0f} dB above the noise here{span}"
