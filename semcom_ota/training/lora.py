"""Low-rank adaptation of a causal language model (Hu et al., "LoRA", ICLR 2022), by Hugging Face's peft."""

import warnings
from typing import Any

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from semcom_ota.config import ConfigError

SCALE = 2
"""Of what an adapter adds: alpha is so many times the rank."""


def with_adapter(model: PreTrainedModel, rank: int, head_rank: int = 0) -> Any:
    """A model that is frozen, but for adapters; without its dropout, which blurs what is frozen and saves no adapter of
    so few parameters from fitting too well.

    To begin with it computes what it did: the adapters add nothing yet. `merged` gives the plain model with the
    adapters added to its weights.

    Args:
        model: that is adapted; its modules are changed.
        rank: of the adapters at all projections of its attention and MLP layers.
        head_rank: of that at the output layer, which knows how frequent each word is; 0: there is none. Where the
            weights of the output layer are those of the embedding, too, the latter stays as it is.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise ConfigError("lora_rank needs the package peft: run pip install peft") from error
    head = model.get_output_embeddings()
    projections = {name: part for name, part in model.named_modules() if isinstance(part, (nn.Linear, Conv1D))}
    ranks = {name: rank for name, part in projections.items() if part is not head}
    if head_rank:
        ranks |= {name: head_rank for name, part in projections.items() if part is head}
    adapter = LoraConfig(
        r=rank,
        lora_alpha=SCALE * rank,
        target_modules=list(ranks),
        rank_pattern=ranks,
        alpha_pattern={name: SCALE * own for name, own in ranks.items()},
        fan_in_fan_out=any(isinstance(part, Conv1D) for part in projections.values()),  # GPT-2 keeps its weights so
        task_type="CAUSAL_LM",
    )
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    with warnings.catch_warnings():  # peft warns of tied weights, which `merged` sees to, and of layers of two kinds
        warnings.simplefilter("ignore")
        return get_peft_model(model, adapter)


def merged(model: Any) -> PreTrainedModel:
    """What `with_adapter` made, as a plain model again."""
    plain = model.get_base_model()
    head, embedding = plain.get_output_embeddings(), plain.get_input_embeddings()
    if hasattr(head, "base_layer") and head.base_layer.weight is embedding.weight:
        head.base_layer.weight = nn.Parameter(embedding.weight.detach().clone())
        plain.config.tie_word_embeddings = False
    return model.merge_and_unload()
