"""The configuration of the radio: what a link file says under `radio:`. One model a backend of flowgraphs/radio/."""

import math
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from semcom_ota.air_config import ChannelConfig, Frozen, PhyConfig

MIN_SNR_DB, MAX_SNR_DB = -30, 60

_Words = Annotated[str, Field(max_length=256, pattern=r"^[\x20-\x7e]*$")]
_Message = Annotated[int, Field(ge=0, le=65535)]
_Endpoint = Annotated[str, Field(max_length=256, pattern=r"^(tcp|ipc)://\S+$")]


class BurstConfig(Frozen):
    """How frames become bursts of a transmitter (blocks/burst_scheduler.py)."""

    lead_ms: float = Field(30.0, ge=1, le=1000, description="how far ahead of its time a burst is handed to the device")
    gap_ms: float = Field(1.0, ge=0, le=10_000, description="silence between bursts at least")
    padding_samples: int = Field(256, ge=0, le=65536, description="zeros before and after the frame, in the burst")
    rms: float = Field(0.15, gt=0, le=0.7, description="of the samples of a frame; 1.0 is the converter's full scale")
    peak: float = Field(0.7, gt=0, le=1.0, description="magnitude at which samples are limited, and counted")


class ReportsConfig(Frozen):
    """The way back from the receiver to the transmitter, where they are two processes (transport/way_back.py)."""

    publish: _Endpoint | None = Field(None, description="where a receiver says what it hears of each frame")
    subscribe: _Endpoint | None = Field(None, description="where a transmitter hears it, for a mask that follows it")
    secret: Path | None = Field(None, description="the receiver's secret key (semcom keys), for other machines")
    public: Path | None = Field(None, description="the transmitter's copy of the receiver's public key")


class Faults(Frozen):
    """What goes wrong in a loopback run, at messages of one's choice: to see what becomes of the others."""

    reports_cut: tuple[tuple[_Message, _Message], ...] = Field(
        (), max_length=100, description="first and last message of which no link report comes back"
    )
    decoder_killed: tuple[_Message, ...] = Field(
        (), max_length=100, description="once such a message is answered, the decoder is killed (-9)"
    )

    @field_validator("reports_cut")
    @classmethod
    def _in_order(cls, ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        if any(first > last for first, last in ranges):
            raise ValueError("the first message of a range comes before the last one")
        return ranges


class LoopbackRadio(Frozen):
    """No radio: GNU Radio's transmit and receive blocks joined by the simulated channel."""

    automatic_gain: ClassVar[bool] = False
    kind: Literal["loopback"] = "loopback"
    radiates: ClassVar[bool] = False
    channel: ChannelConfig = ChannelConfig()
    snr_db: tuple[Annotated[float, Field(ge=MIN_SNR_DB, le=MAX_SNR_DB)], ...] = Field(
        (0.0, 6.0, 12.0), min_length=1, max_length=100
    )
    messages_per_snr: int = Field(1, ge=1, le=65536, description="message m is sent at snr_db[m // messages_per_snr]")
    seed: int = Field(0, ge=0, lt=2**63)
    gap_samples: int = Field(400, ge=0, le=100_000, description="silence between frames")
    bursts: BurstConfig = BurstConfig()
    faults: Faults = Faults()

    def reach_samples(self, phy: PhyConfig) -> int:
        """How much later than it was sent the end of a frame can arrive; silence between frames is no shorter."""
        spread = self.channel.longest_delay_s * phy.sample_rate
        return max(self.gap_samples, math.ceil(self.channel.max_delay_samples + spread))

    def largest_cfo_hz(self, phy: PhyConfig) -> float:
        """The largest carrier frequency offset that the channel draws."""
        return self.channel.largest_cfo_hz(phy)


class Port(Frozen):
    """One end of a link: the device there, and how its front end is set."""

    device: _Words = Field("", description="UHD device address such as serial=31F5A2C, or SoapySDR arguments")
    channel: int = Field(0, ge=0, le=31, description="which of the device's channels")
    antenna: _Words = Field("", description="connector, such as TX/RX or RX2; '' keeps the device's default")
    gain_db: float | None = Field(None, ge=-100, le=200, description="None is the least that the device has")
    automatic_gain: bool = Field(False, description="a receiver's gain follows the level; gain_db is where it begins")
    lo_offset_hz: float = Field(0.0, ge=-1e9, le=1e9, description="moves the LO's leakage out of the band")
    bandwidth_hz: float | None = Field(
        None, gt=0, le=1e9, description="of the analog filter; None is the device's choice"
    )
    subdev: _Words = Field("", description="UHD's subdevice specification, such as A:A")


class Tuned(Frozen):
    """What backends with a device have in common."""

    radiates: ClassVar[bool] = True
    """Whether its transmitter puts power into an antenna or a cable: that needs a `--transmit`."""

    frequency_hz: float = Field(2.45e9, gt=0, le=1e11, description="carrier")
    oscillator_ppm: float = Field(2.5, ge=0, le=100, description="tolerance of each end's oscillator; 0: they share it")
    transmitter: Port = Port()
    receiver: Port = Port()
    bursts: BurstConfig = BurstConfig()

    @property
    def automatic_gain(self) -> bool:
        """Whether the receiver's gain follows the level."""
        return self.receiver.automatic_gain

    def largest_cfo_hz(self, phy: PhyConfig) -> float:
        """By how much the carriers of two free-running ends can differ."""
        return 2e-6 * self.oscillator_ppm * self.frequency_hz


class UhdRadio(Tuned):
    """USRPs through gr-uhd, or their software twin (device `type=twin`)."""

    kind: Literal["uhd"] = "uhd"
    clock_source: _Words = Field("internal", description="internal, external, gpsdo or mimo")
    time_source: _Words = Field("none", description="none, external, gpsdo or mimo: where PPS comes from")
    clock_rate_hz: float | None = Field(None, gt=0, le=1e9, description="master clock; None is the device's choice")
    lock_timeout_s: float = Field(30.0, gt=0, le=600, description="how long to wait for ref_locked")
    stream_args: _Words = Field("", description="such as recv_frame_size=8000,num_recv_frames=512")


class SoapyRadio(Tuned):
    """Pluto, LimeSDR, HackRF and others through gr-soapy."""

    kind: Literal["soapy"] = "soapy"
    oscillator_ppm: float = Field(
        25.0, ge=0, le=100, description="tolerance of each end's oscillator; 0: they share it"
    )


class ZmqRadio(Frozen):
    """Samples over ZMQ by srsRAN's convention: the transmitter binds REP, the receiver asks with REQ.

    Time is the count of samples: nothing moves unless somebody asks.
    """

    automatic_gain: ClassVar[bool] = False
    kind: Literal["zmq"] = "zmq"
    radiates: ClassVar[bool] = False
    transmit: _Endpoint = Field("tcp://127.0.0.1:2000", description="where the transmitter binds")
    receive: _Endpoint = Field("tcp://127.0.0.1:2000", description="where the receiver asks")
    timeout_ms: int = Field(10, ge=1, le=10_000)
    bursts: BurstConfig = BurstConfig()

    def largest_cfo_hz(self, phy: PhyConfig) -> float:
        """None by itself; what lies between the ends is their concern."""
        return 0.0


class FileRadio(Frozen):
    """SigMF: the transmitter writes a recording, the receiver reads one."""

    automatic_gain: ClassVar[bool] = False
    kind: Literal["file"] = "file"
    radiates: ClassVar[bool] = False
    transmit: Path | None = Field(None, description="recording to write, NAME.sigmf-meta; must not exist")
    receive: Path | None = Field(None, description="recording to read, NAME.sigmf-meta")
    bursts: BurstConfig = BurstConfig()

    def largest_cfo_hz(self, phy: PhyConfig) -> float:
        """None by itself; what is on the recording is its own concern."""
        return 0.0


KINDS = ("loopback", "uhd", "soapy", "zmq", "file")


def _kind(radio: Any) -> Any:
    """Which of the models it is; a loopback need not say so."""
    return radio.get("kind", "loopback") if isinstance(radio, dict) else getattr(radio, "kind", None)


RadioConfig = Annotated[
    Annotated[LoopbackRadio, Tag("loopback")]
    | Annotated[UhdRadio, Tag("uhd")]
    | Annotated[SoapyRadio, Tag("soapy")]
    | Annotated[ZmqRadio, Tag("zmq")]
    | Annotated[FileRadio, Tag("file")],
    Discriminator(
        _kind,
        custom_error_type="unknown_radio",
        custom_error_message=f"there is no such kind of radio: use one of {', '.join(KINDS)}",
    ),
]
