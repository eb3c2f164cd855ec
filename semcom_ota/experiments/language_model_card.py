"""The checkpoint of a language model in Hugging Face's format, and the figures on its model card."""

from pathlib import Path

import torch

from semcom_ota.codecs.language_model import LanguageModel
from semcom_ota.experiments.bits_a_word import compare, markdown
from semcom_ota.experiments.model_card import data_sources, origin
from semcom_ota.training.language_model import LanguageModelTraining, trained


def export(folder: Path, data: Path, checkpoint: Path) -> str:
    """Write float16 weights, configuration, tokenizer into `checkpoint`; returns the model card (see `model_card`)."""
    model, tokenizer, settings, steps = trained(folder)
    model.half().save_pretrained(checkpoint)
    tokenizer.save_pretrained(checkpoint)
    shipped = LanguageModel.load(checkpoint, torch.device("cpu"))
    table = markdown(compare(shipped, data, settings.mixture))
    return f"""# Language model: model card

A causal language model of English, as the prior of `lam-prior`: {model.config.model_type},
{shipped.parameters / 1e6:.1f} million parameters, float16, safetensors. It reads up to {shipped.max_tokens} tokens.
{_tokenizer(settings)}

- **Recipe**: `semcom train language-model --data DIR --out DIR` with the settings in `training.json`:
  {origin(folder, steps, settings.seed)}.{_start(settings)}
- **Data** (`docs/data.md`):
{data_sources(settings.mixture)}
- **Licence** of these weights: GPL-3.0-or-later, as the project; the data keep the licences named.
- **Good for**: the probability of short English texts like those it learned from. It knows little of the world, and
  what it would write by itself is worth nothing.

Bits a word, with 95 % bootstrap intervals over texts. **Punctuation and the end of the text are in them**: all the bits
of a text over its white-space separated words. Nothing of these sets was trained on; `test_2016_flickr` was not used to
choose anything either. The word trigram (modified Kneser-Ney) learned from the same texts as the model and pays for
unknown words byte by byte; `benchmarks/language_model.py` prints such a table for any model.

{table}
"""


def _tokenizer(settings: LanguageModelTraining) -> str:
    if settings.init:
        return "Its tokenizer is that of the language model from which it was begun."
    return "Its tokenizer gives back every text as it was, byte for byte, and keeps digits apart."


def _start(settings: LanguageModelTraining) -> str:
    if not settings.init:
        return ""
    origin = "/".join(Path(settings.init).parts[-2:])
    how = "all weights trained"
    if settings.lora_rank:
        head = f" (at the output layer {settings.lora_head_rank})" if settings.lora_head_rank else ""
        how = f"a LoRA adapter of rank {settings.lora_rank}{head}, merged here"
    return f"\n  Begun from the language model `{origin}`, whose own data are in its own card: {how}."
