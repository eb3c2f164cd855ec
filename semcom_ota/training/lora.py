"""Low-rank adaptation of a causal language model (Hu et al., "LoRA", ICLR 2022), by Hugging Face's peft."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from semcom_ota.config import ConfigError

SCALE = 2
"""Of what an adapter adds: alpha is so many times the rank."""


class LowRank(nn.Module):
    """The adapter of weights that two layers may share; peft 0.21 does not keep tied weights tied in GPT-2."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        """For a `weight` of (words, width)."""
        super().__init__()
        words, width = weight.shape
        self.lora_A = nn.Parameter(torch.randn(rank, width, device=weight.device) / width**0.5)
        self.lora_B = nn.Parameter(torch.zeros(words, rank, device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        """`weight` with what the adapter adds."""
        return weight + SCALE * (self.lora_B @ self.lora_A)


def with_adapter(model: PreTrainedModel, rank: int, head_rank: int = 0) -> Any:
    """A model that is frozen, but for adapters; without its dropout, which blurs what is frozen and saves no adapter of
    so few parameters from fitting too well.

    To begin with it computes what it did: the adapters add nothing yet. `merged` gives the plain model with the
    adapters added to its weights.

    Args:
        model: that is adapted; its modules are changed.
        rank: of the adapters at all projections of its attention and MLP layers.
        head_rank: of that at the output layer, which knows how frequent each word is; 0: there is none. Where the
            embedding has its weights from the output layer, it shares the adapter, too.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise ConfigError("lora_rank needs the package peft: run pip install peft") from error
    head = model.get_output_embeddings()
    embedding = model.get_input_embeddings()
    tied = head.weight is embedding.weight
    projections = {name: part for name, part in model.named_modules() if isinstance(part, (nn.Linear, Conv1D))}
    adapter = LoraConfig(
        r=rank,
        lora_alpha=SCALE * rank,
        target_modules=[name for name, part in projections.items() if part is not head],
        fan_in_fan_out=any(isinstance(part, Conv1D) for part in projections.values()),  # GPT-2 keeps its weights so
        task_type="CAUSAL_LM",
    )
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    with warnings.catch_warnings():  # peft warns of layers of two kinds
        warnings.simplefilter("ignore")
        adapted = get_peft_model(model, adapter)
    if head_rank:
        words = LowRank(head.weight, head_rank)
        for layer in (head, embedding) if tied else (head,):
            parametrize.register_parametrization(layer, "weight", words)
    return adapted


def merged(model: Any) -> PreTrainedModel:
    """What `with_adapter` made, as a plain model again."""
    plain = model.get_base_model()
    head, embedding = plain.get_output_embeddings(), plain.get_input_embeddings()
    if parametrize.is_parametrized(embedding):  # its weights are the head's: they get the adapter once
        parametrize.remove_parametrizations(embedding, "weight", leave_parametrized=False)
    if parametrize.is_parametrized(head):
        parametrize.remove_parametrizations(head, "weight")
    return model.merge_and_unload()
