"""Text as a LAM's tokens, in seeded batches, for the recipe of `lam-jscc`."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from semcom_ota.codecs.lam_tokenizer import LamTokenizer, LamTokens
from semcom_ota.training.corpus import load_corpus, load_validation_captions

MIXTURE = {"captions": 0.80, "requests": 0.06, "reviews": 0.07, "encyclopaedia": 0.05, "stories": 0.02}
"""Share of the texts drawn of each kind."""
POOL = 4096
"""Texts drawn at a time; batches of similar length are cut from a pool."""
HELD_OUT = 256
"""Validation captions that are measured."""

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Tokens (B, T), their written forms (B, T), lengths (B,), symbols to spend (B,): int64."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Symbols that a text is given in training: half of the time the nominal number, else any (log-uniform)."""

    symbols_per_word: float
    least_per_token: float
    most_per_token: int

    def nominal(self, tokens: int, words: int) -> int:
        """As the codec spends by itself."""
        return self._within(int(self.symbols_per_word * words), tokens)

    def drawn(self, tokens: int, words: int, rng: np.random.Generator) -> int:
        """For a step of training."""
        if rng.random() < 0.5:
            return self.nominal(tokens, words)
        share = math.exp(rng.uniform(math.log(self.least_per_token), math.log(self.most_per_token)))
        return self._within(round(share * tokens), tokens)

    def _within(self, symbols: int, tokens: int) -> int:
        return min(max(symbols, math.ceil(self.least_per_token * tokens)), self.most_per_token * tokens)


class Texts:
    """Batches of texts: a step's batch depends on seed and step alone, also in a resumed run."""

    def __init__(
        self,
        data: Path,
        tokenizer: LamTokenizer,
        budget: Budget,
        *,
        mixture: dict[str, float],
        max_tokens: int,
        batch_tokens: int,
        seed: int,
    ):
        """Tokenise the corpus; what the tokenizer cannot spell is left out, what is too long is cut.

        Raises:
            ConfigError: the data is missing.
        """
        corpus = load_corpus(data)
        self._tokenizer, self._budget, self._max_tokens = tokenizer, budget, max_tokens
        self._batch_tokens, self._seed = batch_tokens, seed
        self._shares = np.array(list(mixture.values())) / sum(mixture.values())
        self._texts = [self._tokenised(corpus[kind]) for kind in mixture]
        captions = load_validation_captions(data)
        measured = self._tokenised(captions[:: max(1, len(captions) // HELD_OUT)])
        measured.sort(key=lambda text: len(text[0].identities))
        self.held_out = [
            _tensors(
                [(tokens, budget.nominal(len(tokens.identities), words)) for tokens, words in measured[i : i + 64]]
            )
            for i in range(0, len(measured), 64)
        ]
        """Of validation captions, with the nominal number of symbols."""

    def __call__(self, first_step: int) -> Iterator[Batch]:
        """Batches of `first_step`, `first_step + 1`, ..."""
        step = pool = 0
        while True:
            rng = np.random.default_rng([self._seed, pool])
            drawn = []
            for kind in rng.choice(len(self._texts), size=POOL, p=self._shares):
                tokens, words = self._texts[kind][rng.integers(len(self._texts[kind]))]
                drawn.append((tokens, self._budget.drawn(len(tokens.identities), words, rng)))
            cut = self._cut(sorted(drawn, key=lambda text: len(text[0].identities)))
            for i in rng.permutation(len(cut)):
                if step >= first_step:
                    yield _tensors(cut[i])
                step += 1
            pool += 1

    def _tokenised(self, lines: list[str]) -> list[tuple[LamTokens, int]]:
        texts = []
        for line in lines:
            if (tokens := self._tokenizer.encode(line)) is None:
                continue
            count, words = len(tokens.identities), len(line.split())
            kept = min(count, self._max_tokens)
            cut = LamTokens(tokens.identities[:kept], tokens.forms[:kept])
            texts.append((cut, max(1, words * kept // count)))
        return texts

    def _cut(self, texts: list[tuple[LamTokens, int]]) -> list[list[tuple[LamTokens, int]]]:
        batches: list[list[tuple[LamTokens, int]]] = [[]]
        for text in texts:  # by rising length, so that this one is its batch's longest
            if (len(batches[-1]) + 1) * len(text[0].identities) > self._batch_tokens:
                batches.append([])
            batches[-1].append(text)
        return batches


def _tensors(texts: list[tuple[LamTokens, int]]) -> Batch:
    lengths = torch.tensor([len(tokens.identities) for tokens, _ in texts])
    padded = torch.zeros(2, len(texts), int(lengths.max()), dtype=torch.long)
    for row, (tokens, _) in enumerate(texts):
        padded[:, row, : len(tokens.identities)] = torch.tensor([tokens.identities, tokens.forms])
    return padded[0], padded[1], lengths, torch.tensor([symbols for _, symbols in texts])
