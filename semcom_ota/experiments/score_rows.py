"""Rows of run folders, as far as a score needs them: checked, because a run folder may come from anywhere."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from semcom_ota.config import MAX_TEXT_BYTES
from semcom_ota.radio.health import Health
from semcom_ota.transport.messages import MAX_FRAGMENTS, MAX_STREAMS

_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Seconds = Annotated[float, Field(ge=-1e12, le=1e12)]
_Fragment = Annotated[int, Field(ge=0, lt=MAX_FRAGMENTS)]
_Text = Annotated[str, Field(max_length=4 * MAX_TEXT_BYTES)]


def _known(counters: Any) -> Any:
    """Those that there are here: a run folder may be of a version that counts more."""
    if not isinstance(counters, dict):
        return counters
    return {name: counters[name] for name in Health().as_dict() if name in counters}


_Counters = Annotated[dict[str, _Count], BeforeValidator(_known)]
"""By the names of `Health`."""


class _Said(BaseModel):
    """A row of a run folder; fields that others need are none of our business."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Key(_Said):
    stream: int = Field(ge=0, lt=MAX_STREAMS)
    message: int = Field(ge=0, lt=2**16)


class _Row(_Key):
    health: _Counters = {}  # of its end so far, those that it has


class SentBurst(_Said):
    """A burst that carried a fragment, or was to."""

    tx_time: tuple[_Seconds, _Seconds]  # device time of its first sample
    samples: _Count
    fragment: _Fragment
    fate: str


class SentRow(_Row):
    """A line of a transmitter's `messages.jsonl`."""

    codec: str
    sent: _Text
    status: str
    reason: str = ""
    bursts: tuple[SentBurst, ...] = Field((), max_length=MAX_FRAGMENTS)
    payload_symbols: _Count
    overhead_symbols: _Count
    air_samples: _Count
    mean_symbol_energy: float = Field(ge=0, allow_inf_nan=False)
    masked_symbols: _Count = 0
    outlook: Literal["", "unknown", "stale", "reported", "predicted"] = ""  # masking/outlook.py; "": no mask asked
    snr_db_expected: float | None = Field(None, allow_inf_nan=False)


class ReceivedRow(_Row):
    """A line of a receiver's `messages.jsonl`."""

    codec: str
    received: _Text
    status: str  # delivered or corrupted; anything else: the decoder failed at it
    reason: str = ""
    confidence: float = Field(0.0, ge=0, le=1)
    word_confidence: float = Field(0.0, ge=0, le=1)
    intent: Annotated[str, Field(max_length=64)] = ""
    answer: _Text | None = None  # from the memory; None: nothing was asked, or nobody reads it
    answer_confidence: float = Field(0.0, ge=0, le=1)
    remembered: _Count = 0  # entries of this user in the memory, afterwards
    lost_fragments: tuple[_Fragment, ...] = Field((), max_length=MAX_FRAGMENTS)
    received_s: _Seconds  # of the first frame that arrived, since the receiver's first sample
    snr_db_estimated: float | None = None
    cfo_hz_estimated: float | None = None
    sro_ppm_estimated: float | None = None


class Frame(_Key):
    """One frame of a message."""

    fragment: _Fragment


class Event(_Said):
    """A line of a receiver's `events.jsonl`."""

    kind: str  # overflow: samples are missing; dropped: a frame that the decoder had no time for
    at_s: _Seconds  # of the first sample behind the gap, or of the frame
    lost_samples: _Count | None = None  # None: nobody knows how many
    cut: tuple[Frame | None, ...] = ()  # frames that were under way; None: not even their header was known
    dropped: tuple[Frame | None, ...] = ()
