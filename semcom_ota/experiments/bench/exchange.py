"""Frames through a simulated channel into the receiver, with a genie beside it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from semcom_ota.coding import constellation
from semcom_ota.config import ChannelConfig, PhyConfig
from semcom_ota.experiments.bench.genie import Genie
from semcom_ota.phy.impairments import impair
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import ComplexArray, FrameHeader, ReceivedFrame, SemanticFrame

AWGN, RAYLEIGH, TDL_A = "AWGN", "flat Rayleigh", "TDL-A, 1 us"
CHANNELS: dict[str, dict[str, object]] = {
    AWGN: {},
    RAYLEIGH: {"fading": "rayleigh"},
    TDL_A: {"fading": "rayleigh", "profile": "tdl-a", "delay_spread_s": 1e-6},
}
OSCILLATORS: dict[str, object] = {"sro_ppm": 20.0, "phase_noise_hz": 0.63}  # linewidth: -90 dBc/Hz at 10 kHz
PHY = PhyConfig()
GAP = (200, 600)  # samples of noise between frames; the longest delay is below
Payload = Literal["gaussian", "QPSK", "16-QAM"]


@dataclass(frozen=True, slots=True)
class Point:
    """What frames meet. CFO is uniform in +-1 subcarrier, delay uniform in 0 .. 80 samples, channels stand still."""

    channel: str
    snr_db: float
    symbols: int
    drifting: bool = False  # SRO and phase noise besides
    payload: Payload = "gaussian"

    @property
    def config(self) -> ChannelConfig:
        """The simulated channel."""
        drift = OSCILLATORS if self.drifting else {}
        settings = {"max_cfo_subcarriers": 1.0, "max_delay_samples": 80.0} | CHANNELS[self.channel] | drift
        return ChannelConfig.model_validate(settings)

    @property
    def conditions(self) -> dict[str, object]:
        """For the JSON file."""
        said: dict[str, object] = {"channel": self.channel, "snr_db": self.snr_db, "symbols": self.symbols}
        if self.payload != "gaussian":
            said["payload"] = self.payload
        if self.drifting:
            said["oscillators"] = "SRO +-20 ppm, linewidth 0.63 Hz"
        return said


@dataclass(frozen=True, slots=True)
class Passage:
    """A frame that was sent, what the genie knows of it, and what the receiver returned for it."""

    sent: SemanticFrame
    genie: Genie
    received: ReceivedFrame | None


def exchange(point: Point, frames: int, seed: tuple[int, ...]) -> tuple[list[Passage], int]:
    """Send frames in one continuous stream, with gaps of noise between them.

    Args:
        point: what they meet.
        frames: how many, at most 65536.
        seed: of everything random.

    Returns:
        The passages, and how many frames were delivered that nobody sent (another header, another place, or twice).
    """
    generator = np.random.default_rng(seed)
    channel = point.config
    transmitter, receiver = Transmitter(PHY), Receiver(PHY)
    sent: list[tuple[SemanticFrame, Genie, int]] = []
    delivered: list[ReceivedFrame] = []
    position = 0
    for message in range(frames):
        frame = random_frame(message, point.symbols, point.payload, generator)
        samples = np.pad(transmitter.modulate(frame), (0, int(generator.integers(*GAP))))
        key = (*seed[1:], message)
        air = impair(samples, channel, PHY, point.snr_db, seed[0], key)
        delivered += receiver.process(air)
        genie = Genie(samples, air, point.symbols, channel, PHY, point.snr_db, seed[0], key)
        sent.append((frame, genie, position + genie.delay))
        position += air.size
    silence = np.zeros(2 * receiver.lookahead_samples, np.complex64)
    delivered += receiver.process(impair(silence, channel, PHY, point.snr_db, seed[0], (*seed[1:], frames)))
    return _matched(sent, delivered)


def random_frame(message: int, symbols: int, payload: Payload, generator: np.random.Generator) -> SemanticFrame:
    """A frame with a random header (but for its message number) and a random payload of exactly unit mean power.

    Args:
        message: its number.
        symbols: of its payload. A QAM payload has each point equally often: a multiple of their number.
        payload: what they are.
        generator: of the random parts.
    """
    if payload == "gaussian":
        values = generator.standard_normal((symbols, 2)).view(np.complex128).ravel()
        values /= np.sqrt(np.mean(np.abs(values) ** 2))
    else:
        points = constellation_points(payload)
        values = generator.permutation(np.tile(points, symbols // points.size))
    codec, task, stream = (int(generator.integers(limit)) for limit in (256, 16, 256))
    parameters = int(generator.integers(2**24))
    header = FrameHeader(codec, parameters, task, stream, message, message_symbols=symbols)
    return SemanticFrame(header, values.astype(np.complex64))


@lru_cache(maxsize=4)
def constellation_points(payload: Payload) -> ComplexArray:
    """(points,) complex64; the index of a point is its label, the first bit sent being the most significant."""
    order = {"QPSK": constellation.QPSK, "16-QAM": constellation.QAM16}[payload]
    width = constellation.bits_per_symbol(order)
    labels = np.arange(order)[:, None] >> np.arange(width - 1, -1, -1) & 1
    return constellation.modulate(labels.astype(np.uint8).ravel(), order)


def _matched(sent: list[tuple[SemanticFrame, Genie, int]], delivered: list[ReceivedFrame]) -> tuple[list[Passage], int]:
    right: dict[int, ReceivedFrame] = {}
    wrong = 0
    for received in delivered:
        message = received.header.message
        expected = sent[message] if message < len(sent) else None
        near = expected is not None and abs(received.start_sample - expected[2]) < PHY.fft_size
        if expected is None or not near or received.header != expected[0].header or message in right:
            wrong += 1
        else:
            right[message] = received
    return [Passage(frame, genie, right.get(frame.header.message)) for frame, genie, _ in sent], wrong
