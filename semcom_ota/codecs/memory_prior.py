"""What was heard before, as a prior of what comes: a cache beside a language model (Kuhn and De Mori, 1990).

After the same one or two words, what was said before is likely to be said again. The counts of what followed them in
the texts that are remembered are interpolated with the language model, two orders deep, as in a hierarchical Dirichlet
language model (MacKay and Bauman Peto, 1995): `P_k(w) = (c_k(w) + s_k P_(k-1)(w)) / (n_k + s_k)`, where P_0 is the
language model's, c_k counts the tokens that followed the last k, each as far as its text is trusted, and n_k is their
sum.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from semcom_ota.codecs.lam_search import Prior

STRENGTHS = (16.0, 8.0)
"""Of each order: as many occurrences as the shorter context weighs. Of 4 to 10**9 each, for orders of none to three
tokens, these were best on stories and captions held out; an order of none and one of three were worth nothing."""
_START = -1
_Context = tuple[int, ...]


class MemoryPrior(Prior):
    """Another prior, and what the texts that are remembered add to it."""

    def __init__(self, base: Prior, remembered: Sequence[tuple[Sequence[int], float]], end: int) -> None:
        """Count what follows what.

        Args:
            base: without memory.
            remembered: texts as tokens, without their end, and how far to trust them (0..1).
            end: the token that ends a text.
        """
        super().__init__()
        self._base = base
        self._counts = [defaultdict[_Context, defaultdict[int, float]](lambda: defaultdict(float)) for _ in STRENGTHS]
        self._found: dict[_Context, tuple[float, dict[int, float]]] = {}
        for tokens, trust in remembered:
            text = [*[_START] * len(STRENGTHS), *tokens, end]
            for place in range(len(STRENGTHS), len(text)):
                for order, counts in enumerate(self._counts, 1):
                    counts[tuple(text[place - order : place])][text[place]] += trust

    def __call__(self, of_model: Tensor, before: Tensor) -> Tensor:
        """See `Prior`."""
        known = self._base(of_model, before)
        left: list[float] = []
        rows: list[int] = []
        tokens: list[int] = []
        added: list[float] = []
        for row, ending in enumerate(before[:, -len(STRENGTHS) :].tolist()):
            share, more = self._after((*[_START] * (len(STRENGTHS) - len(ending)), *ending))
            left.append(math.log(share))
            rows += [row] * len(more)
            tokens += more
            added += more.values()
        total = known + torch.tensor(left, device=known.device)[:, None]
        if rows:
            where = torch.tensor(rows, device=known.device), torch.tensor(tokens, device=known.device)
            total[where] = torch.logaddexp(total[where], torch.tensor(added, device=known.device).log())
        return total

    def _after(self, context: _Context) -> tuple[float, dict[int, float]]:
        """What is left to the language model after these tokens, and the probabilities that are added to its own."""
        if context not in self._found:
            share, more = 1.0, dict[int, float]()
            for order, (counts, strength) in enumerate(zip(self._counts, STRENGTHS, strict=True), 1):
                seen: dict[int, float] = counts.get(context[-order:], {})
                total = sum(seen.values()) + strength
                share *= strength / total
                more = {token: chance * strength / total for token, chance in more.items()}
                for token, count in seen.items():
                    more[token] = more.get(token, 0.0) + count / total
            self._found[context] = share, more
        return self._found[context]
