"""Uncoded QPSK and 16-QAM: the genie beside the closed form, and what estimated CSI costs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, special

from semcom_ota.coding.constellation import levels
from semcom_ota.experiments.bench.exchange import AWGN, RAYLEIGH, TDL_A, Payload, Point, constellation_points, exchange
from semcom_ota.experiments.bench.figures import Figure, Measurement, Shard, figure, seed_of, split
from semcom_ota.experiments.statistics import Estimate, bootstrap

POINTS: tuple[tuple[str, Payload, tuple[float, ...]], ...] = (
    (AWGN, "QPSK", (0.0, 4.0, 8.0)),
    (AWGN, "16-QAM", (6.0, 10.0, 14.0)),
    (RAYLEIGH, "QPSK", (5.0, 15.0, 25.0)),
    (RAYLEIGH, "16-QAM", (5.0, 15.0, 25.0)),
    (TDL_A, "QPSK", (0.0, 10.0, 20.0)),  # for the loss alone: how errors gather in a frame has no closed form
)
NAMES = ("uncoded_symbol_errors", "uncoded_bit_errors", "uncoded_largest_z", "uncoded_loss")
_SYMBOLS = 960
_FRAME_COST = 4e-3  # seconds


@dataclass(frozen=True, slots=True)
class ClosedForm:
    """Error rate, and the variance of the share of errors in a frame."""

    rate: float
    variance: float


def measurements(seed: int, quick: bool) -> list[Measurement]:
    """One measurement: its intervals hold for all points together."""
    points = [Point(channel, snr, _SYMBOLS, payload=payload) for channel, payload, snrs in POINTS for snr in snrs]
    shards = [
        Shard(count_errors, (point, size, seed_of(seed, "uncoded", point, shard)), size * _FRAME_COST)
        for point in points
        for shard, size in enumerate(split(100 if quick else 4000))
    ]
    return [Measurement("uncoded QPSK and 16-QAM", NAMES, tuple(shards), lambda results: conclude(points, results))]


def count_errors(point: Point, frames: int, seed: tuple[int, ...]) -> NDArray[np.float64]:
    """(frames, 3) shares in each frame: of wrong symbols and of wrong bits with the genie's CSI, and of wrong symbols
    with estimated CSI (not a number if the frame was missed)."""
    passages, _ = exchange(point, frames, seed)
    points = constellation_points(point.payload)
    rows = []
    for passage in passages:
        sent = _decide(passage.sent.symbols, points)
        by_genie = _decide(passage.sent.symbols + passage.genie.payload_error(), points)
        wrong_bits = np.mean(_ones(by_genie ^ sent)) / math.log2(points.size)
        own = np.mean(_decide(passage.received.symbols, points) != sent) if passage.received else math.nan
        rows.append((np.mean(by_genie != sent), wrong_bits, own))
    return np.array(rows, np.float64)


def _decide(symbols: NDArray[np.complex64], points: NDArray[np.complex64]) -> NDArray[np.intp]:
    return np.abs(symbols[:, None] - points).argmin(axis=1)


def _ones(numbers: NDArray[np.intp]) -> NDArray[np.intp]:
    return (numbers[:, None] >> np.arange(4) & 1).sum(axis=1)


def conclude(points: Sequence[Point], results: Sequence[NDArray[np.float64]]) -> list[Figure]:
    """Rates with intervals that hold for all of them together (Bonferroni), and the losses."""
    tables = np.array_split(np.concatenate(results), len(points))
    comparisons = 2 * sum(point.channel != TDL_A for point in points)
    limit = float(special.ndtri(1 - 0.025 / comparisons))
    together = f"95 % for {comparisons} points together"
    found, distances = [], []
    for point, table in zip(points, tables, strict=True):
        if point.channel == TDL_A:
            continue
        said = point.conditions | {"frames": len(table)}
        for column, name in enumerate(NAMES[:2]):
            truth = closed_form(point, bits=name == "uncoded_bit_errors")
            rate, spread = float(table[:, column].mean()), math.sqrt(truth.variance / len(table))
            estimate = Estimate(rate, max(rate - limit * spread, 0.0), rate + limit * spread)
            distances.append(abs(rate - truth.rate) / spread)
            found.append(figure(name, estimate, "", **said, closed_form=truth.rate, interval=together))
    largest = max(distances)
    found.append(Figure(NAMES[2], largest, None, None, "sigma", {"comparisons": comparisons, "limit": round(limit, 3)}))
    for point, table in zip(points, tables, strict=True):
        received = table[~np.isnan(table[:, 2])]
        said = point.conditions | {"frames": len(table), "received": len(received)}
        estimate = bootstrap(_Loss(point), received[:, [0, 2]])
        found.append(figure(NAMES[3], estimate, "dB", **said))
    return found


class _Loss:
    """(..., 2) symbol error rates, the genie's and the receiver's, to the dB between them on the closed form."""

    def __init__(self, point: Point):
        snrs_db = np.linspace(-20, 50, 281)
        rates = [closed_form(Point(point.channel, snr, 1, payload=point.payload), bits=False).rate for snr in snrs_db]
        logs = np.log(np.maximum(rates, 1e-300))
        self._snr_db = interpolate.PchipInterpolator(logs[::-1] + 1e-12 * np.arange(logs.size), snrs_db[::-1])

    def __call__(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        snrs_db = self._snr_db(np.log(np.maximum(rates, 1e-12)))
        return snrs_db[..., 0] - snrs_db[..., 1]


def closed_form(point: Point, bits: bool) -> ClosedForm:
    """Rate of symbol errors (or of bit errors) of uncoded QAM with perfect CSI, in AWGN or flat block Rayleigh fading.

    The rate holds for TDL-A too, where each carrier by itself fades as in flat Rayleigh fading, the variance does not.

    AWGN: the Gaussian tails between the decision levels of one dimension, with the labels of TS 38.211. Rayleigh: their
    mean over an exponential distribution of the SNR (J. G. Proakis, Digital Communications, 4th ed., 14.3), integrated
    in its logarithm by the trapezoidal rule.
    """
    mean_snr = 10 ** (point.snr_db / 10)
    order = constellation_points(point.payload).size
    if point.channel == AWGN:
        rate, second = _awgn(order, np.array([mean_snr]), bits)
        return ClosedForm(float(rate[0]), float(second[0] - rate[0] ** 2) / point.symbols)
    x = np.linspace(-30, 4, 1000)  # logarithm of SNR over mean SNR
    weight = np.exp(x - np.exp(x)) * (x[1] - x[0])
    rate, second = _awgn(order, mean_snr * np.exp(x), bits)
    mean = float(weight @ rate)
    within = float(weight @ (second - rate**2)) / point.symbols
    return ClosedForm(mean, float(weight @ rate**2) - mean**2 + within)


def _awgn(order: int, snr: NDArray[np.float64], bits: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) mean and (n,) mean square of one symbol's errors: 0 or 1, or the share of its bits that are wrong."""
    amplitudes = levels(order)
    by_amplitude = np.argsort(amplitudes)
    edges = np.concatenate([[-np.inf], (amplitudes[by_amplitude][1:] + amplitudes[by_amplitude][:-1]) / 2, [np.inf]])
    scaled = (edges - amplitudes[:, None])[..., None] * np.sqrt(2 * snr)
    landing = np.diff(special.ndtr(scaled), axis=1)  # (label sent, region, n)
    wrong = _ones((np.arange(amplitudes.size)[:, None] ^ by_amplitude).ravel()).reshape(landing.shape[:2])
    if not bits:
        error = 1 - (1 - np.mean(np.sum(landing * (wrong > 0)[..., None], axis=1), axis=0)) ** 2
        return error, error
    first = np.mean(np.sum(landing * wrong[..., None], axis=1), axis=0)
    second = np.mean(np.sum(landing * wrong[..., None] ** 2, axis=1), axis=0)
    width = math.log2(order)
    return 2 * first / width, (2 * second + 2 * first**2) / width**2
