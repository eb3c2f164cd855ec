"""What a training folder keeps of a run: what is learned, the optimiser's state, the step; and the settings."""

from pathlib import Path
from typing import TypeVar

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from semcom_ota.config import ConfigError, first_problem
from semcom_ota.training.settings import TrainingSettings

RESUME = "resume.safetensors"
SETTINGS = "training.json"
MAX_SETTINGS_BYTES = 2**20

Settings = TypeVar("Settings", bound=TrainingSettings)


def learned(model: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters that training changes, by name; one that has several names (tied weights) once."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def save(out: Path, model: nn.Module, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Write a checkpoint beside the old one and then in its place: a kill leaves old or new.

    What is frozen is left out: the recipe makes it again from where it came from.
    """
    state = {f"model.{name}": tensor for name, tensor in _kept(model).items()}
    for index, entry in optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{index}.{name}": tensor for name, tensor in entry.items()}
    state = {name: tensor.contiguous() for name, tensor in state.items()}
    save_file(state, out / "resume.tmp", metadata={"step": str(step)})
    (out / "resume.tmp").rename(out / RESUME)


def resume(out: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Load the last checkpoint of a training folder, if there is one; returns the step to go on with.

    Raises:
        ConfigError: it is another model's, or damaged.
    """
    if not (out / RESUME).exists():
        return 0
    step = load_weights(out, model)
    try:
        entries: dict[int, dict[str, Tensor]] = {}
        with safe_open(str(out / RESUME), "pt") as stored:
            for name in stored.keys():  # noqa: SIM118, not a dict
                if name.startswith("optimiser."):
                    _, index, field = name.split(".")
                    entries.setdefault(int(index), {})[field] = stored.get_tensor(name)
        optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise _not_ours(out, error) from error
    return step


def load_weights(out: Path, model: nn.Module) -> int:
    """Put what a training folder's last checkpoint learned into a model made as in training; returns its step.

    Raises:
        ConfigError: there is none, or it is another model's.
    """
    weights, step = trained_weights(out)
    missing = set(_kept(model)) - set(weights)
    try:
        if missing or set(weights) - set(model.state_dict()):
            raise ValueError("its weights are another model's")
        model.load_state_dict(weights, strict=False)
    except (RuntimeError, ValueError) as error:
        raise _not_ours(out, error) from error
    return step


def trained_weights(out: Path) -> tuple[dict[str, Tensor], int]:
    """The model's tensors in the last checkpoint of a training folder (what was frozen is not there), and its step.

    Raises:
        ConfigError: there is none, or it is damaged.
    """
    source = out / RESUME
    if not source.exists():
        raise ConfigError(f"'{out}' holds no training run: train first")
    try:
        with safe_open(str(source), "pt") as stored:
            names = [name for name in stored.keys() if name.startswith("model.")]  # noqa: SIM118, not a dict
            weights = {name.removeprefix("model."): stored.get_tensor(name) for name in names}
            return weights, int(stored.metadata()["step"])
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise _not_ours(out, error) from error


def note_settings(out: Path, settings: TrainingSettings) -> None:
    """Write a run's settings into its folder.

    Raises:
        ConfigError: a run is there that was begun with others, or the folder cannot be written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        if (out / RESUME).exists():
            before = read_settings(out, type(settings)).model_dump(mode="json")
            for name, value in settings.model_dump(mode="json").items():
                if name not in settings.FREE and before[name] != value:
                    raise ConfigError(
                        f"the run in '{out}' has {name} {before[name]}, not {value}: say so, or choose another --out"
                    )
        (out / SETTINGS).write_text(settings.model_dump_json(indent=1), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write to '{out}' ({error.strerror}): choose another --out") from error


def read_settings(out: Path, kind: type[Settings]) -> Settings:
    """The settings that a training folder's run was begun with; raises ConfigError if it has none of this kind."""
    try:
        with (out / SETTINGS).open(encoding="utf-8") as stream:
            return kind.model_validate_json(stream.read(MAX_SETTINGS_BYTES))
    except OSError as error:
        raise ConfigError(f"'{out}' holds no training run ({error.strerror}: {SETTINGS}): train first") from error
    except ValidationError as error:
        raise ConfigError(
            f"'{out / SETTINGS}' is another recipe's ({first_problem(error)}): choose another --out"
        ) from error


def _kept(model: nn.Module) -> dict[str, Tensor]:
    """What a checkpoint holds: buffers, and what is learned."""
    names = {name for name, _ in model.named_buffers()} | set(learned(model))
    return {name: tensor for name, tensor in model.state_dict().items() if name in names}


def _not_ours(out: Path, error: Exception) -> ConfigError:
    reason = str(error).splitlines()[0]
    return ConfigError(f"'{out / RESUME}' is not this run's checkpoint ({reason}): choose another --out")
