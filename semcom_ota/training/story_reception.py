"""How a receiver comes to know a story, for training without a channel: what it took for what, and how sure it is.

Every story gets a channel: none to speak of, a steady one, or one that fades from sentence to sentence. By its SNR a
sentence is lost, or some of its tokens are taken for others, and the decoder's confidence, which the reader takes for
its trust in each token, falls as it should: so the model learns what confidence and CSI are worth. Now and then some
sentences in a row are lost over any channel, as where a receiver had a gap: what was said in them is not known, and the
model learns to say so by its confidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semcom_ota.memory.csi_coding import BANDS, HISTORY, KnownChannel, csi_rows
from semcom_ota.memory.entry import SLOTS
from semcom_ota.types import FloatArray

CLEAN_SHARE = 0.4
BURST_SHARE, LONGEST_BURST = 0.1, 8
"""In so many stories up to so many sentences in a row are lost, however good the channel is."""
FADING_SHARE = 0.3
LOWEST_DB, HIGHEST_DB = -6.0, 18.0
LOST_AT_DB = -5.0
"""Half of the sentences are lost at this SNR."""
CONFUSED_AT_DB = -1.0
"""Half as many tokens as can be are taken for others at this SNR."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence or a question as it came out."""

    tokens: NDArray[np.int64]
    trust: FloatArray  # (tokens,), the chance that each is right
    csi: FloatArray  # (CSI_FEATURES,), see `memory.csi_coding.csi_rows`


_ALIKE = np.full(BANDS + SLOTS, 30.0, np.float32)
CLEAN: FloatArray = csi_rows(
    [KnownChannel(30.0, [30.0] * HISTORY, _ALIKE[:BANDS], _ALIKE[BANDS:], np.ones(1, np.float32), False)]
)[0]
"""CSI features of a channel at 30 dB that nothing was lost on."""


def heard_story(
    rng: np.random.Generator, sentences: list[list[int]], vocabulary: NDArray[np.int64]
) -> list[Heard | None]:
    """Sentences through one channel; None for what is lost.

    Args:
        rng: all that is random here.
        sentences: tokens of each.
        vocabulary: tokens that one may be taken for.
    """
    draw = rng.random()
    mean_db = 30.0 if draw < CLEAN_SHARE else rng.uniform(LOWEST_DB, HIGHEST_DB)
    fades = draw > 1 - FADING_SHARE
    gains = rng.exponential(size=len(sentences)) if fades else rng.lognormal(0, 0.05, len(sentences))
    snr_db = mean_db + 10 * np.log10(np.maximum(gains, 1e-4))
    burst = range(0)
    if sentences and rng.random() < BURST_SHARE:
        first = int(rng.integers(len(sentences)))
        burst = range(first, first + int(rng.integers(1, LONGEST_BURST + 1)))
    story: list[tuple[NDArray[np.int64], FloatArray, KnownChannel] | None] = []
    came: list[float] = []  # SNRs of what was not lost, the last one first
    for place, (tokens, now) in enumerate(zip(sentences, snr_db.tolist(), strict=True)):
        if rng.random() < _falling(now, LOST_AT_DB, 0.7) or place in burst:
            story.append(None)
            continue
        error = 0.5 * _falling(now + rng.normal(0, 0.5), CONFUSED_AT_DB, 1.0)
        confidence = float(np.clip(rng.beta(*_beta(error)), 1e-3, 1))
        wrong = rng.random(len(tokens)) > confidence
        taken = np.where(wrong, rng.choice(vocabulary, len(tokens)), tokens)
        trust = np.full(len(tokens), confidence, np.float32)
        story.append((taken, trust, _known(rng, now, came[:HISTORY], fades)))
        came.insert(0, now)
    csi = iter(csi_rows([one[2] for one in story if one]))
    return [one and Heard(one[0], one[1], next(csi)) for one in story]


def _falling(snr_db: float, middle_db: float, width_db: float) -> float:
    return float(1 / (1 + np.exp(min((snr_db - middle_db) / width_db, 50.0))))


def _beta(error: float) -> tuple[float, float]:
    """Of a confidence that is right on average: so many tokens are wrong."""
    error = min(max(error, 1e-4), 0.5)
    return (1 - error) * 2, error * 2


def _known(rng: np.random.Generator, snr_db: float, before_db: Sequence[float], fades: bool) -> KnownChannel:
    """As estimated, with what the estimates are off; where the channel fades, over frequency and time, too."""
    known = np.array([snr_db, *before_db]) + rng.normal(0, 0.3, 1 + len(before_db))
    carriers = (snr_db + rng.normal(0, 3.0 if fades else 0.3, BANDS)).astype(np.float32)
    slots = (snr_db + np.cumsum(rng.normal(0, 1.0 if fades else 0.1, SLOTS))).astype(np.float32)
    mean = 1 / (1 + 10 ** (-snr_db / 10))
    least = mean * rng.uniform(0.5, 1)
    reliability = np.array([2 * mean - least, least], np.float32)
    return KnownChannel(known[0], known[1:].tolist(), carriers, slots, reliability, bool(rng.random() < 0.02))
