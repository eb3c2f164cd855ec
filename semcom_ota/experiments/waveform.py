"""Frames through the numpy PHY and a simulated channel, as `semcom loopback` sends them: the same samples come out."""

import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from semcom_ota.config import LoopbackRadio, PhyConfig
from semcom_ota.experiments.bench.genie import Genie
from semcom_ota.phy.impairments import impair
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import ComplexArray, SemanticFrame

Key = tuple[int, int]
"""Of a message on a link: stream and number."""


@dataclass(slots=True)
class Air:
    """What one message took of the air, and how long that took to compute."""

    symbols: int = 0
    samples: int = 0
    cells: int = 0
    transmit_ms: float = 0.0
    receive_ms: float = 0.0


class WaveformChannel:
    """Transmitter and channel of a run: a function of its seed, whatever else runs beside it."""

    def __init__(self, phy: PhyConfig, radio: LoopbackRadio, snr_db: float, seed: int):
        """For one SNR; the rest of what `radio` says of SNR and seed does not count."""
        self._phy, self._radio, self._snr_db, self._seed = phy, radio, snr_db, seed
        self._transmitter, self._numerology, lookahead = _transmitter(phy)
        self._silence = np.zeros(radio.reach_samples(phy) + lookahead, np.complex64)
        self.air: dict[Key, Air] = {}

    def pass_through(self, frame: SemanticFrame) -> tuple[ComplexArray, ComplexArray]:
        """A frame with the silence behind it, as it is sent and as it arrives; what it takes is added to `air`."""
        header = frame.header
        started = time.perf_counter()
        samples = self._transmitter.modulate(frame)
        transmit_ms = 1e3 * (time.perf_counter() - started)
        taken = self.air.setdefault((header.stream, header.message), Air())
        taken.symbols += header.frame_symbols
        taken.samples += samples.size
        taken.cells += samples.size // self._numerology.row_samples * self._numerology.carriers.size
        taken.transmit_ms += transmit_ms
        sent = np.concatenate([samples, self._silence])
        key = header.message, header.fragment
        return sent, impair(sent, self._radio.channel, self._phy, self._snr_db, self._seed, key)

    def look_through(self, frame: SemanticFrame) -> Genie:
        """What a genie knows of a frame that passes through."""
        header = frame.header
        sent, received = self.pass_through(frame)
        return Genie(
            sent, received, header.frame_symbols, self._radio.channel, self._phy, self._snr_db, self._seed,
            (header.message, header.fragment),
        )  # fmt: skip


@lru_cache(maxsize=8)
def _transmitter(phy: PhyConfig) -> tuple[Transmitter, Numerology, int]:
    return Transmitter(phy), Numerology(phy), Receiver(phy).lookahead_samples
