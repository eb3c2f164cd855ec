"""The recipe of the language model behind `lam-prior`: `semcom train language-model --data DIR`.

A GPT-2 (Radford et al., 2019) of a few million parameters, trained from nothing on captions, with other English beside
them so that it is not at a loss elsewhere. What it is good for is measured in bits a word on captions held out.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from semcom_ota.config import ConfigError
from semcom_ota.training.corpus import load_corpus, load_validation_captions
from semcom_ota.training.loop import TrainingSettings, begin, run

MIXTURE = {"captions": 0.80, "requests": 0.06, "reviews": 0.07, "encyclopaedia": 0.05, "stories": 0.02}
"""Share of the texts drawn of each kind."""

END = "<|endoftext|>"
"""Begins and ends every text, as in GPT-2."""

POOL = 8192
"""Texts drawn at a time; batches of equal length are cut from a pool."""


class LanguageModelTraining(TrainingSettings):
    """Everything that decides what is learned."""

    steps: int = Field(6_500, ge=1)
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
    max_tokens: int = Field(128, ge=8)
    dropout: float = Field(0.1, ge=0, lt=1)
    mixture: dict[str, float] = Field(MIXTURE, description="share of the texts of each kind (docs/data.md)")


class LanguageModelTask:
    """Next-token prediction."""

    def __init__(self, data: Path, out: Path, settings: LanguageModelTraining, device: torch.device):
        """Read the corpus, learn the tokenizer unless `out` has one, make the model."""
        self.settings, self.device = settings, device
        corpus = load_corpus(data)
        unknown = set(settings.mixture) - set(corpus)
        if unknown:
            raise ConfigError(f"mixture names unknown kinds of text {sorted(unknown)}: use {', '.join(corpus)}")
        corpus = {kind: corpus[kind] for kind in settings.mixture}
        if not (out / "tokenizer.json").exists():
            train_tokenizer(
                [text for kind, lines in corpus.items() if kind != "stories" for text in lines],
                settings.vocabulary,
                settings.max_tokens,
            ).save_pretrained(out)
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(out)
        self.texts = {kind: self._tokens(lines) for kind, lines in corpus.items()}
        captions = load_validation_captions(data)
        self.held_out, self.words = self._tokens(captions), sum(len(text.split()) for text in captions)
        torch.manual_seed(settings.seed)
        end = self.tokenizer.convert_tokens_to_ids(END)
        config = GPT2Config(
            vocab_size=len(self.tokenizer),
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
        self.model = GPT2LMHeadModel(config).to(device)

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
        end = self.tokenizer.convert_tokens_to_ids(END)
        limit = self.settings.max_tokens - 2
        encoded = self.tokenizer.backend_tokenizer.encode_batch(lines, add_special_tokens=False)
        return [[end, *encoding.ids[:limit], end] for encoding in encoded]


def train_tokenizer(texts: list[str], vocabulary: int, max_tokens: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE without loss; digits stay apart, so that no number is one surprise."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        model_max_length=max_tokens,
        clean_up_tokenization_spaces=False,
    )


def train(data: Path, out: Path, settings: LanguageModelTraining) -> None:
    """Train, or go on training, into the folder `out`; raises ConfigError if that or the data cannot be used."""
    device = begin(out, settings)
    run(LanguageModelTask(data, out, settings, device), out, settings, device)
