"""The checkpoint of a memory's reader, and the figures on its model card."""

from pathlib import Path

import torch

from semcom_ota.experiments.model_card import data_sources, origin
from semcom_ota.experiments.statistics import proportion
from semcom_ota.memory.reader import save_reader
from semcom_ota.training.intents import HELD_OUT, fit_intents
from semcom_ota.training.stories import PLACES, StoryTask, trained


def export(folder: Path, data: Path, checkpoint: Path) -> str:
    """Fit what a sentence wants, write the reader into `checkpoint`; returns the card (see `model_card`)."""
    model, tokenizer, settings, steps = trained(folder)
    task = StoryTask(data, folder, settings, torch.device("cpu"))
    intents_right, effective = fit_intents(model, task.intents)
    of_intents = proportion(intents_right * effective, effective)
    task.model.load_state_dict(model.state_dict())
    with torch.inference_mode():
        figures = task.count_right()
    rows = []
    for name, (right, asked) in figures.items():
        number, _, kind = name.removeprefix("task_").partition("_")
        share = proportion(right, asked)
        right_share = f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"
        rows.append(f"| {number} | {kind or 'files'} | {right_share} | {asked} |")
    millions = sum(part.numel() for part in model.parameters()) / 1e6
    save_reader(checkpoint, model, tokenizer, PLACES)
    return f"""# The reader of a memory: model card

A LAM of the BERT kind (ALBERT: one layer, applied {settings.depth} times; width {settings.width}) with heads: they
answer questions about what was received, say which entries of the memory an answer needs and which later ones will, and
what a sentence wants. {millions:.1f} million parameters, float16, safetensors.

- **Recipe**: `semcom train stories --data DIR --out DIR` with the settings in `training.json`:
  {origin(folder, steps, settings.seed)}.
- **Data**: stories that the recipe generates (`semcom_ota/tasks/generator.py`), received over a channel that the recipe
  draws; its vocabulary and what sentences want are from (`docs/data.md`):
{data_sources(["captions", "requests"])}
- **Licence** of these weights: GPL-3.0-or-later, as the project; the data keep the licences named.
- **Good for**: questions of the kinds that bAbI has, about some 140 people and as many places and
  things. It answers with words that it knows, at most three; of what it has never seen, it says with little confidence
  what it takes for likeliest.

Questions about stories received without an error, none of them trained on: of validation files made with bAbI-tasks,
and of stories that are generated as the original distribution's were worded (published) and with many other names
(wide). 95 % intervals:

| task | stories | answered right | questions |
| --- | --- | --- | --- |
{chr(10).join(rows)}

What a sentence wants, of one in {HELD_OUT} held out, every intent counting alike: {of_intents.value:.3f}
[{of_intents.low:.3f}, {of_intents.high:.3f}] right.
"""
