"""What the symbols of a token are worth by where the token stands: what the order `importance` goes by.

A text's symbols go out in rounds, one of each token (codecs/symbol_order.py). Of a round that is sent in part only, it
matters which tokens are in it. Here a random half of a text's tokens is in it, and once more the other half, over the
same channel; the difference of the receiver's cross-entropies is fitted by what each token's symbol adds by its place.
Less cross-entropy is more mutual information between text and symbols, as a lower bound (Barber and Agakov, NIPS 2003).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor
from torch.nn import functional

from semcom_ota.codecs import lam_checkpoint, text_jscc
from semcom_ota.codecs.symbol_order import PLACES, places
from semcom_ota.config import ConfigError
from semcom_ota.training.corpus import load_corpus

BITS_A_TOKEN = 8.0
"""About what a token takes: round r matters where r symbols hold so many bits, and is measured at that SNR."""
SPREAD_DB = 3.0
"""To either side of it."""
KINDS = {"captions": 0.6, "stories": 0.4}
"""Share of the texts of each kind."""
ROWS = 128
"""Texts that run through a network together."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of a codec, padded to the longest."""

    tokens: Tensor  # (B, T) int64
    forms: Tensor  # (B, T) int64, written form of each; all 0 where a tokenizer is lossless
    lengths: Tensor  # (B,) int64


@dataclass(frozen=True)
class Measured:
    """A codec with ordered symbols, as a network that texts can be sent through token by token."""

    encode: Callable[[str], tuple[list[int], list[int]] | None]
    """Tokens and forms of a text; None if it is not sent token by token."""
    symbols: Callable[[Batch, Tensor, Tensor], Tensor]
    """(B, T, layers) complex64 from a batch, which tokens are real (B, T), and which symbols are sent."""
    logits: Callable[[Batch, Tensor, Tensor, Tensor], Tensor]
    """(B, T, vocabulary) from a batch, which tokens are real, what was received and its noise variance."""
    layers: int
    longest: int  # tokens

    @torch.inference_mode()
    def bits(self, batch: Batch, sent: Tensor, noise_variance: Tensor, noise: Tensor) -> Tensor:
        """(B,) float32: cross-entropy of each text, in bits.

        Args:
            batch: the texts.
            sent: (B, T, layers) bool.
            noise_variance: (B,) float32.
            noise: (B, T, layers) complex64 of unit variance.
        """
        real = torch.arange(sent.shape[1]) < batch.lengths[:, None]
        variance = torch.where(sent, noise_variance[:, None, None], torch.inf)
        received = self.symbols(batch, real, sent) + noise * noise_variance.sqrt()[:, None, None]
        logits = self.logits(batch, real, torch.where(sent, received, 0), variance).float()
        nats = functional.cross_entropy(logits.transpose(1, 2), batch.tokens, reduction="none")
        return (nats * real).sum(-1) / math.log(2)


def measured(folder: Path, codec: str) -> Measured:
    """A checkpoint of `text-jscc` or `lam-jscc`; raises ConfigError if there is none, or its symbols have no order."""
    if codec == "text-jscc":
        return _text_jscc(folder)
    if codec == "lam-jscc":
        return _lam_jscc(folder)
    raise ConfigError(f"'{codec}' has no ranking of symbols: use text-jscc or lam-jscc")


def _text_jscc(folder: Path) -> Measured:
    tokenizer, model = text_jscc.load_checkpoint(folder)

    def encode(text: str) -> tuple[list[int], list[int]] | None:
        tokens = tokenizer.encode(text)
        return None if tokens.literal else (tokens.identities, [0] * len(tokens.identities))

    return Measured(
        encode,
        lambda batch, real, sent: model.encode(batch.tokens, real, sent),
        lambda batch, real, received, variance: model.decode(received, variance, real),
        model.config.layers_per_token,
        model.config.max_tokens,
    )


def _lam_jscc(folder: Path) -> Measured:
    tokenizer, model = lam_checkpoint.load_checkpoint(folder)
    if model.config.design == "separate":
        raise ConfigError(f"'{folder}' is of the separate design, whose bits are channel coded: it has no order")

    def encode(text: str) -> tuple[list[int], list[int]] | None:
        tokens = tokenizer.encode(text)
        return None if tokens is None else (tokens.identities, tokens.forms)

    return Measured(
        encode,
        lambda batch, real, sent: model.encode(batch.tokens, batch.forms, real, sent),
        lambda batch, real, received, variance: model.logits(model.hear(received, variance, real), batch.tokens),
        model.config.layers_per_token,
        model.config.max_tokens,
    )


def measure(codec: Measured, texts: Sequence[str], seed: int) -> tuple[Tensor, Tensor]:
    """What symbols add by round and place, in bits, and the standard error of that: (layers, PLACES) float32 each.

    Args:
        codec: whose symbols they are.
        texts: that all rounds are measured with; what the codec does not send token by token is left out.
        seed: of the halves, the SNRs and the noise.
    """
    known = [tokens for tokens in map(codec.encode, texts) if tokens is not None and len(tokens[0]) >= 2]
    known = sorted((cut for cut in known if len(cut[0]) <= codec.longest), key=lambda pair: len(pair[0]))
    worth, error = torch.zeros(codec.layers, PLACES), torch.zeros(codec.layers, PLACES)
    with Progress(transient=True) as bar:
        task = bar.add_task("measuring what symbols are worth", total=codec.layers * len(known))
        for layer in range(codec.layers):
            rows, differences = [], []
            for number, batch in enumerate(_batches(known)):
                generator = torch.Generator().manual_seed(seed * 2**32 + layer * 2**24 + number)
                signs, difference = _halves(codec, batch, layer, generator)
                rows.append(signs)
                differences.append(difference)
                bar.advance(task, len(batch.lengths))
            worth[layer], error[layer] = _fitted(torch.cat(rows), torch.cat(differences))
    return worth, error


def training_texts(data: Path, count: int, seed: int) -> list[str]:
    """Captions and sentences of stories, of the training sets; raises ConfigError if they are not there."""
    corpus, rng = load_corpus(data), np.random.default_rng([seed, 0])
    chosen = []
    for kind, share in KINDS.items():
        chosen += [corpus[kind][place] for place in rng.integers(len(corpus[kind]), size=round(share * count))]
    return chosen


def _halves(codec: Measured, batch: Batch, layer: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(B, PLACES): tokens of each place in the first half less those in the second; (B,) bits that the first saves."""
    count, longest = batch.tokens.shape
    real = torch.arange(longest) < batch.lengths[:, None]
    chosen = torch.rand(count, longest, generator=generator) < 0.5
    needed_db = 10 * math.log10(2 ** (BITS_A_TOKEN / (layer + 1)) - 1)
    snr_db = needed_db + SPREAD_DB * (2 * torch.rand(count, generator=generator) - 1)
    noise = torch.view_as_complex(torch.randn(count, longest, codec.layers, 2, generator=generator)) * 0.5**0.5
    rounds = torch.arange(codec.layers)
    bits = []
    for half in (chosen, ~chosen):
        sent = real[..., None] & ((rounds < layer) | (rounds == layer) & half[..., None])
        bits.append(codec.bits(batch, sent, 10 ** (-snr_db / 10), noise))
    signs = torch.where(real, 2.0 * chosen - 1, 0.0)
    of_places = torch.zeros(count, PLACES).scatter_add_(1, places(batch.lengths), signs)
    return of_places, bits[1] - bits[0]


def _fitted(rows: Tensor, differences: Tensor) -> tuple[Tensor, Tensor]:
    """Least squares, and the standard error of each coefficient."""
    wide, target = rows.double(), differences.double()
    inverse = torch.linalg.inv(wide.T @ wide)
    found = inverse @ (wide.T @ target)
    spread = (target - wide @ found).square().sum() / max(len(target) - PLACES, 1)
    return found.float(), (inverse.diagonal() * spread).sqrt().float()


def _batches(known: Sequence[tuple[list[int], list[int]]]) -> Iterator[Batch]:
    for first in range(0, len(known), ROWS):
        part = known[first : first + ROWS]
        lengths = torch.tensor([len(tokens) for tokens, _ in part])
        padded = torch.zeros(2, len(part), int(lengths.max()), dtype=torch.long)
        for row, pair in enumerate(part):
            padded[:, row, : len(pair[0])] = torch.tensor(pair)
        yield Batch(padded[0], padded[1], lengths)
