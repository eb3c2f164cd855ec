"""What a frame spends: overhead, and the peaks that the amplifier must bear."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semcom_ota.config import PhyConfig
from semcom_ota.experiments.bench.exchange import PHY, Payload, random_frame
from semcom_ota.experiments.bench.figures import Figure, Measurement, Shard, exact, figure, seed_of, split
from semcom_ota.experiments.statistics import Estimate
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.transmitter import Transmitter

EXCEEDED = 1e-3
PRECODINGS = ("none", "dft")
PAYLOADS: tuple[Payload, ...] = ("gaussian", "QPSK")
_SYMBOLS = 960
_OVERSAMPLING = 4
_FRAME_COST = 2e-3  # seconds


def measurements(seed: int, quick: bool) -> list[Measurement]:
    """Overhead, and the peaks of plain and of precoded frames."""
    plan = [Measurement("overhead", ("overhead_symbols", "overhead_samples"), (Shard(_overhead, (), 1e-3),), _spent)]
    for precoding in PRECODINGS:
        for payload in PAYLOADS:
            shards = [
                Shard(peaks, (precoding, payload, size, seed_of(seed, "peaks", payload, shard)), size * _FRAME_COST)
                for shard, size in enumerate(split(200 if quick else 8000))
            ]
            said = {"payload": payload, "precoding": precoding, "exceeded_by": EXCEEDED}

            def conclude(results: Sequence[NDArray[np.float64]], said: dict[str, object] = said) -> list[Figure]:
                return [_exceeded(np.concatenate(results), said)]

            title = f"peaks, {payload}, precoding {precoding}"
            plan.append(Measurement(title, ("peak_to_average",), tuple(shards), conclude))
    return plan


def _overhead() -> tuple[int, int]:
    numerology = Numerology(PHY)
    return numerology.header_samples // numerology.row_samples, numerology.header_samples


def _spent(results: Sequence[tuple[int, int]]) -> list[Figure]:
    ((symbols, samples),) = results
    return [exact("overhead_symbols", symbols, "OFDM symbols"), exact("overhead_samples", samples, "samples")]


def peaks(precoding: str, payload: Payload, frames: int, seed: tuple[int, ...]) -> NDArray[np.float64]:
    """(OFDM symbols,) peak power of each payload symbol, interpolated fourfold, over the mean power of all."""
    generator = np.random.default_rng(seed)
    phy = PhyConfig.model_validate({"precoding": precoding})
    numerology, transmitter = Numerology(phy), Transmitter(phy)
    rows = []
    for message in range(frames):
        samples = transmitter.modulate(random_frame(message, _SYMBOLS, payload, generator))
        own = samples[numerology.header_samples :].reshape(-1, numerology.row_samples)
        rows.append(own[:-1, phy.cp_length :])  # the last one may be filled up with known cells
    bins = np.fft.fftshift(np.fft.fft(np.concatenate(rows), axis=1), axes=1)
    wide = np.pad(bins, ((0, 0), (phy.fft_size * (_OVERSAMPLING - 1) // 2,) * 2))
    power = np.abs(np.fft.ifft(np.fft.ifftshift(wide, axes=1), axis=1)) ** 2
    return power.max(axis=1) / power.mean()


def _exceeded(values: NDArray[np.float64], said: dict[str, object]) -> Figure:
    """The quantile, with the interval of its order statistics."""
    ordered = 10 * np.log10(np.sort(values))
    middle = len(values) * (1 - EXCEEDED)
    reach = 1.96 * np.sqrt(middle * EXCEEDED)
    at, low, high = (min(int(rank), len(values) - 1) for rank in (middle, middle - reach, middle + reach))
    estimate = Estimate(float(ordered[at]), float(ordered[low]), float(ordered[high]))
    return figure("peak_to_average", estimate, "dB", **said, ofdm_symbols=len(values))
