"""The loop that every recipe shares: seeded, resumable, logged, in one process or several (`processes.py`)."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from semcom_ota.config import ConfigError
from semcom_ota.training import checkpoint, processes
from semcom_ota.training.settings import TrainingSettings as TrainingSettings

LOG = "log.jsonl"
LOG_EVERY = 20


class Task(Protocol):
    """What a recipe brings: a model, its batches, what to minimise and how to see that it learns."""

    @property
    def model(self) -> nn.Module:
        """On the device already. What it is not to learn has `requires_grad` off."""
        ...

    def batches(self, first_step: int) -> Iterator[Any]:
        """Batches of `first_step`, `first_step + 1`, ...: functions of the seed and the step alone.

        A batch is a tensor or a list with one row a text, or a tuple of such: several processes share its rows.
        """
        ...

    def loss(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """What to minimise, a mean over the batch, and figures worth a curve. `generator` is on the model's device."""
        ...

    def validate(self) -> dict[str, float]:
        """Figures on data that is not trained on. The model is in evaluation mode and keeps no gradients."""
        ...


class _Objective(nn.Module):
    """A task's loss as a module, which is what several processes can share, whatever the task calls of its model."""

    def __init__(self, task: Task):
        super().__init__()
        self.model, self.task = task.model, task

    def forward(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        return self.task.loss(batch, generator)


def begin(out: Path, settings: TrainingSettings) -> torch.device:
    """Open a training folder, note the settings there, find the other processes; returns the device to train on.

    Raises:
        ConfigError: the folder cannot be written to or holds a run with other settings; the device is not there.
    """
    device = processes.device_of(settings.device)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    with processes.main_first():
        if processes.is_main():
            checkpoint.note_settings(out, settings)
    return device


def run(task: Task, out: Path, settings: TrainingSettings, device: torch.device) -> None:
    """Train `task.model` (on `device` already) in a folder that `begin` opened, from its last checkpoint if it has one.

    Raises:
        ConfigError: the folder holds another model's run.
        KeyboardInterrupt: SIGINT or SIGTERM came; the checkpoint is of the step that it found.
    """
    half = settings.precision == "bf16" or (settings.precision == "auto" and _has_bf16(device))
    learned = checkpoint.learned(task.model)
    optimiser = torch.optim.AdamW(
        learned.values(), lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay
    )
    first_step = checkpoint.resume(out, task.model, optimiser)
    batches, objective = task.batches(first_step), processes.shared(_Objective(task))
    with (
        _Log(out, first_step, settings.steps, _share(task.model)) as log,
        _flushed_denormals(),
        _attention_for(device),
        _stop_requests() as stop,
    ):
        task.model.train()
        for step in range(first_step, settings.steps):
            seed = _seed(settings.seed, step)
            generator = torch.Generator(device).manual_seed(seed)
            torch.manual_seed(seed)  # of dropout
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, settings)
            rows, weight = processes.rows_of(next(batches))
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                loss, figures = objective(rows, generator)
            optimiser.zero_grad(set_to_none=True)
            (loss * weight).backward()
            torch.nn.utils.clip_grad_norm_(learned.values(), 1.0)
            optimiser.step()
            log.step(step, loss, figures)
            stopped = processes.any_of(stop.is_set(), device)
            due = (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps
            if processes.is_main() and (due or stopped):
                checkpoint.save(out, task.model, optimiser, step + 1)
            if processes.is_main() and due:
                log.validation(step + 1, loss, _validate(task))
            if stopped and step + 1 < settings.steps:
                raise KeyboardInterrupt(
                    f"stopped at step {step + 1} of {settings.steps}: the same command goes on there"
                )
    del objective
    processes.end()


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up, constant, then a linear fall to zero over the last `decay_share` of the steps."""
    left = (settings.steps - step) / max(1, settings.decay_share * settings.steps)
    return settings.learning_rate * min(1.0, (step + 1) / settings.warmup_steps, left)


class _Log:
    """Curves for TensorBoard, a line of JSON at each validation, a progress bar: of the main process only."""

    def __init__(self, out: Path, first_step: int, steps: int, share: float):
        self.main = processes.is_main()
        if not self.main:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError("training writes its curves with tensorboard: install semcom-ota[train]") from error
        columns = (
            BarColumn(),
            TextColumn("{task.completed}/{task.total} steps, {task.fields[loss]}"),
            TimeRemainingColumn(),
        )
        self.file, self.share = out / LOG, share
        self.seconds_before = last_line(out).get("seconds", 0) if first_step else 0
        self.started = time.monotonic()
        self.curves = SummaryWriter(str(out / "tensorboard"), purge_step=first_step)
        self.progress = Progress(*columns)
        self.bar = self.progress.add_task("training", total=steps, completed=first_step, loss="")

    def __enter__(self) -> "_Log":
        if self.main:
            self.progress.start()
            if self.share < 1:
                self.progress.console.print(f"{self.share:.2%} of the parameters are trained")
        return self

    def __exit__(self, *_: object) -> None:
        if self.main:
            self.progress.stop()
            self.curves.close()

    def step(self, step: int, loss: Tensor, figures: dict[str, Tensor]) -> None:
        """Of several processes, the figures of the main one's rows."""
        if self.main and step % LOG_EVERY == 0:
            for name, value in {"loss": loss, **figures}.items():
                self.curves.add_scalar(f"train/{name}", value.item(), step)
            self.progress.update(self.bar, completed=step + 1, loss=f"loss {loss.item():.3f}")

    def validation(self, steps: int, loss: Tensor, scores: dict[str, float]) -> None:
        for name, value in scores.items():
            self.curves.add_scalar(f"validation/{name}", value, steps)
        seconds = round(self.seconds_before + time.monotonic() - self.started)
        line = {"step": steps, "seconds": seconds, "loss": round(loss.item(), 4)}
        if self.share < 1:
            line["trained_share"] = round(self.share, 6)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line | scores) + "\n")


def last_line(out: Path) -> dict[str, float]:
    """The last validation of a training folder (`step`, `seconds`, `loss` and the recipe's figures); empty if none."""
    try:
        lines = (out / LOG).read_text(encoding="utf-8").splitlines()
        return dict(json.loads(lines[-1])) if lines else {}
    except (OSError, ValueError):
        return {}


@torch.no_grad()
def _validate(task: Task) -> dict[str, float]:
    task.model.eval()
    scores = task.validate()
    task.model.train()
    return scores


@contextlib.contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    """SIGINT and SIGTERM are noted, for a step to be finished and kept; a second one is met as ever."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # signals are not for this one
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(*_: object) -> None:
        stop.set()
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)

    for number in before:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        restore()


@contextlib.contextmanager
def _flushed_denormals() -> Iterator[None]:
    """Numbers too small to matter slow the CPU down by a lot. A setting of the thread: others want it back."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _attention_for(device: torch.device) -> contextlib.AbstractContextManager:
    """On a CPU, texts are too short for the fused kernel: its gradient takes longer than that of plain products."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else contextlib.nullcontext()


def _share(model: nn.Module) -> float:
    """Of the model's parameters, those that are trained."""
    everything = sum(parameter.numel() for parameter in model.parameters())
    return sum(parameter.numel() for parameter in checkpoint.learned(model).values()) / everything


def _seed(seed: int, step: int) -> int:
    """Of all that is random in a step. Each process has noise and dropout of its own."""
    return hash((seed, step, processes.index()) if processes.index() else (seed, step)) % 2**31


def _has_bf16(device: torch.device) -> bool:
    return device.type == "cpu" or torch.cuda.is_bf16_supported()
