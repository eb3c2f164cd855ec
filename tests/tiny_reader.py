"""The tiny random reader, with answers that depend on all that it is given."""

from pathlib import Path

import torch
from readers import PLACES, tiny_reader, tokenizer

from semcom_ota.memory.reader import save_reader


def save_minding_reader(folder: Path, channels: bool = True) -> Path:
    """One that minds texts, their order, confidences, how long ago they were sent and, if wanted, their channels."""
    model = tiny_reader()
    torch.nn.init.normal_(model.context.temporal.age.weight, std=0.5)
    torch.nn.init.normal_(model.answering.slot)
    torch.nn.init.normal_(model.answering.lam.model.get_input_embeddings().weight)
    if channels:
        torch.nn.init.normal_(model.context.csi.to_vector.weight, std=0.5)
    save_reader(folder, model, tokenizer(), PLACES)
    return folder
