"""Frames of ours from one device to the other: what the oscillators say is what the receiver finds."""

import numpy as np
import pytest

from semcom_ota.config import PhyConfig, load_phy
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.twin.lab_config import LabDevice
from semcom_ota.twin.link_budget import link_loss_db, link_snr_db
from semcom_ota.types import FrameHeader, SemanticFrame

PHY = PhyConfig()
RMS = 0.15
COUNT = 1000


def frame(message, count=COUNT):
    symbols = np.random.default_rng(message).standard_normal(2 * count).view(np.complex128)
    symbols /= np.sqrt(np.mean(np.abs(symbols) ** 2))
    return SemanticFrame(FrameHeader(codec=1, message=message, message_symbols=count), symbols.astype(np.complex64))


def burst(message, phy=PHY):
    samples = Transmitter(phy).modulate(frame(message))
    return np.pad(samples * RMS / np.sqrt(np.mean(np.abs(samples) ** 2)), 256).astype(np.complex64)


def exchanged(lab, frames, seconds=0.03, phy=PHY):
    """Frames, one every so many seconds, and what arrives of them."""
    now = lab.time()
    for n in range(frames):
        lab.send(burst(n, phy), now.after(0.01 + seconds * n))
    return Receiver(phy).process(lab.samples(round((0.02 + frames * seconds) * lab.call("B", "get_rx_rate"))))


def test_carrier_and_sample_clock_are_off_as_the_oscillators_say(bench):
    free = {"drift_ppm": 0.2, "drift_period_s": 1.0, "iq_gain_db": 0.1, "iq_phase_deg": 0.7, "dc_dbfs": -45.0}
    lab = bench(a=free | {"oscillator_ppm": 2.1}, b=free | {"oscillator_ppm": -2.0, "transient_dbfs": -20.0})
    lab.call("A", "set_tx_gain", 80.0)
    lab.call("B", "set_rx_gain", 45.0)
    received = exchanged(lab, 12)
    assert [one.header.message for one in received] == list(range(12))
    oscillators = [lab.lab.devices[serial].clock.oscillator for serial in "AB"]
    cfo, sro_errors = [], []
    for one in received:
        t = 100 + (one.start_sample + one.stop_sample) / 2e6
        ours, theirs = (oscillator.error(t) for oscillator in oscillators)
        assert one.csi.cfo_hz == pytest.approx(2.4e9 * (ours - theirs), abs=10)
        sro_errors.append(one.csi.sro_ppm - 1e6 * (theirs - ours))
        cfo.append(one.csi.cfo_hz)
        error = one.symbols - frame(one.header.message).symbols
        assert np.mean(np.abs(error) ** 2) < 0.01
    assert np.ptp(cfo) > 100  # the drift is seen
    assert np.mean(sro_errors) == pytest.approx(0, abs=1)


def test_a_shared_reference_takes_the_offsets_away(bench):
    lab = bench(a={"oscillator_ppm": 2.1}, b={"oscillator_ppm": -2.0})
    for serial in "AB":
        lab.call(serial, "set_clock_source", "external")
    (one,) = exchanged(lab, 1)
    assert one.csi.cfo_hz == pytest.approx(0, abs=5)


@pytest.mark.parametrize("preset", ["indoor", "wide5"])
@pytest.mark.parametrize(("wanted", "rx_gain_db"), [(10.0, 60.0), (15.0, 12.0)])
def test_the_link_budget_is_what_the_receiver_measures(bench, preset, wanted, rx_gain_db):
    phy = load_phy(preset)
    ends = {"rms": RMS, "tx_gain_db": 60.0, "rx_gain_db": rx_gain_db, "transmitter": LabDevice(),
            "receiver": LabDevice()}  # fmt: skip
    loss_db = link_loss_db(phy, snr_db=wanted, **ends)
    assert link_snr_db(phy, loss_db=loss_db, **ends) == pytest.approx(wanted, abs=1e-9)
    lab = bench(paths=[{"from": "A", "to": "B", "loss_db": loss_db}])
    lab.call("B", "set_rx_gain", rx_gain_db)
    for serial, direction in (("A", "tx"), ("B", "rx")):
        lab.call(serial, f"set_{direction}_rate", phy.sample_rate)
    received = exchanged(lab, 5, phy=phy)
    errors = [np.mean(np.abs(one.symbols - frame(one.header.message).symbols) ** 2) for one in received]
    assert len(received) == 5
    assert np.mean([one.csi.snr_db for one in received]) == pytest.approx(wanted, abs=0.4)
    assert -10 * np.log10(np.mean(errors)) == pytest.approx(wanted, abs=0.8)


def test_two_rays_are_a_channel_with_two_rays(bench):
    path = {"from": "A", "to": "B", "loss_db": 60, "taps": [{"delay_s": 3e-6, "loss_db": 3, "phase_deg": 90}]}
    (one,) = exchanged(bench(paths=[path]), 1)
    response = np.abs(one.csi.frequency_response.mean(axis=0))
    ratio = 10 ** (-3 / 20)
    carriers = np.concatenate([np.arange(-26, 0), np.arange(1, 27)])
    expected = np.abs(1 + ratio * 1j * np.exp(-2j * np.pi * carriers * 3 / 64))
    assert np.corrcoef(response, expected)[0, 1] > 0.995


def test_a_transmitter_on_another_carrier_is_not_heard(bench):
    lab = bench()
    lab.call("A", "set_tx_freq", 2.41e9)
    assert exchanged(lab, 2) == []
