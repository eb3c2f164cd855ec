"""The receiver where something goes wrong: damaged frames, fast fading, faults of the mixer."""

import numpy as np
import pytest

from semcom_ota.config import ChannelConfig, PhyConfig, load_channel
from semcom_ota.phy import ofdm
from semcom_ota.phy.header import AirHeader, HeaderCode
from semcom_ota.phy.impairments import complex_noise, impair
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import FrameHeader, SemanticFrame

PHY = PhyConfig()
TRANSMITTER = Transmitter(PHY)
LOOKAHEAD = Receiver(PHY).lookahead_samples
START, ROW = 500, 80
LAYOUT = Numerology(PHY).layout(1000)


def frame(message, count):
    symbols = complex_noise(np.random.default_rng(message), count)
    symbols /= np.sqrt(np.mean(np.abs(symbols) ** 2))
    return SemanticFrame(FrameHeader(codec=1, message=message, message_symbols=count), symbols.astype(np.complex64))


def noise(count, snr_db, seed=1):
    return 10 ** (-snr_db / 20) * complex_noise(np.random.default_rng(seed), count)


DAMAGES = {
    "none": (lambda samples, at: samples, LAYOUT.rows),
    "one symbol blanked": (lambda samples, at: np.where((at >= 25) & (at < 26), 0, samples), 24),
    "three symbols blanked": (lambda samples, at: np.where((at >= 25) & (at < 28), 0, samples), 24),
    "the end cut off": (lambda samples, at: np.where(at >= 28, 0, samples), 27),
    "200 samples lost": (lambda samples, at: np.delete(samples, np.flatnonzero((at >= 28) & (at < 30.5))), 27),
    "a burst 20 dB above the signal": (
        lambda samples, at: samples + np.where((at >= 25) & (at < 28), noise(samples.size, -20.0, 9), 0),
        24,
    ),
}


@pytest.mark.parametrize("snr_db", [10.0, 20.0])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_damages_some_rows_of_a_frame_leaves_the_others_alone(damage, snr_db):
    """Before the damage the error is that of the noise, and everywhere it is about as large as claimed."""
    spoil, intact = DAMAGES[damage]
    errors, before, everywhere = [], [], []
    for message in range(12):
        sent = frame(message, 1000)
        samples = np.concatenate([np.zeros(START), TRANSMITTER.modulate(sent), np.zeros(LOOKAHEAD)])
        samples = spoil(samples, (np.arange(samples.size) - START) / ROW)
        turned = samples * np.exp(0.012j * np.arange(samples.size))
        (received,) = Receiver(PHY).process((turned + noise(samples.size, snr_db, message)).astype(np.complex64))
        error = np.abs(received.symbols - sent.symbols) ** 2
        own = LAYOUT.payload_cells // 52 < intact
        errors.append(np.mean(error[own]))
        before.append(np.mean((error / received.noise_variance)[own]))
        everywhere.append(np.mean(error / received.noise_variance))
    assert np.mean(errors) < 1.2 * 10 ** (-snr_db / 10)
    assert 0.85 < np.mean(before) < 1.15
    assert np.mean(everywhere) < 2


@pytest.mark.parametrize(("doppler_hz", "symbols"), [(20, 1000), (111, 200), (111, 1000)])
def test_in_fast_fading_the_receiver_knows_how_wrong_it_is(doppler_hz, symbols):
    """The channel is taken to stand still but for its phase; what that costs is claimed, to a factor of two."""
    channel = ChannelConfig(
        fading="rayleigh", profile="tdl-a", delay_spread_s=3e-7, max_doppler_hz=doppler_hz, max_cfo_subcarriers=0.5
    )
    ratios = []
    for message in range(40):
        sent = frame(message, symbols)
        samples = np.concatenate([TRANSMITTER.modulate(sent), np.zeros(LOOKAHEAD, np.complex64)])
        for received in Receiver(PHY).process(impair(samples, channel, PHY, 20.0, 1, (message,))):
            ratios.append(np.mean(np.abs(received.symbols - sent.symbols) ** 2 / received.noise_variance))
    assert len(ratios) >= 37
    assert 0.8 < np.mean(ratios) < 2
    assert max(ratios) < 6


def test_the_channel_of_a_car_is_received():
    receiver, received = Receiver(PHY), []
    for message in range(40):
        samples = np.concatenate([TRANSMITTER.modulate(frame(message, 100)), np.zeros(400, np.complex64)])
        received += receiver.process(impair(samples, load_channel("mobile"), PHY, 20.0, 1, (message,)))
    received += receiver.process(np.zeros(LOOKAHEAD, np.complex64))
    assert len(received) >= 36


def test_dc_offset_and_iq_imbalance_wear_off():
    """DC as strong as the signal, and an image 23 dB below it: after 100 frames the error is that of the noise."""
    sent = [frame(message, 200) for message in range(130)]
    samples = np.concatenate([np.append(TRANSMITTER.modulate(f), np.zeros(400, np.complex64)) for f in sent])
    samples = samples * np.exp(2j * np.pi * 0.003 * np.arange(samples.size)) + noise(samples.size, 20.0)
    mixed = samples + 0.07 * np.conj(samples) + 0.9
    received = Receiver(PHY).process(mixed.astype(np.complex64))
    late = {f.header.message: f for f in received if f.header.message >= 100}
    assert len(late) >= 29
    errors = [np.mean(np.abs(f.symbols - sent[m].symbols) ** 2) for m, f in late.items()]
    assert np.mean(errors) < 1.2 * 0.01


@pytest.mark.parametrize(("name", "worst"), [("radios", 1.3), ("impaired", 3.0)])
def test_the_faults_of_real_radios_do_not_stop_it(name, worst):
    receiver, ratios = Receiver(PHY), []
    for message in range(60):
        sent = frame(message, 300)
        samples = np.concatenate([TRANSMITTER.modulate(sent), np.zeros(LOOKAHEAD, np.complex64)])
        for received in receiver.process(impair(samples, load_channel(name), PHY, 20.0, 1, (message,))):
            assert received.header == frame(received.header.message, 300).header
            error = np.abs(received.symbols - frame(received.header.message, 300).symbols) ** 2
            ratios.append(np.mean(error / received.noise_variance))
    assert len(ratios) >= 57
    assert 0.8 < np.median(ratios) < worst


@pytest.mark.parametrize(
    ("followers", "fragments", "message_symbols"),
    [(0, 1, 5000), (0, 256, 256), (0, 256, 2**18 - 1), (1, 1, 1), (1, 1, 5000), (7, 1, 1), (7, 1, 2**18 - 1)],
)
def test_headers_that_lie_are_survived(followers, fragments, message_symbols):
    """A header with the right checksum and junk behind it: nothing raised, and the frame that comes later is found."""
    numerology = Numerology(PHY)
    layout = numerology.layout(0)
    lie = AirHeader(
        FrameHeader(codec=3, fragments=fragments, message_symbols=message_symbols), followers, precoded=True
    )
    grid = layout.known.copy()
    grid.ravel()[layout.header_cells] = layout.header_scrambling * HeaderCode(numerology.header_cells).encode(lie)
    junk = complex_noise(np.random.default_rng(1), 9000)
    samples = np.concatenate([ofdm.modulate(grid, numerology), junk, TRANSMITTER.modulate(frame(7, 50))])
    samples = np.concatenate([samples, np.zeros(LOOKAHEAD)]) + noise(samples.size + LOOKAHEAD, 20.0)
    received = Receiver(PHY).process(samples.astype(np.complex64))
    assert [f.header.message for f in received if f.header.codec == 1] == [7]
    assert all(f.symbols.size <= PHY.max_frame_symbols for f in received)
