"""The receiver that knows everything: the bound that ours is measured against."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from semcom_ota.config import ChannelConfig, PhyConfig
from semcom_ota.phy import ofdm
from semcom_ota.phy.header import HeaderCode
from semcom_ota.phy.impairments import impair
from semcom_ota.phy.numerology import Numerology
from semcom_ota.types import ComplexArray, FrameHeader

NO_NOISE_DB = 200.0
_TONE, _TAPER, _SILENCE = 512, 128, 512  # samples of the probe
_LAG = 128
_EARLY, _LATE = 32, 160  # samples around the impulse in which all paths arrive


class Genie:
    """Knows timing, CFO, and what became of every cell of one frame, and has the same samples as the receiver.

    It sends the frame through the same channel once more, without noise: the difference is the noise, and the quotient
    of what arrives and what was sent is the response of each cell, whatever the channel did to it. Its equalised symbol
    is what was sent plus noise / response. Timing and CFO come from a tone and an impulse on the same channel.

    Attributes:
        cfo_hz: the carrier frequency offset.
        delay: samples by which the FFT window with the least interference between symbols is late.
        gain: (payload symbols,) |h|**2 on the carrier of each, averaged over the frame.
        snr_db: mean |h|**2 over noise variance, of this frame.
    """

    def __init__(
        self,
        sent: ComplexArray,
        received: ComplexArray,
        frame_symbols: int,
        channel: ChannelConfig,
        phy: PhyConfig,
        snr_db: float,
        seed: int,
        key: tuple[int, ...],
    ):
        """Look through the channel.

        Args:
            sent: (n,) the frame's samples from its first one on, with silence behind.
            received: (n,) what `impair` made of them with the remaining arguments. Noise must be all that it adds.
            frame_symbols: payload symbols of the frame.
            channel: standing still but for the oscillators.
            phy: of the link.
            snr_db: Es/N0.
            seed: of `impair`.
            key: of `impair`.
        """
        self._numerology, self._header_code = _parts(phy)
        self._layout = self._numerology.layout(frame_symbols)
        cfo, self.delay = _probe(channel, phy, seed, key)
        self.cfo_hz = cfo * phy.sample_rate / (2 * np.pi)
        clean = impair(sent, channel, phy, NO_NOISE_DB, seed, key)
        sent_cells = self._cells(sent, phy.cp_length, 0.0)
        clean_cells = self._cells(clean, phy.cp_length + self.delay, cfo)
        self._noise = self._cells(received - clean, phy.cp_length + self.delay, cfo)
        self._sent = sent_cells
        self._response = clean_cells / sent_cells
        self._variance = 10 ** (-snr_db / 10)
        carriers = self._numerology.carriers.size
        power = (np.abs(clean_cells.reshape(-1, carriers)) ** 2).sum(axis=0)
        power /= (np.abs(sent_cells.reshape(-1, carriers)) ** 2).sum(axis=0)
        self.gain = power[self._layout.payload_cells % carriers]
        self.snr_db = float(10 * np.log10(power.mean() / self._variance))

    def header(self) -> FrameHeader | None:
        """The header, by the same code as the receiver's."""
        cells = self._layout.header_cells
        variance = self._variance / np.abs(self._response[cells]) ** 2
        symbols = (self._sent[cells] + self._noise[cells] / self._response[cells]) / self._layout.header_scrambling
        decoded = self._header_code.decode(symbols.astype(np.complex64), variance.astype(np.float32))
        return decoded[0].header if decoded else None

    def payload_error(self) -> NDArray[np.complex64]:
        """(payload symbols,) what the noise adds to each equalised symbol."""
        cells = self._layout.payload_cells
        return self._noise[cells] / self._response[cells] / self._layout.payload_scrambling

    def payload_variance(self) -> NDArray[np.float32]:
        """(payload symbols,) E|payload error|**2 of each."""
        response = self._response[self._layout.payload_cells]
        return (self._variance / np.abs(response) ** 2).astype(np.float32)

    def weighted_error(self) -> float:
        """|h|**2-weighted mean squared error of the equalised payload: the mean |noise|**2 of its cells."""
        return float(np.mean(np.abs(self._noise[self._layout.payload_cells]) ** 2))

    def _cells(self, samples: ComplexArray, window: int, cfo: float) -> ComplexArray:
        """All cells, flattened, of the frame whose first FFT window begins at sample `window`."""
        size = self._layout.rows * self._numerology.row_samples
        own = np.zeros(size, np.complex64)
        inside = samples[window : window + size]
        own[: inside.size] = inside
        return ofdm.demodulate(own, cfo, self._numerology).ravel()


@lru_cache(maxsize=8)
def _parts(phy: PhyConfig) -> tuple[Numerology, HeaderCode]:
    numerology = Numerology(phy)
    return numerology, HeaderCode(numerology.header_cells)


def _probe(channel: ChannelConfig, phy: PhyConfig, seed: int, key: tuple[int, ...]) -> tuple[float, int]:
    """CFO in radians a sample, and the delay of the best FFT window in samples; phase noise is left out of both."""
    probe = np.zeros(_TONE + 2 * _SILENCE, np.complex64)
    probe[:_TONE] = 1
    ramp = np.sin(np.pi / 2 * np.arange(_TAPER) / _TAPER) ** 2
    probe[:_TAPER] *= ramp
    probe[_TONE - _TAPER : _TONE] *= ramp[::-1]
    impulse = _TONE + _SILENCE // 2
    probe[impulse] = 1
    channel = channel.model_copy(update={"phase_noise_hz": 0.0})
    heard = impair(probe, channel, phy, NO_NOISE_DB, seed, key).astype(np.complex128)

    steady = heard[_TONE - _TAPER - _LAG - 8 : _TONE - _TAPER]
    coarse = float(np.angle(np.vdot(steady[:-1], steady[1:])))
    lagged = float(np.angle(np.vdot(steady[:-_LAG], steady[_LAG:])))
    cfo = coarse + float(np.angle(np.exp(1j * (lagged - coarse * _LAG)))) / _LAG

    paths = np.abs(heard[impulse - _EARLY : impulse + _LATE]) ** 2
    interference = _outside(phy.cp_length) @ paths
    best = np.flatnonzero(interference <= interference.min() * 1.01 + 1e-9 * paths.sum())
    return cfo, int(np.median(best))


@lru_cache(maxsize=8)
def _outside(prefix: int) -> NDArray[np.float64]:
    """(windows, paths) samples of the neighbouring OFDM symbol that a path brings into a window that is so late."""
    windows, paths = np.arange(_LATE)[:, None], np.arange(-_EARLY, _LATE)
    return np.maximum(windows - paths, paths - windows - prefix).clip(min=0).astype(np.float64)
