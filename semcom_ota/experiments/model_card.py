"""From a training folder to a checkpoint that ships: weights, tokenizer, sizes, a model card with figures."""

import json
import platform
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from semcom_ota.codecs.text_jscc import SIZES, TOKENIZER, TextJscc
from semcom_ota.config import WEIGHTS, CodecConfig, ConfigError, DeviceConfig
from semcom_ota.experiments.statistics import bleu_signature, text_quality
from semcom_ota.training.corpus import load_test_captions

CARD_SNRS_DB = (0.0, 6.0, 12.0, 18.0)
CARD_CHANNELS = ("AWGN", "flat Rayleigh")


def export(folder: Path, data: Path, checkpoint: Path | None = None) -> Path:
    """Write the checkpoint of a training folder.

    Args:
        folder: what `train` wrote.
        data: the data sets, for measuring on Multi30k's test captions.
        checkpoint: where to; by default `folder/checkpoint`.

    Returns:
        The checkpoint's folder: float16 weights, sizes, tokenizer, the recipe's settings, README.md (the model card).

    Raises:
        ConfigError: `folder` holds no training run.
    """
    checkpoint = checkpoint or folder / "checkpoint"
    checkpoint.mkdir(parents=True, exist_ok=True)
    source = folder / "resume.safetensors"
    if not source.exists():
        raise ConfigError(f"'{folder}' holds no training run: train first")
    with safe_open(str(source), "pt") as stored:
        steps = int(stored.metadata()["step"])
        names = [name for name in stored.keys() if name.startswith("model.")]  # noqa: SIM118, not a dict
        weights = {name.removeprefix("model."): stored.get_tensor(name).half() for name in names}
    save_file(weights, checkpoint / WEIGHTS)
    for name in (SIZES, TOKENIZER, "training.json"):
        shutil.copyfile(folder / name, checkpoint / name)
    (checkpoint / "README.md").write_text(_card(checkpoint, data, steps, weights), encoding="utf-8")
    return checkpoint


def _card(checkpoint: Path, data: Path, steps: int, weights: dict[str, torch.Tensor]) -> str:
    training = json.loads((checkpoint / "training.json").read_text(encoding="utf-8"))
    parameters = sum(tensor.numel() for tensor in weights.values()) / 1e6
    return f"""# text-jscc: model card

Joint source-channel coding of English text: a transformer turns tokens into complex symbols, another turns noisy
symbols, with the noise variance of each, back into tokens. {parameters:.1f} million parameters, float16,
safetensors.

- **Recipe**: `semcom train text-jscc --data DIR` with the settings in `training.json`: {steps} steps, seed
  {training["seed"]}, SNR {training["snr_db"][0]:g} to {training["snr_db"][1]:g} dB, AWGN, flat and frequency-selective
  Rayleigh fading. Trained on {platform.machine()}, torch {torch.__version__}.
- **Data**: Multi30k training captions (research use), Snips requests (CC0), SST-2 training sentences, the validation
  part of WikiText-2 (CC BY-SA), bAbI stories (BSD), and synthetic text. Names and sources: `docs/data.md`.
- **Licence** of these weights: GPL-3.0-or-later, as the project; the captions they learned from are for research use.
- **Good for**: short English sentences, best on everyday descriptions. Any UTF-8 text goes through, at a higher cost in
  symbols. It may replace a rare word by a likelier one, fluently: look at the confidence, and use a checked codec where
  every character counts.

Measured at level `symbol` (ideal synchronisation and noise variance) on the 1,000 captions of Multi30k's
`test_2016_flickr`, never trained on; {training["symbols_per_word"]:g} payload symbols a word; 95 % bootstrap intervals;
BLEU {bleu_signature()}; seed 0.

{_measure(checkpoint, load_test_captions(data), training["symbols_per_word"])}
"""


def _measure(checkpoint: Path, captions: list[str], symbols_per_word: float) -> str:
    codec = TextJscc(CodecConfig(checkpoint=checkpoint, symbols_per_word=symbols_per_word), DeviceConfig())
    rows = ["| channel | SNR (dB) | BLEU-1 | BLEU-4 | word error rate | exact | symbols a word |", "|" + " --- |" * 7]
    words = sum(len(caption.split()) for caption in captions)
    for channel in CARD_CHANNELS:
        for snr_db in CARD_SNRS_DB:
            rng = np.random.default_rng([0, int(snr_db), CARD_CHANNELS.index(channel)])
            received, symbols = [], 0
            for caption in captions:
                encoded = codec.encode(caption)
                gain = rng.exponential() if channel != "AWGN" else 1.0
                variance = 10 ** (-snr_db / 10) / max(gain, 1e-4)
                shape = (len(encoded.symbols), 2)
                noise = (rng.standard_normal(shape) @ (1, 1j)) * np.sqrt(variance / 2)
                noisy = (encoded.symbols + noise).astype(np.complex64)
                claimed = np.full(len(noisy), variance, np.float32)
                received.append(codec.decode(noisy, claimed, encoded.parameters).text)
                symbols += len(noisy)
            quality = text_quality(captions, received)
            bleu = quality["bleu1"]
            rows.append(
                f"| {channel} | {snr_db:g} | {bleu.value:.3f} [{bleu.low:.3f}, {bleu.high:.3f}] "
                f"| {quality['bleu4'].value:.3f} | {quality['word_error_rate'].value:.3f} "
                f"| {quality['exact_match'].value:.3f} | {symbols / words:.2f} |"
            )
    return "\n".join(rows)
