"""How well texts arrive by what share of their symbols, measured with the codec itself: what a mask is trained on."""

import contextlib
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress
from safetensors.numpy import load_file, save_file

from semcom_ota.codecs.base import Codec, DoesNotFit, Encoded, Received, decode_all
from semcom_ota.masking.mask import masked_encode
from semcom_ota.masking.rates import PATTERNS, share_of
from semcom_ota.types import FloatArray

SHARES = (0.15, 0.22, 0.3, 0.38, 0.46, 0.55, 0.7, 1.0)
"""That are measured; between them quality is taken for a straight line, and for nothing at a share of 0."""
TOGETHER = 8
"""Texts that are measured at a time, and kept."""
FILE = "curves.safetensors"
MOST_ERROR_DB = 2.0
"""Mean error of a forecast, at most."""


@dataclass(frozen=True, slots=True)
class Curves:
    """What was measured of texts, each at several SNRs."""

    n_symbols: NDArray[np.int64]  # (texts,), unmasked
    snr_db: NDArray[np.float64]  # (texts, draws)
    quality: FloatArray  # (texts, draws, len(SHARES)): share of words that arrive right


def forecasts(rng: np.random.Generator, snr_db: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Forecasts of these SNRs, off as those of a link are, and the mean error of each, 0..MOST_ERROR_DB (dB)."""
    error_db = rng.uniform(0, MOST_ERROR_DB, snr_db.shape)
    # A normal error of mean magnitude e has the standard deviation e sqrt(pi / 2).
    return snr_db + rng.normal(0, 1, snr_db.shape) * error_db * np.sqrt(np.pi / 2), error_db


def measure(
    load: Callable[[], Codec], texts: Sequence[str], draws: int, snr_db: tuple[float, float], seed: int, out: Path
) -> Curves:
    """Measure, or go on measuring into the folder `out`, at level `symbol` over AWGN with known noise variance.

    The codec is told a forecast of the SNR, as behind a mask that follows the channel. It is not the one that the
    network sees in training, which is drawn anew for each batch: a single one a measurement would be learned by heart.

    Args:
        load: makes the codec that is to be masked; is not called if there is nothing left to measure.
        texts: of which quality is measured.
        draws: SNRs of each text, uniform in `snr_db`.
        snr_db: lowest and highest.
        seed: of SNRs, forecasts and noise; a text's depend on nothing but it and the text's place.
        out: keeps what was measured; what was measured of other texts is left out.
    """
    marks = [zlib.crc32(text.encode()) for text in texts]
    stored = load_file(out / FILE) if (out / FILE).exists() else {}
    known = list(takewhile(lambda pair: pair[0] == pair[1], zip(stored.get("text", ()), marks, strict=False)))
    names = ("text", "n_symbols", "snr_db", "quality")
    kept = {name: list(stored[name][: len(known)]) if known else [] for name in names}
    codec = load() if len(known) < len(texts) else None
    with Progress(transient=True) as bar:
        task = bar.add_task("measuring the codec", total=len(texts), completed=len(known))
        while codec is not None and (done := len(kept["text"])) < len(texts):
            for place in range(done, min(done + TOGETHER, len(texts))):
                rng = np.random.default_rng([seed, place])
                levels = rng.uniform(*snr_db, draws)
                told = zip(levels, forecasts(rng, levels)[0], strict=True)
                total = codec.symbol_count(texts[place])
                kept["text"].append(np.int64(marks[place]))
                kept["n_symbols"].append(np.int64(total))
                kept["snr_db"].append(levels)
                kept["quality"].append(np.stack([_curve(codec, texts[place], total, *pair, rng) for pair in told]))
                bar.advance(task)
            save_file({name: np.stack(rows) for name, rows in kept.items()}, out / "curves.tmp")
            (out / "curves.tmp").rename(out / FILE)
    return Curves(*(np.stack(kept[name]) for name in names[1:]))


def of_patterns(quality: FloatArray) -> FloatArray:
    """(..., PATTERNS) quality of every pattern from (..., len(SHARES)), never rising as less is sent."""
    known = np.concatenate([np.zeros_like(quality[..., :1]), np.maximum.accumulate(quality, -1)], -1)
    shares = share_of(np.arange(PATTERNS))
    flat = [np.interp(shares, (0.0, *SHARES), row) for row in known.reshape(-1, known.shape[-1])]
    return np.array(flat, np.float32).reshape(*quality.shape[:-1], PATTERNS)


def _curve(
    codec: Codec, text: str, total: int, snr_db: float, expected_db: float, rng: np.random.Generator
) -> FloatArray:
    noise_variance = 10 ** (-snr_db / 10)
    sent = list(_encoded(codec, text, total, expected_db))
    received = []
    for _, encoded in sent:
        noise = rng.standard_normal((len(encoded.symbols), 2)) @ np.array([1, 1j]) * np.sqrt(noise_variance / 2)
        variance = np.full(len(encoded.symbols), noise_variance, np.float32)
        received.append(Received((encoded.symbols + noise).astype(np.complex64), variance, encoded.parameters))
    found = dict(zip((share for share, _ in sent), decode_all(codec, received), strict=True))
    return np.array([_right(text, found[share].text) if share in found else 0.0 for share in SHARES], np.float32)


def _encoded(codec: Codec, text: str, total: int, expected_db: float) -> Iterator[tuple[float, Encoded]]:
    """Of each share that can carry the text at all."""
    for share in SHARES:
        kept = max(1, math.ceil(share * total))
        with contextlib.suppress(DoesNotFit):
            yield share, masked_encode(codec, text, kept, kept, expected_db, forecast=share == 1)


def _right(sent: str, received: str) -> float:
    """Words that both have, in the longer one's number: 0..1."""
    own, other = Counter(sent.split()), Counter(received.split())
    return (own & other).total() / max(own.total(), other.total(), 1)
