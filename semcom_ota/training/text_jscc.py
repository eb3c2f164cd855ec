"""The recipe of `text-jscc`: `semcom train text-jscc --data DIR`.

Encoder and decoder are trained together through the symbol-level channels of `symbol_channel.py` with the
cross-entropy of every token. The run is a function of its configuration alone (on one kind of machine), can be stopped
at any time and goes on from its last checkpoint. With `init` a trained network learns on instead, from the first step
of a new run.
"""

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from semcom_ota.codecs.symbol_order import symbol_positions
from semcom_ota.codecs.text_budget import symbol_budget
from semcom_ota.codecs.text_jscc import SIZES, TOKENIZER, load_checkpoint
from semcom_ota.codecs.text_model import TextModel, TextModelConfig
from semcom_ota.codecs.tokenizer import TextTokenizer, Tokens
from semcom_ota.training import processes
from semcom_ota.training.corpus import MIXTURE, literal, load_corpus, load_validation_captions, word_salad
from semcom_ota.training.loop import TrainingSettings, begin, run
from semcom_ota.training.symbol_channel import draw_noise_variance, transmit

POOL = 4096
"""Texts drawn at a time; batches of similar length are cut from a pool."""


class TextTraining(TrainingSettings):
    """Everything that decides what is learned."""

    snr_db: tuple[float, float] = (-6.0, 18.0)
    symbols_per_word: float = 8.0
    init: Path | None = Field(None, description="checkpoint of text-jscc that goes on learning, with its tokenizer")


class Batches:
    """Seeded batches of mixed text: a step's batch depends on seed and step alone, also in a resumed run."""

    def __init__(
        self, corpus: dict[str, list[str]], tokenizer: TextTokenizer, training: TextTraining, model: TextModelConfig
    ):
        """Tokenise the corpus."""
        self.tokenizer, self.training, self.model = tokenizer, training, model
        self.corpus = corpus
        self.texts = {kind: [tokenizer.encode(text) for text in texts] for kind, texts in corpus.items()}
        self.words = sorted(
            {word for kind in ("requests", "encyclopaedia") for text in corpus[kind] for word in text.split()}
        )

    def __call__(self, first_step: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Yields (tokens (B, T), lengths (B,), symbols (B,)) for `first_step`, `first_step + 1`, ..."""
        step = pool = 0
        while True:
            rng = np.random.default_rng([self.training.seed, pool])
            cut = self._cut(sorted((self._draw(rng) for _ in range(POOL)), key=lambda item: len(item[0])))
            for i in rng.permutation(len(cut)):
                if step >= first_step:
                    yield self._tensors(cut[i])
                step += 1
            pool += 1

    def _draw(self, rng: np.random.Generator) -> tuple[list[int], int]:
        tokens, layers = self._draw_text(rng), self.model.layers_per_token
        if rng.random() < 0.7:
            return tokens.identities, symbol_budget(tokens, self.training.symbols_per_word, layers)
        length = len(tokens.identities)
        return tokens.identities, int(rng.integers(2 * length, layers * length + 1))  # any prefix has to make sense

    def _draw_text(self, rng: np.random.Generator) -> Tokens:
        """A text, at most one chunk long."""
        kind = str(rng.choice(list(MIXTURE), p=list(MIXTURE.values())))
        if kind == "random_tokens":
            identities = rng.integers(self.model.vocabulary, size=rng.integers(1, 33)).tolist()
            return Tokens(identities, len(identities), literal=False)
        if kind == "word_salad":
            return self._shorten(self.tokenizer.encode(word_salad(self.words, rng)), rng)
        if kind == "literals":
            source = self.corpus[str(rng.choice(list(self.corpus)))]
            text = literal(rng) if rng.random() < 0.5 else source[rng.integers(len(source))]
            return self._shorten(self.tokenizer.spell(text), rng)
        texts = self.texts[kind]
        tokens = texts[rng.integers(len(texts))]
        while not tokens.literal and rng.random() < 0.15:  # several sentences in one chunk
            more = texts[rng.integers(len(texts))]
            tokens = Tokens(tokens.identities + more.identities, tokens.words + more.words, more.literal)
        return self._shorten(tokens, rng)

    def _shorten(self, tokens: Tokens, rng: np.random.Generator) -> Tokens:
        """A chunk out of a longer text."""
        longest, length = self.model.max_tokens, len(tokens.identities)
        if length <= longest:
            return tokens
        start = int(rng.integers(length - longest + 1))
        return Tokens(tokens.identities[start : start + longest], tokens.words * longest // length, tokens.literal)

    def _cut(self, items: list[tuple[list[int], int]]) -> list[list[tuple[list[int], int]]]:
        batches: list[list[tuple[list[int], int]]] = [[]]
        for item in items:  # by rising length, so that this item is its batch's longest
            if (len(batches[-1]) + 1) * len(item[0]) > self.training.batch_tokens:
                batches.append([])
            batches[-1].append(item)
        return batches

    @staticmethod
    def _tensors(items: list[tuple[list[int], int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        lengths = torch.tensor([len(tokens) for tokens, _ in items])
        padded = torch.zeros(len(items), int(lengths.max()), dtype=torch.long)
        for row, (tokens, _) in enumerate(items):
            padded[row, : len(tokens)] = torch.tensor(tokens)
        return padded, lengths, torch.tensor([symbols for _, symbols in items])


def loss_of(
    model: TextModel,
    batch: tuple[torch.Tensor, ...],
    snr_db: tuple[float, float],
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy per token in nats, and the share of tokens decided right, of one batch through the channel."""
    tokens, lengths, symbols = (part.to(generator.device) for part in batch)
    padding = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
    _, sent = symbol_positions(lengths, symbols, model.config.layers_per_token)
    received, claimed = transmit(
        model.encode(tokens, padding, sent), draw_noise_variance(sent, snr_db, generator), generator
    )
    logits = model.decode(received, claimed, padding)[padding].float()
    return functional.cross_entropy(logits, tokens[padding]), (logits.argmax(-1) == tokens[padding]).float().mean()


class TextTask:
    """Encoder and decoder of `text-jscc`, through channels of all kinds."""

    def __init__(self, data: Path, out: Path, settings: TextTraining, sizes: TextModelConfig, device: torch.device):
        """Read the corpus, learn the tokenizer unless `out` or `init` has one, make the network."""
        self.settings, self.device = settings, device
        corpus = load_corpus(data)
        start = load_checkpoint(settings.init)[1] if settings.init else None
        tokenizer_file, sizes_file = out / TOKENIZER, out / SIZES
        with processes.main_first():
            if settings.init:
                for name in (TOKENIZER, SIZES):
                    shutil.copyfile(settings.init / name, out / name)
            if not sizes_file.exists():
                sizes_file.write_text(json.dumps(sizes.asdict(), indent=1), encoding="utf-8")
            if not tokenizer_file.exists():
                texts = (text for kind, lines in corpus.items() if kind != "stories" for text in lines)
                TextTokenizer.train(texts, sizes.vocabulary).save(tokenizer_file)
        tokenizer = TextTokenizer.load(tokenizer_file)
        torch.manual_seed(settings.seed)
        self.model = (start or TextModel(sizes)).to(device)
        sizes = self.model.config
        self.batches = Batches(corpus, tokenizer, settings, sizes)
        self._held_out = _validation_batches(data, tokenizer, settings, sizes)

    def loss(
        self, batch: tuple[torch.Tensor, ...], generator: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """See `Task`."""
        loss, right = loss_of(self.model, batch, self.settings.snr_db, generator)
        return loss, {"token_accuracy": right}

    def validate(self) -> dict[str, float]:
        """Token accuracy on validation captions, by SNR in dB over the training's mix of channels."""
        scores = {}
        for snr_db in (0.0, 6.0, 12.0):
            generator = torch.Generator(self.device).manual_seed(0)
            right = [loss_of(self.model, batch, (snr_db, snr_db), generator)[1].item() for batch in self._held_out]
            scores[f"token_accuracy_{snr_db:g}dB"] = round(math.fsum(right) / len(right), 4)
        return scores


def train(data: Path, out: Path, settings: TextTraining, sizes: TextModelConfig | None = None) -> None:
    """Train, or go on training, into the folder `out`; raises ConfigError if that or the data cannot be used."""
    device = begin(out, settings)
    run(TextTask(data, out, settings, sizes or TextModelConfig(), device), out, settings, device)


def _validation_batches(data: Path, tokenizer: TextTokenizer, training: TextTraining, model: TextModelConfig) -> list:
    captions = map(tokenizer.encode, load_validation_captions(data)[::10])
    short = [tokens for tokens in captions if len(tokens.identities) <= model.max_tokens]
    items = [
        (tokens.identities, symbol_budget(tokens, training.symbols_per_word, model.layers_per_token))
        for tokens in short
    ]
    items.sort(key=lambda item: len(item[0]))
    return [Batches._tensors(items[i : i + 64]) for i in range(0, len(items), 64)]
