"""What a receiver hears in a stretch of samples: level, noise, tones, bursts, frames. Figures; verdicts.py judges."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from semcom_ota.config import PhyConfig
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.spectrum import decibel, density, frequencies
from semcom_ota.radio.level_meter import Level, LevelMeter
from semcom_ota.radio.stream_clock import Gap
from semcom_ota.types import ComplexArray, FloatArray, ReceivedFrame

BLOCK = 256
"""Samples over which power is averaged: less than the silence between two bursts, enough for +-0.3 dB."""
DC_BLOCKS = 64
"""Over which DC is averaged: it turns by the fraction of a hertz to which an oscillator can be tuned."""
QUIET_SHARE = 0.05
"""Of all blocks, the quietest show the noise, even where a transmitter is on most of the time."""
QUIET_SPREAD_DB = 3.0
"""All blocks within so much of these count as quiet, so that the noise is not the lowest of its own fluctuations."""
BUSY_DB = 2.0
"""A block so much above the noise is no fluctuation: nine standard deviations of white noise."""
SPECTRUM_BLOCKS = 4096
TONE_DB = 10.0
"""A tone stands so far above the noise in its neighbourhood, in a bin of the spectrum."""
TONES = 5
ENOUGH_BLOCKS = 16
"""Averaged, so that noise does not look like a tone."""
SEARCH_SAMPLES = 4_000_000
"""Searched for frames of a larger frequency offset, where none was found."""
EDGE_DB = 15.0
"""What is so far below the highest density is a side lobe."""
LEAST_CENTRED = 0.1
"""Of its power, for what is on the air to have a middle at all; 0.22 is a flat band 0.8 of the sample rate wide."""
_NEIGHBOURHOOD = 8  # bins to either side


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tone(_Figures):
    """A narrow line in the spectrum while nobody transmits: leakage, a spur, somebody's carrier."""

    frequency_hz: float  # from the carrier
    dbfs: float


class FramesHeard(_Figures):
    """Frames of an air interface. Medians, because one frame in a fade says little."""

    frames: int = 0
    streams: dict[int, int] = {}  # how many frames of each
    codecs: dict[int, int] = {}  # likewise, by number
    snr_db: float | None = None
    lowest_snr_db: float | None = None
    highest_snr_db: float | None = None
    cfo_hz: float | None = None
    sro_ppm: float | None = None
    sro_ppm_error: float | None = None  # standard deviation of that median


class Bursts(_Figures):
    """What is louder than the noise, whatever it is."""

    share: float = 0.0  # 0..1, of the time
    dbfs: float | None = None  # mean power while it lasts, noise included; None: there is nothing
    centre_hz: float | None = None  # from the carrier
    width_hz: float | None = None  # down to 15 dB below its highest density


class Survey(_Figures):
    """All figures of a stretch of samples; 0 dBFS is the power of a complex tone of magnitude 1."""

    sample_rate: float
    seconds: float
    level_dbfs: float  # mean power
    peak_dbfs: float  # the largest real or imaginary part
    clipping: float  # 0..1, share of samples with a part at full scale
    dc_dbfs: float  # power of the mean of short stretches
    noise_dbfs: float  # power of the quietest stretches, without DC
    gaps: int
    lost_samples: int
    bursts: Bursts
    heard: FramesHeard
    heard_beyond: FramesHeard  # with a larger frequency offset than the air interface looks for
    tones: tuple[Tone, ...]  # the strongest ones, DC not among them

    @property
    def noise_dbfs_per_hz(self) -> float:
        """Noise density, if the noise is white over the sample rate."""
        return self.noise_dbfs - 10 * math.log10(self.sample_rate)


class Spectra(NamedTuple):
    """Power spectral densities in dBFS/Hz."""

    frequency_hz: FloatArray  # (BLOCK,), ascending
    quiet: FloatArray  # (BLOCK,), while nobody transmits
    busy: FloatArray | None  # (BLOCK,), of what is louder; None: there is nothing


def survey(
    samples: ComplexArray, phy: PhyConfig, sample_rate: float, gaps: Sequence[Gap] = (), *, farther: bool = True
) -> tuple[Survey, Spectra]:
    """Measure a stretch of samples.

    Args:
        samples: (N,) complex64, N >= BLOCK, full scale 1. What is not a finite number counts as 0.
        phy: the air interface whose frames are looked for.
        sample_rate: samples/s, as the device says it.
        gaps: before which samples others are missing, ascending.
        farther: where no frame is found, look for those of a larger frequency offset; takes its time.

    Raises:
        ValueError: too few samples.
        ConfigError: the air interface cannot work.
    """
    if len(samples) < BLOCK:
        raise ValueError(f"a survey takes {BLOCK} samples at least, not {len(samples)}")
    level = _level(samples)
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK)
    power, dc = _power_and_dc(blocks)
    if not np.isfinite(power).all():
        return survey(np.where(np.isfinite(samples), samples, np.complex64(0)), phy, sample_rate, gaps, farther=farther)
    quiet, busy = _quiet_and_busy(power)
    spectra = _spectra(blocks, quiet, busy, sample_rate)

    heard = _heard(samples, phy, gaps)
    beyond = FramesHeard()
    if farther and not heard.frames and busy.any():
        wider = phy.model_copy(update={"max_cfo_hz": farthest_cfo_hz(phy)})
        first = max(0, int(np.flatnonzero(busy)[0]) - 1) * BLOCK
        beyond = _heard(samples[first : first + SEARCH_SAMPLES], wider, ())
    figures = Survey(
        sample_rate=sample_rate,
        seconds=len(samples) / sample_rate,
        level_dbfs=level.level_dbfs,
        peak_dbfs=level.peak_dbfs,
        clipping=level.clipped_samples / level.samples,
        dc_dbfs=_db(dc),
        noise_dbfs=_db(power[quiet].mean()),
        gaps=len(gaps),
        lost_samples=sum(gap.lost_samples or 0 for gap in gaps),
        bursts=_bursts(power, busy, spectra),
        heard=heard,
        heard_beyond=beyond,
        tones=_tones(spectra) if np.count_nonzero(quiet) >= ENOUGH_BLOCKS else (),
    )
    return figures, spectra


def farthest_cfo_hz(phy: PhyConfig) -> float:
    """The largest carrier frequency offset that an air interface with these carriers could look for (numerology.py)."""
    return (phy.fft_size / 2 - phy.used_carriers / 2) * phy.sample_rate / phy.fft_size


def _level(samples: ComplexArray) -> Level:
    meter = LevelMeter()
    meter.take(samples)
    level = meter.read()
    assert level is not None
    return level


def _power_and_dc(blocks: ComplexArray) -> tuple[np.ndarray, float]:
    """(K,) mean power of each block about the mean of its neighbourhood, and the mean power of these means."""
    parts = blocks.view(np.float32)
    power = np.einsum("ij,ij->i", parts, parts).astype(np.float64) / BLOCK
    means = blocks.mean(axis=1).astype(np.complex128)
    starts = np.arange(0, len(blocks), DC_BLOCKS)
    sizes = np.diff(np.append(starts, len(blocks)))
    mean = np.repeat(np.add.reduceat(means, starts) / sizes, sizes)
    dc = np.abs(mean) ** 2
    return np.maximum(power - 2 * (mean.conjugate() * means).real + dc, 0), float(dc.mean())


def _quiet_and_busy(power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which blocks hold nothing but noise, and which hold more than that."""
    lowest = np.quantile(power, QUIET_SHARE)
    quiet = power <= lowest * 10 ** (QUIET_SPREAD_DB / 10)
    return quiet, power > power[quiet].mean() * 10 ** (BUSY_DB / 10)


def _spectra(blocks: ComplexArray, quiet: np.ndarray, busy: np.ndarray, sample_rate: float) -> Spectra:
    def of(chosen: np.ndarray) -> FloatArray:
        index = np.flatnonzero(chosen)
        return density(blocks[index[:: -(-index.size // SPECTRUM_BLOCKS)]], sample_rate)

    return Spectra(
        frequencies(BLOCK, sample_rate),
        decibel(of(quiet)).astype(np.float32),
        decibel(of(busy)).astype(np.float32) if busy.any() else None,
    )


def _bursts(power: np.ndarray, busy: np.ndarray, spectra: Spectra) -> Bursts:
    if spectra.busy is None:
        return Bursts()
    above = spectra.busy > np.maximum(spectra.quiet + 3.0, spectra.busy.max() - EDGE_DB)
    excess = np.where(above, 10 ** (spectra.busy / 10) - 10 ** (spectra.quiet / 10), 0)
    # The mean on a circle: what leaves the band on one side may come back on the other.
    turns = np.arange(BLOCK) / BLOCK - 0.5
    middle = np.sum(excess * np.exp(2j * np.pi * turns))
    rate = BLOCK * float(spectra.frequency_hz[1] - spectra.frequency_hz[0])
    centre = None
    if abs(middle) > LEAST_CENTRED * excess.sum():
        centre = float(np.angle(middle)) / (2 * math.pi) * rate
    width = float(np.count_nonzero(above)) / BLOCK * rate
    return Bursts(
        share=float(busy.mean()), dbfs=_db(power[busy].mean()), centre_hz=centre, width_hz=width if width else None
    )


def _tones(spectra: Spectra) -> tuple[Tone, ...]:
    """Bins of the quiet spectrum that stand out from their neighbours; DC has a figure of its own."""
    count, bin_hz = spectra.quiet.size, float(spectra.frequency_hz[1] - spectra.frequency_hz[0])
    found = []
    for k in range(count):
        around = (k + np.arange(-_NEIGHBOURHOOD, _NEIGHBOURHOOD + 1)) % count
        highest = spectra.quiet[around].max()
        if abs(k - count // 2) <= 2 or spectra.quiet[k] < highest:
            continue
        floor = np.median(spectra.quiet[around])
        if spectra.quiet[k] > floor + TONE_DB:
            # The window spreads a tone over five bins, whose sum is its power.
            line = 10 ** (spectra.quiet[(k + np.arange(-2, 3)) % count] / 10) - 10 ** (floor / 10)
            found.append(Tone(frequency_hz=float(spectra.frequency_hz[k]), dbfs=_db(max(0.0, line.sum()) * bin_hz)))
    return tuple(sorted(found, key=lambda tone: -tone.dbfs)[:TONES])


def _heard(samples: ComplexArray, phy: PhyConfig, gaps: Sequence[Gap]) -> FramesHeard:
    """Each stretch between gaps for itself: a frame that a gap cuts is lost."""
    frames = [frame for stretch in _stretches(samples, gaps) for frame in _received(stretch, phy)]
    if not frames:
        return FramesHeard()
    firsts = [frame for frame in frames if frame.place == 0]  # those that share a frame share its CSI
    snr = [frame.csi.snr_db for frame in firsts]
    sro = np.array([frame.csi.sro_ppm for frame in firsts])
    return FramesHeard(
        frames=len(firsts),
        streams=dict(sorted(Counter(frame.header.stream for frame in frames).items())),
        codecs=dict(sorted(Counter(frame.header.codec for frame in frames).items())),
        snr_db=float(np.median(snr)),
        lowest_snr_db=min(snr),
        highest_snr_db=max(snr),
        cfo_hz=float(np.median([frame.csi.cfo_hz for frame in firsts])),
        sro_ppm=float(np.median(sro)),
        sro_ppm_error=float(1.25 * sro.std() / math.sqrt(sro.size)) if sro.size > 1 else None,
    )


def _received(samples: ComplexArray, phy: PhyConfig) -> list[ReceivedFrame]:
    receiver = Receiver(phy)
    return receiver.process(samples) + receiver.process(np.zeros(receiver.lookahead_samples, np.complex64))


def _stretches(samples: ComplexArray, gaps: Sequence[Gap]) -> Iterator[ComplexArray]:
    for start, stop in pairwise([0, *(gap.sample for gap in gaps), len(samples)]):
        yield samples[start:stop]


def _db(power: float) -> float:
    return float(decibel(np.asarray(power)))
