"""The checkpoint of a learned mask, and the figures on its model card."""

from pathlib import Path

from semcom_ota.config import ConfigError
from semcom_ota.experiments.model_card import data_sources, origin
from semcom_ota.masking.learned import save_rate_net
from semcom_ota.training.mask import trained, validated
from semcom_ota.training.mask_curves import MOST_ERROR_DB


def export(folder: Path, data: Path, checkpoint: Path) -> str:
    """Write the network into `checkpoint`; returns the card (see `model_card`).

    Raises:
        ConfigError: it has collapsed.
    """
    net, settings, steps = trained(folder)
    net.half().float()  # as it ships
    figures = validated(net, data, folder, settings)
    if figures["collapsed"]:
        raise ConfigError(
            f"the mask in '{folder}' has collapsed (one rate for everything): train it again with another price or seed"
        )
    save_rate_net(checkpoint, net, settings.codec, settings.width)
    rows = "\n".join(
        f"| {low} to {high} | {figures[f'sent_{low}_{high}_db']:.2f} | {figures[f'words_lost_{low}_{high}_db']:.4f} |"
        for low, high in ((-3, 3), (3, 9), (9, 15), (15, 21))
        if f"sent_{low}_{high}_db" in figures
    )
    return f"""# A learned mask for {settings.codec}: model card

A network of {sum(part.numel() for part in net.parameters()) / 1e3:.0f} thousand parameters, float16, safetensors, that
chooses how many of a message's symbols are sent, from its words and what is expected of the channel.

- **Recipe**: `semcom train mask --data DIR --out DIR` with the settings in `training.json`:
  {origin(folder, steps, settings.seed)}. `{settings.codec}` was measured with {settings.texts} texts at
  {settings.draws} SNRs each ({settings.snr_db[0]:g} to {settings.snr_db[1]:g} dB, AWGN), of which it was told a
  forecast; all symbols cost {settings.price:g} of all words.
- **Data** (`docs/data.md`): stories that are generated, and
{data_sources(["captions"])}
- **Licence** of these weights: GPL-3.0-or-later, as the project; the data keep the licences named.

Texts that were not learned from (all texts are different), at level `symbol`, with forecasts of the SNR that are off by
up to {MOST_ERROR_DB:g} dB on average:

| expected SNR (dB) | share of the symbols sent | words lost by masking |
| --- | --- | --- |
{rows}
"""
