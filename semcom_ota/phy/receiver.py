"""The receiver: samples become frames of symbols, each with its noise variance."""

from collections.abc import Generator

import numpy as np

from semcom_ota.config import PhyConfig
from semcom_ota.phy import ofdm
from semcom_ota.phy.channel_estimator import ChannelEstimate, ChannelEstimator
from semcom_ota.phy.equalizer import equalize
from semcom_ota.phy.header import HeaderCode
from semcom_ota.phy.numerology import FrameLayout, Numerology
from semcom_ota.phy.sample_stream import SampleStream
from semcom_ota.phy.synchronizer import Acquisition, Synchronizer
from semcom_ota.types import ComplexArray, Csi, ReceivedFrame

SLICE = 32768
"""Samples taken in at a time: bounds the memory, however many are handed over at once."""


class Receiver:
    """Samples of one stream to received frames. What it returns depends on the stream, not on how it is cut.

    samples ──▶ synchronizer ──▶ OFDM ──▶ channel estimator ──▶ equalizer ──▶ header ─┐ none: search on
                                                                                      ▼
                                 OFDM ──▶ channel estimator ──▶ equalizer ──▶ payload, noise variance, CSI
    """

    def __init__(self, phy: PhyConfig):
        """Prepare for a stream that has not begun.

        Raises:
            ConfigError: this air interface cannot work.
        """
        self._numerology = Numerology(phy)
        self._header_code = HeaderCode(self._numerology.header_cells)
        self._channel_estimator = ChannelEstimator(self._numerology)
        self._stream = SampleStream(silence=self._numerology.preamble_samples)
        self._synchronizer = Synchronizer(self._numerology, self._stream)
        self._received: list[ReceivedFrame] = []
        self._progress = self._receive()
        self.lookahead_samples = self._synchronizer.lookahead_samples

    @property
    def position(self) -> int:
        """All frames that end before this sample of the stream have been returned."""
        return max(0, self._synchronizer.position)

    def process(self, samples: ComplexArray) -> list[ReceivedFrame]:
        """Take the next samples of the stream.

        Args:
            samples: (n,) complex64, any n. What is not a finite number counts as 0.

        Returns:
            The frames that are complete by now, in the order in which they began.
        """
        for first in range(0, len(samples), SLICE):
            self._stream.append(samples[first : first + SLICE])
            next(self._progress)
        frames, self._received = self._received, []
        return frames

    def _receive(self) -> Generator[None, None, None]:
        """The receiver itself: runs as far as the samples go, yields where it needs more of them, never ends."""
        while True:
            acquisition = yield from self._synchronizer.acquire()

            layout = self._numerology.layout(0)
            grid = yield from self._demodulate(acquisition, layout)
            channel = self._channel_estimator.estimate(grid, layout)
            symbols, variances = equalize(grid, channel, layout.header_cells, layout.header_scrambling)
            header = self._header_code.decode(symbols, variances)
            if header is None or header.frame_symbols > self._numerology.phy.max_frame_symbols:
                self._synchronizer.reject(acquisition)
                continue

            layout = self._numerology.layout(header.frame_symbols)
            grid = yield from self._demodulate(acquisition, layout)
            channel = self._channel_estimator.estimate(grid, layout)
            symbols, variances = equalize(grid, channel, layout.payload_cells, layout.payload_scrambling)
            self._received.append(
                ReceivedFrame(
                    header=header,
                    symbols=symbols,
                    noise_variance=variances,
                    csi=self._csi(acquisition, channel),
                    start_sample=acquisition.start,
                    stop_sample=acquisition.start + self._numerology.frame_samples(header.frame_symbols),
                )
            )
            self._synchronizer.accept(acquisition)

    def _demodulate(self, acquisition: Acquisition, layout: FrameLayout) -> Generator[None, None, ComplexArray]:
        """Wait for all rows of a layout; return them as a grid."""
        stop = acquisition.window + layout.rows * self._numerology.row_samples
        yield from self._stream.wait(stop)
        return ofdm.demodulate(self._stream.view(acquisition.window, stop), acquisition.cfo, self._numerology)

    def _csi(self, acquisition: Acquisition, channel: ChannelEstimate) -> Csi:
        sample_rate = self._numerology.phy.sample_rate
        cfo = acquisition.cfo + channel.rotation / self._numerology.row_samples  # radians a sample
        power = float(np.mean(np.abs(channel.response) ** 2 + channel.error_variance))
        return Csi(
            frequency_response=channel.response,
            noise_variance=np.full(channel.response.shape[1], channel.noise_variance, np.float32),
            snr_db=float(10 * np.log10(power / channel.noise_variance)),
            cfo_hz=cfo * sample_rate / (2 * np.pi),
            sample_rate=sample_rate,
            carrier_spacing_hz=self._numerology.carrier_spacing_hz,
        )
