"""What a sweep is: codecs x channels x SNR x budgets x seeds, as a YAML file says it."""

import math
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from semcom_ota.air_config import Frozen
from semcom_ota.config import (
    MAX_SNR_DB,
    MIN_SNR_DB,
    ChannelConfig,
    CodecConfig,
    ConfigError,
    DeviceConfig,
    NamedPhy,
    PhyConfig,
    check_cfo,
    first_problem,
    load_channel,
    read_yaml,
)
from semcom_ota.experiments.texts import SENTENCES

MAX_TEXTS = 2**16
"""The header's message number has 16 bits."""
Level = Literal["waveform", "flowgraph"]
CsiKind = Literal["estimated", "perfect"]
_Label = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x20-\x7e]+$")]
_Snr = Annotated[float, Field(ge=MIN_SNR_DB, le=MAX_SNR_DB)]
_Budget = Annotated[float, Field(gt=0, le=64)]
_Seed = Annotated[int, Field(ge=0, lt=2**63)]


def _channel_by_name(channel: Any) -> Any:
    return load_channel(channel) if isinstance(channel, str) else channel


def _one_is_a_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


class SweepTexts(Frozen):
    """What is sent: the first `count` texts of one source."""

    file: Path | None = Field(None, description="a UTF-8 file, one sentence a line")
    data: Literal["multi30k-test", "multi30k-validation"] | None = Field(
        None, description="a data set in --data or SEMCOM_DATA; what is chosen is chosen by the captions of validation"
    )
    set: tuple[str, ...] | None = Field(
        None,
        description="of the sentences that ship: captions, demo, identifiers, languages, names, numbers, questions",
    )
    together: int = Field(1, ge=1, le=100, description="so many of them, with a space between, are one text to send")
    count: int | None = Field(None, ge=1, le=MAX_TEXTS, description="texts to send; None is all of them")

    @field_validator("set", mode="before")
    @classmethod
    def _one_set(cls, value: Any) -> Any:
        return None if value is None else _one_is_a_list(value)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.file, self.data, self.set)) != 1:
            raise ValueError("say where they are: one of file, data and set")
        shipped = sorted(file.stem for file in SENTENCES.glob("*.txt"))
        if unknown := [name for name in self.set or () if name not in shipped]:
            raise ValueError(f"unknown set '{unknown[0]}': use one of {', '.join(shipped)}")
        return self


class SweptCodec(Frozen):
    """One scheme of the comparison. The same codec may be there several times, with other settings and labels."""

    name: str = Field(max_length=64, description="of the codec")
    label: _Label = Field(description="in rows and tables; the codec's name if not said")
    codec: CodecConfig = CodecConfig()

    @model_validator(mode="before")
    @classmethod
    def _a_name_is_enough(cls, values: Any) -> Any:
        if isinstance(values, str):
            values = {"name": values}
        return {"label": values.get("name")} | values if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if "names" in self.codec.model_fields_set:
            raise ValueError("codec.names has no place here: name says which codec it is")
        return self


class SweptChannel(Frozen):
    """A simulated channel by the name that it has in rows and tables."""

    name: _Label
    channel: Annotated[ChannelConfig, BeforeValidator(_channel_by_name)]

    @model_validator(mode="before")
    @classmethod
    def _a_name_is_enough(cls, values: Any) -> Any:
        """`awgn`, `my/channel.yml`, or `{name: ..., channel: a name, a path or the keys of such a file}`."""
        return {"name": Path(values).stem, "channel": values} if isinstance(values, str) else values


class StopRule(Frozen):
    """When a point has been measured well enough: the interval of every codec there is tight."""

    metric: Literal["bleu1", "bleu2", "bleu3", "bleu4", "word_error_rate", "words_right", "exact_match"] = "bleu1"
    half_width: float = Field(0.01, gt=0, le=1, description="half of the 95 % interval, at most")
    at_least: int = Field(200, ge=1, le=1_000_000, description="messages of each codec")


class SweepConfig(Frozen):
    """A whole sweep."""

    name: str = Field("sweep", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    level: Level = "waveform"
    texts: SweepTexts
    codecs: tuple[SweptCodec, ...] = Field(min_length=1, max_length=64)
    channels: tuple[SweptChannel, ...] = Field(min_length=1, max_length=32)
    snr_db: tuple[_Snr, ...] = Field(min_length=1, max_length=100)
    budgets: tuple[_Budget, ...] = Field((8.0,), min_length=1, max_length=32, description="payload symbols a word")
    seeds: tuple[_Seed, ...] = Field((0,), min_length=1, max_length=1000)
    csi: Annotated[tuple[CsiKind, ...], BeforeValidator(_one_is_a_list)] = Field(
        ("estimated",), min_length=1, max_length=2, description="perfect: the receiver is told channel and noise"
    )
    phy: NamedPhy = PhyConfig()
    device: DeviceConfig = DeviceConfig()
    stop: StopRule | None = Field(None, description="None measures every point in full")
    unit_messages: int = Field(25, ge=1, le=1000, description="texts that are measured, and kept, together")

    @field_validator("codecs", "channels", "snr_db", "budgets", "seeds", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return _one_is_a_list(value)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        named = {"codecs": [codec.label for codec in self.codecs], "channels": [one.name for one in self.channels]}
        axes = {name: getattr(self, name) for name in ("snr_db", "budgets", "seeds", "csi")}
        for axis, values in (named | axes).items():
            for one, other in combinations(values, 2):
                if one == other:
                    raise ValueError(f"{axis}: {one} is there twice")
        for one, other in combinations(self.codecs, 2):
            if (one.name, one.codec) == (other.name, other.codec):
                raise ValueError(f"codecs '{one.label}' and '{other.label}' are the same with the same settings")
        if self.phy.messages_per_frame > 1:
            raise ValueError("phy.messages_per_frame: must be 1, or messages would share a channel realisation")
        for swept in self.channels:
            check_cfo(swept.channel.largest_cfo_hz(self.phy), self.phy)
        if "perfect" in self.csi:
            self._check_genie()
        return self

    def _check_genie(self) -> None:
        if self.level != "waveform":
            raise ValueError("csi: perfect is only known at level waveform; the receiver in a flowgraph estimates it")
        if self.phy.precoding != "none":
            raise ValueError("csi: perfect needs phy.precoding none")
        for swept in self.channels:
            if unknown := [name for name in _BEYOND_GENIE if getattr(swept.channel, name) != getattr(_PLAIN, name)]:
                raise ValueError(f"csi: perfect needs a channel without {unknown[0]}, which '{swept.name}' has")


_BEYOND_GENIE = (
    "noise_only", "max_doppler_hz", "clip_db", "gain_step_db", "iq_gain_db", "iq_phase_deg", "dc_dbc",
)  # fmt: skip
"""What a channel may not have where perfect CSI is asked for: the genie knows what a linear, still channel does."""
_PLAIN = ChannelConfig()


def symbols_for(text: str, budget: float) -> int:
    """Payload symbols that every codec gets for a text: the budget times its words, rounded down, and at least 1."""
    return max(1, math.floor(budget * len(text.split()) + 1e-9))


def load_sweep(file: Path) -> SweepConfig:
    """A sweep from a YAML file.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or holds an unknown key or a value out of range.
    """
    try:
        return SweepConfig.model_validate(read_yaml(file) or {})
    except ValidationError as error:
        raise ConfigError(f"'{file}': {first_problem(error)}") from error
