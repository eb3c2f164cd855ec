"""Does the receiver care how the stream is cut, does its memory stay flat?"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np

from semcom_ota.config import ChannelConfig
from semcom_ota.experiments.bench.exchange import PHY, random_frame
from semcom_ota.experiments.bench.figures import Figure, Measurement, NotAvailable, Shard, exact, seed_of
from semcom_ota.phy.impairments import impair
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import ComplexArray, ReceivedFrame

CHUNKS = (1, 7, 80, 1000, 65_536, 1_000_000)
_SNR_DB = 10.0
_CHANNEL = {"fading": "rayleigh", "max_cfo_subcarriers": 1.0}
_MEMORY_CHUNK = 40_000
_PAGE_BYTES = 4096
_MEBIBYTE = 2**20


def measurements(seed: int, quick: bool) -> list[Measurement]:
    """Chunking and memory."""
    frames = 20 if quick else 400
    chunking = [
        Shard(digests, (chunk, frames, seed_of(seed, "chunking")), frames * (0.02 if chunk == 1 else 0.004))
        for chunk in (0, *CHUNKS)
    ]
    samples = 10_000_000 if quick else 1_000_000_000
    memory = Shard(memory_growth, (samples, seed_of(seed, "memory")), samples * 1e-7)
    return [
        Measurement("chunking", ("chunking_differences",), tuple(chunking), _compare),
        Measurement("memory", ("memory_growth",), (memory,), lambda found: _grown(samples, found)),
    ]


def stream(frames: int, seed: tuple[int, ...]) -> ComplexArray:
    """Frames of 64 to 2,000 symbols in flat Rayleigh fading at 10 dB, every other one right behind the one before."""
    generator = np.random.default_rng(seed)
    channel = ChannelConfig.model_validate(_CHANNEL)
    transmitter, lookahead = Transmitter(PHY), Receiver(PHY).lookahead_samples
    pieces = []
    for message in range(frames):
        frame = random_frame(message, int(generator.integers(64, 2000)), "gaussian", generator)
        gap = message % 2 * int(generator.integers(1, 2000)) + (message == frames - 1) * 2 * lookahead
        samples = np.pad(transmitter.modulate(frame), (0, gap))
        pieces.append(impair(samples, channel, PHY, _SNR_DB, seed[0], (*seed[1:], message)))
    return np.concatenate(pieces)


def digests(chunk: int, frames: int, seed: tuple[int, ...]) -> list[str]:
    """A digest of every bit of each frame that the receiver returns; a chunk of 0 is the stream as a whole."""
    samples = stream(frames, seed)
    receiver = Receiver(PHY)
    step = chunk or samples.size
    return [
        digest(received)
        for first in range(0, samples.size, step)
        for received in receiver.process(samples[first : first + step])
    ]


def digest(received: ReceivedFrame) -> str:
    """SHA-256 of all that a received frame says."""
    csi = received.csi
    result = hashlib.sha256()
    for array in (received.symbols, received.noise_variance, csi.frequency_response, csi.noise_variance):
        result.update(np.ascontiguousarray(array).tobytes())
    numbers = (received.start_sample, received.stop_sample, csi.snr_db, csi.cfo_hz, csi.sro_ppm)
    result.update(repr((received.header, *map(float, numbers))).encode())
    return result.hexdigest()


def _compare(results: Sequence[list[str]]) -> Iterator[Figure]:
    whole, *cut = results
    for chunk, found in zip(CHUNKS, cut, strict=True):
        different = sum(a != b for a, b in zip_longest(whole, found))
        yield exact("chunking_differences", different, "frames", chunk_samples=chunk, frames=len(whole))


def memory_growth(samples: int, seed: tuple[int, ...]) -> tuple[float, float]:
    """MiB of resident memory after the first twentieth of `samples`, and the most after that, while a receiver runs.

    Half of the samples are frames, half noise.

    Raises:
        NotAvailable: this system does not tell.
    """
    generator = np.random.default_rng(seed)
    active = stream(40, seed)
    noise = generator.standard_normal((active.size, 2), np.float32).view(np.complex64).ravel()
    block = np.concatenate([active, noise * np.float32(10 ** (-_SNR_DB / 20))])
    receiver = Receiver(PHY)
    done, first, most = 0, 0.0, 0.0
    while done < samples:
        for start in range(0, block.size, _MEMORY_CHUNK):
            receiver.process(block[start : start + _MEMORY_CHUNK])
        done += block.size
        if done >= samples / 20:
            most = max(most, _resident())
            first = first or most
    return first, most


def _resident() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError as error:
        raise NotAvailable("resident memory is not measured: this system has no /proc/self/statm") from error
    return pages * _PAGE_BYTES / _MEBIBYTE


def _grown(samples: int, results: Sequence[tuple[float, float]]) -> list[Figure]:
    (first, most) = results[0]
    return [exact("memory_growth", most - first, "MiB", samples=samples, resident_mib=round(first, 1))]
