"""Low-rank adaptation of a causal language model (Hu et al., "LoRA", ICLR 2022), by Hugging Face's peft."""

from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from semcom_ota.config import ConfigError


def with_adapter(model: PreTrainedModel, rank: int) -> PreTrainedModel:
    """A model that is frozen, but for adapters of this rank at all projections of its attention and MLP layers.

    To begin with it computes what it did: the adapters add nothing yet. `merge_and_unload()` of what is returned gives
    the plain model with the adapters added to its weights.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise ConfigError("lora_rank needs the package peft: run pip install peft") from error
    transposed = any(isinstance(module, Conv1D) for module in model.modules())  # GPT-2 keeps its weights so
    adapter = LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules="all-linear", fan_in_fan_out=transposed, task_type="CAUSAL_LM"
    )
    return get_peft_model(model, adapter)
