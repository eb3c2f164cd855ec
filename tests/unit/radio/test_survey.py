"""A survey finds what was put into the samples."""

import numpy as np
import pytest

from semcom_ota.config import PhyConfig
from semcom_ota.phy.spectrum import FLOOR_DB
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.radio.stream_clock import Gap
from semcom_ota.radio.survey import BLOCK, Survey, farthest_cfo_hz, survey
from semcom_ota.types import FrameHeader, SemanticFrame

PHY = PhyConfig()
RATE = PHY.sample_rate
NOISE_DBFS = -60.0


def decibel(power: float) -> float:
    return 10 * np.log10(power)


def heard(
    frames: int = 6,
    rms: float = 0.05,
    cfo_hz: float = 0.0,
    noise_dbfs: float = NOISE_DBFS,
    plus: np.ndarray | complex = 0.0,
    count: int = 60_000,
    seed: int = 0,
) -> np.ndarray:
    """Frames of two codecs and streams, evenly spaced, in noise."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(count, 2)) @ np.array([1, 1j]) * 10 ** (noise_dbfs / 20) / np.sqrt(2)
    samples = noise + plus
    for message in range(frames):
        symbols = np.exp(2j * np.pi * rng.random(100)).astype(np.complex64)
        header = FrameHeader(codec=1 + message % 2, stream=message % 2, message=message, message_symbols=100)
        frame = Transmitter(PHY).modulate(SemanticFrame(header, symbols))
        turned = frame * np.exp(2j * np.pi * cfo_hz / RATE * np.arange(frame.size))
        start = 3000 + message * 9000
        samples[start : start + frame.size] += turned * rms / np.sqrt(np.mean(np.abs(frame) ** 2))
    return samples.astype(np.complex64)


def measured(samples: np.ndarray, **options: object) -> Survey:
    return survey(samples, PHY, RATE, **options)[0]


def test_frames_and_the_noise_between_them_are_told_apart():
    seen = measured(heard(cfo_hz=7_000.0))
    assert seen.seconds == pytest.approx(0.06)
    assert seen.noise_dbfs == pytest.approx(NOISE_DBFS, abs=0.3)
    assert seen.noise_dbfs_per_hz == pytest.approx(NOISE_DBFS - 60, abs=0.3)
    assert (seen.heard.frames, seen.heard.streams, seen.heard.codecs) == (6, {0: 3, 1: 3}, {1: 3, 2: 3})
    per_carrier = decibel(0.05**2 * PHY.fft_size / PHY.used_carriers) - NOISE_DBFS
    assert seen.heard.snr_db == pytest.approx(per_carrier, abs=1.0)
    assert seen.heard.lowest_snr_db <= seen.heard.snr_db <= seen.heard.highest_snr_db
    assert seen.heard.cfo_hz == pytest.approx(7_000, abs=20)
    assert abs(seen.heard.sro_ppm) < 4 * seen.heard.sro_ppm_error
    assert seen.bursts.dbfs == pytest.approx(decibel(0.05**2), abs=1.5)
    assert 0.1 < seen.bursts.share < 0.5
    assert abs(seen.bursts.centre_hz) < 60_000
    assert seen.bursts.width_hz == pytest.approx(PHY.used_carriers / PHY.fft_size * RATE, rel=0.1)
    assert not seen.tones and not seen.gaps and not seen.clipping


def test_noise_alone_is_nothing_on_the_air():
    for seed in range(5):
        seen = measured(heard(frames=0, seed=seed))
        assert seen.bursts.share == 0 and seen.bursts.dbfs is None
        assert not seen.heard.frames and not seen.heard_beyond.frames and not seen.tones
        assert seen.noise_dbfs == pytest.approx(NOISE_DBFS, abs=0.3) == pytest.approx(seen.level_dbfs, abs=0.6)


@pytest.mark.parametrize("cfo_hz", [40_000.0, -70_000.0])
def test_frames_too_far_off_are_found_by_looking_farther(cfo_hz: float):
    samples = heard(cfo_hz=cfo_hz)
    seen = measured(samples)
    assert PHY.max_cfo_hz < abs(cfo_hz) < farthest_cfo_hz(PHY)
    assert not seen.heard.frames
    assert seen.heard_beyond.frames == 6
    assert seen.heard_beyond.cfo_hz == pytest.approx(cfo_hz, abs=20)
    assert not measured(samples, farther=False).heard_beyond.frames


def test_dc_does_not_count_as_noise_and_a_tone_is_where_it_was_put():
    tone = 10 ** (-55 / 20) * np.exp(2j * np.pi * 195_312.5 / RATE * np.arange(60_000))
    seen = measured(heard(plus=0.1j + tone))
    assert seen.dc_dbfs == pytest.approx(-20, abs=0.1)
    [found] = seen.tones
    assert found.frequency_hz == pytest.approx(195_312.5, abs=RATE / BLOCK)
    assert found.dbfs == pytest.approx(-55, abs=0.5)
    assert seen.noise_dbfs == pytest.approx(decibel(10**-6 + 10**-5.5), abs=0.3)
    assert seen.heard.frames == 6


def test_dc_that_turns_by_a_hertz_is_dc_all_the_same():
    count = 1_000_000
    seen = measured(heard(frames=0, count=count, plus=0.01 * np.exp(2j * np.pi * 0.8 * np.arange(count) / RATE)))
    assert seen.dc_dbfs == pytest.approx(-40, abs=0.1)
    assert seen.noise_dbfs == pytest.approx(NOISE_DBFS, abs=0.3)


def test_a_burst_beside_the_carrier_has_its_middle_there_even_across_the_edge():
    for shift in (-150_000.0, 300_000.0):
        samples = heard() * np.exp(2j * np.pi * shift / RATE * np.arange(60_000))
        seen = measured(samples.astype(np.complex64))
        assert seen.bursts.centre_hz == pytest.approx(shift, abs=60_000)


def test_clipping_is_a_share_of_the_samples():
    samples = heard(frames=0)
    samples[:600] = 1.0
    seen = measured(samples)
    assert seen.clipping == pytest.approx(0.01)
    assert seen.peak_dbfs == pytest.approx(0.0, abs=1e-6)


def test_a_frame_that_a_gap_cuts_is_not_heard():
    cut = heard()
    frame = 3000 + 4 * 9000
    samples = np.delete(cut, slice(frame + 500, frame + 1200))
    gap = Gap(frame + 500, 700)
    seen = measured(samples, gaps=[gap, Gap(frame + 600, None)])
    assert (seen.gaps, seen.lost_samples) == (2, 700)
    assert seen.heard.frames == 5


def test_zeros_garbage_and_short_stretches_are_measured_too():
    silent = measured(np.zeros(BLOCK, np.complex64))
    assert silent.peak_dbfs == silent.noise_dbfs == FLOOR_DB
    samples = heard()
    samples[50_000:50_010] = np.nan
    samples[50_010:50_012] = np.inf
    assert measured(samples).heard.frames == 6
    with pytest.raises(ValueError, match="at least"):
        measured(np.zeros(BLOCK - 1, np.complex64))


def test_the_figures_survive_the_way_through_json():
    seen = measured(heard())
    assert Survey.model_validate_json(seen.model_dump_json()) == seen
