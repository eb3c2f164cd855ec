import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom_ota.config import NUMEROLOGIES, ChannelConfig, PhyConfig, load_channel, load_phy
from semcom_ota.phy import ofdm, preamble
from semcom_ota.phy.impairments import complex_noise, impair
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import FrameHeader, SemanticFrame

PHY = PhyConfig()
TRANSMITTER = Transmitter(PHY)
LOOKAHEAD = Receiver(PHY).lookahead_samples
SIZES = (200, 1, 1024, 48, 300)


def frame(message, count):
    symbols = np.random.default_rng(message).standard_normal(2 * count).view(np.complex128)
    symbols /= np.sqrt(np.mean(np.abs(symbols) ** 2))
    return SemanticFrame(FrameHeader(codec=1, message=message, message_symbols=count), symbols.astype(np.complex64))


def on_air(message, count, snr_db=15.0, gap=400, channel="awgn"):
    samples = np.concatenate([TRANSMITTER.modulate(frame(message, count)), np.zeros(gap, np.complex64)])
    config = load_channel(channel) if isinstance(channel, str) else channel
    return impair(samples, config, PHY, snr_db, 1, (message,))


def noise(count, snr_db=15.0, seed=1):
    return (10 ** (-snr_db / 20) * complex_noise(np.random.default_rng(seed), count)).astype(np.complex64)


def fingerprint(frames):
    return [
        (
            f.header,
            f.start_sample,
            f.stop_sample,
            f.symbols.tobytes(),
            f.noise_variance.tobytes(),
            f.csi.frequency_response.tobytes(),
            f.csi.noise_variance.tobytes(),
            f.csi.snr_db,
            f.csi.cfo_hz,
            f.csi.sro_ppm,
        )
        for f in frames
    ]


@pytest.fixture(scope="module")
def stream():
    """Frames of many sizes with noise between them, two of them back to back, the first one at the very start."""
    still = ChannelConfig(max_cfo_subcarriers=0.5)
    parts = [on_air(m, n, gap=0 if m in (1, 2) else 350, channel=still) for m, n in enumerate(SIZES)]
    return np.concatenate([*parts, noise(LOOKAHEAD)])


@pytest.fixture(scope="module")
def frames(stream):
    return Receiver(PHY).process(stream)


def test_what_is_sent_arrives(frames):
    assert [f.header for f in frames] == [frame(m, n).header for m, n in enumerate(SIZES)]
    for received in frames:
        sent = frame(received.header.message, received.header.frame_symbols)
        assert received.symbols.dtype == np.complex64
        assert received.noise_variance.dtype == np.float32
        assert received.symbols.shape == received.noise_variance.shape == sent.symbols.shape
        error = np.abs(received.symbols - sent.symbols) ** 2
        assert np.mean(error) < 0.2
        if sent.symbols.size > 100:
            assert 0.75 < np.mean(error / received.noise_variance) < 1.3
            assert abs(10 * np.log10(np.mean(error)) + 15) < 1
        assert abs(received.csi.snr_db - 15) < 1.5
        length = received.stop_sample - received.start_sample
        assert length == TRANSMITTER.frame_samples(received.header.frame_symbols)
        assert received.csi.frequency_response.shape == (length // 80, 52)
        assert abs(np.mean(np.abs(received.csi.frequency_response) ** 2) - 1) < 0.3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 80, 1000, 5000]))
def test_the_result_does_not_depend_on_the_chunks(stream, frames, seed, largest):
    receiver = Receiver(PHY)
    generator = np.random.default_rng(seed)
    received = []
    first = 0
    while first < stream.size:
        count = int(generator.integers(0, largest + 1))
        received += receiver.process(stream[first : first + count])
        first += count
    assert fingerprint(received) == fingerprint(frames)


def test_one_sample_at_a_time(stream, frames):
    receiver = Receiver(PHY)
    received = [f for sample in stream[:4000, None] for f in receiver.process(sample)]
    assert fingerprint(received) == fingerprint(frames[: len(received)])
    assert len(received) >= 1


def test_a_frame_is_returned_and_passed_by_within_the_lookahead():
    for seed, count in enumerate((1, 48, 49, 700)):
        samples = np.concatenate([noise(777, seed=seed), on_air(seed, count, gap=0, channel=ChannelConfig())])
        end = samples.size
        receiver = Receiver(PHY)
        received = receiver.process(np.concatenate([samples, noise(LOOKAHEAD, seed=seed + 100)]))
        assert [f.header.message for f in received] == [seed]
        assert abs(received[0].stop_sample - end) <= 1
        assert end <= receiver.position <= end + LOOKAHEAD


def test_position_says_which_frames_can_no_longer_come(stream):
    receiver = Receiver(PHY)
    before = 0
    for first in range(0, stream.size, 100):
        for received in receiver.process(stream[first : first + 100]):
            assert received.stop_sample > before
        assert receiver.position >= before
        before = receiver.position


@pytest.mark.parametrize(
    ("channel", "snr_db", "most_lost"), [("awgn", 0.0, 0), ("multipath", 15.0, 1), ("rician", 6.0, 1)]
)
def test_channels_that_ship(channel, snr_db, most_lost):
    """100 frames each; the long run with intervals is `semcom bench phy`."""
    receiver = Receiver(PHY)
    received = []
    for message in range(100):
        received += receiver.process(on_air(message, 100, snr_db, channel=channel))
    received += receiver.process(noise(LOOKAHEAD, snr_db))
    assert len(received) >= 100 - most_lost
    ratios = []
    for f in received:
        sent = frame(f.header.message, 100)
        assert f.header == sent.header
        ratios.append(np.mean(np.abs(f.symbols - sent.symbols) ** 2 / f.noise_variance))
    assert 0.9 < np.mean(ratios) < 1.1


def test_noise_only_delivers_nothing():
    receiver = Receiver(PHY)
    for message in range(100):
        assert receiver.process(on_air(message, 300, 10.0, channel="noise_only")) == []


def test_garbage_is_survived(stream, frames):
    receiver = Receiver(PHY)
    generator = np.random.default_rng(1)
    for scale in (0.0, 1e-30, 1e5, 1e30, np.inf, np.nan):
        junk = np.full(6000, scale, np.float32) * np.sign(generator.standard_normal(6000)).astype(np.float32)
        receiver.process(junk.view(np.complex64))
    receiver.process(noise(2000))
    received = receiver.process(stream)
    assert [f.header for f in received] == [f.header for f in frames]


def test_a_few_lost_samples_cost_little(stream):
    damaged = stream.copy()
    damaged[np.random.default_rng(2).integers(0, stream.size, 50)] = np.nan
    received = Receiver(PHY).process(damaged)
    assert [f.header.message for f in received] == list(range(len(SIZES)))
    assert all(np.isfinite(f.symbols).all() for f in received)


@pytest.mark.parametrize("distance", [100, 480, 700, 1300])
def test_a_false_start_does_not_swallow_the_true_frame_behind_it(distance):
    false_start = ofdm.modulate(preamble.grid(52), Numerology(PHY))
    true_frame = TRANSMITTER.modulate(frame(5, 200))
    samples = noise(10_000, 10.0)
    samples[1000 : 1000 + false_start.size] += false_start * 0.5
    samples[1000 + distance : 1000 + distance + true_frame.size] += true_frame
    assert [f.header.message for f in Receiver(PHY).process(samples)] == [5]


def test_a_frame_that_begins_in_the_tail_of_another_is_found():
    first, second = TRANSMITTER.modulate(frame(1, 900)), TRANSMITTER.modulate(frame(2, 300))
    samples = noise(12_000, 20.0)
    samples[500 : 500 + first.size] += first
    second_start = 500 + first.size - 200
    samples[second_start : second_start + second.size] += second
    assert [f.header.message for f in Receiver(PHY).process(samples)] == [1, 2]


def test_a_stream_that_starts_in_the_middle_of_a_frame(stream, frames):
    cut = frames[0].start_sample + 700
    received = Receiver(PHY).process(stream[cut:])
    assert [f.header.message for f in received] == [1, 2, 3, 4]
    assert [f.start_sample + cut for f in received] == [f.start_sample for f in frames[1:]]


def test_a_header_beyond_the_longest_frame_is_refused():
    samples = np.concatenate([TRANSMITTER.modulate(frame(1, 1500)), noise(LOOKAHEAD)])
    assert Receiver(PhyConfig(max_frame_symbols=1024)).process(samples) == []
    assert len(Receiver(PHY).process(samples)) == 1


def test_memory_is_bounded():
    receiver = Receiver(PHY)
    for seed in range(20):
        receiver.process(noise(200_000, seed=seed))
    assert receiver._stream._buffer.size < 200_000
    assert receiver._synchronizer._metric.size < 50_000


@pytest.mark.parametrize(
    "phy",
    [
        PhyConfig(max_frame_symbols=8192),
        PhyConfig(fft_size=256, cp_length=32, used_carriers=200, sample_rate=20e6),
        PhyConfig(fft_size=1024, cp_length=128, used_carriers=800, sample_rate=20e6),
        PhyConfig(fft_size=64, cp_length=4, used_carriers=60, max_cfo_hz=15e3, pilot_spacing=15, pilot_step=4),
    ],
)
def test_other_numerologies(phy):
    sent = frame(1, phy.max_frame_symbols)
    samples = np.concatenate([Transmitter(phy).modulate(sent), np.zeros(20_000, np.complex64)])
    received = Receiver(phy).process(impair(samples, load_channel("awgn"), phy, 10.0, 1, ()))
    assert [f.header for f in received] == [sent.header]
    assert np.mean(np.abs(received[0].symbols - sent.symbols) ** 2) < 0.125


@pytest.mark.parametrize("name", sorted(file.stem for file in NUMEROLOGIES.glob("*.yml")))
@pytest.mark.parametrize("share", [-1.0, -0.4, 0.9])
def test_every_preset_finds_what_it_promises_to(name, share):
    """10 frames at 0 dB, the CFO at a share of the preset's range: all found, the CFO known to 1 % of a carrier."""
    phy = load_phy(name)
    transmitter, receiver = Transmitter(phy), Receiver(phy)
    cfo = share * phy.max_cfo_hz
    parts = []
    for message in range(10):
        parts += [np.zeros(300 + 7 * message, np.complex64), transmitter.modulate(frame(message, 100))]
    samples = np.concatenate([*parts, np.zeros(receiver.lookahead_samples, np.complex64)])
    turned = samples * np.exp(2j * np.pi * cfo / phy.sample_rate * np.arange(samples.size))
    received = receiver.process((turned + noise(samples.size, 0.0)).astype(np.complex64))
    assert [f.header.message for f in received] == list(range(10))
    assert max(abs(f.csi.cfo_hz - cfo) for f in received) < 0.01 * phy.sample_rate / phy.fft_size


def test_sample_clocks_40_ppm_apart_over_the_longest_frame():
    """4,096 symbols at 25 dB, one clock too slow or too fast: the noise is what is left."""
    sent, channel = frame(1, 4096), ChannelConfig(sro_ppm=40.0)
    samples = np.concatenate([np.zeros(200), TRANSMITTER.modulate(sent), np.zeros(LOOKAHEAD)]).astype(np.complex64)
    clocks = []
    for seed in range(8):
        (received,) = Receiver(PHY).process(impair(samples, channel, PHY, 25.0, seed, ()))
        error = np.abs(received.symbols - sent.symbols) ** 2
        assert np.mean(error) < 1.15 * 10**-2.5
        assert 0.9 < np.mean(error / received.noise_variance) < 1.1
        clocks.append(received.csi.sro_ppm)
    assert np.allclose(np.abs(clocks), 40, atol=1)
    assert min(clocks) < 0 < max(clocks)


def test_several_messages_share_a_frame():
    sizes = (40, 25, 1, 130)
    sent = [frame(message + 65534, count) for message, count in enumerate(sizes)]
    sent = [
        SemanticFrame(
            dataclasses.replace(f.header, message=f.header.message % 65536, codec_parameters=7 * i), f.symbols
        )
        for i, f in enumerate(sent)
    ]
    samples = np.concatenate([np.zeros(100, np.complex64), TRANSMITTER.modulate(*sent), np.zeros(500, np.complex64)])
    received = Receiver(PHY).process(impair(samples, load_channel("awgn"), PHY, 5.0, 1, ()))
    assert [f.header for f in received] == [f.header for f in sent]
    assert len({(f.start_sample, f.stop_sample) for f in received}) == 1
    assert received[0].stop_sample - received[0].start_sample == TRANSMITTER.frame_samples(196, 3)
    ratios = []
    for got, was in zip(received, sent, strict=True):
        assert got.symbols.shape == got.noise_variance.shape == was.symbols.shape
        ratios += list(np.abs(got.symbols - was.symbols) ** 2 / got.noise_variance)
    assert 0.75 < np.mean(ratios) < 1.3  # 196 of them: a standard deviation is 0.07
    # sharing is what it is for: less air than four frames
    assert TRANSMITTER.frame_samples(196, 3) < 0.6 * sum(map(TRANSMITTER.frame_samples, sizes))


def test_who_may_not_share_a_frame_is_refused():
    with pytest.raises(ValueError, match="number 1 behind"):
        TRANSMITTER.modulate(frame(1, 10), frame(3, 10))
    with pytest.raises(ValueError, match="4096 at most"):
        TRANSMITTER.modulate(frame(1, 3000), frame(2, 3000))


@pytest.mark.parametrize("channel", ["awgn", "multipath"])
def test_a_precoded_payload_arrives_though_the_receiver_is_not_told(channel):
    transmitter = Transmitter(PhyConfig(precoding="dft"))
    ratios = []
    for message in range(40):
        sent = frame(message, 150)
        samples = np.concatenate([transmitter.modulate(sent), np.zeros(LOOKAHEAD, np.complex64)])
        for received in Receiver(PHY).process(impair(samples, load_channel(channel), PHY, 15.0, 1, (message,))):
            assert received.header == sent.header
            ratios.append(np.mean(np.abs(received.symbols - sent.symbols) ** 2 / received.noise_variance))
    assert len(ratios) >= 39
    assert 0.9 < np.mean(ratios) < 1.1
