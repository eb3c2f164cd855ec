"""A tiny random reader of a memory, which can tell questions from statements and knows nothing else."""

import functools
from pathlib import Path

import torch
from transformers import AlbertConfig, AlbertModel, PreTrainedTokenizerFast

from semcom_ota.codecs.lam_backbone import EncoderLam
from semcom_ota.memory.reader import save_reader
from semcom_ota.memory.reader_model import ReaderModel
from semcom_ota.training.intents import IntentExamples, fit_intents
from semcom_ota.training.language_tokenizer import train_lower_case_tokenizer

NAMES, ROOMS = ("Mary", "John", "Daniel", "Sandra"), ("kitchen", "garden", "office", "hallway", "bathroom")
TOLD = [f"{name} went to the {room}." for name in NAMES for room in ROOMS]
ASKED = [f"Where is {name}?" for name in NAMES] + [f"Is {name} in the {room}?" for name in NAMES for room in ROOMS]
WIDTH, PLACES = 16, 12


@functools.cache
def tokenizer() -> PreTrainedTokenizerFast:
    return train_lower_case_tokenizer(TOLD + ASKED, 300, 32)


def tiny_reader(seed: int = 0) -> ReaderModel:
    torch.manual_seed(seed)
    words = tokenizer()
    config = AlbertConfig(
        vocab_size=len(words), embedding_size=WIDTH, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=34, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        pad_token_id=None, initializer_range=0.2,
    )  # fmt: skip
    lam = EncoderLam(AlbertModel(config, add_pooling_layer=False), words.cls_token_id, words.mask_token_id)
    return ReaderModel(lam, PLACES, words.pad_token_id).eval()


def save_tiny_reader(folder: Path, seed: int = 0) -> Path:
    model = tiny_reader(seed)
    texts = [*(("tell", text) for text in TOLD), *(("ask", text) for text in ASKED)]
    fit_intents(model, IntentExamples([(intent, tokens(text)) for intent, text in texts], seed))
    save_reader(folder, model, tokenizer(), PLACES)
    return folder


def tokens(text: str) -> list[int]:
    return tokenizer().backend_tokenizer.encode(text, add_special_tokens=False).ids[:PLACES]
