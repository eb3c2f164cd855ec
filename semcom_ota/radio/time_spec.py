"""A device's time: whole seconds and a fraction, as UHD has it, because one float cannot tell samples apart in 2026."""

import math
from typing import NamedTuple, Self


class TimeSpec(NamedTuple):
    """Seconds of a device's clock. Ordered and compared as what it means, if `fraction` is in 0 .. 1."""

    seconds: int = 0
    fraction: float = 0.0

    @classmethod
    def of(cls, seconds: float) -> Self:
        """For a time that one float says well enough, such as one on a clock that was set to 0."""
        whole = math.floor(seconds)
        return cls(whole, seconds - whole)

    def after(self, seconds: float) -> "TimeSpec":
        """The time so many seconds later."""
        whole = math.floor(self.fraction + seconds)
        return TimeSpec(self.seconds + whole, self.fraction + seconds - whole)

    def since(self, earlier: "TimeSpec") -> float:
        """Seconds from `earlier` to this time."""
        return (self.seconds - earlier.seconds) + (self.fraction - earlier.fraction)

    def __float__(self) -> float:
        """Seconds as one float: for people, not for arithmetic."""
        return self.seconds + self.fraction
