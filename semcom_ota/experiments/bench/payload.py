"""What estimation costs the payload: loss against the genie, calibration of the claimed variances, SNR and CFO."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from semcom_ota.experiments.bench.exchange import AWGN, TDL_A, Passage, Point, exchange
from semcom_ota.experiments.bench.figures import Figure, Measurement, Shard, figure, seed_of, split
from semcom_ota.experiments.statistics import Estimate, bootstrap

SNRS = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)
LENGTHS = (200, 4000)
QUICK_FRAMES = {200: 80, 4000: 40}
FRAMES = {200: 4000, 4000: 2000}
NAMES = (
    "payload_loss", "calibration", "calibration_worst_decile", "snr_error_mean", "snr_error_rms", "cfo_error_rms",
)  # fmt: skip
_BIN_DB = 0.01  # of a histogram of claimed variances
_LOWEST_DB = -80.0
_BINS = 16_000
_FRAME_COST, _SYMBOL_COST = 2e-3, 2e-6  # seconds


@dataclass(frozen=True, slots=True)
class PayloadErrors:
    """What a shard's frames came to."""

    sent: int
    frames: NDArray[np.float64]  # (received, 4): own and genie's weighted squared error, error of SNR (dB), CFO (Hz)
    bins: NDArray[np.int64]  # (bins in use,) of the claimed variance
    symbols: NDArray[np.int64]  # (bins in use,)
    ratios: NDArray[np.float64]  # (bins in use,) sum of |error|**2 / claimed variance


def measurements(seed: int, quick: bool) -> list[Measurement]:
    """Every channel, length and SNR, with and without drifting oscillators."""
    plan = []
    for channel, drifting, symbols, snr_db in product((AWGN, TDL_A), (False, True), LENGTHS, SNRS):
        point = Point(channel, snr_db, symbols, drifting)
        frames = (QUICK_FRAMES if quick else FRAMES)[symbols]
        shards = [
            Shard(measure_payload, (point, size, seed_of(seed, "payload", point, shard)), size * _cost(symbols))
            for shard, size in enumerate(split(frames))
        ]
        drift = ", drifting" if drifting else ""
        title = f"payload, {channel}{drift}, {symbols} symbols, {snr_db:g} dB"
        plan.append(Measurement(title, NAMES, tuple(shards), partial(_conclude, point)))
    return plan


def _cost(symbols: int) -> float:
    return _FRAME_COST + symbols * _SYMBOL_COST


def measure_payload(point: Point, frames: int, seed: tuple[int, ...]) -> PayloadErrors:
    """One shard."""
    passages, _ = exchange(point, frames, seed)
    rows = [(*weighted_errors(passage), *_estimates(passage)) for passage in passages if passage.received is not None]
    symbols, ratios = np.zeros(_BINS, np.int64), np.zeros(_BINS)
    for passage in passages:
        if passage.received is not None:
            claimed = passage.received.noise_variance.astype(np.float64)
            ratio = np.abs(passage.received.symbols - passage.sent.symbols) ** 2 / claimed
            bins = ((10 * np.log10(claimed) - _LOWEST_DB) / _BIN_DB).clip(0, _BINS - 1).astype(np.int64)
            symbols += np.bincount(bins, minlength=_BINS)
            ratios += np.bincount(bins, ratio, minlength=_BINS)
    used = np.flatnonzero(symbols)
    return PayloadErrors(frames, np.array(rows).reshape(-1, 4), used, symbols[used], ratios[used])


def weighted_errors(passage: Passage) -> tuple[float, float]:
    """|h|**2-weighted mean squared error of the equalised symbols: the receiver's and the genie's."""
    assert passage.received is not None
    error = np.abs(passage.received.symbols - passage.sent.symbols) ** 2
    return float(np.mean(passage.genie.gain * error)), passage.genie.weighted_error()


def _estimates(passage: Passage) -> tuple[float, float]:
    assert passage.received is not None
    csi = passage.received.csi
    return csi.snr_db - passage.genie.snr_db, csi.cfo_hz - passage.genie.cfo_hz


def _conclude(point: Point, results: Sequence[PayloadErrors]) -> list[Figure]:
    frames = np.concatenate([result.frames for result in results])
    said = point.conditions | {"frames": sum(result.sent for result in results), "received": len(frames)}
    if len(frames) == 0:
        return [Figure(name, None, None, None, "", said) for name in NAMES]

    squared: NDArray[np.float64] = np.multiply(frames, frames)

    calibration, deciles = calibrate(results)
    worst = max(range(len(deciles)), key=lambda decile: abs(deciles[decile].value - 1))
    values = [round(decile.value, 4) for decile in deciles]
    return [
        figure("payload_loss", bootstrap(_ratio_db, frames[:, :2]), "dB", **said),
        figure("calibration", calibration, "", **said),
        figure("calibration_worst_decile", deciles[worst], "", **said, decile=worst + 1, deciles=values),
        figure("snr_error_mean", bootstrap(lambda means: means[..., 0], frames[:, 2:3]), "dB", **said),
        figure("snr_error_rms", bootstrap(_root, squared[:, 2:3]), "dB", **said),
        figure("cfo_error_rms", bootstrap(_root, squared[:, 3:]), "Hz", **said),
    ]


def _root(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(means[..., 0])


def _ratio_db(means: NDArray[np.float64]) -> NDArray[np.float64]:
    own, genies = np.moveaxis(means, -1, 0)
    return 10 * np.log10(own / genies)


def calibrate(results: Sequence[PayloadErrors]) -> tuple[Estimate, list[Estimate]]:
    """Mean of |error|**2 over the claimed variance: of all symbols, and of each decile of the claimed variance.

    Symbols of one frame err together, so that intervals are a bootstrap over shards.

    Returns:
        The mean, and up to ten means by ascending claimed variance: fewer if one value fills several deciles.
    """
    symbols, ratios = np.zeros((len(results), _BINS)), np.zeros((len(results), _BINS))
    for shard, result in enumerate(results):
        symbols[shard, result.bins] = result.symbols
        ratios[shard, result.bins] = result.ratios
    behind = np.cumsum(symbols.sum(axis=0))
    decile_of = np.minimum(10 * (behind - symbols.sum(axis=0) / 2) // behind[-1], 9)

    def mean(inside: NDArray[np.bool_]) -> Estimate:
        table = np.stack([ratios[:, inside].sum(axis=1), symbols[:, inside].sum(axis=1)], axis=1)
        return bootstrap(lambda sums: sums[..., 0] / sums[..., 1], table)

    deciles = [decile_of == decile for decile in range(10)]
    return mean(decile_of >= 0), [mean(inside) for inside in deciles if (symbols[:, inside] > 0).any()]
