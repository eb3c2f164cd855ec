import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.config import PhyConfig
from semcom_ota.phy.front_end import BLOCK, LARGEST, MEMORY_BLOCKS, FrontEnd
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import FrameHeader, SemanticFrame

MEMORY = BLOCK * MEMORY_BLOCKS
DIRECT, IMAGE = (0.5 * (1 + s * 10 ** (1 / 20) * np.exp(-1j * s * np.radians(5))) for s in (1, -1))  # 1 dB, 5 degrees


def noise(count, seed=1):
    """Proper white noise of power 1."""
    return np.random.default_rng(seed).normal(0, np.sqrt(0.5), 2 * count).view(np.complex128)


def through_mixer(signal, dc=0.0, direct=1.0, image=0.0):
    return (direct * signal + image * signal.conj() + dc).astype(np.complex64)


def remains(signal, corrected, start, stop, gain=1.0):
    """Power of image and DC behind the front end, in dB below the signal, whose gain the mixer alone has made."""
    own = signal[start:stop]
    parts = np.stack([own, own.conj(), np.ones_like(own)], axis=1)
    direct, image, dc = np.linalg.lstsq(parts, corrected[start:stop].astype(np.complex128), rcond=None)[0]
    assert abs(direct) == pytest.approx(abs(gain), rel=0.01)
    return 20 * np.log10(abs(image / direct)), 20 * np.log10(abs(dc / direct))


IMPAIRED = through_mixer(noise(6 * BLOCK), 0.3, DIRECT, IMAGE)
IMPAIRED[[5, 1030, 4000]] = np.nan


@given(st.lists(st.integers(0, len(IMPAIRED)), max_size=40))
def test_any_chunking_gives_the_same_bits(cuts):
    front_end = FrontEnd()
    parts = [front_end.process(part) for part in np.split(IMPAIRED, sorted(cuts))]
    assert np.concatenate(parts).tobytes() == FrontEnd().process(IMPAIRED).tobytes()


@pytest.mark.parametrize("dc", [0.1, 1j], ids=["-20 dBc", "0 dBc"])
@pytest.mark.parametrize(("direct", "image"), [(1.0, 0.0), (DIRECT, IMAGE)], ids=["ideal", "1 dB, 5 degrees"])
def test_dc_and_image_go(dc, direct, image):
    """Behind n samples of noise 1 / n of DC and 1 / 2n of image are expected to remain; 12 times as much is allowed,
    which chance exceeds once in exp(12)."""
    signal = noise(2 * MEMORY)
    corrected = FrontEnd().process(through_mixer(signal, dc, direct, image))
    for count in (16 * BLOCK, MEMORY):
        image_db, dc_db = remains(signal, corrected, count, count + BLOCK, direct)
        assert dc_db < 10 * np.log10(12 / count)
        assert image_db < 10 * np.log10(6 / count)


def test_a_dc_offset_that_changes_is_followed():
    signal = noise(10 * MEMORY)
    dc = np.where(np.arange(signal.size) < 4 * MEMORY, 0.1, -0.1j)
    corrected = FrontEnd().process(through_mixer(signal, dc))
    assert remains(signal, corrected, signal.size - BLOCK, signal.size)[1] < -40


@pytest.mark.parametrize("scale", [2.0**-100, 2.0**-40, 2.0**18])
def test_the_level_of_the_stream_does_not_matter(scale):
    impaired, scale = np.nan_to_num(IMPAIRED), np.float32(scale)
    np.testing.assert_array_equal(FrontEnd().process(impaired * scale), FrontEnd().process(impaired) * scale)


def frames():
    """Of 200 symbols, each with a carrier phase and a CFO of its own."""
    generator, transmitter = np.random.default_rng(1), Transmitter(PhyConfig())
    for message in range(200):
        symbols = np.exp(2j * np.pi * generator.random(200)).astype(np.complex64)
        samples = transmitter.modulate(SemanticFrame(FrameHeader(1, message=message, message_symbols=200), symbols))
        cfo = generator.uniform(-0.015, 0.015)  # cycles a sample
        yield samples * np.exp(2j * np.pi * (generator.random() + cfo * np.arange(samples.size)))


@pytest.mark.parametrize(
    "samples",
    [
        noise(4 * MEMORY),
        np.concatenate(list(frames())),
        np.concatenate([np.append(frame, np.zeros(3000)) for frame in frames()]),
        np.zeros(4 * BLOCK),
        noise(MEMORY) * 1e-30,
        np.where(np.arange(4 * BLOCK) == 2000, 0.9 * LARGEST, noise(4 * BLOCK)),
        noise(MEMORY).real,
    ],
    ids=["noise", "frames", "bursts", "zeros", "tiny", "one huge sample", "real"],
)
def test_what_no_mixer_did_stays_bit_for_bit(samples):
    samples = samples.astype(np.complex64)
    assert FrontEnd().process(samples).tobytes() == samples.tobytes()


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf * 1j, 1.1 * LARGEST, -1e30j, complex(1, np.nan)])
def test_garbage_counts_as_zero(garbage):
    samples, silenced = IMPAIRED.copy(), IMPAIRED.copy()
    samples[::7], silenced[::7] = garbage, 0
    corrected = FrontEnd().process(samples)
    assert np.isfinite(corrected).all()
    np.testing.assert_array_equal(corrected, FrontEnd().process(silenced))
