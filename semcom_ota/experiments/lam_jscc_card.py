"""The checkpoint of `lam-jscc`, and the figures on its model card."""

from pathlib import Path

from semcom_ota.codecs.lam_checkpoint import OWN_LAM, save_checkpoint
from semcom_ota.codecs.lam_jscc import LamJscc
from semcom_ota.config import CodecConfig, DeviceConfig
from semcom_ota.experiments.model_card import data_sources, origin
from semcom_ota.experiments.statistics import bleu_signature
from semcom_ota.experiments.text_jscc_card import quality_table
from semcom_ota.training.corpus import load_test_captions
from semcom_ota.training.lam_jscc import trained

_ADAPTED = {"frozen": "nothing of the LAM is trained", "lora": "LoRA at both ends", "full": "all of the LAM is trained"}


def export(folder: Path, data: Path, checkpoint: Path) -> str:
    """Write what was trained, and the LAM if it is small, into `checkpoint`; returns the card (see `model_card`)."""
    model, settings, steps, fingerprint = trained(folder)
    save_checkpoint(checkpoint, model, fingerprint, settings.backbone)
    codec = LamJscc(CodecConfig(lam_checkpoint=checkpoint, symbols_per_word=settings.symbols_per_word), DeviceConfig())
    adapters = sum(part.numel() for part in model.trained_state().values()) - model.trained_of_lam
    share = model.trained_of_lam / model.lam_parameters
    lam = "in the folder `lam`" if (checkpoint / OWN_LAM).is_dir() else f"`{settings.backbone}`"
    return f"""# lam-jscc: model card

A language model (LAM) at both ends and trained adapters between it and the channel. Kind: {settings.kind}; design:
{settings.design}; the receiver's LAM hears by: {settings.conditioning}. The LAM has {model.lam_parameters / 1e6:.1f}
million parameters; {_ADAPTED[settings.adaptation]}: {model.trained_of_lam:,} ({share:.2%} of the LAM, both ends added
up). The adapters have {adapters / 1e6:.2f} million. float16, safetensors.

- **Recipe**: `semcom train lam-jscc --data DIR --out DIR` with the settings in `training.json`:
  {origin(folder, steps, settings.seed)}. SNR {settings.snr_db[0]:g} to {settings.snr_db[1]:g} dB, AWGN, flat and
  frequency-selective Rayleigh fading.
- **LAM**: {lam}; its own card says what it learned from.
- **Data** of the adapters (`docs/data.md`):
{data_sources(settings.mixture)}
- **Licence** of these weights: GPL-3.0-or-later, as the project; the captions they learned from are for research use;
  the LAM keeps its own.
- **Good for**: short English sentences. What the LAM cannot spell goes byte for byte, at a higher cost in symbols. A
  text whose checksum does not hold is shown, and marked as not intact.

Measured at level `symbol` (ideal synchronisation and noise variance) on the 1,000 captions of Multi30k's
`test_2016_flickr`, never trained on by this recipe; {settings.symbols_per_word:g} payload symbols a word; 95 %
bootstrap intervals; BLEU {bleu_signature()}; seed 0.

{quality_table(codec, load_test_captions(data))}
"""
