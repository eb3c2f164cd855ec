"""The clock that a host sees of its device: it can be set, now or at a pulse, and says when the last pulse was."""

import math

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.oscillator import Oscillator

CLOCK_SOURCES = ("internal", "external", "gpsdo")
TIME_SOURCES = ("none", "internal", "external", "gpsdo")


class DeviceClock:
    """Device time: what the oscillator has counted, and an offset that the host has set. Times `now` are true seconds.

    A pulse (PPS) comes with each whole second: of the oscillator's count with time source internal, of true time, which
    the lab's reference and a GPSDO keep, with the others; never with none, or where no cable is plugged in.
    """

    def __init__(self, oscillator: Oscillator, *, reference: bool, gpsdo: bool, lock_s: float):
        """It shows 0 at true time 0, on its own oscillator."""
        self.oscillator = oscillator
        self.clock_source = "internal"
        self.time_source = "internal"
        self._plugged = {"none": False, "internal": True, "external": reference, "gpsdo": gpsdo}
        self._lock_s = lock_s
        self._locked_at = -math.inf
        self._offset = TimeSpec()
        self._waiting: tuple[float, TimeSpec] | None = None  # the next pulse, and what to set at it

    def time(self, now: float) -> TimeSpec:
        """What it shows at true time `now`."""
        self._take_pulse(now)
        return self._offset.after(self.oscillator.counted(now))

    def at_count(self, counted: float) -> TimeSpec:
        """What it shows when the oscillator has counted so many seconds, as it is set now."""
        return self._offset.after(counted)

    def count_at(self, time: TimeSpec) -> float:
        """What the oscillator has counted when the clock shows this, as it is set now."""
        return time.since(self._offset)

    def set_now(self, time: TimeSpec, now: float) -> None:
        """Show this from `now` on."""
        self._waiting = None
        self._offset = time.after(-self.oscillator.counted(now))

    def set_next_pps(self, time: TimeSpec, now: float) -> None:
        """Show this at the next pulse. Without pulses it never happens, and nobody says so: as with the real thing."""
        self._take_pulse(now)
        pulse = self._pulse(now, 1)
        self._waiting = None if pulse is None else (pulse, time)

    def last_pps(self, now: float) -> TimeSpec:
        """What it showed at the last pulse; zero if there never was one."""
        self._take_pulse(now)
        pulse = self._pulse(now, 0)
        return TimeSpec() if pulse is None else self._offset.after(self.oscillator.counted(pulse))

    def set_clock_source(self, source: str, now: float) -> None:
        """Change over to another reference; the oscillator follows it once it has locked, at once for all we model."""
        self.clock_source = source
        self._locked_at = -math.inf if source == "internal" else now + self._lock_s
        self.oscillator.follow(source != "internal" and self._plugged[source], now)

    def ref_locked(self, now: float) -> bool:
        """Whether it is locked to the reference that it was told to use. It always is to its own."""
        return self._plugged[self.clock_source] and now >= self._locked_at

    def sources(self, known: tuple[str, ...]) -> list[str]:
        """Those of `known` that the device has; a cable need not be plugged in."""
        return [source for source in known if source != "gpsdo" or self._plugged["gpsdo"]]

    def _take_pulse(self, now: float) -> None:
        if self._waiting is not None and now >= self._waiting[0]:
            pulse, time = self._waiting
            self._waiting = None
            self._offset = time.after(-self.oscillator.counted(pulse))

    def _pulse(self, now: float, ahead: int) -> float | None:
        """The true time of the last pulse (`ahead` 0) or of the next one (1)."""
        if not self._plugged[self.time_source]:
            return None
        if self.time_source != "internal":
            return float(math.floor(now) + ahead)
        return self.oscillator.true_time(float(math.floor(self.oscillator.counted(now)) + ahead))
