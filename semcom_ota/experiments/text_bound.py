"""What any separate scheme could do with a text: the finite-blocklength bound as a curve of BLEU-1, and who is near."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semcom_ota.coding.finite_blocklength import block_error, gaussian_moments
from semcom_ota.experiments.sweep_config import symbols_for
from semcom_ota.experiments.sweep_figures import LEVELS, Record
from semcom_ota.experiments.sweep_pictures import Bound
from semcom_ota.experiments.sweep_tables import Table

HEADER_BITS = 24
"""What a codec may tell in the frame header, which is overhead."""
OWN_BITS = "bound, finite blocklength"
LESS_HEADER = f"the same with the {HEADER_BITS} bits of the header for nothing"
STEPS = 120


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


def bounds(
    points: Sequence[Record], texts: Sequence[str], bits: NDArray[np.float64], budget: float
) -> dict[str, Bound]:
    """What the best code could make of texts that a language model has compressed, each as dear as it is.

    All of their bits in the payload, or as many fewer as the header could hold, if a codec spent them on nothing else.

    Args:
        points: of the panel.
        texts: that were sent.
        bits: (texts,) what each costs.
        budget: payload symbols a word.
    """
    snrs = sorted({point["snr_db"] for point in points})
    first = snrs[0] - 3
    steps = [first + (snrs[-1] - first) * step / STEPS for step in range(STEPS + 1)]
    costs = {OWN_BITS: bits, LESS_HEADER: np.maximum(bits - HEADER_BITS, 0)}
    return {name: (steps, bleu_bound(texts, budget, cost.tolist(), steps)) for name, cost in costs.items()}


def distances(reached: Sequence[Record], limits: dict[str, Bound]) -> Table:
    """By how many dB each codec misses the bounds at the levels of BLEU-1, of all messages.

    Args:
        reached: the SNRs at which the codecs of a panel reach levels.
        limits: of `bounds`.
    """
    rows = []
    for level in LEVELS["bleu1"]:
        places = {name: _reached(level, *limit) for name, limit in limits.items()}
        for name, (steps, curve) in limits.items():
            place = _out_of_reach(level, steps, curve) or f"{places[name]:.2f}"
            rows.append((f"{level:g}", name, place, *[""] * len(limits)))
        for one in reached:
            at = _value(one) if (one["metric"], one["level"], one["length"]) == ("bleu1", level, "all") else None
            if at is not None:
                above = ("" if place is None else f"{at - place:+.2f}" for place in places.values())
                ends = ", ".join([_end(one["low"]), _end(one["high"])])
                rows.append((f"{level:g}", one["codec"], f"{at:.2f} [{ends}]", *above))
    head = ("BLEU-1", "", "reached at SNR (dB) [95 %]", "above the bound (dB)", "above that with the header (dB)")
    caption = (
        "The bound is what the best code of this length could deliver of texts that cost what the language model says, "
        "each whole or not at all (normal approximation). All codecs tell something in the header, a length or a "
        f"checksum; the second bound is that of a code that puts {HEADER_BITS} bits of the text there. A codec that "
        "keeps some words of a text that it gets wrong may lie left of a bound."
    )
    return Table("How far from the bound", caption, head, tuple(rows))


def _reached(level: float, steps: Sequence[float], curve: Sequence[float]) -> float | None:
    return None if _out_of_reach(level, steps, curve) else float(np.interp(level, curve, steps))


def _out_of_reach(level: float, steps: Sequence[float], curve: Sequence[float]) -> str | None:
    if level > curve[-1]:
        return f"not reached up to {steps[-1]:g}"
    return f"above it from {steps[0]:g} on" if level < curve[0] else None


def _value(one: Record) -> float | None:
    low, high = one["at_least"], one["at_most"]
    return low if low is not None and low == high else None


def _end(value: float | None) -> str:
    return "open" if value is None or not math.isfinite(value) else f"{value:.2f}"
