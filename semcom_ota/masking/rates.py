"""Nested patterns of what is sent, and whether a mask still tells messages apart."""

import math

import numpy as np
from numpy.typing import NDArray

PATTERNS = 64
"""Pattern p sends the first PATTERNS - p of PATTERNS parts of a message: 6 bits of the frame header say which."""
SAME_SHARE = 0.95
"""Of messages that differ in content and channel: if so many have one pattern, the mask has collapsed."""
LEAST_SPREAD = 0.02
"""Standard deviation of the shares sent, below which it has, too."""


def kept_by(pattern: int, n_symbols: int) -> int:
    """Symbols that a pattern, 0..PATTERNS-1, sends of a message: 1..n_symbols."""
    return max(1, math.ceil(n_symbols * (PATTERNS - pattern) / PATTERNS))


def share_of(patterns: NDArray[np.int64]) -> NDArray[np.float64]:
    """The share of a message that each pattern sends."""
    return (PATTERNS - patterns) / PATTERNS


def collapsed(patterns: NDArray[np.int64]) -> str:
    """Why a mask has collapsed that chose these patterns for messages that differ in content and channel; '' if not."""
    most = int(np.bincount(patterns, minlength=PATTERNS).max())
    spread = float(share_of(patterns).std())
    if most > SAME_SHARE * len(patterns):
        return f"{most} of {len(patterns)} messages have one pattern"
    if spread < LEAST_SPREAD:
        return f"the shares that are sent differ by {spread:.3f} only"
    return ""
