"""Malformed and random input: nothing may be raised, and nothing delivered but by chance of the checksum."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semcom_ota.experiments.bench.exchange import PHY, random_frame
from semcom_ota.experiments.bench.figures import Figure, Measurement, Shard, figure, seed_of
from semcom_ota.experiments.statistics import rare_count
from semcom_ota.phy.header import AirHeader, HeaderCode
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import ComplexArray, FloatArray, FrameHeader

_HEADERS, _STREAMS = 4500, 500  # inputs a shard
_SYMBOLS = 100
_HEADER_COST, _STREAM_COST = 4e-4, 9e-4  # seconds


@dataclass
class Outcome:
    """Of a shard."""

    inputs: int = 0
    headers: int = 0  # delivered, and sent by nobody
    errors: list[str] = field(default_factory=list)  # raised


def measurements(seed: int, quick: bool) -> list[Measurement]:
    """Nine inputs in ten go to the header's decoder, the others to the whole receiver."""
    shards = [
        shard
        for index in range(2 if quick else 200)
        for shard in (
            Shard(malformed_headers, (_HEADERS, seed_of(seed, "headers", index)), _HEADERS * _HEADER_COST),
            Shard(malformed_streams, (_STREAMS, seed_of(seed, "streams", index)), _STREAMS * _STREAM_COST),
        )
    ]
    return [Measurement("malformed input", ("malformed_raised", "malformed_headers"), tuple(shards), _conclude)]


def _conclude(results: Sequence[Outcome]) -> list[Figure]:
    inputs = sum(result.inputs for result in results)
    errors = [error for result in results for error in result.errors]
    headers = sum(result.headers for result in results)
    return [
        figure("malformed_raised", rare_count(len(errors)), "errors", inputs=inputs, first=errors[:3]),
        figure("malformed_headers", rare_count(headers), "headers", inputs=inputs),
    ]


def malformed_headers(inputs: int, seed: tuple[int, ...]) -> Outcome:
    """Random symbols, saturated ones, no numbers at all, and true headers with symbols turned over."""
    generator = np.random.default_rng(seed)
    count = Numerology(PHY).header_cells
    code = HeaderCode(count)
    outcome = Outcome()
    for index in range(inputs):
        sent: FrameHeader | None = None
        symbols = _noise(generator, count)
        variance = generator.exponential(1, count).astype(np.float32)
        if index % 4 == 1:
            symbols = (np.sign(symbols.real) + 1j * np.sign(symbols.imag)).astype(np.complex64)
            variance[:] = 1e-12
        elif index % 4 == 2:
            symbols, variance = _no_numbers(symbols, generator), _no_numbers(variance, generator)
        elif index % 4 == 3:
            sent = random_frame(index, _SYMBOLS, "gaussian", generator).header
            symbols = code.encode(AirHeader(sent)) * _flips(count, generator)
        outcome.inputs += 1
        try:
            decoded = code.decode(symbols, variance)
        except Exception as error:  # whatever it is: none may be raised
            outcome.errors.append(repr(error))
        else:
            outcome.headers += decoded is not None and decoded[0].header != sent
    return outcome


def malformed_streams(inputs: int, seed: tuple[int, ...]) -> Outcome:
    """Noise with no numbers in it, silence, cut frames, garbled frames, preambles before nothing, absurd levels."""
    generator = np.random.default_rng(seed)
    numerology, transmitter, receiver = Numerology(PHY), Transmitter(PHY), Receiver(PHY)
    outcome = Outcome()
    sent = set()
    for index in range(inputs):
        frame = random_frame(index, _SYMBOLS, "gaussian", generator)
        sent.add(frame.header)
        whole = transmitter.modulate(frame)
        samples = _malformed(index, whole, numerology.preamble_samples, generator)
        outcome.inputs += 1
        try:
            delivered = receiver.process(samples)
        except Exception as error:  # whatever it is: none may be raised
            outcome.errors.append(repr(error))
            receiver = Receiver(PHY)
        else:
            outcome.headers += sum(received.header not in sent for received in delivered)
    return outcome


def _malformed(kind: int, frame: ComplexArray, preamble: int, generator: np.random.Generator) -> ComplexArray:
    noise = _noise(generator, frame.size)
    match kind % 7:
        case 0:
            return _no_numbers(noise, generator)
        case 1:
            return np.zeros_like(noise)
        case 2:
            return frame[: generator.integers(frame.size)]
        case 3:
            return frame * _flips(frame.size, generator)
        case 4:
            return np.concatenate([frame[:preamble], noise[preamble:]])
        case 5:
            return frame * np.float32(10.0 ** int(generator.integers(-44, 38)))
        case _:
            return np.full_like(noise, noise[0])


def _noise(generator: np.random.Generator, count: int) -> ComplexArray:
    return generator.standard_normal((count, 2), np.float32).view(np.complex64).ravel()


def _flips(count: int, generator: np.random.Generator) -> FloatArray:
    """Signs, a random share of which is -1."""
    return np.where(generator.random(count) < generator.random(), -1, 1).astype(np.float32)


def _no_numbers(values: NDArray[Any], generator: np.random.Generator) -> NDArray[Any]:
    """A random share of the values becomes 0, infinite, huge, or no number."""
    bad = np.array([0, np.nan, np.inf, -np.inf, 1e38, 1e-45], values.dtype)
    return np.where(generator.random(values.size) < generator.random(), generator.choice(bad, values.size), values)
