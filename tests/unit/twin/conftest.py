"""A lab whose time stands still unless a test moves it on."""

import numpy as np
import pytest

from semcom_ota.twin.client_streams import PACKET_SAMPLES
from semcom_ota.twin.host_link import TxPacket
from semcom_ota.twin.lab import SETTLE_S, Lab
from semcom_ota.twin.lab_config import LabConfig
from semcom_ota.twin.lab_log import LabLog
from semcom_ota.twin.resampling import separated
from semcom_ota.twin.wire import from_sc16, to_sc16

RATE = 1e6
CARRIER_HZ = 2.4e9


class Bench:
    """Devices that are open and tuned, and what a host would do with them."""

    def __init__(self, config, gain_db=60.0, lo_offset_hz=0.0):
        self.t = 100.0
        self.log = LabLog()
        self.rows = self.log.rows = []
        self.lab = Lab(config, self.log, lambda: self.t)
        self._sequence = 0
        for serial, usrp in self.lab.devices.items():
            usrp.open({}, 1, self.t)
            for direction in ("rx", "tx"):
                self.call(serial, f"set_{direction}_rate", RATE)
                self.call(serial, f"set_{direction}_freq", CARRIER_HZ, lo_offset_hz)
                self.call(serial, f"set_{direction}_gain", gain_db)

    def call(self, serial, name, *arguments):
        return self.lab.devices[serial].call(name, list(arguments), self.t)

    def time(self, serial="A"):
        return self.call(serial, "get_time_now")

    def send(self, samples, at=None, *, serial="A", start=True, end=True, arrived=None):
        """A burst, in packets."""
        for first in range(0, len(samples), PACKET_SAMPLES):
            part = samples[first : first + PACKET_SAMPLES]
            last = first + PACKET_SAMPLES >= len(samples)
            packet = TxPacket(
                separated(to_sc16(part)), start and not first, end and last,
                at if start and not first else None, self._sequence, self.t if arrived is None else arrived,
            )  # fmt: skip
            self._sequence += 1
            self.lab.push(serial, packet)

    def pass_time(self, seconds):
        self.t += seconds
        self.lab.advance(self.t - SETTLE_S)

    def events(self, serial="A"):
        queue = self.lab.devices[serial].events
        return [queue.get_nowait() for _ in range(queue.qsize())]

    def codes(self, serial="A"):
        return [next(iter(event.codes)) for event in self.events(serial)]

    def receive(self, count, serial="B", start=None):
        """Start a stream and take so many samples of it, reading all along."""
        path = self.lab.devices[serial].start_rx(start, self.t)
        blocks = []
        made = 0
        while made < count:
            taken = min(path.block, count - made)
            path.make(taken)
            made += taken
            while (block := path.buffer.take(0)) is not None:
                blocks.append(block)
        self.t = path.due_at(0) + SETTLE_S
        return path, blocks

    def samples(self, count, serial="B"):
        return np.concatenate([from_sc16(block.samples.tobytes()) for block in self.receive(count, serial)[1]])

    def written(self, kind):
        self.pass_time(3.0)
        return [row for row in self.rows if row["kind"] == kind]


CLEAN = {
    "oscillator_ppm": 0.0, "drift_ppm": 0.0, "dc_dbfs": None, "leakage_dbfs": None, "transient_dbfs": None,
    "iq_gain_db": 0.0, "iq_phase_deg": 0.0,
}  # fmt: skip
"""A device without faults but noise."""


def config(a=None, b=None, **lab):
    """Two devices, clean but for what is said, and 60 dB between them."""
    devices = {"A": CLEAN | (a or {}), "B": CLEAN | (b or {})}
    paths = [{"from": "A", "to": "B", "loss_db": 60}]
    return LabConfig.model_validate({"seed": 3, "devices": devices, "paths": paths} | lab)


@pytest.fixture
def bench():
    """Makes benches: `bench(a={...}, b={...}, faults=[...], gain_db=60.0)`."""

    def make(a=None, b=None, gain_db=60.0, lo_offset_hz=0.0, **lab):
        return Bench(config(a, b, **lab), gain_db, lo_offset_hz)

    return make


@pytest.fixture
def tone():
    """Makes tones: `tone(count, cycles a sample)`."""

    def make(count, frequency=0.1, magnitude=0.5):
        return (magnitude * np.exp(2j * np.pi * frequency * np.arange(count))).astype(np.complex64)

    return make
