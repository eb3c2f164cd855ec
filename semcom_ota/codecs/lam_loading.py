"""A LAM of any of the three kinds from a folder or the hub: safetensors only, nobody's code, sizes bounded."""

from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from semcom_ota.codecs.lam_backbone import Backbone, DecoderLam, EncoderDecoderLam, EncoderLam, Kind, layers_of
from semcom_ota.codecs.model_folder import load_weights, loading, local_folder

_CLASSES: dict[Kind, tuple[type[Backbone], Any]] = {
    "encoder": (EncoderLam, AutoModel),
    "decoder": (DecoderLam, AutoModelForCausalLM),
    "encoder-decoder": (EncoderDecoderLam, AutoModelForSeq2SeqLM),
}


def load_backbone(name: str | Path, kind: Kind) -> tuple[Backbone, PreTrainedTokenizerBase]:
    """A LAM and its tokenizer, from safetensors only, in float32, on the CPU, not training.

    Args:
        name: a folder in Hugging Face's format, or a name on its hub.
        kind: which of the three it is to be used as.

    Raises:
        ConfigError: it is not there, too large, damaged, or not of this kind.
    """
    folder = local_folder(str(name))
    made, loader = _CLASSES[kind]
    with loading(f"LAM of kind {kind}", folder):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        if bool(config.is_encoder_decoder) != (kind == "encoder-decoder"):
            raise ValueError(f"its model type '{config.model_type}' is of another kind than {kind}")
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        if not getattr(tokenizer, "is_fast", False):
            raise ValueError("it has no fast tokenizer (tokenizer.json)")
        extra = (
            {"add_pooling_layer": False} if config.model_type in ("bert", "roberta", "xlm-roberta", "albert") else {}
        )
        model = load_weights(folder, config, loader, unused="pooler", **extra)
        backbone = made(model.eval(), _begin(config, tokenizer, kind), _blank(config, tokenizer))
        layers_of(model)
        if backbone.width != config.hidden_size:
            raise ValueError("embeddings and hidden states differ in width")
        return backbone, tokenizer


def _begin(config: Any, tokenizer: PreTrainedTokenizerBase, kind: Kind) -> int | None:
    """The token that the LAM is used to see before a text."""
    choices = {
        "encoder": (tokenizer.cls_token_id, tokenizer.bos_token_id),
        "decoder": (tokenizer.bos_token_id, tokenizer.eos_token_id),
        "encoder-decoder": (getattr(config, "decoder_start_token_id", None), tokenizer.pad_token_id),
    }[kind]
    return next((int(token) for token in choices if token is not None), None)


def _blank(config: Any, tokenizer: PreTrainedTokenizerBase) -> int:
    choices = (tokenizer.mask_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return next(int(token) for token in choices if token is not None)
