"""What a receiver gets, and what it loses."""

import numpy as np
import pytest

from semcom_ota.twin.front_end import NOISE_SAMPLES, FrontEnd, Noise, noise_dbm, quantisation_dbfs
from semcom_ota.twin.lab_config import LabDevice
from semcom_ota.twin.wire import from_sc16


def db(power):
    return 10 * np.log10(power)


def mean_db(samples):
    return db(np.mean(np.abs(samples) ** 2))


@pytest.mark.parametrize(("rate", "gain_db"), [(1e6, 60.0), (5e6, 40.0)])
def test_noise_has_the_level_that_physics_says(bench, rate, gain_db):
    lab = bench(gain_db=gain_db)
    lab.call("B", "set_rx_rate", rate)
    expected = noise_dbm(8.0, rate) - (-15 - gain_db)
    assert mean_db(lab.samples(50_000)) == pytest.approx(expected, abs=0.1)


def test_the_converter_rounds_to_its_bits():
    arrived = np.random.default_rng(1).uniform(-0.1, 0.1, (2, 20_000)).astype(np.float32)  # in the square root of mW
    clean = LabDevice(dc_dbfs=None, transient_dbfs=None, iq_gain_db=0, iq_phase_deg=0)
    parts = FrontEnd(clean, 1, "B").convert(arrived, 0, gain_db=-12.0, lo_offset_hz=0.0, rate=1e6)
    assert not (parts % 16).any()  # 12 of 16 bits
    error = from_sc16(parts.tobytes()) - (arrived[0] + 1j * arrived[1]) * 10 ** ((-12 + 15) / 20)
    assert mean_db(error) == pytest.approx(quantisation_dbfs(12), abs=0.2)


def test_noise_is_a_function_of_where_it_is():
    first = 2 * NOISE_SAMPLES - 10_000  # it goes round within
    whole, parts = np.empty((2, 30_000), np.float32), np.empty((2, 30_000), np.float32)
    Noise(1, "B").fill(whole, 0, first, 1.0)
    again = Noise(1, "B")
    for start in range(0, 30_000, 7000):
        again.fill(parts[:, start : start + 7000], 0, first + start, 1.0)
    assert np.array_equal(whole, parts)
    assert whole.std() == pytest.approx(1, abs=0.02)
    lap_later, other = np.empty_like(whole), np.empty_like(whole)
    again.fill(lap_later, 0, first + NOISE_SAMPLES, 1.0)
    again.fill(other, 1, first, 1.0)
    for independent in (whole[::-1], other):
        assert abs(np.mean(whole * independent)) < 0.03
    assert np.abs(lap_later - whole).mean() > 0.1  # turned


def test_a_tone_arrives_with_the_level_of_the_link(bench, tone):
    lab = bench(gain_db=60.0)
    lab.send(tone(20_000, magnitude=0.5), lab.time().after(0.005))
    samples = lab.samples(20_000)[8000:]
    sent_dbm = 10 - 29.75 - 6.02
    assert mean_db(samples) == pytest.approx(sent_dbm - 60 - (-15 - 60), abs=0.3)


def test_too_much_gain_clips(bench, tone):
    lab = bench(gain_db=76.0, paths=[{"from": "A", "to": "B", "loss_db": 40}])
    lab.send(tone(20_000, frequency=0.01), lab.time())
    parts = lab.samples(20_000)[5000:].view(np.float32)
    assert (parts.max(), parts.min()) == (2047 / 2048, -1.0)


@pytest.mark.parametrize(("lo_offset_hz", "where"), [(0.0, 0.0), (200e3, 200e3), (2e6, None)])
def test_the_dc_spur_is_at_the_lo_and_leaves_the_band_with_it(bench, lo_offset_hz, where):
    lab = bench(b={"dc_dbfs": -30.0}, lo_offset_hz=lo_offset_hz)
    samples = lab.samples(65_536)
    spectrum = np.abs(np.fft.fft(samples * np.hanning(samples.size))) ** 2
    peak = np.fft.fftfreq(samples.size, 1e-6)[spectrum.argmax()]
    found = spectrum.max() > 1000 * np.median(spectrum)
    assert found == (where is not None)
    if where is not None:
        assert peak == pytest.approx(where, abs=50)
        spur = np.mean(samples * np.exp(-2j * np.pi * where * 1e-6 * np.arange(samples.size)))
        assert db(abs(spur) ** 2) == pytest.approx(-30, abs=1)


@pytest.mark.parametrize("lo_offset_hz", [0.0, 150e3])
def test_the_mixer_has_an_image_about_its_lo(bench, tone, lo_offset_hz):
    lab = bench(b={"iq_gain_db": 0.5, "iq_phase_deg": 3.0}, lo_offset_hz=lo_offset_hz)
    lab.send(tone(60_000, frequency=0.1), lab.time())
    samples = lab.samples(50_000)[10_000:]

    def level(frequency):
        return db(abs(np.mean(samples * np.exp(-2j * np.pi * frequency * np.arange(samples.size)))) ** 2)

    g, phi = 10 ** (0.5 / 20), np.radians(3.0)
    rejection = db((1 + 2 * g * np.cos(phi) + g**2) / (1 - 2 * g * np.cos(phi) + g**2))
    assert level(0.1) - level(2 * lo_offset_hz / 1e6 - 0.1) == pytest.approx(rejection, abs=1)


def test_a_stream_begins_with_dc_that_settles(bench):
    samples = bench(b={"transient_dbfs": -10.0, "transient_ms": 0.3}).samples(10_000)
    assert db(abs(samples[:20].mean()) ** 2) == pytest.approx(-10, abs=1)
    assert db(abs(samples[5000:].mean()) ** 2) < -40


def lost_and_jumps(blocks):
    """Samples that the times between blocks say are lost, and overflows reported."""
    reported, jumps, expected = 0, [], None
    for block in blocks:
        if block.overflow:
            reported += 1
            assert expected is None or block.time.since(expected) == pytest.approx(0, abs=1e-9)
            continue
        jump = 0 if expected is None else round(block.time.since(expected) * block.rate)
        jumps += [jump] if jump else []
        expected = block.time.after(block.samples.size / 2 / block.rate)
    return reported, jumps


def test_a_scripted_overflow_loses_exactly_what_it_says(bench):
    script = [
        {"kind": "overflow", "receiver": "B", "at_sample": at, "lost_samples": lost}
        for at, lost in ((12_345, 1), (20_000, 7777), (21_000, 10), (27_777, 100), (40_000, 2000))
    ]
    lab = bench(faults=script)
    _, blocks = lab.receive(50_000)
    assert lost_and_jumps(blocks) == (3, [1, 7877, 2000])  # those that touch are one gap
    rows = lab.written("overflow")
    assert [(row["at_sample"], row["lost_samples"], row["cause"]) for row in rows] == [
        (12_345, 1, "script"),
        (20_000, 7877, "script"),
        (40_000, 2000, "script"),
    ]
    assert sum(block.samples.size // 2 for block in blocks) == 50_000 - 9878


def test_a_gap_leaves_the_samples_behind_it_as_they_were(bench, tone):
    def received(script):
        lab = bench(faults=script)
        lab.send(tone(40_000), lab.time())
        return np.concatenate([from_sc16(block.samples.tobytes()) for block in lab.receive(30_000)[1]])

    script = [{"kind": "overflow", "receiver": "B", "at_sample": 10_000, "lost_samples": 5000}]
    assert np.abs(received([])[15_000:] - received(script)[10_000:]).max() < 1e-3


def test_a_burst_in_a_gap_is_said_to_be_cut(bench, tone):
    lab = bench(faults=[{"kind": "overflow", "receiver": "B", "at_sample": 10_000, "lost_samples": 5000}])
    now = lab.time()
    for n in range(3):
        lab.send(tone(2000), now.after(0.006 * (1 + n)))
    lab.receive(30_000)
    assert [row["cut"] for row in lab.written("burst")] == [[], ["B"], []]


def test_a_host_that_does_not_read_loses_what_the_buffer_does_not_hold(bench):
    lab = bench(b={"buffer_ms": 20})
    path = lab.lab.devices["B"].start_rx(None, lab.t)
    path.make(40_000)  # nobody reads
    blocks = []
    while (block := path.buffer.take(0)) is not None:
        blocks.append(block)
    assert sum(block.samples.size // 2 for block in blocks) == 20_000
    path.make(10_000)
    while (block := path.buffer.take(0)) is not None:
        blocks.append(block)
    assert lost_and_jumps(blocks) == (1, [20_000])
    assert [(row["lost_samples"], row["cause"]) for row in lab.written("overflow")] == [(20_000, "host")]


def test_a_stream_begins_when_it_is_told_to(bench):
    lab = bench()
    at = lab.time("B").after(0.25)
    _, blocks = lab.receive(5000, start=at)
    assert blocks[0].time.since(at) == pytest.approx(0, abs=1e-9)
    assert blocks[0].start
    assert not any(block.start for block in blocks[1:])


def test_a_path_may_be_blocked_for_a_while(bench, tone):
    fade = {"kind": "fade", "transmitter": "A", "receiver": "B", "after_s": 0.01, "for_s": 0.01}
    lab = bench(faults=[fade])
    lab.send(tone(30_000), lab.time())
    level = np.abs(lab.samples(30_000).reshape(-1, 1000)).mean(axis=1) > 0.1
    assert not level[11:19].any()
    assert level[2:9].all()
    assert level[22:].all()
