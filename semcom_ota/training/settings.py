"""What every recipe lets its user decide."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


class TrainingSettings(BaseModel):
    """Settings that all recipes share; a recipe's own are fields of a class derived from this."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    FREE: ClassVar = frozenset({"steps", "device", "precision", "threads", "checkpoint_every"})
    """Those that a run may go on with changed: more steps, or another machine."""

    steps: int = Field(5_000, ge=1)
    batch_tokens: int = Field(1536, ge=64, description="tokens in a batch, padding included")
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(500, ge=1)
    decay_share: float = Field(0.3, gt=0, le=1, description="last share of the steps, in which the rate falls to zero")
    weight_decay: float = Field(0.01, ge=0)
    seed: int = Field(0, ge=0)
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto takes a GPU if there is one")
    precision: str = Field("auto", pattern="^(auto|fp32|bf16)$", description="auto is bf16 unless the GPU cannot")
    threads: int = Field(0, ge=0, description="CPU threads of a process; 0 leaves it to torch")
    checkpoint_every: int = Field(500, ge=1)
