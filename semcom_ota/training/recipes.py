"""Every recipe by name. What a recipe needs is imported when it is run: `semcom train --help` answers at once."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True)
class Recipe:
    """A way to train something that ships, or its like on data of one's own."""

    summary: str
    module: str
    """Has `train(data, out, settings)`, built on `training/loop.py`."""
    settings: str
    """The class of that module, derived from `TrainingSettings`, that says all that decides what is learned."""
    card: str
    """Module with `export(folder, data, checkpoint)`: see `experiments/model_card.py`, which calls it."""

    def settings_class(self) -> Any:
        """Loads the recipe; returns its settings, a pydantic model."""
        return getattr(import_module(self.module), self.settings)

    def train(self) -> Callable[[Path, Path, Any], None]:
        """Loads the recipe; returns what trains by it: (data sets, training folder, settings)."""
        return import_module(self.module).train


RECIPES = {
    "text-jscc": Recipe(
        "text to symbols and back, encoder and decoder trained together through simulated channels",
        "semcom_ota.training.text_jscc",
        "TextTraining",
        "semcom_ota.experiments.text_jscc_card",
    ),
    "language-model": Recipe(
        "the causal language model of lam-prior, from nothing or (init) from another; whole or by LoRA",
        "semcom_ota.training.language_model",
        "LanguageModelTraining",
        "semcom_ota.experiments.language_model_card",
    ),
    "denoising": Recipe(
        "a small LAM of the BERT or T5 kind, for lam-jscc, from nothing",
        "semcom_ota.training.denoising",
        "DenoisingTraining",
        "semcom_ota.experiments.denoising_card",
    ),
    "lam-jscc": Recipe(
        "adapters (and LoRA) between a LAM at both ends and the channel, in one of three designs",
        "semcom_ota.training.lam_jscc",
        "LamTraining",
        "semcom_ota.experiments.lam_jscc_card",
    ),
    "stories": Recipe(
        "the reader of a memory: a LAM that answers questions about what was received",
        "semcom_ota.training.stories",
        "StoryTraining",
        "semcom_ota.experiments.stories_card",
    ),
    "mask": Recipe(
        "a learned mask for a codec: how many symbols a message needs, by what it says and what the channel is like",
        "semcom_ota.training.mask",
        "MaskTraining",
        "semcom_ota.experiments.mask_card",
    ),
}


def recipe(name: str) -> Recipe:
    """A recipe by name; raises ConfigError, which lists them, if there is none."""
    from semcom_ota.config import ConfigError

    if name not in RECIPES:
        raise ConfigError(f"unknown recipe '{name}': use one of {', '.join(RECIPES)}")
    return RECIPES[name]


def presets() -> list[str]:
    """Names of the settings that ship."""
    return sorted(file.stem for file in PRESETS.glob("*.yml"))


def read_settings(name_or_file: str) -> dict[str, Any]:
    """A recipe's settings, not yet checked, from a YAML file or one that ships; raises ConfigError if it has none."""
    from semcom_ota.config import ConfigError, read_yaml

    path = PRESETS / f"{name_or_file}.yml" if name_or_file in presets() else Path(name_or_file)
    if not path.exists():
        raise ConfigError(f"no settings '{name_or_file}': name a YAML file, or one of {', '.join(presets())}")
    settings = read_yaml(path) or {}
    if not isinstance(settings, dict):
        raise ConfigError(f"'{path}' must hold settings by name, such as 'steps: 5000'")
    return settings
