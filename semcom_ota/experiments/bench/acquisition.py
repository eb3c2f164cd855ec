"""Are frames found, and is nothing found where there is none? The header's curves beside the genie's."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from semcom_ota.experiments.bench.curves import paired_distance
from semcom_ota.experiments.bench.exchange import AWGN, PHY, RAYLEIGH, TDL_A, Point, exchange
from semcom_ota.experiments.bench.figures import Figure, Measurement, Shard, figure, seed_of, split
from semcom_ota.experiments.statistics import Estimate, proportion, rare_count
from semcom_ota.phy.receiver import Receiver

AWGN_SNRS = (-6.0, -4.0, -2.0, 0.0)
FADING_SNRS = (-4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0)
SHARES = (0.3, 0.1, 0.03)
"""At which curves are compared: where the genie too misses frames, and enough of them."""
_SYMBOLS = 200
_NOISE_SAMPLES = 5_000_000  # a shard
_CHUNK = 1 << 17
_FRAME_COST, _SAMPLE_COST = 3e-3, 6e-8  # seconds


def measurements(seed: int, quick: bool) -> list[Measurement]:
    """The curves and the noise."""
    plan = [_curve(AWGN, (snr_db,), 600 if quick else 20_000, seed) for snr_db in AWGN_SNRS]
    plan += [_curve(channel, FADING_SNRS, 200 if quick else 4000, seed) for channel in (TDL_A, RAYLEIGH)]
    return [*plan, _noise(10_000_000 if quick else 300_000_000, seed)]


def _curve(channel: str, snrs_db: Sequence[float], frames: int, seed: int) -> Measurement:
    points = [Point(channel, snr_db, _SYMBOLS) for snr_db in snrs_db]
    shards = [
        Shard(count_headers, (point, size, seed_of(seed, "header", point, shard)), size * _FRAME_COST)
        for point in points
        for shard, size in enumerate(split(frames))
    ]
    names = ("header_missed", "header_missed_genie", "header_wrong", "header_loss")
    return Measurement(
        title=f"headers, {channel}" + (f", {snrs_db[0]:g} dB" if len(snrs_db) == 1 else ""),
        names=names if len(points) > 1 else names[:-1],
        shards=tuple(shards),
        conclude=partial(_conclude_curve, points),
    )


def count_headers(point: Point, frames: int, seed: tuple[int, ...]) -> NDArray[np.int64]:
    """(5,) frames missed by both, by the receiver alone, by the genie alone, by none; frames delivered wrongly."""
    passages, wrong = exchange(point, frames, seed)
    counts = np.zeros(5, np.int64)
    for passage in passages:
        genie_missed = passage.genie.header() != passage.sent.header
        counts[2 * (passage.received is not None) + (not genie_missed)] += 1
    counts[4] = wrong
    return counts


def _conclude_curve(points: Sequence[Point], results: Sequence[NDArray[np.int64]]) -> list[Figure]:
    per_point = np.array(results).reshape(len(points), -1, 5).sum(axis=1)
    found = []
    for point, counts in zip(points, per_point, strict=True):
        frames = int(counts[:4].sum())
        said = point.conditions | {"frames": frames}
        found.append(figure("header_missed", proportion(int(counts[0] + counts[1]), frames), "", **said))
        found.append(figure("header_missed_genie", proportion(int(counts[0] + counts[2]), frames), "", **said))
        wrong = rare_count(int(counts[4]))
        per_frame = Estimate(*(bound / frames for bound in (wrong.value, wrong.low, wrong.high)))
        found.append(figure("header_wrong", per_frame, "a frame", **said, wrong=int(counts[4])))
    if len(points) > 1:
        snrs_db = np.array([point.snr_db for point in points])
        frames = int(per_point[0, :4].sum())
        for at in SHARES:
            estimate = paired_distance(snrs_db, per_point[:, :4], at)
            found.append(figure("header_loss", estimate, "dB", channel=points[0].channel, share=at, frames=frames))
    return found


def _noise(samples: int, seed: int) -> Measurement:
    shards = [
        Shard(count_in_noise, (_NOISE_SAMPLES, seed_of(seed, "noise", shard)), _NOISE_SAMPLES * _SAMPLE_COST)
        for shard in range(samples // _NOISE_SAMPLES)
    ]

    def conclude(counts: Sequence[int]) -> list[Figure]:
        total = len(counts) * _NOISE_SAMPLES
        return [figure("noise_headers", rare_count(sum(counts)), "headers", samples=total)]

    return Measurement("headers in noise", ("noise_headers",), tuple(shards), conclude)


def count_in_noise(samples: int, seed: tuple[int, ...]) -> int:
    """Frames that the receiver delivers from white noise."""
    generator = np.random.default_rng(seed)
    receiver = Receiver(PHY)
    count = 0
    for first in range(0, samples, _CHUNK):
        noise = generator.standard_normal((min(_CHUNK, samples - first), 2), np.float32).view(np.complex64).ravel()
        count += len(receiver.process(noise))
    return count
