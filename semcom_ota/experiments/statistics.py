"""Figures with 95 % intervals: proportions, rare events, any function of means, and how good received texts are.

A message that did not arrive is an empty text and scores zero.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU
from scipy import special

from semcom_ota.codecs.base import without_gaps

RESAMPLES = 1000
Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def proportion(count: float, total: float) -> Estimate:
    """So many of a total of at least one, with Wilson's interval."""
    share, spread = count / total, Z_95**2 / total
    middle = (share + spread / 2) / (1 + spread)
    reach = math.sqrt(spread * share * (1 - share) + spread**2 / 4) / (1 + spread)
    return Estimate(share, max(middle - reach, 0.0), min(middle + reach, 1.0))


def clustered_proportion(right: NDArray[np.float64], cluster: NDArray[np.int64]) -> Estimate:
    """The share of trials that came out right, where those of a cluster may be alike: Wilson's interval.

    It is that of the effective number of trials (N. Dean and M. Pagano, J. Survey Stat. Methodol., 2015): as many
    independent ones as have the variance of the share, and never more than there are; where all trials came out alike,
    the number of clusters.

    Args:
        right: (n,) of each trial, 0 or 1; n >= 1.
        cluster: (n,) which cluster it is of: the text that was sent several times, say.
    """
    _, place = np.unique(cluster, return_inverse=True)
    clusters, share = int(place.max()) + 1, float(right.mean())
    spread = np.bincount(place, right - share)  # linearised: of each cluster, what it adds to the share
    variance = float((spread**2).sum()) / len(right) ** 2 * clusters / max(clusters - 1, 1)
    independent = share * (1 - share) / max(len(right) - 1, 1)  # what it were if no two trials were alike
    effective = min(len(right) * independent / variance, len(right)) if independent * variance > 0 else clusters
    return proportion(share * effective, effective)


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


class Resampling:
    """A bootstrap over messages that every figure of a comparison shares: what makes differences paired.

    Draw 0 is the sample itself; the others hold as many messages, drawn with replacement. A figure is a function of
    sums over rows, and a message may have any number of rows: they are drawn together, because they are not
    independent of each other (one text at several SNRs, say).
    """

    def __init__(self, messages: int, seed: int = 0) -> None:
        """Prepare `RESAMPLES` draws.

        Args:
            messages: how many there are, at least one; rows name theirs by its number, 0..messages-1.
            seed: of the draws.
        """
        self.messages = messages
        rng = np.random.default_rng(seed)
        self._weights = np.ones((RESAMPLES + 1, messages), np.float64)
        for weights in self._weights[1:]:
            weights[:] = np.bincount(rng.integers(messages, size=messages), minlength=messages)

    def sums(self, table: NDArray[np.float64], message: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Column sums of a table in every draw.

        Args:
            table: (n, columns).
            message: (n,) whose row it is; None: row i is message i's.

        Returns:
            (RESAMPLES + 1, columns); row 0 is the table's own.
        """
        if message is None:
            return self._weights @ table
        together = np.zeros((self.messages, table.shape[1]))
        np.add.at(together, message, table)
        return self._weights @ together


def estimate(draws: NDArray[np.float64]) -> Estimate:
    """A figure's value and its percentile interval from its values in the draws of a `Resampling`.

    Args:
        draws: (RESAMPLES + 1,); NaN where a draw does not hold what the figure needs.
    """
    resampled = draws[1:][~np.isnan(draws[1:])]
    low, high = np.percentile(resampled, [2.5, 97.5]) if len(resampled) else (draws[0], draws[0])
    return Estimate(float(draws[0]), float(low), float(high))


def bleu_signature() -> str:
    """sacrebleu's description of how BLEU is computed here."""
    _metric().corpus_score(["a"], [["a"]])
    return str(_metric().get_signature())


def word_errors(sent: str, received: str) -> tuple[int, int]:
    """Word-level Levenshtein alignment of two texts (words: runs between white space; a gap in `received` is none).

    Returns:
        errors: substitutions, deletions and insertions.
        right: words of `sent` that are matched; the most that an alignment with so few errors has.
    """
    reference, words = sent.split(), without_gaps(received).split()
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


def quality_rows(sent: Sequence[str], received: Sequence[str]) -> NDArray[np.float64]:
    """What every figure of text quality is made of, by message: see `QUALITY`.

    Args:
        sent: what was sent.
        received: what came out, in the same order; an empty text where nothing did. What a codec puts for a part that
            did not come through (`codecs.base.GAP`) is no word and no token.

    Returns:
        (n, 15): n-grams that match (4), n-grams received (4), lengths received and sent in tokens, word errors, words
        right, words sent, whether it is a copy, 1.
    """
    rows = [_quality_row(*pair) for pair in zip(sent, received, strict=True)]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 15)


@functools.lru_cache(maxsize=2**16)  # at a good SNR most messages of a sweep are the same pair again
def _quality_row(sent: str, received: str) -> tuple[float, ...]:
    score = _metric().corpus_score([received if sent == received else without_gaps(received)], [[sent]])
    words = len(sent.split())
    errors, right = (0, words) if sent == received else word_errors(sent, received)
    return (*score.counts, *score.totals, score.sys_len, score.ref_len, errors, right, words, sent == received, 1)


@functools.lru_cache(maxsize=1)
def _metric() -> BLEU:
    return BLEU(tokenize="13a", lowercase=False, smooth_method="none")


def _bleu(order: int, total: NDArray[np.float64]) -> NDArray[np.float64]:
    counts, totals = total[..., :order], total[..., 4 : 4 + order]
    system, reference = total[..., 8], total[..., 9]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.log(counts / totals).mean(axis=-1)
        score = np.exp(precision + np.minimum(0.0, 1 - reference / system))
    return np.where((system == 0) | (counts == 0).any(axis=-1), 0.0, score)


def _share(part: int, whole: int, total: NDArray[np.float64]) -> NDArray[np.float64]:
    return total[..., part] / np.maximum(total[..., whole], 1)


QUALITY: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    **{f"bleu{order}": functools.partial(_bleu, order) for order in range(1, 5)},
    "word_error_rate": functools.partial(_share, 10, 12),
    "words_right": functools.partial(_share, 11, 12),
    "exact_match": functools.partial(_share, 13, 14),
}
"""Figures of text quality: each takes (..., 15) sums of `quality_rows` to (...) values."""


def text_quality(
    sent: Sequence[str], received: Sequence[str], seed: int = 0, text: Sequence[int] | None = None
) -> dict[str, Estimate]:
    """Corpus BLEU-1..4 (sacrebleu, 13a, cased, unsmoothed, 0..1), word error rate, shares of right words and of copies.

    Intervals are percentiles of a bootstrap over messages.

    Args:
        sent: what was sent, at least one text.
        received: what came out, in the same order; an empty text where nothing did.
        seed: of the bootstrap.
        text: which text each message is, where some were sent several times; None: each is another one.
    """
    number = np.arange(len(sent)) if text is None else np.unique(np.asarray(text), return_inverse=True)[1]
    sums = Resampling(int(number.max()) + 1, seed).sums(quality_rows(sent, received), number)
    return {name: estimate(figure(sums)) for name, figure in QUALITY.items()}
