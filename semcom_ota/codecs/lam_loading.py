"""A LAM of any of the three kinds from a folder or the hub: safetensors only, nobody's code, sizes bounded."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from semcom_ota.codecs.lam_backbone import Backbone, DecoderLam, EncoderDecoderLam, EncoderLam, Kind, layers_of
from semcom_ota.codecs.language_model import check_sizes, local_folder
from semcom_ota.config import ConfigError

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
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        if bool(config.is_encoder_decoder) != (kind == "encoder-decoder"):
            raise ValueError(f"its model type '{config.model_type}' is of another kind than {kind}")
        check_sizes(folder, config, loader)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        if not getattr(tokenizer, "is_fast", False):
            raise ValueError("it has no fast tokenizer (tokenizer.json)")
        extra = {"add_pooling_layer": False} if config.model_type in ("bert", "roberta", "xlm-roberta") else {}
        model, info = loader.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **extra,
        )
        if missing := [weight for weight in info["missing_keys"] if "pooler" not in weight]:
            raise ValueError(f"its weights lack '{sorted(missing)[0]}'")
        backbone = made(model.eval(), _begin(config, tokenizer, kind), _blank(config, tokenizer))
        layers_of(model)
        if backbone.width != config.hidden_size:
            raise ValueError("embeddings and hidden states differ in width")
    except ConfigError:
        raise
    except Exception as error:  # the library raises nearly everything
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"no LAM of kind {kind} in '{name}' ({reason}): name a folder with config.json, model.safetensors and "
            "tokenizer.json"
        ) from error
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
