"""Figures with 95 % intervals: proportions, rare events, any function of means, and how good received texts are.

A message that did not arrive is an empty text and scores zero.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU
from scipy import special

RESAMPLES = 1000
Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def proportion(count: int, total: int) -> Estimate:
    """So many of a total of at least one, with Wilson's interval."""
    share, spread = count / total, Z_95**2 / total
    middle = (share + spread / 2) / (1 + spread)
    reach = math.sqrt(spread * share * (1 - share) + spread**2 / 4) / (1 + spread)
    return Estimate(share, max(middle - reach, 0.0), min(middle + reach, 1.0))


def rare_count(count: int) -> Estimate:
    """A number of rare independent events, with the exact interval of its Poisson mean (F. Garwood, Biometrika, 1936).

    Of none, the upper bound is that on one side: 3.
    """
    if count == 0:
        return Estimate(0.0, 0.0, -math.log(0.05))
    return Estimate(count, float(special.gammaincinv(count, 0.025)), float(special.gammaincinv(count + 1, 0.975)))


def bootstrap(
    figure: Callable[[NDArray[np.float64]], NDArray[np.float64]], rows: NDArray[np.float64], seed: int = 0
) -> Estimate:
    """A function of the column means of a table, with a percentile bootstrap over its rows.

    Args:
        figure: takes (..., columns) means to (...) values.
        rows: (n, columns), n >= 1, independent.
        seed: of the resampling.
    """
    table = np.asarray(rows, np.float64)
    weights = np.random.default_rng(seed).multinomial(len(table), np.full(len(table), 1 / len(table)), size=RESAMPLES)
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample may hold nothing of a rare part
        low, high = np.nanpercentile(figure(weights @ table / len(table)), [2.5, 97.5])
    return Estimate(float(figure(table.mean(axis=0))), float(low), float(high))


def bleu_signature() -> str:
    """sacrebleu's description of how BLEU is computed here."""
    metric = BLEU(tokenize="13a", lowercase=False, smooth_method="none")
    metric.corpus_score(["a"], [["a"]])
    return str(metric.get_signature())


def word_errors(sent: str, received: str) -> tuple[int, int]:
    """Word-level Levenshtein alignment of two texts (words: runs between white space).

    Returns:
        errors: substitutions, deletions and insertions.
        right: words of `sent` that are matched; the most that an alignment with so few errors has.
    """
    reference, words = sent.split(), received.split()
    row = [(j, 0) for j in range(len(words) + 1)]  # (errors, -matches): the smallest tuple is the best
    for i, expected in enumerate(reference, 1):
        previous, row = row, [(i, 0)]
        for j, word in enumerate(words, 1):
            errors, matches = previous[j - 1]
            diagonal = (errors, matches - 1) if word == expected else (errors + 1, matches)
            deletion = (previous[j][0] + 1, previous[j][1])
            insertion = (row[j - 1][0] + 1, row[j - 1][1])
            row.append(min(diagonal, deletion, insertion))
    errors, matches = row[-1]
    return errors, -matches


def text_quality(sent: Sequence[str], received: Sequence[str], seed: int = 0) -> dict[str, Estimate]:
    """Corpus BLEU-1..4 (sacrebleu, 13a, cased, unsmoothed, 0..1), word error rate, shares of right words and of copies.

    Intervals are percentiles of a bootstrap over messages.

    Args:
        sent: what was sent, at least one text.
        received: what came out, in the same order; an empty text where nothing did.
        seed: of the bootstrap.
    """
    metric = BLEU(tokenize="13a", lowercase=False, smooth_method="none")
    rows = []
    for reference, text in zip(sent, received, strict=True):
        score = metric.corpus_score([text], [[reference]])
        errors, right = word_errors(reference, text)
        words = len(reference.split())
        rows.append(
            [*score.counts, *score.totals, score.sys_len, score.ref_len, errors, right, words, text == reference]
        )
    table = np.array(rows, dtype=np.float64)

    figures: dict[str, Callable[[NDArray[np.float64]], float]] = {
        **{f"bleu{order}": _bleu_of(order) for order in range(1, 5)},
        "word_error_rate": lambda total: total[10] / max(total[12], 1),
        "words_right": lambda total: total[11] / max(total[12], 1),
        "exact_match": lambda total: total[13] / len(table),
    }
    rng = np.random.default_rng(seed)
    resampled = [table[rng.integers(len(table), size=len(table))].sum(axis=0) for _ in range(RESAMPLES)]
    whole = table.sum(axis=0)
    result = {}
    for name, figure in figures.items():
        low, high = np.percentile([figure(total) for total in resampled], [2.5, 97.5])
        result[name] = Estimate(float(figure(whole)), float(low), float(high))
    return result


def _bleu_of(order: int) -> Callable[[NDArray[np.float64]], float]:
    """Corpus BLEU of this order from summed counts (4), totals (4), system length and reference length."""

    def score(total: NDArray[np.float64]) -> float:
        counts, totals, (system, reference) = total[:order], total[4 : 4 + order], total[8:10]
        if system == 0 or (counts == 0).any():
            return 0.0
        brevity = min(0.0, 1 - reference / system)
        return float(np.exp(np.log(counts / totals).mean() + brevity))

    return score
