"""How many bits a word costs under a trigram of words: what a language model has to beat to be worth its name.

Interpolated modified Kneser-Ney smoothing (Chen and Goodman, "An empirical study of smoothing techniques for language
modeling", Computer Speech and Language 13, 1999). Nothing is left out of the account: punctuation, white space and the
end of the text are paid for, and a word that was not learned is paid for as such and then byte by byte.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PIECE = re.compile(r" ?\w+| ?[^\w\s]+|\s")
"""Words with the space before them, runs of punctuation, other white space: together the whole text."""

SPELLING_ORDER = 5
TRIGRAM = 3


class NGram:
    """An n-gram model of sequences of symbols, each with its end."""

    def __init__(self, sequences: Sequence[Sequence[int]], symbols: int, order: int):
        """Count.

        Args:
            sequences: of symbols 0..symbols-1.
            symbols: how many there are; all have a probability, seen or not.
            order: n; 1 has no context.

        Raises:
            ValueError: n-grams of so many symbols do not fit into 64 bits.
        """
        self._end, self._base, self._order = symbols, symbols + 2, order
        if self._base**order >= 2**63:
            raise ValueError(f"{symbols} symbols are too many for n-grams of order {order}")
        self._levels = []
        keys = self._keys(sequences)
        for length in range(order, 0, -1):
            kinds, counts = np.unique(keys, return_counts=True)
            self._levels.append(_Level(kinds, counts, self._base))
            keys = kinds % self._base ** (length - 1)  # in how many contexts, not how often: Kneser and Ney

    def bits(self, sequences: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """(n,) bits that each sequence costs, its end included."""
        keys = self._keys(sequences)
        probability = np.full(len(keys), 1 / (self._end + 1))
        for length, level in enumerate(reversed(self._levels), start=1):
            probability = level.interpolated(keys % self._base**length, probability)
        owner = np.repeat(np.arange(len(sequences)), [len(sequence) + 1 for sequence in sequences])
        return np.bincount(owner, -np.log2(probability), minlength=len(sequences)).astype(np.float64)

    def _keys(self, sequences: Sequence[Sequence[int]]) -> NDArray[np.int64]:
        """The n-gram that ends at each symbol and each end, as a number in base `symbols + 2`."""
        begin = [self._end + 1] * (self._order - 1)
        line = np.array([symbol for each in sequences for symbol in (*begin, *each, self._end)], np.int64)
        keys = np.zeros(len(line), np.int64)
        for back in range(min(self._order, len(line))):
            keys[back:] += line[: len(line) - back] * self._base**back
        return keys[line != self._end + 1]


class _Level:
    """Counts of the n-grams of one length."""

    def __init__(self, kinds: NDArray[np.int64], counts: NDArray[np.int64], base: int):
        self.kinds, self.counts, self.base = kinds, counts, base
        self.discounts = _discounts(counts)
        self.contexts, first = np.unique(kinds // base, return_index=True)
        taken = self.discounts[np.minimum(counts, 3)]
        self.totals = np.add.reduceat(counts, first) if len(counts) else counts
        self.left = np.add.reduceat(taken, first) / self.totals if len(counts) else taken

    def interpolated(self, keys: NDArray[np.int64], lower: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of the last symbol of each n-gram, given those of the model one shorter."""
        if not len(self.kinds):
            return lower
        place = np.minimum(np.searchsorted(self.contexts, keys // self.base), len(self.contexts) - 1)
        known = self.contexts[place] == keys // self.base
        kind = np.minimum(np.searchsorted(self.kinds, keys), len(self.kinds) - 1)
        counts = np.where(self.kinds[kind] == keys, self.counts[kind], 0)
        own = (counts - self.discounts[np.minimum(counts, 3)]) / self.totals[place]
        return np.where(known, own + self.left[place] * lower, lower)


def _discounts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(4,) what is taken from counts of 0, 1, 2, 3 and more."""
    n1, n2, n3, n4 = (int((counts == i).sum()) for i in range(1, 5))
    if not (n1 and n2 and n3):  # too little to estimate them from
        return np.array([0, 0.5, 0.75, 1.0])
    y = n1 / (n1 + 2 * n2)
    estimates = [0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return np.clip(estimates, [0, 0.1, 0.1, 0.1], [0, 1, 2, 3])  # something is always left for the unseen


class WordTrigram:
    """A trigram of words, with the spelling of those that it does not know."""

    def __init__(self, texts: Sequence[str]):
        """Learn from texts. What is seen once stands for the unknown, in its place and in how it is spelt."""
        pieces = [PIECE.findall(text) for text in texts]
        counts = Counter(piece for text in pieces for piece in text)
        known = sorted(piece for piece, count in counts.items() if count > 1)
        self._index = {piece: i for i, piece in enumerate(known)}
        once = sorted(set(counts) - set(known))
        self._words = NGram([self._symbols(text) for text in pieces], len(known) + 1, TRIGRAM)
        self._spelling = NGram([list(piece.encode()) for piece in once], 256, SPELLING_ORDER)

    def bits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(n,) bits that each text costs, as a whole."""
        pieces = [PIECE.findall(text) for text in texts]
        bits = self._words.bits([self._symbols(text) for text in pieces])
        unknown = [(i, piece) for i, text in enumerate(pieces) for piece in text if piece not in self._index]
        spelling = self._spelling.bits([list(piece.encode()) for _, piece in unknown])
        return bits + np.bincount([i for i, _ in unknown], spelling, minlength=len(texts))

    def _symbols(self, pieces: Sequence[str]) -> list[int]:
        return [self._index.get(piece, len(self._index)) for piece in pieces]
