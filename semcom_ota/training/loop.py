"""The loop that every recipe shares: seeded, resumable, logged, on one device or (with `torchrun`) on several."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from pydantic import BaseModel, ConfigDict, Field
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from semcom_ota.config import ConfigError

RESUME = "resume.safetensors"
LOG_EVERY = 20


class TrainingSettings(BaseModel):
    """What every recipe lets its user decide."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(5_000, ge=1)
    batch_tokens: int = Field(1536, ge=64, description="tokens in a batch, padding included")
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(500, ge=1)
    decay_share: float = Field(0.3, gt=0, le=1, description="last share of the steps, in which the rate falls to zero")
    weight_decay: float = Field(0.01, ge=0)
    seed: int = 0
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto takes a GPU if there is one")
    precision: str = Field("auto", pattern="^(auto|fp32|bf16)$", description="auto is bf16 unless the GPU cannot")
    threads: int = Field(0, ge=0, description="CPU threads; 0 leaves it to torch")
    checkpoint_every: int = Field(500, ge=1)


class Task(Protocol):
    """What a recipe brings: a model, its batches, what to minimise and how to see that it learns."""

    model: nn.Module

    def batches(self, first_step: int) -> Iterator[Any]:
        """Batches of `first_step`, `first_step + 1`, ...: functions of the seed and the step alone."""
        ...

    def loss(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """What to minimise, and figures worth a curve."""
        ...

    def validate(self) -> dict[str, float]:
        """Figures on data that is not trained on. The model is in evaluation mode and keeps no gradients."""
        ...


def run(task: Task, out: Path, settings: TrainingSettings, device: torch.device) -> None:
    """Train `task.model` (on `device` already) in the folder `out`, from its last checkpoint if there is one.

    Raises:
        ConfigError: `out` cannot be written to, or holds another run.
    """
    from torch.utils.tensorboard import SummaryWriter  # an extra: only training needs it

    if settings.threads:
        torch.set_num_threads(settings.threads)
    half = settings.precision == "bf16" or (settings.precision == "auto" and _has_bf16(device))
    learned = {name: parameter for name, parameter in task.model.named_parameters() if parameter.requires_grad}
    optimiser = torch.optim.AdamW(
        learned.values(), lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay
    )
    first_step = _resume(out, task.model, optimiser)
    batches = task.batches(first_step)
    log = SummaryWriter(str(out / "tensorboard"), purge_step=first_step)
    columns = (
        BarColumn(),
        TextColumn("{task.completed}/{task.total} steps, {task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Progress(*columns) as progress, _flushed_denormals():
        bar = progress.add_task("training", total=settings.steps, completed=first_step, loss="")
        task.model.train()
        for step in range(first_step, settings.steps):
            generator = torch.Generator(device).manual_seed(hash((settings.seed, step)) % 2**31)
            torch.manual_seed(hash((settings.seed, step)) % 2**31)  # of dropout
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, settings)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                loss, figures = task.loss(next(batches), generator)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learned.values(), 1.0)
            optimiser.step()
            if step % LOG_EVERY == 0:
                for name, value in {"loss": loss, **figures}.items():
                    log.add_scalar(f"train/{name}", value.item(), step)
                progress.update(bar, completed=step + 1, loss=f"loss {loss.item():.3f}")
            if (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps:
                _save(out, task.model, optimiser, step + 1)
                scores = _validate(task)
                for name, value in scores.items():
                    log.add_scalar(f"validation/{name}", value, step + 1)
                line = {"step": step + 1, "seconds": round(time.monotonic() - started), "loss": round(loss.item(), 4)}
                with (out / "log.jsonl").open("a") as stream:
                    stream.write(json.dumps(line | scores) + "\n")
    log.close()


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up, constant, then a linear fall to zero over the last `decay_share` of the steps."""
    left = (settings.steps - step) / max(1, settings.decay_share * settings.steps)
    return settings.learning_rate * min(1.0, (step + 1) / settings.warmup_steps, left)


def device_of(name: str) -> torch.device:
    """The device that a setting names; raises ConfigError if it is not there."""
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f"device '{name}' is not there: torch sees no GPU; use auto or cpu")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def trained_weights(out: Path) -> tuple[dict[str, Tensor], int]:
    """The model's tensors in the last checkpoint of a training folder, and its step; raises ConfigError if none."""
    source = out / RESUME
    if not source.exists():
        raise ConfigError(f"'{out}' holds no training run: train first")
    with safe_open(str(source), "pt") as stored:
        names = [name for name in stored.keys() if name.startswith("model.")]  # noqa: SIM118, not a dict
        weights = {name.removeprefix("model."): stored.get_tensor(name) for name in names}
        return weights, int(stored.metadata()["step"])


@torch.no_grad()
def _validate(task: Task) -> dict[str, float]:
    task.model.eval()
    scores = task.validate()
    task.model.train()
    return scores


@contextlib.contextmanager
def _flushed_denormals() -> Iterator[None]:
    """Numbers too small to matter slow the CPU down by a lot. A setting of the thread: others want it back."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _has_bf16(device: torch.device) -> bool:
    return device.type == "cpu" or torch.cuda.is_bf16_supported()


def _save(out: Path, model: nn.Module, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Weights and optimiser state as safetensors, written beside and then renamed: a kill leaves old or new."""
    aliases = set(getattr(model, "_tied_weights_keys", None) or ())
    state = {f"model.{name}": tensor for name, tensor in model.state_dict().items() if name not in aliases}
    for index, entry in optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{index}.{name}": tensor for name, tensor in entry.items()}
    state = {name: tensor.contiguous() for name, tensor in state.items()}
    save_file(state, out / "resume.tmp", metadata={"step": str(step)})
    (out / "resume.tmp").rename(out / RESUME)


def _resume(out: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Load the last checkpoint of `out`, if there is one; returns the step to go on with."""
    file = out / RESUME
    if not file.exists():
        return 0
    try:
        state = load_file(file)
        weights, step = trained_weights(out)
        missing, unknown = model.load_state_dict(weights, strict=False)
        if unknown or set(missing) - set(getattr(model, "_tied_weights_keys", None) or ()):
            raise ValueError("its weights are another model's")
        entries: dict[int, dict[str, Tensor]] = {}
        for name, tensor in state.items():
            if name.startswith("optimiser."):
                _, index, field = name.split(".")
                entries.setdefault(int(index), {})[field] = tensor
        optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"'{file}' is not this run's checkpoint ({reason}): choose another --out") from error
    return step
