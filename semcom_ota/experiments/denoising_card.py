"""The checkpoint of a LAM of the BERT or T5 kind in Hugging Face's format, and its model card."""

from pathlib import Path

from semcom_ota.experiments.model_card import data_sources, origin
from semcom_ota.training.denoising import trained
from semcom_ota.training.loop import last_line


def export(folder: Path, data: Path, checkpoint: Path) -> str:
    """Write float16 weights, configuration and tokenizer into `checkpoint`; returns the card (see `model_card`)."""
    model, tokenizer, settings, steps = trained(folder)
    model.half().save_pretrained(checkpoint)
    tokenizer.save_pretrained(checkpoint)
    millions = sum(part.numel() for part in model.parameters()) / 1e6
    return f"""# A small LAM: model card

Kind: {settings.kind} ({model.config.model_type}), {millions:.1f} million parameters, float16, safetensors: a LAM for
`lam-jscc`. It mends texts of which {settings.spoilt:.0%} of the tokens are blank or wrong.

- **Recipe**: `semcom train denoising --data DIR --out DIR` with the settings in `training.json`:
  {origin(folder, steps, settings.seed)}.
- **Data** (`docs/data.md`):
{data_sources(settings.mixture)}
- **Licence** of these weights: GPL-3.0-or-later, as the project; the data keep the licences named.

Cross-entropy on validation captions, never trained on: {last_line(folder).get("nats_a_token", float("nan")):.3f} nats a
token.
"""
