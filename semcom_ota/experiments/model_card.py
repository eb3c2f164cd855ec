"""From a training folder to a checkpoint that ships, with a model card whose figures were measured on its weights."""

import shutil
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import torch

from semcom_ota.config import ConfigError
from semcom_ota.experiments.provenance import machine
from semcom_ota.training.checkpoint import SETTINGS
from semcom_ota.training.corpus import SOURCES
from semcom_ota.training.loop import last_line
from semcom_ota.training.recipes import recipe


def export(name: str, folder: Path, data: Path, checkpoint: Path | None = None) -> Path:
    """Write the checkpoint of a training folder.

    Args:
        name: of the recipe that trained it.
        folder: what it wrote.
        data: the data sets, for measuring on Multi30k's test captions.
        checkpoint: where to; by default `folder/checkpoint`.

    Returns:
        The checkpoint's folder: weights, sizes, tokenizer, the recipe's settings, README.md (the model card).

    Raises:
        ConfigError: `folder` holds no training run, or the checkpoint cannot be written.
    """
    checkpoint = checkpoint or folder / "checkpoint"
    try:
        checkpoint.mkdir(parents=True, exist_ok=True)
        card = import_module(recipe(name).card).export(folder, data, checkpoint)
        shutil.copyfile(folder / SETTINGS, checkpoint / SETTINGS)
        (checkpoint / "README.md").write_text(card, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write the checkpoint '{checkpoint}' ({error.strerror}): is there room?") from error
    return checkpoint


def origin(folder: Path, steps: int, seed: int) -> str:
    """How a training folder came to be, for a card: steps, seed, time, machine."""
    here = machine()
    processor = torch.cuda.get_device_name() if torch.cuda.is_available() else here["processor"]
    minutes = last_line(folder).get("seconds", 0) / 60
    return (
        f"{steps} steps, seed {seed}, in {minutes:.0f} minutes; exported on {processor} ({here['cores']} cores), "
        f"torch {torch.__version__}"
    )


def data_sources(kinds: Iterable[str]) -> str:
    """Where text of these kinds is from, each with its licence, as items of a list."""
    return "\n".join(f"  - {SOURCES[kind]}" for kind in kinds if kind in SOURCES)
