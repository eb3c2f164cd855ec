"""How fast FrameRx is, and what GNU Radio costs beside the receiver inside it.

`python -m semcom_flowgraphs.receiver_speed --json FILE|- [--quick] [--seed N]`

Level `flowgraph`, samples over the processor time of all threads, on one core. A file source hands over frames of
1,000 symbols back to back at 20 dB; FrameRx receives them; what it publishes is taken and dropped. The same samples go
through `Receiver.process` alone, in pieces of the same size; and through FrameRx with a stand-in for the receiver that
returns frames received before: that is what the block, its PDUs and the flowgraph cost.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pmt
from gnuradio import blocks, gr, pdu
from semcom_blocks import FrameRx
from semcom_flowgraphs.measurement import Figure, figure, main, one_core, run, speed

from semcom_ota.config import PhyConfig
from semcom_ota.phy.impairments import complex_noise
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import ComplexArray, FrameHeader, ReceivedFrame, SemanticFrame

SYMBOLS = 1000
FRAMES = 100  # different ones
PIECE = 32768  # samples handed over at a time
NOISE = 10 ** (-20 / 20)
PHY = PhyConfig()


class StandIn:
    """Returns frames received before, evenly over the stream, in place of a Receiver."""

    def __init__(self, frames: list[ReceivedFrame], frame_samples: int):
        """For frames that have that many samples each."""
        self.frames, self.frame_samples = frames, frame_samples
        self.position = 0

    def process(self, samples: ComplexArray) -> list[ReceivedFrame]:
        """As Receiver.process."""
        first = self.position // self.frame_samples
        self.position += len(samples)
        return [self.frames[index % len(self.frames)] for index in range(first, self.position // self.frame_samples)]


class FrameRxWithoutReceiver(FrameRx):
    """FrameRx with a stand-in."""

    def __init__(self, frames: list[ReceivedFrame], frame_samples: int):
        """For a StandIn."""
        super().__init__(PHY)
        self._receiver = StandIn(frames, frame_samples)


class Reception(gr.top_block):
    """Samples through FrameRx, and what it publishes into nothing."""

    def __init__(self, samples: Path, frame_rx: FrameRx):
        """For a file of complex64."""
        gr.top_block.__init__(self, "semcom reception")
        self.source = blocks.file_source(gr.sizeof_gr_complex, str(samples), False)  # costs less than a vector_source
        self.source.set_min_output_buffer(2 * PIECE)  # the scheduler fills half of it while the other half is read
        self.frame_rx = frame_rx
        self.connect(self.source, self.frame_rx)
        # They let nothing pass: what arrives is freed.
        self.takers = {port: pdu.pdu_filter(pmt.intern("none"), pmt.PMT_T, False) for port in ("out", "report")}
        for port, taker in self.takers.items():
            self.msg_connect(self.frame_rx, port, taker, "pdus")


def stream(seed: int) -> ComplexArray:
    """Frames back to back, with noise."""
    generator, transmitter = np.random.default_rng([seed, 4]), Transmitter(PHY)
    frames = []
    for message in range(FRAMES):
        symbols = np.exp(2j * np.pi * generator.random(SYMBOLS)).astype(np.complex64)
        header = FrameHeader(codec=1, message=message, message_symbols=SYMBOLS)
        frames.append(transmitter.modulate(SemanticFrame(header, symbols)))
    samples = np.concatenate(frames)
    return (samples + NOISE * complex_noise(generator, samples.size)).astype(np.complex64)


def receive(samples: ComplexArray) -> float:
    """Processor time of the receiver alone."""
    receiver, started = Receiver(PHY), time.process_time()
    for first in range(0, samples.size, PIECE):
        receiver.process(samples[first : first + PIECE])
    return time.process_time() - started


def measure(quick: bool, seed: int) -> Iterator[Figure]:
    """All figures."""
    once, repeats, runs = stream(seed), 10 if quick else 40, 3 if quick else 7
    frames, samples = Receiver(PHY).process(once), np.tile(once, repeats)  # compiles what numba compiles, too
    alone, through, beside = [], [], []
    with one_core(), tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples"
        samples.tofile(file)
        for _ in range(runs):  # in turns, so that all meet the same machine
            alone.append(receive(samples))
            reception = Reception(file, FrameRx(PHY))
            through.append(run(reception).processor_s)
            stand_in = FrameRxWithoutReceiver(frames, once.size // FRAMES)
            beside.append(1e6 * run(Reception(file, stand_in)).processor_s / (FRAMES * repeats))
    conditions = {"level": "flowgraph", "symbols": SYMBOLS, "snr_db": 20, "gap_samples": 0, "frames": FRAMES * repeats}
    yield speed("receiver_speed_same_pieces", samples.size, alone, **conditions)
    received = {"frames_received": reception.frame_rx.frames}
    yield speed("frame_rx_speed", samples.size, through, **conditions, **received)
    yield figure("frame_rx_time_beside_receiver", min(beside), min(beside), max(beside), "us per frame", **conditions)


if __name__ == "__main__":
    main(measure, __doc__ or "")
