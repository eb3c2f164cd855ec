"""What went wrong between host and radio, counted. It goes into every result row and onto the screen."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Health:
    """Counters since the start, from the device's tags and asynchronous messages."""

    overflows: int = 0  # gaps in the received stream: the host did not take the samples in time
    lost_samples: int = 0  # in these gaps
    underflows: int = 0  # bursts that the host did not deliver in time
    late: int = 0  # bursts that came after their time and were not sent
    sequence_errors: int = 0  # packets lost between host and device
    acknowledged: int = 0  # bursts that the device says it has sent
    limited_samples: int = 0  # transmitted samples above the peak that is allowed
    clipped_samples: int = 0  # received samples at the converter's full scale
    dropped_frames: int = 0  # received frames that the decoder had no time for

    def plus(self, **counts: int) -> Self:
        """With so many more of each."""
        return replace(self, **{name: getattr(self, name) + count for name, count in counts.items()})

    def __add__(self, other: "Health") -> "Health":
        """Of two sides together."""
        return Health(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def as_dict(self) -> dict[str, int]:
        """By name, for JSON."""
        return asdict(self)
