"""What was heard before, as a prior of what comes: a cache beside a language model (Kuhn and De Mori, 1990).

After the same one or two words, what was said before is likely to be said again. The counts of what followed them in
the texts that are remembered are interpolated with the language model, two orders deep, as in a hierarchical Dirichlet
language model (MacKay and Bauman Peto, 1995): `P_k(w) = (c_k(w) + s_k P_(k-1)(w)) / (n_k + s_k)`, where P_0 is the
language model's, c_k counts the tokens that followed the last k, each as far as its text is trusted, and n_k is their
sum.
"""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from semcom_ota.codecs.base import GAP, DoesNotFit, Remembered
from semcom_ota.codecs.lam_search import Prior
from semcom_ota.codecs.language_model import LanguageModel

STRENGTHS = (16.0, 8.0)
"""Of each order: as many occurrences as the shorter context weighs. Of 4 to 10**9 each, for orders of none to three
tokens, these are within 0.1 bits a word of the best on 12 stories of each of 7 bAbI tasks and 40 pictures with 5
captions, all of validation; an order of none made it worse, one of three gained no more than that."""
START = -1
"""Stands before a text as often as there are orders."""
MOST_TOKENS = 2**13
"""Of all that is remembered, the newest first: whoever sends decides how much there is to count."""
MOST_CHARACTERS = 1024
"""Of a text: a longer one is not counted."""
_Context = tuple[int, ...]
_Follows = tuple[
    float, Tensor, Tensor
]  # what is left to the shorter context; tokens, and logs of what is added to each


def runs(model: LanguageModel, before: Sequence[Remembered]) -> list[tuple[list[int], float]]:
    """What was heard without a gap, as `MemoryPrior` takes it.

    Args:
        model: whose tokens they are to be.
        before: the oldest first.
    """
    found: list[tuple[list[int], float]] = []
    left = MOST_TOKENS
    for one in reversed(before):
        if one.trust <= 0 or len(one.text) > MOST_CHARACTERS:
            continue
        try:
            pieces = [model.tokens(piece) if piece.strip() else [] for piece in one.text.split(GAP)]
        except DoesNotFit:
            continue
        left -= sum(map(len, pieces))
        if left < 0:
            break
        pieces[0] = [START] * len(STRENGTHS) + pieces[0]
        pieces[-1].append(model.end)
        found += [(piece, one.trust) for piece in pieces]
    return found


class MemoryPrior(Prior):
    """Another prior, and what was heard before adds to it."""

    def __init__(self, base: Prior, heard: Sequence[tuple[Sequence[int], float]]) -> None:
        """Count what follows what.

        Args:
            base: without memory.
            heard: tokens in a row, with `START` before those that began a text and the end behind those that ended
                one, and how far to trust them (0..1). See `runs`.
        """
        super().__init__()
        self._base = base
        self._counts = defaultdict[_Context, defaultdict[int, float]](lambda: defaultdict(float))
        self._follows: dict[_Context, _Follows] = {}
        for tokens, trust in heard:
            for place, token in enumerate(tokens):
                for order in range(1, min(place, len(STRENGTHS)) + 1) if token != START else ():
                    self._counts[tuple(tokens[place - order : place])][token] += trust

    def __call__(self, of_model: Tensor, before: Tensor) -> Tensor:
        """See `Prior`."""
        known = self._base(of_model, before)
        endings = [[START] * len(STRENGTHS) + ending for ending in before[:, -len(STRENGTHS) :].tolist()]
        for order in range(1, len(STRENGTHS) + 1):
            known = self._added(known, [self._after(tuple(ending[-order:])) for ending in endings])
        return known

    def _added(self, shorter: Tensor, follows: Sequence[_Follows]) -> Tensor:
        """(R, V) from those of the shorter contexts."""
        left, tokens, logs = zip(*follows, strict=True)
        sizes = torch.tensor([len(some) for some in tokens])
        if not int(sizes.sum()):
            return shorter
        total = shorter + torch.tensor(left, device=shorter.device).log()[:, None]
        where = (
            torch.arange(len(sizes)).repeat_interleave(sizes).to(shorter.device),
            torch.cat(tokens).to(shorter.device),
        )
        total[where] = torch.logaddexp(total[where], torch.cat(logs).to(shorter.device))
        return total

    def _after(self, context: _Context) -> _Follows:
        if context not in self._follows:
            seen: dict[int, float] = self._counts.get(context, {})
            strength = STRENGTHS[len(context) - 1]
            total = sum(seen.values()) + strength
            counts = torch.tensor(list(seen.values()), dtype=torch.float32)
            self._follows[context] = (
                strength / total,
                torch.tensor(list(seen), dtype=torch.long),
                (counts / total).log(),
            )
        return self._follows[context]
