"""One training over several processes, each with a device of its own, as `torchrun` and `accelerate launch` start them.

The batch of a step is that of a run in one process, and every process takes its rows of it; the gradients are averaged
(DistributedDataParallel, by Hugging Face's accelerate). Only the main process writes. One process needs none of this.
"""

import contextlib
import datetime
import os
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from semcom_ota.codecs.device import named_device
from semcom_ota.config import ConfigError

LONGEST_WAIT = datetime.timedelta(hours=2)
"""Of the others for the main process, while it learns a tokenizer or validates."""

_started: list[Any] = []


def count() -> int:
    """How many processes train together."""
    return _environment("WORLD_SIZE", 1)


def index() -> int:
    """Which of them this is."""
    return _environment("RANK", 0)


def is_main() -> bool:
    """Whether this is the process that writes, validates and shows how far it is."""
    return index() == 0


def device_of(name: str) -> torch.device:
    """The device that a setting names: with several processes, this one's own, and they have found each other then.

    Raises:
        ConfigError: it is not there.
    """
    device = named_device(name)
    if count() == 1:
        return device
    kind = str(device)
    if ":" in kind:
        raise ConfigError(f"device '{kind}' is one, and {count()} processes need one each: say cuda")
    local, there = _environment("LOCAL_RANK", 0), torch.cuda.device_count()
    if kind == "cuda" and local >= there:
        raise ConfigError(f"this machine has {there} GPUs and more processes than that: start one for each GPU")
    _start(kind == "cpu")
    return _accelerator().device


@contextlib.contextmanager
def main_first() -> Iterator[None]:
    """What is done here the main process does before the others, which find what it wrote."""
    if count() == 1:
        yield
        return
    with _accelerator().main_process_first():
        yield


def shared(module: nn.Module) -> nn.Module:
    """The module, such that gradients of what it computes are the mean over all processes."""
    return module if count() == 1 else _accelerator().prepare_model(module)


def any_of(flag: bool, device: torch.device) -> bool:
    """Whether any process says so; all of them have to ask."""
    if count() == 1:
        return flag
    flags = torch.tensor(int(flag), device=device)
    torch.distributed.all_reduce(flags, torch.distributed.ReduceOp.MAX)
    return bool(flags)


def rows_of(batch: Any) -> tuple[Any, float]:
    """This process's rows of a batch, and the factor of their mean loss that makes the mean over processes right.

    Args:
        batch: a tensor or a list with one row a text, or a tuple of such.
    """
    if count() == 1:
        return batch, 1.0
    total = len(batch[0] if isinstance(batch, tuple) else batch)
    mine = len(range(index(), total, count()))
    if not mine:  # fewer texts than processes: this one computes something that counts for nothing
        return _rows(batch, slice(0, 1)), 0.0
    return _rows(batch, slice(index(), None, count())), mine * count() / total


def _rows(batch: Any, rows: slice) -> Any:
    return tuple(_rows(part, rows) for part in batch) if isinstance(batch, tuple) else batch[rows]


def end() -> None:
    """Part, when all are here. Nothing is done together from here on; let go of what `shared` gave before."""
    if count() > 1:
        accelerator = _started.pop()
        accelerator.wait_for_everyone()
        accelerator.free_memory()  # while the process group lives: it was seen to hang if it is taken down with it
        accelerator.end_training()


def _start(cpu: bool) -> None:
    try:
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
    except ImportError as error:
        raise ConfigError("several processes need the package accelerate: install semcom-ota[train]") from error
    handlers = [
        InitProcessGroupKwargs(timeout=LONGEST_WAIT),
        DistributedDataParallelKwargs(find_unused_parameters=True),  # a recipe may leave a part out of some steps
    ]
    _started.append(Accelerator(cpu=cpu, mixed_precision="no", kwargs_handlers=handlers))


def _accelerator() -> Any:
    return _started[-1]


def _environment(name: str, default: int) -> int:
    try:
        return int(os.environ.get(name, default))
    except ValueError as error:
        raise ConfigError(
            f"{name}='{os.environ[name]}' in the environment is no number: leave it to torchrun"
        ) from error
