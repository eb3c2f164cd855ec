"""What a radio says that it is set to, which is seldom what it was asked for."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PortSettings(_Said):
    """One end, as the device reports it. None: this backend has no such thing."""

    device: str  # what it is, for people: "B210 31F5A2C", "tcp://127.0.0.1:2000"
    sample_rate: float
    frequency_hz: float | None = None
    lo_offset_hz: float | None = None
    gain_db: float | None = None
    gain_range_db: tuple[float, float] | None = None
    antenna: str | None = None
    bandwidth_hz: float | None = None


class RadioSettings(_Said):
    """A radio after it was opened. Goes to the screen and into the run folder."""

    kind: str
    level: Literal["air", "flowgraph", "recording"]  # of what is measured with it (ARCHITECTURE.md); a twin is no air
    waits: bool = False  # samples wait for whoever takes them, as those of a file; a device's are lost
    tells_gaps: bool = True  # received samples that were lost are told of, or cannot be lost
    transmitter: PortSettings | None = None
    receiver: PortSettings | None = None
    clock_source: str | None = None
    time_source: str | None = None
    clock_rate_hz: float | None = None
    sensors: dict[str, str] = {}  # ref_locked, temperature, ...
