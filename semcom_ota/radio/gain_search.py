"""Finds the receiver's gain: enough that the converter adds no noise of its own, little enough that nothing clips.

Below a certain gain the converter's noise is what one hears, and each decibel of gain is a decibel of SNR. Above it the
noise comes from the front end, and more gain only takes away headroom. So the best gain is the lowest one at which the
SNR is as good as it gets.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from semcom_ota.radio.survey import Survey
from semcom_ota.radio.verdicts import HEADROOM_DB

COARSE_DB, FINE_DB = 6.0, 2.0
AS_GOOD_DB = 1.0
"""Less is no loss: estimates fluctuate, and a fade takes more."""
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
    readings: tuple[Reading, ...]  # ascending in gain


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
    middle = choose(list(taken.values())).gain_db
    spacing = (high - low) / steps
    count = max(1, round(spacing / FINE_DB))
    for step in range(1 - count, count):
        gain_db = middle + spacing * step / count
        if step and low < gain_db < high:
            take(gain_db)
    return choose(list(taken.values()))


def choose(readings: Sequence[Reading]) -> Choice:
    """The lowest gain that is as good as any, among those that clip nothing.

    How good a gain is shows in the frames' SNR if frames are heard at any gain; else in how far what is on the air
    stands above the noise; else in the noise alone, of which the front end's grows with the gain and the converter's
    does not.

    Args:
        readings: one at least.
    """
    ordered = tuple(sorted(readings, key=lambda one: one.gain_db))
    fitting = [one for one in ordered if one.fits]
    if not fitting:
        least = ordered[0]
        sentence = f"it clips even at the least gain, {least.gain_db:g} dB: put an attenuator before the receiver"
        return Choice(least.gain_db, "level", sentence, ordered)
    judged_by: Literal["frames", "level", "noise"]
    if any(one.frames for one in fitting):
        judged_by = "frames"
        merits = [one.snr_db if one.snr_db is not None else -math.inf for one in fitting]
    elif any(_above_noise(one) > ABOVE_NOISE_DB for one in fitting):
        judged_by = "level"
        merits = [_above_noise(one) for one in fitting]
    else:
        judged_by = "noise"
        merits = [one.gain_db - one.noise_dbfs for one in fitting]
    best = max(merits)
    chosen = next(one for one, merit in zip(fitting, merits, strict=True) if merit >= best - AS_GOOD_DB)
    return Choice(chosen.gain_db, judged_by, _why(chosen, judged_by, ordered), ordered)


def _above_noise(one: Reading) -> float:
    return one.busy_dbfs - one.noise_dbfs if one.busy_dbfs is not None else 0.0


def _why(chosen: Reading, judged_by: str, ordered: Sequence[Reading]) -> str:
    gain = f"{chosen.gain_db:g} dB"
    if judged_by == "frames":
        sentence = f"{gain}: frames have {chosen.snr_db:.1f} dB SNR here, and no more at higher gains that do not clip"
    elif judged_by == "level":
        over = f"{_above_noise(chosen):.0f} dB above the noise"
        sentence = f"{gain}: what is on the air stands {over}, and no higher at more gain"
    else:
        sentence = (
            f"{gain}: nothing was on the air; from here on the noise is the front end's own, not the converter's. Look"
            " again while the transmitter is on"
        )
    if chosen.gain_db == ordered[-1].gain_db and len(ordered) > 1:
        sentence += ". It is the greatest that the device has: an amplifier, or more at the transmitter, may help"
    return sentence
