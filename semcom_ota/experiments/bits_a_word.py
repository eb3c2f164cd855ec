"""What texts cost under a language model, and under what is simpler: bits a word.

A word is a white-space separated run, as everywhere here. Its share of punctuation and of the end of the text is in
its bits, for every model alike.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from semcom_ota.codecs.language_model import LanguageModel
from semcom_ota.experiments.statistics import Estimate, bootstrap
from semcom_ota.experiments.texts import SENTENCES, read_lines
from semcom_ota.experiments.word_trigram import WordTrigram
from semcom_ota.training.corpus import load_corpus, load_held_out_reviews, load_test_captions, load_validation_captions

OWN = ("questions", "names", "numbers")
"""Those of the project's own sentences that are no captions."""


@dataclass(frozen=True, slots=True)
class Row:
    """One set of texts."""

    what: str
    texts: int
    words: int
    bits: dict[str, Estimate]
    """Bits a word by model, with a bootstrap interval over the texts."""


def compare(model: LanguageModel, data: Path, kinds: Collection[str]) -> list[Row]:
    """Every set of texts held out, under every model.

    Args:
        model: the language model.
        data: the data sets; of the test captions, this is the only use.
        kinds: the kinds of text that the model learned from; the word trigram gets the same.

    Raises:
        ConfigError: data is missing.
    """
    corpus = load_corpus(data)
    learned = [text for kind in kinds for text in corpus[kind]]
    trigrams = {"word trigram": WordTrigram(learned)} if learned else {}
    if "captions" in kinds:
        trigrams["word trigram of captions alone"] = WordTrigram(corpus["captions"])
    rows = []
    for what, texts in _held_out(data).items():
        words = np.array([len(text.split()) for text in texts])
        costs = _token_bits(model, texts) | {name: trigram.bits(texts) for name, trigram in trigrams.items()}
        costs["this model"] = model_bits(model, texts)
        bits = {name: bootstrap(_ratio, np.stack([cost, words], -1)) for name, cost in costs.items()}
        rows.append(Row(what, len(texts), int(words.sum()), bits))
    return rows


def markdown(rows: Sequence[Row]) -> str:
    """A table; the last column with its 95 % interval."""
    names = list(rows[0].bits)
    lines = [f"| text held out | texts | words | {' | '.join(names)} |", "|" + " --- |" * (3 + len(names))]
    for row in rows:
        *simple, own = row.bits.values()
        cells = [row.what, f"{row.texts:,}", f"{row.words:,}", *(f"{cost.value:.2f}" for cost in simple)]
        lines.append(f"| {' | '.join(cells)} | {own.value:.2f} [{own.low:.2f}, {own.high:.2f}] |")
    return "\n".join(lines)


def model_bits(model: LanguageModel, texts: Sequence[str]) -> NDArray[np.float64]:
    """(n,) bits that each text costs under a language model; a long one is begun anew where the model is full."""
    return np.array([_bits(model, [*model.tokens(text), model.end]) for text in texts])


def _bits(model: LanguageModel, tokens: list[int]) -> float:
    pieces = (tokens[i : i + model.max_tokens] for i in range(0, len(tokens), model.max_tokens))
    return -math.fsum(model.score(piece).sum().item() for piece in pieces) / math.log(2)


def _token_bits(model: LanguageModel, texts: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """What the model's tokens cost where nobody knows which come next."""
    tokens = [torch.tensor([*model.tokens(text), model.end]) for text in texts]
    alone = model.unigram().cpu()
    return {
        "uniform over its tokens": np.array([len(each) * math.log2(model.vocabulary) for each in tokens]),
        "unigram of its tokens": np.array([-alone[each].sum().item() / math.log(2) for each in tokens]),
    }


def _held_out(data: Path) -> dict[str, list[str]]:
    captions = {
        "captions, Multi30k test_2016_flickr": load_test_captions(data),
        "captions, Multi30k validation": load_validation_captions(data),
    }
    other = {f"{name} of this project": read_lines(SENTENCES / f"{name}.txt") for name in OWN}
    if reviews := load_held_out_reviews(data):
        other = {"film reviews, SST-2 dev": reviews} | other
    return captions | other


def _ratio(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return means[..., 0] / means[..., 1]
