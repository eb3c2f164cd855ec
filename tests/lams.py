"""Tiny random LAMs of the three kinds, written to a folder as Hugging Face writes them."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from semcom_ota.training.language_model import train_tokenizer

TEXTS = [
    f"A {colour} {animal} {verb} in the {place}."
    for colour in ("red", "blue", "green")
    for animal in ("dog", "cat", "horse")
    for verb in ("runs", "sleeps")
    for place in ("park", "street")
]
KINDS = {"bert": "encoder", "gpt2": "decoder", "llama": "decoder", "t5": "encoder-decoder"}
SHARED = {"albert": "encoder"}
"""Of which one layer is applied again and again."""


def save_lam(folder: Path, family: str, seed: int = 0, width: int = 32) -> Path:
    torch.manual_seed(seed)
    tokenizer = _word_pieces() if family in ("bert", "albert") else train_tokenizer(TEXTS, 300, 64)
    vocabulary = len(tokenizer)
    if family == "bert":
        config = BertConfig(
            vocab_size=vocabulary, hidden_size=width, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
        )
        model = BertModel(config, add_pooling_layer=False)
    elif family == "albert":
        config = AlbertConfig(
            vocab_size=vocabulary, embedding_size=width, hidden_size=width, num_hidden_layers=3, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=18,
        )  # fmt: skip
        model = AlbertModel(config, add_pooling_layer=False)
    elif family == "gpt2":
        ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
        model = GPT2LMHeadModel(
            GPT2Config(vocab_size=vocabulary, n_positions=96, n_embd=width, n_layer=2, n_head=2, **ends)
        )
    elif family == "llama":
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=vocabulary,
                hidden_size=width,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
            )
        )
    else:
        model = T5ForConditionalGeneration(
            T5Config(
                vocab_size=vocabulary, d_model=width, d_kv=16, d_ff=64, num_layers=2, num_heads=2,
                decoder_start_token_id=0,
            )
        )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _word_pieces() -> PreTrainedTokenizerFast:
    """As BERT's: lower case, pieces inside a word begin with ##."""
    words = sorted({word for text in TEXTS for word in text.lower().replace(".", "").split()})
    letters = list("abcdefghijklmnopqrstuvwxyz.,!?'")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *letters, *(f"##{letter}" for letter in letters)]
    pieces = list(dict.fromkeys(pieces))
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip
