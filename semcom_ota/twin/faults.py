"""The script of faults: what goes wrong, and at which burst or sample. The same script hits the same things.

Bursts and samples are counted from 0 since a host has opened the device, seconds since then, too; each fault happens
once an opening.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from semcom_ota.air_config import Frozen

Serial = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
_Count = Annotated[int, Field(ge=0, lt=2**40)]


class Overflow(Frozen):
    """The host's link takes no samples for a while: the receiver loses them and says so."""

    kind: Literal["overflow"]
    receiver: Serial
    at_sample: _Count = Field(description="the first one that is lost, counted from the start of the stream")
    lost_samples: int = Field(ge=1, lt=2**32)


class Underflow(Frozen):
    """The host's link stalls within a burst: its samples come too late, and the rest of it is not sent."""

    kind: Literal["underflow"]
    transmitter: Serial
    burst: _Count
    at_sample: _Count = Field(1000, description="of the burst; a shorter burst is not touched")


class Late(Frozen):
    """The host's link stalls before a burst: it comes after its time and is not sent."""

    kind: Literal["late"]
    transmitter: Serial
    burst: _Count
    late_ms: float = Field(1.0, gt=0, le=1000)


class SequenceError(Frozen):
    """A packet is lost between host and transmitter: the rest of the burst is not sent."""

    kind: Literal["sequence_error"]
    transmitter: Serial
    burst: _Count
    at_sample: _Count = Field(1000, description="of the burst; the packet with this sample is lost")


class Fade(Frozen):
    """A path is blocked, for some bursts (`burst`, `bursts`) or for a while (`after_s`, `for_s`)."""

    kind: Literal["fade"]
    transmitter: Serial
    receiver: Serial
    burst: _Count | None = None
    bursts: int = Field(1, ge=1, lt=2**32)
    after_s: float | None = Field(None, ge=0, description="since the transmitter was opened")
    for_s: float = Field(0.1, gt=0)

    def blocks(self, burst: int) -> bool:
        """Whether it is this burst that does not get through."""
        return self.burst is not None and self.burst <= burst < self.burst + self.bursts


class Vanish(Frozen):
    """A device is unplugged."""

    kind: Literal["vanish"]
    device: Serial
    after_s: float = Field(ge=0)
    back_after_s: float | None = Field(None, gt=0, description="when it is plugged in again; None is never")


Fault = Annotated[Overflow | Underflow | Late | SequenceError | Fade | Vanish, Field(discriminator="kind")]
BurstFault = Underflow | Late | SequenceError | Fade


class RandomFaults(Frozen):
    """Faults drawn from a seed; no burst gets two of them."""

    seed: int = Field(0, ge=0, lt=2**63)
    transmitter: Serial
    receiver: Serial
    bursts: int = Field(1000, ge=1, le=10**6, description="they are spread over the first so many bursts")
    samples: int = Field(10**7, ge=1, lt=2**40, description="overflows are spread over the first so many samples")
    overflows: int = Field(0, ge=0, le=10_000)
    underflows: int = Field(0, ge=0, le=10_000)
    lates: int = Field(0, ge=0, le=10_000)
    fades: int = Field(0, ge=0, le=10_000)
    sequence_errors: int = Field(0, ge=0, le=10_000)
    lost_samples: tuple[int, int] = Field((1000, 20_000), description="the least and the most in one overflow")
    within_samples: int = Field(2000, ge=1, description="a burst is hit among its first so many samples")

    def problem(self) -> str | None:
        """What makes no sense; None if all does."""
        least, most = self.lost_samples
        if not 1 <= least <= most < 2**32:
            return "lost_samples: give the least and the most, both at least 1"
        if self.underflows + self.lates + self.fades + self.sequence_errors > self.bursts:
            return "there are more faults than bursts: each burst gets one at most"
        if self.overflows and self.samples // self.overflows < 2 * most:
            return "the overflows would run into each other: spread them over more samples"
        return None


def drawn(random: RandomFaults) -> Iterator[Fault]:
    """The faults of a seed, the same ones each time."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([random.seed])))
    counts = (random.underflows, random.lates, random.fades, random.sequence_errors)
    hit = iter(int(burst) for burst in generator.permutation(random.bursts)[: sum(counts)])

    def within() -> int:
        return int(generator.integers(1, random.within_samples + 1))

    underflows, lates, fades, sequence_errors = ([next(hit) for _ in range(count)] for count in counts)
    sender, receiver = random.transmitter, random.receiver
    for burst in sorted(underflows):
        yield Underflow(kind="underflow", transmitter=sender, burst=burst, at_sample=within())
    for burst in sorted(lates):
        yield Late(kind="late", transmitter=sender, burst=burst)
    for burst in sorted(fades):
        yield Fade(kind="fade", transmitter=sender, receiver=receiver, burst=burst)
    for burst in sorted(sequence_errors):
        yield SequenceError(kind="sequence_error", transmitter=sender, burst=burst, at_sample=within())
    for stretch in range(random.overflows):
        lost = int(generator.integers(random.lost_samples[0], random.lost_samples[1] + 1))
        length = random.samples // random.overflows
        at = stretch * length + int(generator.integers(0, length - lost))
        yield Overflow(kind="overflow", receiver=receiver, at_sample=at, lost_samples=lost)
