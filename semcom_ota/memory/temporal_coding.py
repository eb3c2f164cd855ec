"""When an entry was sent, as vectors that a large model can add to what it says.

Order and age are different things: after lost frames the entry before the newest may be many messages old. The order
is learned, one vector a rank, because reasoning asks for "the one before"; the age is sinusoidal (Vaswani et al.,
NeurIPS 2017), so that ages that training never saw still lie where they belong. Both count what the *transmitter*
sent, not what arrived: a lost frame leaves a gap in the ages, and one that is late takes its place in the order.
"""

import math

import torch
from torch import Tensor, nn

RANKS = 64
"""Told apart one by one; the ranks beyond share one vector each power of two."""
_COARSE = 12
LONGEST_PERIOD = 4096.0
"""Messages: ages up to about this can be told apart."""


class TemporalCoding(nn.Module):
    """Order and age to vectors."""

    def __init__(self, width: int):
        """Of `width` elements, an even number, from torch's global generator."""
        super().__init__()
        self.rank = nn.Embedding(RANKS + _COARSE, width)
        nn.init.normal_(self.rank.weight, std=0.25)
        self.age = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.age.weight)  # the order comes first; what ages add is learned
        self._frequencies: Tensor
        periods = torch.exp(torch.linspace(0, math.log(LONGEST_PERIOD), width // 2))
        self.register_buffer("_frequencies", 2 * math.pi / (2 * periods), persistent=False)

    def forward(self, ranks: Tensor, ages: Tensor) -> Tensor:
        """Vectors of entries.

        Args:
            ranks: (B, C) int64, 0 for the one that was sent last.
            ages: (B, C) int64, messages sent since, at least 0.

        Returns:
            (B, C, width).
        """
        phase = ages[..., None].float() * self._frequencies
        return self.rank(_bucket(ranks)) + self.age(torch.cat([phase.sin(), phase.cos()], -1))


def _bucket(ranks: Tensor) -> Tensor:
    """0..RANKS-1 as they are, then one a power of two."""
    ranks = ranks.clamp(min=0)
    coarse = RANKS + torch.log2(ranks.clamp(min=RANKS).float() / RANKS).long().clamp(max=_COARSE - 1)
    return torch.where(ranks < RANKS, ranks, coarse)
