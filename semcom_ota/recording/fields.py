"""What a recording says of itself: the `semcom:` extension of SigMF (docs/recording.md), checked when it is read."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from semcom_ota.config import MAX_TEXT_BYTES, PhyConfig
from semcom_ota.transport.messages import MAX_FRAGMENTS, MAX_MESSAGE_SYMBOLS, MAX_STREAMS
from semcom_ota.types import FrameHeader

NAMESPACE = "semcom"
VERSION = "0.2.0"
MAX_MESSAGES = 2**17
"""Messages of which a recording can tell that they were not sent."""

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Decibels = Annotated[float, Field(ge=-300, le=300)]
_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Name = Annotated[str, Field(min_length=1, max_length=256)]


class _Said(BaseModel):
    """Fields that a later version adds are none of our business."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Sent(_Said):
    """The truth about a message, as a simulation knows it. Never told to the receiving side."""

    text: str = Field(max_length=MAX_TEXT_BYTES)
    channel_snr_db: _Decibels
    overhead_symbols: _Count
    air_samples: _Count  # of all its frames
    mean_symbol_energy: _Number

    @field_validator("text")
    @classmethod
    def _can_be_sent(cls, text: str) -> str:
        if len(text.encode()) > MAX_TEXT_BYTES:
            raise ValueError(f"a text has at most {MAX_TEXT_BYTES} bytes")
        return text


class Part(_Said):
    """The part of a message that a frame carries: the frame's header, and the truth beside a message's first one."""

    codec: int = Field(ge=0, lt=2**8)
    codec_parameters: int = Field(0, ge=0, lt=2**24)
    task: int = Field(0, ge=0, lt=2**4)
    stream: int = Field(0, ge=0, lt=MAX_STREAMS)
    message: int = Field(0, ge=0, lt=2**16)
    fragment: int = Field(0, ge=0, lt=MAX_FRAGMENTS)
    fragments: int = Field(1, ge=1, le=MAX_FRAGMENTS)
    message_symbols: int = Field(ge=1, le=MAX_MESSAGE_SYMBOLS)
    mask: int = Field(0, ge=0, lt=2**6)
    sent: Sent | None = None

    @property
    def key(self) -> tuple[int, int, int]:
        """Stream, message, fragment."""
        return self.stream, self.message, self.fragment


class FrameMark(_Said):
    """A frame of a recording: where it stands, what it carries, and what the receiver made of it."""

    start: int = Field(ge=0, lt=2**53)  # index of its first sample
    length: int = Field(ge=1, lt=2**53)  # samples
    parts: tuple[Part, ...] = Field(min_length=1, max_length=8)
    received: bool
    snr_db: _Number | None = None  # estimated, as are the next two
    cfo_hz: _Number | None = None
    sro_ppm: _Number | None = None
    lost_samples: _Count = 0  # that the recorder lost in the gap which cut this frame off

    def annotation(self) -> dict[str, Any]:
        """Itself as a SigMF annotation. The header's fields of a lone message, or of the first one, stand flat."""
        first, *followers = (part.model_dump(exclude_none=True) for part in self.parts)
        own = self.model_dump(exclude={"start", "length", "parts"}, exclude_none=True)
        stream, message, fragment = self.parts[0].key
        extension = first | own | ({"followers": followers} if followers else {})
        return {
            "core:sample_start": self.start,
            "core:sample_count": self.length,
            "core:label": f"stream {stream} message {message}.{fragment}" + ("" if self.received else " (missed)"),
        } | {f"{NAMESPACE}:{name}": value for name, value in extension.items()}

    @classmethod
    def from_annotation(cls, annotation: dict[str, Any]) -> Self:
        """The inverse of `annotation`; raises pydantic's ValidationError if it is no frame of ours."""
        own = {name.removeprefix(f"{NAMESPACE}:"): value for name, value in annotation.items()}
        followers = own.get("followers", [])
        parts = [own, *followers] if isinstance(followers, list) else followers
        where = {"start": annotation.get("core:sample_start"), "length": annotation.get("core:sample_count")}
        return cls.model_validate(own | where | {"parts": parts})


class Unsent(_Said):
    """A message that was to be sent in a simulation and never was on the air. It counts as lost all the same."""

    codec: _Name
    stream: int = Field(ge=0, lt=MAX_STREAMS)
    message: int = Field(ge=0, lt=2**16)
    text: str = Field(max_length=MAX_TEXT_BYTES)
    channel_snr_db: _Decibels
    does_not_fit: bool  # no modulation order could carry it; otherwise a process failed at it
    reason: str = Field(max_length=4096)


class Simulation(_Said):
    """What is known of a recording that no radio made."""

    channel: _Name
    seed: int = Field(ge=0, lt=2**63)
    symbols_per_word: float = Field(gt=0, le=1e6)
    unsent: tuple[Unsent, ...] = Field((), max_length=MAX_MESSAGES)


class Contents(_Said):
    """What a recording says of the whole of it."""

    phy: PhyConfig | None = None
    codecs: dict[Annotated[int, Field(ge=0, lt=2**8)], _Name] = Field({}, max_length=2**8)  # by number in the header
    simulation: Simulation | None = None


def header_fields(header: FrameHeader) -> dict[str, int]:
    """A frame header as the fields of a `Part`."""
    return {name: int(getattr(header, name)) for name in FrameHeader.__dataclass_fields__}
