"""English text for training and for measuring: loaders for the data sets of docs/data.md, and synthetic text.

The captions of `test_2016_flickr` are only ever read by `load_test_captions`.
"""

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from semcom_ota.config import ConfigError

MIXTURE = {
    "captions": 0.53,
    "requests": 0.08,
    "reviews": 0.05,
    "encyclopaedia": 0.10,
    "stories": 0.02,
    "word_salad": 0.08,
    "literals": 0.07,
    "random_tokens": 0.07,
}
"""Share of each kind of text in training."""


def load_corpus(data: Path) -> dict[str, list[str]]:
    """Training text by kind, from the folders that docs/data.md describes.

    Raises:
        ConfigError: a folder is missing.
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
    return corpus


def load_validation_captions(data: Path) -> list[str]:
    """Captions of Multi30k's validation split, for choosing and stopping."""
    return [line for file in sorted(data.glob("multi30k/val.*.en.gz")) for line in _lines(file) if line]


def load_test_captions(data: Path) -> list[str]:
    """The 1,000 captions of Multi30k's `test_2016_flickr`: never trained on."""
    return [line for line in _lines(data / "multi30k" / "test_2016_flickr.en.gz") if line]


def word_salad(words: list[str], rng: np.random.Generator) -> str:
    """Words that have nothing to do with each other, with numbers and odd names in between: no context to lean on."""
    picked = [words[i] for i in rng.integers(len(words), size=rng.integers(1, 16))]
    for i in range(len(picked)):
        if rng.random() < 0.1:
            picked[i] = str(rng.integers(10 ** rng.integers(1, 7)))
        elif rng.random() < 0.05:
            picked[i] = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), rng.integers(2, 10))).capitalize()
    return " ".join(picked) + str(rng.choice(["", ".", "?", "!"]))


def literal(rng: np.random.Generator) -> str:
    """Characters at random, from several alphabets, as in other languages, codes and emoji."""
    blocks = ((0x21, 0x7F), (0x61, 0x7B), (0xC0, 0x17F), (0x370, 0x52F), (0x4E00, 0x4F00), (0x1F300, 0x1F650))
    low, high = blocks[rng.integers(len(blocks))]
    mixed = [
        rng.integers(low, high) if rng.random() < 0.7 else rng.integers(0x20, 0x7F) for _ in range(rng.integers(1, 24))
    ]
    return "".join(map(chr, mixed))


def _lines(file: Path) -> Iterator[str]:
    opener = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rt", encoding="utf-8") as stream:
            yield from (line.rstrip("\n") for line in stream)
    except OSError as error:
        raise ConfigError(f"cannot read '{file}': {error}") from error


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
