"""A model's folder, on disk or from the hub, and what is loaded of it: safetensors, nobody's code, sizes bounded."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from transformers import PreTrainedConfig
from transformers.utils import logging

from semcom_ota.config import ConfigError

MAX_WEIGHTS_BYTES = 200 * 2**30
MAX_OTHER_BYTES = 2**28
FILES = ["*.json", "*.safetensors", "merges.txt", "vocab.txt", "tokenizer.model"]
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_MAX_LAYERS = 1024
_LAYER_COUNTS = ("num_hidden_layers", "num_decoder_layers", "decoder_layers")


@contextmanager
def loading(what: str, folder: Path) -> Iterator[None]:
    """Turns whatever goes wrong in loading into one sentence: no `what` in `folder`, why, and what to name instead.

    Raises:
        ConfigError: something went wrong.
    """
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # the library raises nearly everything
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"no {what} in '{folder}' ({reason}): name a folder with config.json, model.safetensors and tokenizer.json"
        ) from error


def load_weights(folder: Path, config: PreTrainedConfig, loader: Any, unused: str = "", **options: Any) -> Any:
    """A model in float32, on the CPU.

    Args:
        folder: from `local_folder`.
        config: its sizes.
        loader: the Auto class that loads it.
        unused: what no name of a weight that may be missing is without; empty: none may be.
        options: for the loader.

    Raises:
        ValueError: its sizes ask for more than its files hold, or weights are missing.
    """
    check_sizes(folder, config, loader)
    with _without_progress_bar():  # it would run through a report of one's own
        model, loaded = loader.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **options,
        )
    missing = [name for name in loaded["missing_keys"] if not unused or unused not in name]
    if missing:  # they would be drawn at random, others on every machine
        raise ValueError(f"its weights lack '{min(missing)}'")
    return model


def check_sizes(folder: Path, config: PreTrainedConfig, loader: Any) -> None:
    """Refuse a model whose sizes ask for more than its files hold: a few bytes of JSON must not take all memory.

    Args:
        folder: with its safetensors.
        config: its sizes.
        loader: the Auto class that is to load it.

    Raises:
        ValueError: they do.
    """
    layers = max(getattr(config.get_text_config(), name, None) or 0 for name in _LAYER_COUNTS)
    if layers > _MAX_LAYERS:
        raise ValueError(f"its sizes ask for {layers} layers, of at most {_MAX_LAYERS}")
    stored = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    with torch.device("meta"):
        model = loader.from_config(config, trust_remote_code=False)
    elements = sum(part.numel() for part in (*model.parameters(), *model.buffers()))
    if elements > 2 * stored + 2**22:  # tied weights and heads may be counted and not stored
        raise ValueError(f"its sizes ask for {elements} weights, its safetensors hold {stored} bytes")


def local_folder(name: str) -> Path:
    """The folder of a model: `name` itself, or what the hub (or its cache here) has under it; only safe files.

    Raises:
        ConfigError: there is none, it is an adapter, or it is too large.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if not _HUB_NAME.fullmatch(name):
            raise ConfigError(f"no folder '{name}': name a model's folder, or a model on the hub (owner/name)")
        try:
            folder = Path(snapshot_download(name, allow_patterns=FILES))
        except Exception as error:  # no such name, no network, no right
            reason = " ".join(str(error).split())[:200]
            raise ConfigError(f"no model '{name}' ({reason}): name a folder, or a model on the hub") from error
    if (folder / "adapter_config.json").exists():  # the library would go and load whatever model that names
        raise ConfigError(f"'{folder}' holds an adapter (adapter_config.json): merge it into its model first")
    for file in folder.iterdir():
        limit = MAX_WEIGHTS_BYTES if file.suffix == ".safetensors" else MAX_OTHER_BYTES
        if file.is_file() and file.suffix in (".json", ".safetensors") and file.stat().st_size > limit:
            raise ConfigError(f"'{file}' is larger than {limit} bytes: this is no model that can be used here")
    return folder


@contextmanager
def _without_progress_bar() -> Iterator[None]:
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
