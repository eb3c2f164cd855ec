"""The whole configuration of a link: frozen pydantic models, unknown keys refused.

The receiving side is configured by `ReceiverConfig` alone, which has no field for the true SNR, channel or seed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Model = TypeVar("Model", bound=BaseModel)

CHANNELS = Path(__file__).parent / "channels"
SHIPPED = Path(__file__).parent / "checkpoints" / "text-jscc"
WEIGHTS = "model.safetensors"
MAX_TEXT_BYTES = 16384
MAX_CONFIG_BYTES = 2**20


class ConfigError(ValueError):
    """A configuration that cannot work; the message names what is wrong and what to do."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PhyConfig(_Frozen):
    """The air interface. Both ends need the same one; `phy/numerology.py` derives the rest."""

    fft_size: int = Field(64, ge=64, le=1024)
    cp_length: int = Field(16, ge=4, le=256)
    used_carriers: int = Field(52, ge=8, le=1000, description="carriers in use, half on each side of the null at DC")
    sample_rate: float = Field(1e6, gt=0, le=1e8, description="samples/s")
    max_frame_symbols: int = Field(1024, ge=64, le=8192, description="payload symbols in one frame at most")


class CodecConfig(_Frozen):
    """Which codecs are loaded, and the budget of the learned ones."""

    names: tuple[str, ...] = Field(("text-jscc", "utf8", "huffman"), min_length=1, max_length=16)
    checkpoint: Path | None = Field(None, description="weights of text-jscc; None is the checkpoint that ships")
    symbols_per_word: float = Field(
        8.0, ge=2, le=64, description="payload symbols a word (a white-space separated run)"
    )


class DeviceConfig(_Frozen):
    """Where inference runs. One thread keeps results the same on any number of cores."""

    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    threads: int = Field(1, ge=1, le=256)


class MaskConfig(_Frozen):
    """Which symbols are left out. Every symbol is sent until masking/ says otherwise."""

    kind: Literal["none"] = "none"


class MemoryConfig(_Frozen):
    """What the receiver keeps of the past: first-in first-out, bounded."""

    entries: int = Field(64, ge=0, le=1_000_000)


class ChannelConfig(_Frozen):
    """A simulated channel (phy/impairments.py), without its SNR. Named ones are YAML files in `channels/`."""

    fading: Literal["none", "rayleigh", "rician"] = "none"
    rician_k_db: float = Field(10.0, ge=-60, le=60)
    tap_delays_s: tuple[Annotated[float, Field(ge=0, le=1e-3)], ...] = Field((0.0,), min_length=1, max_length=64)
    tap_powers_db: tuple[Annotated[float, Field(ge=-100, le=100)], ...] = Field((0.0,), min_length=1, max_length=64)
    max_cfo_subcarriers: float = Field(0.0, ge=0, le=4, description="CFO uniform in +- this share of a subcarrier")
    max_delay_samples: float = Field(0.0, ge=0, le=1000, description="delay uniform in 0 .. this, fractional")
    noise_only: bool = Field(False, description="the signal is replaced by noise of the same power: nothing may pass")

    @model_validator(mode="after")
    def _one_power_a_tap(self) -> Self:
        if len(self.tap_powers_db) != len(self.tap_delays_s):
            raise ValueError("tap_delays_s and tap_powers_db must have the same length")
        return self


class LoopbackRadio(_Frozen):
    """No radio: GNU Radio's transmit and receive blocks joined by the simulated channel."""

    kind: Literal["loopback"] = "loopback"
    channel: ChannelConfig = ChannelConfig()
    snr_db: tuple[Annotated[float, Field(ge=-30, le=60)], ...] = Field((0.0, 6.0, 12.0), min_length=1, max_length=100)
    messages_per_snr: int = Field(1, ge=1, le=65536, description="message m is sent at snr_db[m // messages_per_snr]")
    seed: int = Field(0, ge=0, lt=2**63)
    gap_samples: int = Field(400, ge=0, le=100_000, description="silence between frames")


class TransportConfig(_Frozen):
    """ZMQ between the processes of a link."""

    directory: Path | None = Field(None, description="where the ipc:// endpoints live; None makes a private one")
    credit: int = Field(8, ge=1, le=1024, description="requests that may be under way towards one process")
    heartbeat_ms: int = Field(500, ge=10, le=60_000)
    max_packet_bytes: int = Field(64 * 2**20, ge=2**24, le=2**30)


class TransmitterConfig(_Frozen):
    """All that the encoder worker is told."""

    codec: CodecConfig = CodecConfig()
    device: DeviceConfig = DeviceConfig()
    mask: MaskConfig = MaskConfig()
    phy: PhyConfig = PhyConfig()
    transport: TransportConfig = TransportConfig()


class ReceiverConfig(_Frozen):
    """All that the decoder worker and the receive blocks are told: no truth of the channel, a test holds."""

    codec: CodecConfig = CodecConfig()
    device: DeviceConfig = DeviceConfig()
    memory: MemoryConfig = MemoryConfig()
    phy: PhyConfig = PhyConfig()
    transport: TransportConfig = TransportConfig()


class LinkConfig(_Frozen):
    """A whole link. `transmitter` and `receiver` give each side the part that it may know."""

    codec: CodecConfig = CodecConfig()
    device: DeviceConfig = DeviceConfig()
    mask: MaskConfig = MaskConfig()
    memory: MemoryConfig = MemoryConfig()
    phy: PhyConfig = PhyConfig()
    radio: LoopbackRadio = LoopbackRadio()
    transport: TransportConfig = TransportConfig()

    @property
    def transmitter(self) -> TransmitterConfig:
        """What the transmitting side is told."""
        return TransmitterConfig(**{name: getattr(self, name) for name in TransmitterConfig.model_fields})

    @property
    def receiver(self) -> ReceiverConfig:
        """What the receiving side is told."""
        return ReceiverConfig(**{name: getattr(self, name) for name in ReceiverConfig.model_fields})


def load_link(path: Path) -> LinkConfig:
    """Read a link's YAML file.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or holds an unknown key or a value out of range.
    """
    return _load_yaml(path, LinkConfig)


def load_channel(name_or_file: str) -> ChannelConfig:
    """A channel by the name of a file in `channels/` (`awgn`, `rayleigh`, ...) or by the path of a YAML file.

    Raises:
        ConfigError: no such name or file, or the file does not describe a channel.
    """
    named = {file.stem: file for file in CHANNELS.glob("*.yml")}
    path = named.get(name_or_file, Path(name_or_file))
    if name_or_file not in named and not _is_file(path):
        raise ConfigError(
            f"unknown channel '{name_or_file}': use one of {', '.join(sorted(named))}, or the path of a YAML file"
        )
    return _load_yaml(path, ChannelConfig)


def first_problem(error: ValidationError) -> str:
    """The first thing that pydantic found wrong, in one line: where, and what."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


def read_yaml(path: Path) -> Any:
    """The content of a YAML file of bounded size.

    Raises:
        ConfigError: it cannot be read, is too large, or is not YAML.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_CONFIG_BYTES + 1)
        if len(content) > MAX_CONFIG_BYTES:
            raise ConfigError(f"'{path}' is larger than {MAX_CONFIG_BYTES} bytes: this is no configuration")
        return yaml.safe_load(content.decode())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read '{path}': {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"'{path}' is not YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise ConfigError(f"'{path}' is nested too deeply: this is no configuration") from error


def _load_yaml(path: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate(read_yaml(path) or {})
    except ValidationError as error:
        raise ConfigError(f"'{path}', {first_problem(error)}") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the file system
        return False
