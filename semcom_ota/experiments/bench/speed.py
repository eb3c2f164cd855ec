"""Processor time of transmitter and receiver on one core, with a single thread."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from semcom_ota.experiments.bench.exchange import PHY, random_frame
from semcom_ota.experiments.bench.figures import Figure, Measurement, Shard, figure, seed_of
from semcom_ota.experiments.statistics import Estimate
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import SemanticFrame

REPETITIONS = 7
"""The slowest and the fastest of seven hold the median with 98 %."""
SNRS = (10.0, 20.0)
_SYMBOLS = 1000
_COST = 10.0  # seconds of a shard, most of it loading what was compiled


@dataclass(frozen=True, slots=True)
class Timing:
    """Of one thing."""

    speeds: NDArray[np.float64]  # (REPETITIONS,) MS/s
    counts: dict[str, int] = field(default_factory=dict)  # of frames or samples


def measurements(seed: int, quick: bool) -> list[Measurement]:
    """Transmitter, receiver on frames at two SNRs, receiver on noise."""
    frames = 100 if quick else 400
    plan = [
        _measurement("transmitter_speed", time_transmitter, (frames,), seed),
        _measurement("receiver_noise_speed", time_receiver_on_noise, (frames * 4000,), seed),
    ]
    for snr_db in SNRS:
        plan.append(_measurement("receiver_speed", time_receiver, (snr_db, frames), seed, snr_db=snr_db))
    return plan


def _measurement(
    name: str, function: Callable[..., Timing], arguments: tuple[float, ...], seed: int, **said: float
) -> Measurement:
    def conclude(results: Sequence[Timing]) -> list[Figure]:
        (timing,) = results
        return [
            figure(name, median(timing.speeds), "MS/s", **said, **timing.counts, of=f"median of {REPETITIONS} runs")
        ]

    title = name.replace("_", " ") + "".join(f", {snr_db:g} dB" for snr_db in said.values())
    shard = Shard(function, (*arguments, seed_of(seed, name)), _COST)
    return Measurement(title, (name,), (shard,), conclude, alone=True)


def median(speeds: NDArray[np.float64]) -> Estimate:
    """The median of `REPETITIONS` runs, with the slowest and the fastest as its interval."""
    return Estimate(float(np.median(speeds)), float(speeds.min()), float(speeds.max()))


def time_transmitter(frames: int, seed: tuple[int, ...]) -> Timing:
    """Frames of 1,000 symbols."""
    sent, transmitter = _frames(frames, seed), Transmitter(PHY)
    size = frames * transmitter.frame_samples(_SYMBOLS)
    return Timing(_speeds(size, lambda: [transmitter.modulate(frame) for frame in sent]), {"frames": frames})


def time_receiver(snr_db: float, frames: int, seed: tuple[int, ...]) -> Timing:
    """The same frames back to back in AWGN."""
    transmitter = Transmitter(PHY)
    signal = np.concatenate([transmitter.modulate(frame) for frame in _frames(frames, seed)])
    signal = np.pad(signal, (0, 2 * Receiver(PHY).lookahead_samples))
    samples = signal + _noise(signal.size, seed) * np.float32(10 ** (-snr_db / 20))
    delivered = len(Receiver(PHY).process(samples))
    speeds = _speeds(samples.size, lambda: Receiver(PHY).process(samples))
    return Timing(speeds, {"frames": frames, "delivered": delivered})


def time_receiver_on_noise(samples: int, seed: tuple[int, ...]) -> Timing:
    """Noise alone."""
    noise = _noise(samples, seed)
    return Timing(_speeds(samples, lambda: Receiver(PHY).process(noise)), {"samples": samples})


def _frames(frames: int, seed: tuple[int, ...]) -> list[SemanticFrame]:
    generator = np.random.default_rng(seed)
    return [random_frame(message, _SYMBOLS, "gaussian", generator) for message in range(frames)]


def _noise(samples: int, seed: tuple[int, ...]) -> NDArray[np.complex64]:
    generator = np.random.default_rng((*seed, 1))
    return generator.standard_normal((samples, 2), np.float32).view(np.complex64).ravel() * np.float32(0.5**0.5)


def _speeds(samples: int, work: Callable[[], object]) -> NDArray[np.float64]:
    work()
    speeds = []
    for _ in range(REPETITIONS):
        start = time.process_time()
        work()
        speeds.append(samples / (time.process_time() - start) / 1e6)
    return np.array(speeds)
