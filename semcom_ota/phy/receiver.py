"""The receiver: samples become frames of symbols, each with its noise variance."""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from semcom_ota.config import PhyConfig
from semcom_ota.phy import ofdm
from semcom_ota.phy.channel_estimator import ChannelEstimate, ChannelEstimator
from semcom_ota.phy.equalizer import equalize
from semcom_ota.phy.front_end import FrontEnd
from semcom_ota.phy.header import AirHeader, HeaderCode, decode_followers
from semcom_ota.phy.numerology import FrameLayout, Numerology
from semcom_ota.phy.precoding import despread
from semcom_ota.phy.sample_stream import CutOff, SampleStream
from semcom_ota.phy.synchronizer import Acquisition, Synchronizer
from semcom_ota.types import ComplexArray, Csi, FloatArray, FrameHeader, ReceivedFrame

SLICE = 32768
"""Samples taken in at a time: bounds the memory, however many are handed over at once."""

ROTATION_ERROR = 1.7
"""Standard deviations by which the rotation is taken to be wrong when a header cannot be decoded."""
LEAST_TURN = 0.1
"""Radians over all rows of the header: an error of less is none."""


@dataclass(frozen=True, slots=True)
class CutFrame:
    """A frame that a gap in the stream cut off."""

    start_sample: int
    headers: tuple[FrameHeader, ...]  # of its messages, as far as they had been decoded; none: perhaps it was no frame


class Receiver:
    """Samples of one stream to received frames. What it returns depends on the stream, not on how it is cut.

    samples ──▶ front end ──▶ synchronizer
                                  │
           ┌──────────────────────┘
           ▼
         OFDM ──▶ channel estimator ──▶ equalizer ──▶ header ─┬─ none: search on
                          ▲                                   │
                          └─── all header cells are known now ┤
                                                              ▼
         OFDM ──▶ channel estimator ──▶ equalizer ──▶ (despreading) ──▶ payload, noise variance, CSI
    """

    def __init__(self, phy: PhyConfig):
        """Prepare for a stream that has not begun.

        Raises:
            ConfigError: this air interface cannot work.
        """
        self._numerology = Numerology(phy)
        self._header_code = HeaderCode(self._numerology.header_cells)
        self._channel_estimator = ChannelEstimator(self._numerology)
        self._front_end = FrontEnd()
        self._stream = SampleStream(silence=self._numerology.preamble_samples)
        self._synchronizer = Synchronizer(self._numerology, self._stream)
        self._begin = 0  # of the stream, or behind the last gap
        self._lost_samples = 0  # in gaps since the last frame
        self._received: list[ReceivedFrame] = []
        self._cut: list[CutFrame] = []
        self._progress = self._receive()
        self.lookahead_samples = self._synchronizer.lookahead_samples

    @property
    def position(self) -> int:
        """All frames that end before this sample of the stream have been returned."""
        return max(self._begin, self._synchronizer.position)

    def process(self, samples: ComplexArray) -> list[ReceivedFrame]:
        """Take the next samples of the stream.

        Args:
            samples: (n,) complex64, any n. What is not a finite number counts as 0.

        Returns:
            The frames that are complete by now, in the order in which they began.
        """
        for first in range(0, len(samples), SLICE):
            self._stream.append(self._front_end.process(samples[first : first + SLICE]))
            next(self._progress)
        frames, self._received = self._received, []
        return frames

    def interrupt(self, lost_samples: int = 0) -> tuple[list[ReceivedFrame], list[CutFrame]]:
        """The samples that come next do not follow on from those before: some were lost, or the stream is over.

        What the front end knows of the mixer stays; the search for frames begins anew. Positions count on without what
        was lost.

        Args:
            lost_samples: how many; the next frame says so.

        Returns:
            The frames that are complete, though what follows them has not come, and those that are not and never will.
        """
        stop = self._stream.stop
        self._stream.end(self.lookahead_samples)  # behind the front end, which would take silence for a measurement
        next(self._progress, None)
        self._begin = stop
        self._stream.begin_anew(stop)
        self._synchronizer.begin_anew()
        self._progress = self._receive()
        self._lost_samples += lost_samples
        (frames, self._received), (cut, self._cut) = (self._received, []), (self._cut, [])
        return frames, cut

    def _receive(self) -> Generator[None, None, None]:
        """The receiver itself: runs as far as the samples go, yields where it needs more, ends at a gap if at all."""
        while True:
            acquisition = yield from self._synchronizer.acquire()
            headers: list[FrameHeader] = []
            try:
                found = yield from self._read(acquisition, headers)
            except CutOff:
                self._cut.append(CutFrame(max(self._begin, acquisition.start), tuple(headers)))
                if not headers:
                    return  # nor has a frame that begins later all of its header before the gap
                found = True
            if found:
                self._synchronizer.accept(acquisition)
            else:
                self._synchronizer.reject(acquisition)

    def _read(self, acquisition: Acquisition, headers: list[FrameHeader]) -> Generator[None, None, bool]:
        """Whether there is a frame; its headers are added to `headers`, and what is received to `_received`.

        Raises:
            CutOff: in a gap.
        """
        layout = self._numerology.layout(0)
        grid = yield from self._demodulate(acquisition, layout.rows)
        channel = self._channel_estimator.estimate(grid, layout.known)
        decoded = self._decode_header(grid, channel, layout)
        if decoded is None:
            return False

        air, header_symbols = decoded
        header_symbols = layout.header_scrambling * header_symbols  # known from here on
        headers.append(air.header)
        if air.followers:
            layout = self._numerology.layout(0, air.followers)
            grid = yield from self._demodulate(acquisition, layout.rows, grid)
            channel = self._channel_estimator.estimate(grid, _known(layout, header_symbols), channel)
            symbols, variances = equalize(grid, channel, layout.follower_cells, layout.follower_scrambling)
            headers += decode_followers(air.header, air.followers, symbols, variances)
        total = sum(header.frame_symbols for header in headers)
        if len(headers) <= air.followers or total > self._numerology.phy.max_frame_symbols:
            return False

        layout = self._numerology.layout(total, air.followers)
        grid = yield from self._demodulate(acquisition, layout.rows, grid)
        channel = self._channel_estimator.estimate(grid, _known(layout, header_symbols), channel)
        symbols, variances = _payload(grid, channel, layout, air.precoded)
        self._received += self._frames(acquisition, layout, channel, headers, symbols, variances)
        return True

    def _demodulate(
        self, acquisition: Acquisition, rows: int, grid: ComplexArray | None = None
    ) -> Generator[None, None, ComplexArray]:
        """Wait for so many rows of a frame and return them as a grid; `grid` holds the first ones already."""
        done = 0 if grid is None else len(grid)
        first = acquisition.window + done * self._numerology.row_samples
        stop = acquisition.window + rows * self._numerology.row_samples
        yield from self._stream.wait_received(stop, spare=self._numerology.phy.cp_length)
        following = ofdm.demodulate(self._stream.view(first, stop), acquisition.cfo, self._numerology, done)
        return following if grid is None else np.concatenate([grid, following])

    def _decode_header(
        self, grid: ComplexArray, channel: ChannelEstimate, layout: FrameLayout
    ) -> tuple[AirHeader, ComplexArray] | None:
        """The header, with the channel as estimated or, failing that, with one that turns faster or more slowly.

        At low SNR the rotation from row to row is what so few rows say least about, and its error adds up.
        """
        symbols, variances = equalize(grid, channel, layout.header_cells, layout.header_scrambling)
        decoded = self._header_code.decode(symbols, variances)
        error = ROTATION_ERROR * channel.rotation_deviation
        if decoded is not None or error * len(grid) < LEAST_TURN:
            return decoded
        row = layout.header_cells // grid.shape[1]
        time = row - np.average(np.arange(len(grid)), weights=np.count_nonzero(layout.known, axis=1))
        for rotation in (error, -error):
            turned = symbols * np.exp(-1j * rotation * time).astype(np.complex64)
            decoded = decoded or self._header_code.decode(turned, variances)
        return decoded

    def _frames(
        self,
        acquisition: Acquisition,
        layout: FrameLayout,
        channel: ChannelEstimate,
        headers: list[FrameHeader],
        symbols: ComplexArray,
        variances: FloatArray,
    ) -> Iterator[ReceivedFrame]:
        """One for each message in the frame."""
        csi = self._csi(acquisition, channel)
        stop = 0
        for place, header in enumerate(headers):
            own = slice(stop, stop := stop + header.frame_symbols)
            yield ReceivedFrame(
                header=header,
                symbols=symbols[own],
                noise_variance=variances[own],
                csi=csi,
                start_sample=max(self._begin, acquisition.start),  # which may be off by one or two
                stop_sample=acquisition.start + layout.rows * self._numerology.row_samples,
                place=place,
                lost_samples=self._lost_samples,
            )
            self._lost_samples = 0

    def _csi(self, acquisition: Acquisition, channel: ChannelEstimate) -> Csi:
        phy, row = self._numerology.phy, self._numerology.row_samples
        cfo = acquisition.cfo + channel.rotation / row  # radians a sample
        return Csi(
            frequency_response=channel.response,
            noise_variance=channel.noise_variance,
            snr_db=10 * math.log10(channel.snr),
            cfo_hz=cfo * phy.sample_rate / (2 * math.pi),
            sample_rate=phy.sample_rate,
            carrier_spacing_hz=self._numerology.carrier_spacing_hz,
            sro_ppm=-1e6 * channel.drift * phy.fft_size / (2 * math.pi * row),
        )


def _known(layout: FrameLayout, header_symbols: ComplexArray) -> ComplexArray:
    """All that is known of what was sent, once the header is."""
    known = layout.known.copy()
    known.ravel()[layout.header_cells] = header_symbols
    return known


def _payload(
    grid: ComplexArray, channel: ChannelEstimate, layout: FrameLayout, precoded: bool
) -> tuple[ComplexArray, FloatArray]:
    if not precoded:
        return equalize(grid, channel, layout.payload_cells, layout.payload_scrambling)
    cells, variances = equalize(grid, channel, layout.payload_cells, np.ones_like(layout.payload_scrambling))
    symbols, variances = despread(cells, variances, layout.payload_cells, grid.shape[1])
    return symbols * layout.payload_scrambling.conj(), variances
