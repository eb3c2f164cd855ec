"""Answers of a large model (LAM) of the BERT kind to questions about what a memory holds.

An answer is a text of which no symbols were received: the LAM is handed empty slots where it would be handed received
vectors, with the question and the memory as context, and decides all of the slots together, through its embeddings, as
it decides a received text (`lam_backbone.EncoderLam`). Its layers may be one layer used again and again (ALBERT, Lan et
al., ICLR 2020): recurrence in depth, as in the universal transformer (Dehghani et al., ICLR 2019), which reasoning over
several facts needs.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from semcom_ota.codecs.lam_backbone import EncoderLam, Heard
from semcom_ota.codecs.lam_model import Context

SLOTS = 3
"""Words of an answer, at most; those of a list in the order of the alphabet."""


class Meaning(nn.Module):
    """One vector of a whole text: the sum of its tokens' embeddings, each bound to its place.

    One half of every embedding is added up as it is, so that texts about the same are alike; the other is first
    multiplied by a vector of the token's place, so that "wolves fear mice" is not "mice fear wolves". The sum has no
    length of its own, so how far all tokens together are trusted is said by a vector of doubt.
    """

    def __init__(self, width: int, places: int):
        """For texts of `places` tokens; what is behind them does not count. Random: seed torch first."""
        super().__init__()
        half = width // 2
        self.place = nn.Parameter(torch.cat([torch.ones(places, half), torch.randn(places, width - half)], 1))
        self.norm = nn.LayerNorm(width)
        self.doubt = nn.Parameter(torch.randn(width) * 0.3)

    def forward(self, embedded: Tensor, trust: Tensor) -> Tensor:
        """Features of texts.

        Args:
            embedded: (B, T, width).
            trust: (B, T), how sure it is that each token was sent: 0..1, 0 where there is none.

        Returns:
            (B, width).
        """
        count = min(embedded.shape[1], len(self.place))
        bound: Tensor = embedded[:, :count] * self.place[:count] * trust[:, :count, None]
        mean = trust.sum(1, keepdim=True) / (trust > 0).sum(1, keepdim=True).clamp(min=1)
        features: Tensor = self.norm(bound.sum(1)) + (1 - mean) * self.doubt
        return features


@dataclass(frozen=True, slots=True)
class Answers:
    """What the LAM made of questions."""

    words: Tensor  # (B, SLOTS, vocabulary) logits
    support: Tensor  # (B, C) logits: whether each entry of the memory was needed for the answer


class AnsweringLam(nn.Module):
    """A LAM with what it takes to answer."""

    def __init__(self, lam: EncoderLam, places: int, blank: int):
        """`lam` is taken over. `places`: tokens of a sentence that count; `blank` is the word of an empty slot."""
        super().__init__()
        self.lam, self.blank = lam, blank
        width = lam.width
        self.meaning = Meaning(width, places)
        self.slot = nn.Parameter(torch.randn(SLOTS, width) * 0.1)
        self.asked = nn.Parameter(torch.randn(2, width) * 0.1)  # a question's tokens, and its meaning as a whole
        self.word = nn.LayerNorm(width)
        self.to_support = nn.Linear(width, 1)

    def features(self, tokens: Tensor, trust: Tensor) -> Tensor:
        """(B, width) of (B, T) int64 tokens, with (B, T) trust in each: see `Meaning`."""
        return self.meaning(self.lam.embed(tokens), trust)

    def forward(self, question: Tensor, trust: Tensor, memory: Context) -> Answers:
        """Answer.

        Args:
            question: (B, T) int64 tokens.
            trust: (B, T), 0 where there is no token.
            memory: (B, C) vectors of entries, and which of them are there.
        """
        heard = self._heard(question, trust, memory)
        text, context = self.lam.states(heard)
        support: Tensor = self.to_support(context[:, 1 + question.shape[1] :])[..., 0]
        return Answers(self.lam.words(text), support)

    def later(self, memory: Context, head: nn.Linear) -> Tensor:
        """(B, C) logits from `head` (width to 1): whether each entry will be needed, before anything is asked."""
        nothing = torch.zeros(len(memory.mask), 0, dtype=torch.long, device=memory.mask.device)
        _, context = self.lam.states(self._heard(nothing, nothing.float(), memory))
        needed: Tensor = head(context[:, 1:])[..., 0]
        return needed

    def _heard(self, question: Tensor, trust: Tensor, memory: Context) -> Heard:
        embedded = self.lam.embed(question)
        whole = self.meaning(embedded, trust)[:, None] + self.asked[1]
        parts = self.word(embedded * self.meaning.place[: question.shape[1]]) * trust[..., None] + self.asked[0]
        slots = self.slot.expand(len(question), -1, -1)
        there = torch.ones(len(question), SLOTS + 1, dtype=torch.bool, device=question.device)
        return Heard(
            received=slots,
            mask=there[:, :SLOTS],
            context=torch.cat([whole, parts, memory.vectors], 1),
            context_mask=torch.cat([there[:, :1], trust > 0, memory.mask], 1),
        )
