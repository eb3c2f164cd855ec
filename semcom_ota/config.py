"""The whole configuration of a link: frozen pydantic models, unknown keys refused.

The receiving side is configured by `ReceiverConfig` alone, which has no field for the true SNR, channel or seed.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from semcom_ota.air_config import ChannelConfig as ChannelConfig
from semcom_ota.air_config import Frozen
from semcom_ota.air_config import PhyConfig as PhyConfig
from semcom_ota.memory_config import MaskConfig as MaskConfig
from semcom_ota.memory_config import MemoryConfig as MemoryConfig
from semcom_ota.memory_config import RuleName as RuleName
from semcom_ota.radio_config import KINDS, RadioConfig
from semcom_ota.radio_config import MAX_SNR_DB as MAX_SNR_DB
from semcom_ota.radio_config import MIN_SNR_DB as MIN_SNR_DB
from semcom_ota.radio_config import LoopbackRadio as LoopbackRadio
from semcom_ota.radio_config import ReportsConfig as ReportsConfig

Model = TypeVar("Model", bound=BaseModel)

CHANNELS = Path(__file__).parent / "channels"
NUMEROLOGIES = Path(__file__).parent / "numerologies"
CHECKPOINTS = Path(__file__).parent / "checkpoints"
SHIPPED = CHECKPOINTS / "text-jscc"
WEIGHTS = "model.safetensors"
MAX_TEXT_BYTES = 16384
MAX_CONFIG_BYTES = 2**20
_AIR_INTERFACE = "air interface"
_NO_MAPPING = dict.fromkeys(("model_type", "dict_type", "model_attributes_type"), "must be keys with values")


class ConfigError(ValueError):
    """A configuration that cannot work; the message names what is wrong and what to do."""


class CodecConfig(Frozen):
    """Which codecs are loaded, and the budget of the learned ones."""

    names: tuple[str, ...] = Field(("text-jscc", "utf8", "huffman"), min_length=1, max_length=16)
    checkpoint: Path | None = Field(None, description="weights of text-jscc; None is the checkpoint that ships")
    symbols_per_word: float = Field(
        8.0, ge=1, le=64, description="payload symbols a word (a white-space separated run)"
    )
    language_model: str | None = Field(
        None, max_length=4096, description="causal language model: a folder or a hub name; None is the one that ships"
    )
    prior: Literal["language-model", "unigram", "uniform"] = Field(
        "language-model", description="of the search of lam-prior; the others are there to compare"
    )
    lam_checkpoint: Path | None = Field(
        None, description="lam-jscc: a folder, or the name of one that ships; None is lam-jscc, around a decoder"
    )
    order: Literal["consecutive", "importance"] = Field(
        "consecutive", description="in which text-jscc and lam-jscc send their symbols; the same at both ends"
    )
    beams: int = Field(
        128, ge=1, le=1024, description="texts that a search by a language model follows at a time, at most"
    )


class DeviceConfig(Frozen):
    """Where inference runs. One thread keeps results the same on any number of cores."""

    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    threads: int = Field(1, ge=1, le=256)


class TransportConfig(Frozen):
    """ZMQ between the processes of a link."""

    directory: Path | None = Field(None, description="where the ipc:// endpoints live; None makes a private one")
    credit: int = Field(8, ge=1, le=1024, description="requests that may be under way towards one process")
    heartbeat_ms: int = Field(500, ge=10, le=60_000)
    max_packet_bytes: int = Field(64 * 2**20, ge=2**24, le=2**30)


class TransmitterConfig(Frozen):
    """All that the encoder worker is told."""

    codec: CodecConfig = CodecConfig()
    device: DeviceConfig = DeviceConfig()
    mask: MaskConfig = MaskConfig()
    phy: PhyConfig = PhyConfig()
    transport: TransportConfig = TransportConfig()


class ReceiverConfig(Frozen):
    """All that the decoder worker and the receive blocks are told: no truth of the channel, a test holds."""

    codec: CodecConfig = CodecConfig()
    device: DeviceConfig = DeviceConfig()
    memory: MemoryConfig = MemoryConfig()
    phy: PhyConfig = PhyConfig()
    transport: TransportConfig = TransportConfig()


def _phy_by_name(phy: Any) -> Any:
    return load_phy(phy) if isinstance(phy, str) else _with_preset(phy)


NamedPhy = Annotated[PhyConfig, BeforeValidator(_phy_by_name)]
"""`phy: NAME`, or `phy: {preset: NAME, ...}` for a named one with some values of one's own."""


class LinkConfig(Frozen):
    """A whole link. `transmitter` and `receiver` give each side the part that it may know."""

    codec: CodecConfig = CodecConfig()
    device: DeviceConfig = DeviceConfig()
    mask: MaskConfig = MaskConfig()
    memory: MemoryConfig = MemoryConfig()
    phy: NamedPhy = PhyConfig()
    radio: RadioConfig = LoopbackRadio()
    reports: ReportsConfig = ReportsConfig()
    transport: TransportConfig = TransportConfig()

    @model_validator(mode="after")
    def _cfo_within_reach(self) -> Self:
        check_cfo(self.radio.largest_cfo_hz(self.phy), self.phy)
        return self

    @property
    def loopback(self) -> LoopbackRadio:
        """The simulated channel in place of a radio.

        Raises:
            ConfigError: the link has a radio.
        """
        if not isinstance(self.radio, LoopbackRadio):
            raise ConfigError(f"this link has a radio of kind {self.radio.kind}: use semcom tx, rx or trx with it")
        return self.radio

    @property
    def transmitter(self) -> TransmitterConfig:
        """What the transmitting side is told."""
        return TransmitterConfig(**{name: getattr(self, name) for name in TransmitterConfig.model_fields})

    @property
    def receiver(self) -> ReceiverConfig:
        """What the receiving side is told."""
        return ReceiverConfig(**{name: getattr(self, name) for name in ReceiverConfig.model_fields})


def load_link(name_or_file: str | Path) -> LinkConfig:
    """A link by the name of one that ships in links/ (`b210`, `zmq`, ...) or by the path of a YAML file.

    Raises:
        ConfigError: no such name; or the file cannot be read, is not YAML, or holds an unknown key or a value out of
            range.
    """
    spec = find_spec("semcom_links")
    folders = spec.submodule_search_locations if spec else None
    named = {file.stem: file for folder in folders or () for file in Path(folder).glob("*.yml")}
    file = named.get(str(name_or_file), Path(name_or_file))
    if str(name_or_file) not in named and not file.suffix and not _is_file(file):
        raise ConfigError(
            f"unknown link '{name_or_file}': use one of {', '.join(sorted(named))}, or the path of a YAML file"
        )
    return _load_yaml(file, LinkConfig)


def load_channel(name_or_file: str) -> ChannelConfig:
    """A channel by the name of a file in `channels/` (`awgn`, `rayleigh`, ...) or by the path of a YAML file.

    Raises:
        ConfigError: no such name or file, or the file does not describe a channel.
    """
    return _load_yaml(_named(name_or_file, CHANNELS, "channel"), ChannelConfig)


def load_phy(name_or_file: str) -> PhyConfig:
    """An air interface by the name of a file in `numerologies/` (`indoor`, `pluto`, ...) or by the path of a YAML file.

    Such a file of one's own may say `preset: NAME` for a named one with some values of one's own, as a link file may.

    Raises:
        ConfigError: no such name or file, or the file does not describe an air interface.
    """
    path = _named(name_or_file, NUMEROLOGIES, _AIR_INTERFACE)
    return _validated(path, _with_preset(read_yaml(path)), PhyConfig)


def shipped(model: str | Path) -> Path | None:
    """The folder of a model that ships with the project and is called by its name, as `language-model`; else None."""
    folder = CHECKPOINTS / model
    return folder if folder.resolve().parent == CHECKPOINTS.resolve() and folder.is_dir() else None


def check_cfo(cfo_hz: float, phy: PhyConfig) -> None:
    """Refuse a link whose carrier frequency offset the receiver would not find.

    Args:
        cfo_hz: the largest that can be. Two free-running oscillators of +-p ppm differ by 2 * p * 1e-6 * carrier.
        phy: of the link.

    Raises:
        ConfigError: it is beyond `phy.max_cfo_hz`.
    """
    if cfo_hz > phy.max_cfo_hz:
        raise ConfigError(
            f"the carrier frequencies of the two ends may differ by {cfo_hz:.0f} Hz, and this air interface looks"
            f" {phy.max_cfo_hz:.0f} Hz to either side: choose one that looks farther, such as pluto"
        )


def first_problem(error: ValidationError) -> str:
    """The first thing that pydantic found wrong, in one line: where, and what, in a user's words."""
    first = error.errors()[0]
    value = first["input"]
    given = "nothing" if value is None else repr(value)[:40] if isinstance(value, str | int | float) else ""
    if first["type"] == "value_error":  # a sentence of ours
        what = first["msg"].removeprefix("Value error, ")
    elif first["type"] == "extra_forbidden":
        what = "there is no such key"
    elif first["type"] == "missing":
        what = "is missing"
    elif first["type"] == "too_short":
        what = f"has too few entries: give at least {first['ctx']['min_length']}"
    elif first["type"] == "too_long":
        what = f"has too many entries: give at most {first['ctx']['max_length']}"
    else:
        what = _NO_MAPPING.get(first["type"], first["msg"].replace("Input should be", "must be"))
        what += f", not {given}" if given else ""
    where = ".".join(str(part) for part in first["loc"] if part not in KINDS)  # pydantic names the kind of radio, too
    return f"{where}: {what}" if where else what


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
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read '{path}' ({reason}): give a YAML file") from error
    except yaml.YAMLError as error:
        problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"'{path}'{where} is not YAML: {problem or str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise ConfigError(f"'{path}' is nested too deeply: this is no configuration") from error


def _with_preset(phy: Any) -> Any:
    """An air interface as a file says it, and what it leaves to its `preset`, if it names one, filled in."""
    if not isinstance(phy, dict) or "preset" not in phy:
        return phy
    own = {key: value for key, value in phy.items() if key != "preset"}
    # A preset that has a preset is refused: two files that name each other would have no end.
    return _load_yaml(_named(str(phy["preset"]), NUMEROLOGIES, _AIR_INTERFACE), PhyConfig).model_dump() | own


def _load_yaml(path: Path, model: type[Model]) -> Model:
    return _validated(path, read_yaml(path), model)


def _validated(path: Path, content: Any, model: type[Model]) -> Model:
    try:
        return model.model_validate(content or {})
    except ValidationError as error:
        raise ConfigError(f"'{path}': {first_problem(error)}") from error


def _named(name_or_file: str, folder: Path, kind: str) -> Path:
    named = {file.stem: file for file in folder.glob("*.yml")}
    path = named.get(name_or_file, Path(name_or_file))
    if name_or_file not in named and not _is_file(path):
        raise ConfigError(
            f"unknown {kind} '{name_or_file}': use one of {', '.join(sorted(named))}, or the path of a YAML file"
        )
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the file system
        return False
