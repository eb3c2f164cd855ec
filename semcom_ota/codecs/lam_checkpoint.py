"""What a `lam-jscc` keeps in a folder: what was trained, and which LAM it goes with.

`lam.json` (`LamConfig`, the LAM and its fingerprint), `model.safetensors` (adapters, and LoRA or the LAM's own weights
as far as they were trained), and, if the LAM ships with it, `lam/` as Hugging Face writes it.
"""

import hashlib
import shutil
from pathlib import Path

import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor

from semcom_ota.codecs.checkpoint_folder import loading_checkpoint, read_checkpoint
from semcom_ota.codecs.lam_backbone import Backbone
from semcom_ota.codecs.lam_loading import load_backbone
from semcom_ota.codecs.lam_model import LamConfig, LamTransceiver
from semcom_ota.codecs.lam_tokenizer import LamTokenizer
from semcom_ota.codecs.model_folder import FILES
from semcom_ota.config import WEIGHTS, ConfigError, shipped

SIZES, OWN_LAM, MODEL_CARD = "lam.json", "lam", "README.md"
SHIPPED_BYTES = 2**28
"""A LAM that is larger is named, not copied."""
_SAMPLES = 4096
MAX_WEIGHTS_BYTES = 2**36


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
        for file in (*files, *Path(lam).glob(MODEL_CARD)):
            shutil.copyfile(file, folder / OWN_LAM / file.name)
    described = LamFile(**model.config.model_dump(), lam=OWN_LAM if ship else str(lam), fingerprint=fingerprint)
    (folder / SIZES).write_text(described.model_dump_json(indent=1), encoding="utf-8")


def load_checkpoint(folder: Path) -> tuple[LamTokenizer, LamTransceiver]:
    """Tokenizer and network of a folder, in evaluation mode, float32, on the CPU.

    Raises:
        ConfigError: a file is missing, too large, damaged, or the LAM is not the one that it was trained with.
    """
    found = loading_checkpoint(
        "checkpoint of lam-jscc",
        folder,
        "name its folder with codec.lam_checkpoint, or train one with 'semcom train lam-jscc'",
    )
    with found:
        described, weights = read_checkpoint(folder, SIZES, LamFile, {WEIGHTS: MAX_WEIGHTS_BYTES})
        built = _built(folder, described, weights)
    return built


def _built(folder: Path, described: LamFile, weights: dict[str, Tensor]) -> tuple[LamTokenizer, LamTransceiver]:
    beside = folder / described.lam
    lam, loaded = load_backbone(beside if beside.is_dir() else shipped(described.lam) or described.lam, described.kind)
    if fingerprint_of(lam) != described.fingerprint:
        raise ConfigError(f"the LAM '{described.lam}' is not the one that '{folder}' was trained with: restore it")
    tokenizer = LamTokenizer(loaded, lam.vocabulary)
    if tokenizer.forms != described.forms:
        raise ValueError("its tokenizer is another")
    model = LamTransceiver(LamConfig(**described.model_dump(include=set(LamConfig.model_fields))), lam)
    if set(weights) != model.trained_names:
        raise ValueError("sizes and weights do not belong together")
    model.load_state_dict(weights, strict=False)
    return tokenizer, model.eval()


def fingerprint_of(lam: Backbone) -> str:
    """A hash of samples of all the LAM's weights in float16: the same for a copy that is stored with less precision."""
    found = hashlib.sha256()
    for name, weights in sorted(lam.model.named_parameters()):
        values = weights.detach().flatten()[:: max(1, weights.numel() // _SAMPLES)].half().view(torch.int16)
        found.update(f"{name} {tuple(weights.shape)}".encode() + values.cpu().numpy().astype("<i2").tobytes())
    return found.hexdigest()
