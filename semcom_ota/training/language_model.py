"""The recipe of the language model behind `lam-prior`: `semcom train language-model --data DIR --out DIR`.

A GPT-2 (Radford et al., 2019) of a few million parameters, trained from nothing on captions, with other English beside
them so that it is not at a loss elsewhere. What it is good for is measured in bits a word on captions held out.
With `init` another language model goes on learning instead, as a whole or (`lora_rank`) by LoRA.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel, PreTrainedTokenizerFast
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from semcom_ota.codecs.language_model import pretrained
from semcom_ota.config import ConfigError
from semcom_ota.training import processes
from semcom_ota.training.checkpoint import load_weights, read_settings
from semcom_ota.training.corpus import Mixture, load_corpus, load_validation_captions
from semcom_ota.training.language_tokenizer import END, train_tokenizer
from semcom_ota.training.loop import TrainingSettings, begin, run
from semcom_ota.training.lora import merged, with_adapter

MIXTURE = {"captions": 0.80, "requests": 0.06, "reviews": 0.07, "encyclopaedia": 0.05, "stories": 0.02}
"""Share of the texts drawn of each kind."""

POOL = 8192
"""Texts drawn at a time; batches of equal length are cut from a pool."""


class LanguageModelTraining(TrainingSettings):
    """Everything that decides what is learned."""

    steps: int = Field(5_000, ge=1)
    batch_tokens: int = Field(4096, ge=64, description="tokens in a batch")
    learning_rate: float = Field(2e-3, gt=0)
    warmup_steps: int = Field(300, ge=1)
    decay_share: float = Field(0.6, gt=0, le=1)
    weight_decay: float = Field(0.1, ge=0)
    checkpoint_every: int = Field(250, ge=1)
    vocabulary: int = Field(8192, ge=300)
    width: int = Field(256, ge=8)
    layers: int = Field(4, ge=1)
    heads: int = Field(4, ge=1)
    max_tokens: int = Field(128, ge=8, description="a longer text is cut")
    dropout: float = Field(0.1, ge=0, lt=1)
    mixture: Mixture = Field(MIXTURE, description="share of the texts of each kind (docs/data.md); others are left out")
    init: str | None = Field(None, max_length=4096, description="language model to start from: a folder, a hub name")
    lora_rank: int = Field(0, ge=0, le=1024, description="trains adapters of this rank alone; 0 trains everything")
    lora_head_rank: int = Field(0, ge=0, le=1024, description="of the adapter at the output layer; 0: there is none")

    @model_validator(mode="after")
    def _sizes_make_sense(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} cannot be shared by {self.heads} heads: make it a multiple")
        if self.lora_rank and not self.init:
            raise ValueError("lora_rank adapts a language model that is there: name its folder with init")
        if self.lora_head_rank and not self.lora_rank:
            raise ValueError("lora_head_rank is for a language model that is adapted by LoRA: give it a lora_rank, too")
        fields = type(self).model_fields
        for name in ("vocabulary", "width", "layers", "heads", "dropout"):
            if self.init and getattr(self, name) != fields[name].default:
                raise ValueError(f"{name} is that of the language model in init: leave it out")
        return self


class LanguageModelTask:
    """Next-token prediction."""

    def __init__(self, data: Path, out: Path, settings: LanguageModelTraining, device: torch.device):
        """Read the corpus, learn the tokenizer unless `out` or `init` has one, make the model."""
        self.settings, self.device = settings, device
        corpus = load_corpus(data)
        corpus = {kind: corpus[kind] for kind in settings.mixture}
        with processes.main_first():
            if not settings.init and not (out / "tokenizer.json").exists():
                texts = [text for kind, lines in corpus.items() if kind != "stories" for text in lines]
                train_tokenizer(texts, settings.vocabulary, settings.max_tokens).save_pretrained(out)
        model, self.tokenizer = _untrained(out, settings)
        self.model = model.to(device)
        self.texts = {kind: self._tokens(lines) for kind, lines in corpus.items()}
        captions = load_validation_captions(data)
        self.held_out, self.words = self._tokens(captions), sum(len(text.split()) for text in captions)

    def batches(self, first_step: int) -> Iterator[Tensor]:
        """(B, T) int64 each: texts of one length, with what begins and ends them."""
        step = pool = 0
        kinds, shares = list(self.settings.mixture), np.array(list(self.settings.mixture.values()))
        while True:
            rng = np.random.default_rng([self.settings.seed, pool])
            drawn: dict[int, list[list[int]]] = {}
            for kind in rng.choice(len(kinds), size=POOL, p=shares / shares.sum()):
                texts = self.texts[kinds[kind]]
                text = texts[rng.integers(len(texts))]
                drawn.setdefault(len(text), []).append(text)
            cut = []
            for length, texts in sorted(drawn.items()):
                rows = max(1, self.settings.batch_tokens // length)
                cut += [texts[i : i + rows] for i in range(0, len(texts), rows)]
            small = {i for i, rows in enumerate(cut) if len(rows) * len(rows[0]) < self.settings.batch_tokens // 4}
            for i in rng.permutation(len(cut)):
                if i in small:  # rare lengths would make noisy steps
                    continue
                if step >= first_step:
                    yield torch.tensor(cut[i])
                step += 1
            if len(small) == len(cut):
                raise ConfigError(
                    f"batch_tokens {self.settings.batch_tokens} is more than is drawn of any one length: make it less"
                )
            pool += 1

    def loss(self, batch: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of a token in nats."""
        batch = batch.to(self.device)
        logits = self.model(input_ids=batch[:, :-1], use_cache=False).logits.float()
        return functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten()), {}

    def validate(self) -> dict[str, float]:
        """Bits a word on the validation captions, the end of the text and all punctuation included."""
        by_length: dict[int, list[list[int]]] = {}
        for tokens in self.held_out:
            by_length.setdefault(len(tokens), []).append(tokens)
        nats = []
        for texts in by_length.values():
            for i in range(0, len(texts), 128):
                batch = torch.tensor(texts[i : i + 128], device=self.device)
                logits = self.model(input_ids=batch[:, :-1], use_cache=False).logits.float()
                nats.append(
                    functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="sum").item()
                )
        return {"bits_a_word": round(math.fsum(nats) / math.log(2) / self.words, 4)}

    def _tokens(self, lines: list[str]) -> list[list[int]]:
        end = int(self.tokenizer.eos_token_id)
        first = end if self.tokenizer.bos_token_id is None else int(self.tokenizer.bos_token_id)
        limit = self.settings.max_tokens - 2
        encoded = self.tokenizer.backend_tokenizer.encode_batch(lines, add_special_tokens=False)
        return [[first, *encoding.ids[:limit], end] for encoding in encoded]


def _untrained(out: Path, settings: LanguageModelTraining) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model and tokenizer as they are before the first step; a function of the settings, and of the tokenizer in `out`.

    Raises:
        ConfigError: `init` is no language model, or reads fewer tokens than the texts are to have.
    """
    torch.manual_seed(settings.seed)
    if not settings.init:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(out)
        end = tokenizer.convert_tokens_to_ids(END)
        config = GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=settings.max_tokens,
            n_embd=settings.width,
            n_layer=settings.layers,
            n_head=settings.heads,
            resid_pdrop=settings.dropout,
            embd_pdrop=settings.dropout,
            attn_pdrop=settings.dropout,
            bos_token_id=end,
            eos_token_id=end,
        )
        return GPT2LMHeadModel(config), tokenizer
    model, tokenizer = pretrained(settings.init)
    places = getattr(model.config.get_text_config(), "max_position_embeddings", settings.max_tokens)
    if places < settings.max_tokens:
        raise ConfigError(f"max_tokens: the language model in '{settings.init}' reads at most {places}: say so")
    if settings.lora_rank:
        model = with_adapter(model, settings.lora_rank, settings.lora_head_rank)
    return model, tokenizer


def trained(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, LanguageModelTraining, int]:
    """What a training folder has learned: model (an adapter merged into it), tokenizer, settings, steps.

    Raises:
        ConfigError: it holds no run of this recipe, or its `init` is not there any more.
    """
    settings = read_settings(folder, LanguageModelTraining)
    model, tokenizer = _untrained(folder, settings)
    step = load_weights(folder, model)
    return (merged(model) if settings.lora_rank else model).eval(), tokenizer, settings, step


def train(data: Path, out: Path, settings: LanguageModelTraining) -> None:
    """Train, or go on training, into the folder `out`; raises ConfigError if that or the data cannot be used."""
    device = begin(out, settings)
    run(LanguageModelTask(data, out, settings, device), out, settings, device)
