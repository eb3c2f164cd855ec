"""English text for training and for measuring: loaders for the data sets of docs/data.md, and synthetic text.

The captions of `test_2016_flickr` are only ever read by `load_test_captions`.
"""

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from semcom_ota.config import ConfigError

MIXTURE = {
    "captions": 0.47,
    "requests": 0.08,
    "reviews": 0.05,
    "encyclopaedia": 0.10,
    "stories": 0.02,
    "word_salad": 0.12,
    "literals": 0.09,
    "random_tokens": 0.07,
}
"""Share of each kind of text in training."""

SOURCES = {
    "captions": "Multi30k training captions (research use)",
    "requests": "Snips requests (CC0)",
    "reviews": "SST-2 training sentences (film reviews; licence not stated)",
    "encyclopaedia": "the validation part of WikiText-2 (CC BY-SA)",
    "stories": "bAbI stories (BSD)",
}
"""What the text of each kind is from, with its licence."""


def _of_known_kinds(mixture: dict[str, float]) -> dict[str, float]:
    if unknown := set(mixture) - set(SOURCES):
        raise ValueError(f"there is no kind of text {', '.join(sorted(unknown))}: use {', '.join(SOURCES)}")
    return {kind: mixture[kind] for kind in SOURCES if kind in mixture}  # the order in which texts are drawn


Mixture = Annotated[
    dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]],
    Field(min_length=1),
    AfterValidator(_of_known_kinds),
]
"""A recipe's setting: the share of each kind of text."""


def load_corpus(data: Path) -> dict[str, list[str]]:
    """Training text by kind, from the folders that docs/data.md describes.

    Raises:
        ConfigError: a folder is missing, or there is nothing in it.
    """
    readers: dict[str, tuple[str, Callable[[str], str]]] = {
        "captions": ("multi30k/train.*.en.gz", str),
        "requests": ("snips/train.tsv.gz", _second_column),
        "reviews": ("sst2/train.tsv", _first_column),
        "encyclopaedia": ("wikitext2/valid.txt.gz", _detokenise),
        "stories": ("babi/*_train.txt.gz", _story_line),
    }
    corpus = {}
    for kind, (pattern, clean) in readers.items():
        files = sorted(data.glob(pattern))
        if not files:
            raise ConfigError(
                f"no training text '{pattern}' below '{data}': see docs/data.md, and name its folder with --data"
            )
        lines = (clean(line).strip() for file in files for line in _lines(file))
        corpus[kind] = [sentence for line in lines for sentence in _sentences(line) if sentence]
        if not corpus[kind]:
            raise ConfigError(f"'{pattern}' below '{data}' holds no text: see docs/data.md")
    return corpus


def load_validation_captions(data: Path) -> list[str]:
    """Captions of Multi30k's validation split, for choosing and stopping; raises ConfigError if they are missing."""
    captions = [line for file in sorted(data.glob("multi30k/val.*.en.gz")) for line in _lines(file) if line]
    if not captions:
        raise ConfigError(f"no validation captions 'multi30k/val.*.en.gz' below '{data}': see docs/data.md")
    return captions


def load_intents(data: Path) -> list[tuple[str, str]]:
    """(intent, text) of each Snips request; raises ConfigError if they are missing, or have none."""
    lines = [line.partition("\t") for line in _lines(data / "snips" / "train.tsv.gz")]
    if not lines or not all(text for _, _, text in lines):
        raise ConfigError(f"no requests with their intents in '{data}/snips/train.tsv.gz': see docs/data.md")
    return [(intent, text) for intent, _, text in lines]


def load_held_out_reviews(data: Path) -> list[str]:
    """Film reviews that are not trained on (SST-2 dev): the one data set with a held-out part that no line repeats.

    Empty if they are missing.
    """
    return [
        text for file in data.glob("sst2/dev.tsv") for line in _lines(file) if (text := _first_column(line).strip())
    ]


def load_test_captions(data: Path) -> list[str]:
    """The 1,000 captions of Multi30k's `test_2016_flickr`: never trained on. Raises ConfigError if they are missing."""
    return [line for line in _lines(data / "multi30k" / "test_2016_flickr.en.gz") if line]


def word_salad(words: list[str], rng: np.random.Generator) -> str:
    """Words that have nothing to do with each other, with numbers and odd names in between: no context to lean on."""
    picked = []
    for i in rng.integers(len(words), size=rng.integers(1, 16)):
        kind = rng.random()
        if kind < 0.15:
            picked.append(_number(rng))
        elif kind < 0.20:
            picked.append("".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), rng.integers(2, 8))).capitalize())
        else:
            picked.append(words[i].capitalize() if kind < 0.3 else words[i])
    return " ".join(picked) + str(rng.choice(["", ".", "?", "!"]))


def literal(rng: np.random.Generator) -> str:
    """Characters at random, mostly from one stretch of Unicode, as in other alphabets and emoji."""
    anywhere = rng.integers(0xA0, 0xD700, size=2).tolist()
    starts = (0x21, 0x61, 0xC0, 0x370, 0x1F300, 0x1F600, *anywhere)
    start = starts[rng.integers(len(starts))]
    share = rng.choice([0.3, 0.9])
    other = rng.random(size := int(rng.integers(1, 32))) < share
    codes = np.where(other, start + rng.integers(0x5F, size=size), rng.integers(0x20, 0x7F, size=size))
    return "".join(map(chr, codes))


def _number(rng: np.random.Generator) -> str:
    number = int(rng.integers(10 ** rng.integers(1, 7)))
    forms = (f"{number}", f"{number:,}", f"{number / 10:.1f}", f"{number % 24}:{number % 60:02}", f"{number % 100}")
    return forms[rng.integers(len(forms))]


def _lines(file: Path) -> Iterator[str]:
    opener = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rt", encoding="utf-8") as stream:
            yield from (line.rstrip("\n") for line in stream)
    except OSError as error:
        raise ConfigError(
            f"cannot read '{file}' ({error.strerror or error}): docs/data.md says what the folder of --data has to hold"
        ) from error


def _sentences(line: str) -> list[str]:
    """Cut a paragraph into sentences; a caption stays whole."""
    return re.split(r"(?<=[.!?]) (?=[A-Z])", line) if len(line) > 300 else [line]


def _first_column(line: str) -> str:
    return line.split("\t")[0]


def _second_column(line: str) -> str:
    return line.split("\t")[-1]


def _story_line(line: str) -> str:
    return line.partition(" ")[2].split("\t")[0]


def _detokenise(line: str) -> str:
    """WikiText's spaced punctuation back to running text."""
    line = line.replace(" @-@ ", "-").replace(" @,@ ", ",").replace(" @.@ ", ".").replace("<unk>", "")
    line = re.sub(r" ([.,;:!?)\]'])", r"\1", re.sub(r"([(\[]) ", r"\1", line))
    return re.sub(r'" ([^"]*) "', r'"\1"', re.sub(r"\s+", " ", line)) if not line.strip().startswith("=") else ""
