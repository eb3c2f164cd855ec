"""What is left out on the way to the air, and what is kept of what came from it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from semcom_ota.air_config import Frozen
from semcom_ota.radio_config import MAX_SNR_DB, MIN_SNR_DB


class MaskConfig(Frozen):
    """How many symbols of a message are left out: docs/masking.md."""

    kind: Literal["none", "fixed", "theory", "learned"] = Field(
        "none", description="how it is decided (`masking/mask.py`)"
    )
    share: float = Field(0.5, gt=0, le=1, description="of the symbols that `fixed` sends")
    reference_snr_db: float | None = Field(
        None, ge=MIN_SNR_DB, le=MAX_SNR_DB, description="where all are just needed; None is what the codec says"
    )
    semantic_snr_db: float = Field(60.0, ge=0, le=100, description="unit power over the codec's own error, of `theory`")
    margin: float = Field(
        1.0, ge=0, le=10, description="of the expected SNR, in mean errors of what was expected before"
    )
    checkpoint: Path | None = Field(None, description="of `learned`; None is the one that ships for the codec")
    in_flight: int = Field(2, ge=1, le=64, description="frames under way at a time, if the mask follows the channel")
    stale_frames: int = Field(8, ge=1, le=1024, description="a report that is older masks nothing")
    patience_ms: int = Field(500, ge=1, le=60_000, description="how long a report is waited for")

    @property
    def follows(self) -> bool:
        """Whether it follows the channel, so that messages wait for reports on those before."""
        return self.kind not in ("none", "fixed")


RuleName = Literal["fifo", "freshness", "value", "correlation"]
"""See `memory/update_rules.py`."""


Aspect = Literal["time", "csi"]
"""What a reader is told of an entry beside its meaning: when it was sent, and the channel it came through."""


class MemoryConfig(Frozen):
    """What the receiver keeps of the past."""

    entries: int = Field(64, ge=0, le=1_000_000, description="of each user at most; 0 keeps nothing")
    rule: dict[RuleName, Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]] = Field(
        {"fifo": 1.0}, min_length=1, description="what goes when it is full: a rule, or several with weights"
    )
    file: Path | None = Field(None, description="where it is kept beyond a restart; None keeps it in the process")
    full_csi: bool = Field(False, description="keep the whole channel of each message beside its summary")
    reader: Path | None = Field(
        None, description="who reads it and answers: `shipped`, or a folder; None: it is kept, and not read"
    )
    left_out: tuple[Aspect, ...] = Field((), description="what the reader is not told, to see what it is worth")
    shuffled_csi: bool = Field(False, description="each entry gets the CSI of another, to see what it is worth")
    decode_with: int = Field(
        0, ge=0, le=256, description="entries, the newest of the user, that a codec decodes with if it can (lam-prior)"
    )
    context: int = Field(96, ge=1, le=4096, description="entries that the reader has in mind at a time, at most")

    @field_validator("rule", mode="before")
    @classmethod
    def _one_rule(cls, rule: Any) -> Any:
        return {rule: 1.0} if isinstance(rule, str) else rule

    @field_validator("rule")
    @classmethod
    def _some_weight(cls, rule: dict[RuleName, float]) -> dict[RuleName, float]:
        if not sum(rule.values()):
            raise ValueError("one of the weights must be greater than 0")
        return rule

    @property
    def label(self) -> str:
        """In results: `none`, `fifo`, `0.5 value + 1 freshness`."""
        if not self.entries:
            return "none"
        if len(self.rule) == 1:
            return next(iter(self.rule))
        return " + ".join(f"{weight:g} {name}" for name, weight in self.rule.items())
