"""What a `lam-jscc` keeps in a folder: what was trained, and which LAM it goes with.

`lam.json` (`LamConfig`, the LAM and its fingerprint), `model.safetensors` (adapters, and LoRA or the LAM's own weights
as far as they were trained), and, if the LAM ships with it, `lam/` as Hugging Face writes it.
"""

import hashlib
import json
import shutil
from pathlib import Path

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from semcom_ota.codecs.lam_backbone import Backbone
from semcom_ota.codecs.lam_loading import load_backbone
from semcom_ota.codecs.lam_model import LamConfig, LamTransceiver
from semcom_ota.codecs.lam_tokenizer import LamTokenizer
from semcom_ota.codecs.model_folder import FILES
from semcom_ota.config import CHECKPOINTS, WEIGHTS, ConfigError

SIZES, OWN_LAM = "lam.json", "lam"
SHIPPED_BYTES = 2**28
"""A LAM that is larger is named, not copied."""
_SAMPLES = 4096
_LIMITS = {SIZES: 2**16, WEIGHTS: 2**36}


class LamFile(LamConfig):
    """`lam.json`."""

    lam: str = Field(OWN_LAM, max_length=4096, description="the LAM: beside this, with the project, or on the hub")
    fingerprint: str = Field(max_length=64)


def save_checkpoint(folder: Path, model: LamTransceiver, fingerprint: str, lam: Path | str) -> None:
    """Write what was trained, in float16, and a copy of the LAM if that is a folder of at most SHIPPED_BYTES.

    A LAM that ships with the project is named instead.

    Args:
        folder: where to.
        model: as trained.
        fingerprint: of the LAM as it came, see `fingerprint_of`.
        lam: where it came from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: part.half().contiguous().cpu() for name, part in model.trained_state().items()}, folder / WEIGHTS)
    files = [file for pattern in FILES for file in Path(lam).glob(pattern)]
    ship = shipped(lam) is None and 0 < sum(file.stat().st_size for file in files) <= SHIPPED_BYTES
    if ship:
        (folder / OWN_LAM).mkdir(exist_ok=True)
        for file in files:
            shutil.copyfile(file, folder / OWN_LAM / file.name)
    described = LamFile(**model.config.model_dump(), lam=OWN_LAM if ship else str(lam), fingerprint=fingerprint)
    (folder / SIZES).write_text(described.model_dump_json(indent=1), encoding="utf-8")


def load_checkpoint(folder: Path) -> tuple[LamTokenizer, LamTransceiver]:
    """Tokenizer and network of a folder, in evaluation mode, float32, on the CPU.

    Raises:
        ConfigError: a file is missing, too large, damaged, or the LAM is not the one that it was trained with.
    """
    try:
        for name, limit in _LIMITS.items():
            if (folder / name).stat().st_size > limit:
                raise ConfigError(f"'{folder / name}' is larger than {limit} bytes: this is no checkpoint of lam-jscc")
        described = LamFile(**json.loads((folder / SIZES).read_text(encoding="utf-8")))
        weights = load_file(folder / WEIGHTS)
    except OSError as error:
        raise ConfigError(
            f"no checkpoint of lam-jscc in '{folder}' ({error.strerror}): name its folder with codec.lam_checkpoint, "
            "or train one with 'semcom train lam-jscc'"
        ) from error
    except (SafetensorError, ValidationError, ValueError, TypeError) as error:
        raise _damaged(folder, error) from error
    beside = folder / described.lam
    lam, loaded = load_backbone(beside if beside.is_dir() else shipped(described.lam) or described.lam, described.kind)
    if fingerprint_of(lam) != described.fingerprint:
        raise ConfigError(f"the LAM '{described.lam}' is not the one that '{folder}' was trained with: restore it")
    tokenizer = LamTokenizer(loaded, lam.vocabulary)
    try:
        if tokenizer.forms != described.forms:
            raise ValueError("its tokenizer is another")
        model = LamTransceiver(LamConfig(**described.model_dump(include=set(LamConfig.model_fields))), lam)
        if set(weights) != model.trained_names:
            raise ValueError("sizes and weights do not belong together")
        model.load_state_dict({name: part.float() for name, part in weights.items()}, strict=False)
    except (RuntimeError, ValueError) as error:
        raise _damaged(folder, error) from error
    return tokenizer, model.eval()


def shipped(lam: Path | str) -> Path | None:
    """The folder of a LAM that ships with the project and is called by its name, as in `language-model`; else None."""
    folder = CHECKPOINTS / str(lam)
    return folder if folder.parent == CHECKPOINTS and folder.is_dir() else None


def fingerprint_of(lam: Backbone) -> str:
    """A hash of samples of all the LAM's weights in float16: the same for a copy that is stored with less precision."""
    found = hashlib.sha256()
    for name, weights in sorted(lam.model.named_parameters()):
        values = weights.detach().flatten()[:: max(1, weights.numel() // _SAMPLES)].half().view(torch.int16)
        found.update(f"{name} {tuple(weights.shape)}".encode() + values.cpu().numpy().astype("<i2").tobytes())
    return found.hexdigest()


def _damaged(folder: Path, error: Exception) -> ConfigError:
    reason = " ".join(str(error).split())[:200]
    return ConfigError(f"checkpoint '{folder}' is damaged ({reason}): restore it, or train again with 'semcom train'")
