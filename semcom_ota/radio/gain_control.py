"""Slow automatic gain: the receiver's gain follows the peak of what comes in, down fast and up slowly.

The aim is a converter that neither clips nor adds noise of its own; within that range the gain changes nothing for the
receiver, so it is left alone. What the peak is depends on what is on the air just then, and bursts have pauses:

- Down, at once, when something clips or the peak is above `HIGH_DBFS`.
- Up, by a step, when for `PATIENCE_S` no peak was above `LOW_DBFS`; once the gain had to be lowered, for `MEMORY_S`:
  else each burst after a long pause would be met with too much. And only while the mean level is below
  `NOISE_DBFS`. From there on the converter's own noise, at least 5 dB below that with 8 bits and 40 dB with 12, is
  little beside what comes from the antenna, be it noise alone, and more gain lifts both. This is why a silent channel
  does not run the gain up without end. Nor does a stream of zeros (`NOTHING_DBFS`), which no converter puts out.

From `LOW_DBFS` to `HIGH_DBFS` is more than a step, so that it does not hunt.
"""

from semcom_ota.radio.level_meter import Level

HIGH_DBFS, AIM_DBFS, LOW_DBFS = -4.0, -10.0, -20.0
NOISE_DBFS = -45.0
NOTHING_DBFS = -150.0
STEP_UP_DB = 6.0
STEP_DOWN_DB, LARGE_STEP_DOWN_DB, MUCH = 10.0, 20.0, 0.1
"""When something clips, or more than a share of `MUCH` of all samples: by how much is not to be seen."""
LEAST_STEP_DB = 0.5
PATIENCE_S = 5.0
MEMORY_S = 60.0
SETTLE_S = 0.3
"""Samples that were taken before a change are still on their way for so long, and say nothing of the new gain."""


class GainControl:
    """Of one receiver. Told the level again and again, it says now and then which gain to set."""

    def __init__(self, gain_db: float, range_db: tuple[float, float]):
        """Begin at `gain_db`, and stay within the device's range."""
        self.gain_db = gain_db
        self._least, self._most = range_db
        self._now = 0.0  # s, as are the next three
        self._settled = 0.0  # from when on what comes in is of the present gain
        self._quiet = 0.0  # since when no peak was above LOW_DBFS
        self._patience_s = PATIENCE_S

    def tell(self, level: Level, seconds: float) -> float | None:
        """What came in.

        Args:
            level: of the samples since the call before.
            seconds: how long they took.

        Returns:
            The gain to be set, or None to leave it. Whoever sets it says with `set` what the device made of it.
        """
        began, self._now = self._now, self._now + seconds
        if began < self._settled:
            return None
        if level.peak_dbfs > LOW_DBFS:
            self._quiet = self._now
        if level.clipped_samples:
            much = level.clipped_samples > MUCH * level.samples
            wanted = self.gain_db - (LARGE_STEP_DOWN_DB if much else STEP_DOWN_DB)
        elif level.peak_dbfs > HIGH_DBFS:
            wanted = self.gain_db + AIM_DBFS - level.peak_dbfs
        elif self._now - self._quiet >= self._patience_s and NOTHING_DBFS < level.level_dbfs < NOISE_DBFS:
            wanted = self.gain_db + min(STEP_UP_DB, NOISE_DBFS - level.level_dbfs)
        else:
            return None
        if wanted < self.gain_db:
            self._patience_s = MEMORY_S
        wanted = min(max(wanted, self._least), self._most)
        return wanted if abs(wanted - self.gain_db) >= LEAST_STEP_DB else None

    def set(self, gain_db: float) -> None:
        """The gain that the device has now."""
        self.gain_db = gain_db
        self._settled = self._quiet = self._now + SETTLE_S
