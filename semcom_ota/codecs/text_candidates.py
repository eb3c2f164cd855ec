"""What `text-jscc` decides: the likeliest texts, and the checksum in the header that says which of them was sent.

The 24 parameter bits, from the top: 0 and 7 bits for the number of tokens less one, or 1 and 14 bits for a long text;
the rest, 16 or 9, is a checksum of the text.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semcom_ota.types import FloatArray

LONGEST = 1 << 14
"""Tokens, or bytes of a literal text."""
CANDIDATES = 32
"""Texts that are checked, at most: each has a chance of 2**-16 to pass for right by accident."""
ALTERNATIVES = 4
"""Tokens that are considered at each place."""
_SHORT = 128


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the header says."""

    tokens: int  # 1..LONGEST
    checksum: int

    @classmethod
    def of(cls, text: str, tokens: int) -> "Parameters":
        """Of a text that is sent."""
        made = cls(tokens, 0)
        return cls(tokens, made._checksum(text))

    def pack(self) -> int:
        """As 24 bits."""
        return (int(self.tokens > _SHORT) << 23 | self.tokens - 1 << self.checksum_bits) | self.checksum

    @classmethod
    def unpack(cls, bits: int) -> "Parameters":
        """From 24 bits, any."""
        width = 9 if bits >> 23 & 1 else 16
        return cls(((bits & (1 << 23) - 1) >> width) + 1, bits & (1 << width) - 1)

    @property
    def checksum_bits(self) -> int:
        """How many bits the checksum has."""
        return 16 if self.tokens <= _SHORT else 9

    @property
    def candidates(self) -> int:
        """How many texts to check: the short checksum of a long text is too weak to choose by it."""
        return CANDIDATES if self.tokens <= _SHORT else 1

    def holds(self, text: str) -> bool:
        """Whether the checksum is that of `text`."""
        return self._checksum(text) == self.checksum

    def _checksum(self, text: str) -> int:
        return zlib.crc32(text.encode()) & (1 << self.checksum_bits) - 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that may have been sent."""

    tokens: list[int]
    probability: float


def likeliest(tokens: NDArray[np.int64], chances: FloatArray, most: int) -> list[Candidate]:
    """The likeliest sequences of tokens, as if each token were decided by itself.

    Args:
        tokens: (T, A), what may stand at each place, the likeliest first.
        chances: (T, A), natural logarithms of the probabilities.
        most: how many to return, at most.

    Returns:
        At least one, the likeliest first.
    """
    behind = np.nan_to_num(chances.astype(np.float64) - chances[:, :1], nan=-np.inf)
    total = math.fsum(chances[:, 0].tolist())
    found: list[tuple[float, tuple[tuple[int, int], ...]]] = [(0.0, ())]
    # The `most - 1` least certain places are enough: changed one at a time, they make texts that are all likelier than
    # any in which another place is changed.
    for place in np.argsort(-behind[:, 1], kind="stable")[: most - 1].tolist():
        longer = [
            (loss + behind[place, choice], (*changes, (place, choice)))
            for loss, changes in found
            for choice in range(1, tokens.shape[1])
        ]
        found = sorted(found + longer, key=lambda one: -one[0])[:most]
    candidates = []
    for loss, changes in found:
        sequence = tokens[:, 0].tolist()
        for place, choice in changes:
            sequence[place] = int(tokens[place, choice])
        candidates.append(Candidate(sequence, math.exp(total + loss)))
    return candidates


def decided(texts: Sequence[tuple[str, float]], said: Parameters) -> tuple[str, float]:
    """The text to show, and the probability that it is what was sent, given that the checksum of that is `said`.

    Args:
        texts: the likeliest ones, the first of them first, with their probabilities before the checksum was looked at.
            A text may be there several times: tokens can spell it in more than one way.
        said: by the header.

    Returns:
        The likeliest text whose checksum holds, if it is more likely right than wrong, else the first one.
    """
    passing: dict[str, float] = {}
    for text, probability in texts:
        if said.holds(text):
            passing[text] = passing.get(text, 0.0) + probability
    first = texts[0][0]
    if not passing:
        return first, 0.0
    unseen = max(0.0, 1 - math.fsum(probability for _, probability in texts))
    # Texts that are not among these pass the checksum by chance.
    total = math.fsum(passing.values()) + unseen * 2.0**-said.checksum_bits
    best = max(passing, key=lambda text: passing[text])
    right = {text: min(1.0, probability / total) if total > 0 else 0.0 for text, probability in passing.items()}
    return (best, right[best]) if right[best] > 0.5 else (first, right.get(first, 0.0))
