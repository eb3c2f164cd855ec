"""What a LAM makes of a message: texts that may have been sent, each with its probability."""

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Candidate:
    """A text that may have been sent."""

    tokens: list[int]
    chances: list[float]  # natural logarithm of the probability of each, given those before

    @property
    def total(self) -> float:
        """Natural logarithm of the probability of the whole text."""
        return math.fsum(self.chances)


@dataclass(slots=True)
class Reading:
    """What the LAM makes of a message."""

    candidates: list[Candidate]  # likeliest first
    forms: list[int]
    present: list[bool]  # False where a token's symbols got lost and it is more likely wrong than right


def join(several: list[Reading]) -> Reading:
    """A message from its chunks: the likeliest combinations of what each may have been."""
    joined = several[0]
    for more in several[1:]:
        combined = [
            Candidate(left.tokens + right.tokens, left.chances + right.chances)
            for left in joined.candidates
            for right in more.candidates
        ]
        combined.sort(key=lambda candidate: -candidate.total)
        joined = Reading(
            combined[: max(len(joined.candidates), len(more.candidates))],
            joined.forms + more.forms,
            joined.present + more.present,
        )
    return joined


def expected_right(candidate: Candidate, present: list[bool]) -> float:
    """The expected share of tokens that are right; those left out count as wrong."""
    here = [math.exp(chance) for chance, kept in zip(candidate.chances, present, strict=True) if kept]
    return min(math.fsum(here) / len(present), 1.0)
