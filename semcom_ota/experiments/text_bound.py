"""What any separate scheme could do with a text: the finite-blocklength bound as a curve of BLEU-1."""

import math
from collections.abc import Sequence

import numpy as np

from semcom_ota.coding.finite_blocklength import block_error, gaussian_moments
from semcom_ota.experiments.sweep_config import symbols_for


def bleu_bound(texts: Sequence[str], budget: float, bits: Sequence[float], snr_db: Sequence[float]) -> list[float]:
    """BLEU-1 in AWGN of the best code for texts that a source code has compressed, each in a block of its own.

    A block that fails is an empty text, so that BLEU-1 is left with the words of the others and the penalty for
    brevity: exp(1 - 1/p) where a share p of the words comes through. A codec that keeps some words of a text that it
    gets wrong may lie above it, and so may one whose source code is better. Normal approximation, Gaussian inputs.

    What texts cost differs (of captions under a language model, from 3 to 8.5 bits a word). With the mean in place of
    each one's own bits, no text is dearer than another, and the curve is steeper: at 8 symbols a word 1.1 dB to the
    left at BLEU-1 0.9.

    Args:
        texts: at least one.
        budget: payload symbols a word.
        bits: (texts,) what the source code makes of each.
        snr_db: Es/N0.

    Returns:
        One figure for each SNR, 0..1.
    """
    words = np.array([len(text.split()) for text in texts])
    blocks = [(symbols_for(text, budget), cost) for text, cost in zip(texts, bits, strict=True)]
    curve = []
    for place in snr_db:
        moments = gaussian_moments(place)
        whole = {block: 1 - block_error(*block, moments) for block in set(blocks)}
        share = float(np.dot(words, [whole[block] for block in blocks])) / words.sum()
        curve.append(math.exp(1 - 1 / share) if share > 0 else 0.0)
    return curve
