"""The checkpoint of `text-jscc`, and the figures on its model card."""

import shutil
from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from semcom_ota.codecs.base import Codec, Received, decode_all
from semcom_ota.codecs.text_jscc import SIZES, TOKENIZER, TextJscc
from semcom_ota.config import WEIGHTS, CodecConfig, DeviceConfig
from semcom_ota.experiments.model_card import data_sources, origin
from semcom_ota.experiments.statistics import bleu_signature, text_quality
from semcom_ota.training.checkpoint import read_settings, trained_weights
from semcom_ota.training.corpus import MIXTURE, load_test_captions
from semcom_ota.training.text_jscc import TextTraining

CARD_SNRS_DB = (0.0, 6.0, 12.0, 18.0)
CARD_CHANNELS = ("AWGN", "flat Rayleigh")


def export(folder: Path, data: Path, checkpoint: Path) -> str:
    """Write float16 weights, sizes and tokenizer into `checkpoint`; returns the model card (see `model_card`)."""
    weights, steps = trained_weights(folder)
    settings = read_settings(folder, TextTraining)
    save_file({name: tensor.half() for name, tensor in weights.items()}, checkpoint / WEIGHTS)
    for name in (SIZES, TOKENIZER):
        shutil.copyfile(folder / name, checkpoint / name)
    codec = TextJscc(CodecConfig(checkpoint=checkpoint, symbols_per_word=settings.symbols_per_word), DeviceConfig())
    table = quality_table(codec, load_test_captions(data))
    parameters = sum(tensor.numel() for tensor in weights.values()) / 1e6
    earlier = ", beginning with a network that was trained so before" if settings.init else ""
    return f"""# text-jscc: model card

Joint source-channel coding of English text: a transformer turns tokens into complex symbols, another turns noisy
symbols, with the noise variance of each, back into tokens. {parameters:.1f} million parameters, float16,
safetensors.

- **Recipe**: `semcom train text-jscc --data DIR` with the settings in `training.json`:
  {origin(folder, steps, settings.seed)}{earlier}. SNR {settings.snr_db[0]:g} to {settings.snr_db[1]:g} dB, AWGN,
  flat and frequency-selective Rayleigh fading.
- **Data** (`docs/data.md`), with synthetic text beside it:
{data_sources(MIXTURE)}
- **Licence** of these weights: GPL-3.0-or-later, as the project; the captions they learned from are for research use.
- **Good for**: short English sentences, best on everyday descriptions. Any UTF-8 text goes through, at a higher cost in
  symbols. It may replace a rare word by a likelier one, fluently. A checksum in the header tells: such a text is shown
  as not intact, with a confidence near 0. Use a coded link where every character counts.

Measured at level `symbol` (ideal synchronisation and noise variance) on the 1,000 captions of Multi30k's
`test_2016_flickr`, never trained on; {settings.symbols_per_word:g} payload symbols a word; 95 % bootstrap intervals;
BLEU {bleu_signature()}; seed 0.

{table}
"""


def quality_table(codec: Codec, captions: list[str]) -> str:
    """BLEU, word error rate and exact match of captions at level `symbol`, as Markdown."""
    rows = ["| channel | SNR (dB) | BLEU-1 | BLEU-4 | word error rate | exact | symbols a word |", "|" + " --- |" * 7]
    words = sum(len(caption.split()) for caption in captions)
    for channel in CARD_CHANNELS:
        for snr_db in CARD_SNRS_DB:
            rng = np.random.default_rng([0, int(snr_db), CARD_CHANNELS.index(channel)])
            messages = []
            for caption in captions:
                gain = rng.exponential() if channel != "AWGN" else 1.0
                variance = 10 ** (-snr_db / 10) / max(gain, 1e-4)
                encoded = codec.encode(caption, snr_db=snr_db)
                shape = (len(encoded.symbols), 2)
                noise = (rng.standard_normal(shape) @ (1, 1j)) * np.sqrt(variance / 2)
                noisy = (encoded.symbols + noise).astype(np.complex64)
                messages.append(Received(noisy, np.full(len(noisy), variance, np.float32), encoded.parameters))
            quality = text_quality(captions, [decoded.text for decoded in decode_all(codec, messages)])
            symbols = sum(len(message.symbols) for message in messages)
            bleu = quality["bleu1"]
            rows.append(
                f"| {channel} | {snr_db:g} | {bleu.value:.3f} [{bleu.low:.3f}, {bleu.high:.3f}] "
                f"| {quality['bleu4'].value:.3f} | {quality['word_error_rate'].value:.3f} "
                f"| {quality['exact_match'].value:.3f} | {symbols / words:.2f} |"
            )
    return "\n".join(rows)
