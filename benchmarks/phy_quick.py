"""The air interface in two minutes: frames lost, calibration of the noise variance, loss against a genie, speed.

    python benchmarks/phy_quick.py [--frames N] [--symbols N] [--seed N] [--channel NAME]... [--snr=DB,..] [--json F]

Level: waveform (numpy, one process, no GNU Radio). Channels as they ship, CFO up to half a carrier, random delay; 400
samples of silence between frames. Every figure but speed with its 95 % interval; a frame counts as lost when no frame
with its header came out. The genie knows timing, CFO and the response of every cell, and has the same samples:

    lost        frames that the receiver did not return, of those sent
    genie lost  headers that the genie could not decode
    calibration mean |error|**2 over the claimed variance of each symbol: 1 is perfect
    loss dB     |h|**2-weighted mean squared error of the equalised symbols over the genie's, on the frames received
"""

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from semcom_ota.config import ChannelConfig, PhyConfig, load_channel
from semcom_ota.phy import ofdm
from semcom_ota.phy.header import HeaderCode
from semcom_ota.phy.impairments import complex_noise, impair
from semcom_ota.phy.numerology import Numerology
from semcom_ota.phy.receiver import Receiver
from semcom_ota.phy.sample_stream import SampleStream
from semcom_ota.phy.synchronizer import Acquisition, Synchronizer
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import ComplexArray, FrameHeader, ReceivedFrame, SemanticFrame

POINTS = {
    "awgn": (-6, -4, -2, 0, 10, 20),
    "multipath": (0, 5, 10, 20),
    "rayleigh": (0, 5, 10, 20),
}
GAP = 400
NO_NOISE = 200.0  # dB
PHY = PhyConfig(max_frame_symbols=8192)
NUMEROLOGY = Numerology(PHY)
TRANSMITTER = Transmitter(PHY)
HEADER_CODE = HeaderCode(NUMEROLOGY.header_cells)


@dataclass
class Figure:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """As the table shows it."""
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def share(count: int, total: int) -> Figure:
    """A proportion, with Wilson's interval."""
    z, p = 1.96, count / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    reach = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    return Figure(p, max(middle - reach, 0.0), middle + reach)


def mean(values: list[float]) -> Figure:
    """A mean, with its normal interval."""
    reach = 1.96 * np.std(values) / math.sqrt(len(values))
    return Figure(float(np.mean(values)), float(np.mean(values) - reach), float(np.mean(values) + reach))


def ratio_db(numerator: list[float], denominator: list[float], generator: np.random.Generator) -> Figure:
    """A ratio of means in dB, with a bootstrap's interval over pairs."""
    pairs = np.array([numerator, denominator])
    resampled = pairs[:, generator.integers(pairs.shape[1], size=(500, pairs.shape[1]))].mean(axis=2)
    low, high = np.percentile(10 * np.log10(resampled[0] / resampled[1]), [2.5, 97.5])
    means = pairs.mean(axis=1)
    return Figure(float(10 * np.log10(means[0] / means[1])), float(low), float(high))


def random_frame(message: int, symbols: int, generator: np.random.Generator) -> SemanticFrame:
    """A frame of Gaussian symbols of unit mean power."""
    payload = complex_noise(generator, symbols)
    payload /= np.sqrt(np.mean(np.abs(payload) ** 2))
    return SemanticFrame(FrameHeader(codec=1, message=message, message_symbols=symbols), payload.astype(np.complex64))


def acquire(samples: ComplexArray) -> Acquisition:
    """Where a frame without noise is."""
    stream = SampleStream(silence=NUMEROLOGY.preamble_samples)
    stream.append(samples)
    try:
        next(Synchronizer(NUMEROLOGY, stream).acquire())
    except StopIteration as found:
        return found.value
    raise RuntimeError("a frame without noise was not found")


def demodulate(samples: ComplexArray, where: Acquisition, rows: int) -> ComplexArray:
    """The grid of a frame that stands alone in `samples`."""
    padded = np.concatenate([samples, np.zeros(NUMEROLOGY.row_samples, np.complex64)])
    window = padded[where.window : where.window + rows * NUMEROLOGY.row_samples]
    return ofdm.demodulate(window, where.cfo, NUMEROLOGY)


class Genie:
    """Knows what a frame went through."""

    def __init__(self, frame: SemanticFrame, channel: ChannelConfig, seed: int, snr_db: float):
        """Look at the same frame without noise, and at the noise alone."""
        sent = np.concatenate([TRANSMITTER.modulate(frame), np.zeros(GAP, np.complex64)])
        key = (frame.header.message,)
        clean = impair(sent, channel, PHY, NO_NOISE, seed, key)
        noise = impair(np.zeros_like(sent), channel, PHY, snr_db, seed, key)
        where = acquire(clean)
        self.layout = NUMEROLOGY.layout(frame.header.frame_symbols)
        cells = demodulate(clean, where, self.layout.rows)
        symbols = demodulate(sent, Acquisition(0, PHY.cp_length, 0.0), self.layout.rows)
        self.noise = demodulate(noise, where, self.layout.rows).ravel()
        self.response = np.sum(cells * symbols.conj(), axis=0) / np.sum(np.abs(symbols) ** 2, axis=0)
        self.received = cells.ravel() + self.noise
        self.header_response = cells.ravel()[self.layout.header_cells] / HEADER_CODE.encode(frame.header)
        self.variance = 10 ** (-snr_db / 10)

    def header(self) -> FrameHeader | None:
        """The header, decoded with all that the genie knows."""
        variance = self.variance / np.abs(self.header_response) ** 2
        symbols = self.received[self.layout.header_cells] / self.header_response
        return HEADER_CODE.decode(symbols.astype(np.complex64), variance.astype(np.float32))

    def errors(self, frame: SemanticFrame, received: ReceivedFrame) -> tuple[float, float]:
        """|h|**2-weighted mean squared error of a received frame, and of the genie's own symbols."""
        carrier = self.layout.payload_cells % NUMEROLOGY.carriers.size
        error = np.abs((received.symbols - frame.symbols) * self.response[carrier]) ** 2
        return float(np.mean(error)), float(np.mean(np.abs(self.noise[self.layout.payload_cells]) ** 2))


def measure(name: str, snr_db: float, frames: int, symbols: int, seed: int) -> dict[str, object]:
    """One point of the table."""
    channel = load_channel(name)
    generator = np.random.default_rng([seed, 1])
    sent = [random_frame(message, symbols, generator) for message in range(frames)]
    receiver = Receiver(PHY)
    received: dict[int, ReceivedFrame] = {}
    for frame in sent:
        samples = np.concatenate([TRANSMITTER.modulate(frame), np.zeros(GAP, np.complex64)])
        air = impair(samples, channel, PHY, snr_db, seed, (frame.header.message,))
        received |= {f.header.message: f for f in receiver.process(air)}
    tail = impair(np.zeros(receiver.lookahead_samples, np.complex64), channel, PHY, snr_db, seed, (frames,))
    received |= {f.header.message: f for f in receiver.process(tail)}

    genie_lost = 0
    calibration, own, genies, estimate = [], [], [], []
    for frame in sent:
        genie = Genie(frame, channel, seed, snr_db)
        genie_lost += genie.header() != frame.header
        got = received.get(frame.header.message)
        if got is None or got.header != frame.header:
            continue
        calibration.append(float(np.mean(np.abs(got.symbols - frame.symbols) ** 2 / got.noise_variance)))
        for values, value in zip((own, genies), genie.errors(frame, got), strict=True):
            values.append(value)
        estimate.append(got.csi.snr_db - 10 * math.log10(np.mean(np.abs(genie.response) ** 2)) - snr_db)
    point: dict[str, object] = {"channel": name, "snr_db": snr_db, "frames": frames, "symbols": symbols}
    point |= {"lost": share(frames - len(own), frames), "genie lost": share(genie_lost, frames)}
    if own:
        point |= {"calibration": mean(calibration), "loss dB": ratio_db(own, genies, generator)}
        point |= {"snr error dB": mean(estimate)}
    return point


def speeds(seed: int) -> dict[str, float]:
    """MS/s of processor time on one core."""
    generator = np.random.default_rng([seed, 2])
    frames = [random_frame(message, 1000, generator) for message in range(100)]
    signal = np.concatenate([TRANSMITTER.modulate(frame) for frame in frames])
    noisy = (signal + complex_noise(generator, signal.size) * 10 ** (-10 / 20)).astype(np.complex64)
    noise = complex_noise(generator, 4_000_000).astype(np.complex64)
    result = {}
    for name, size, work in (
        ("transmitter, frames of 1000", signal.size, lambda: [TRANSMITTER.modulate(frame) for frame in frames]),
        ("receiver, frames of 1000 back to back, 10 dB", noisy.size, lambda: Receiver(PHY).process(noisy)),
        ("receiver, noise only", noise.size, lambda: Receiver(PHY).process(noise)),
    ):
        work()
        times = []
        for _ in range(5):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
        result[name] = size / min(times) / 1e6
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--symbols", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--channel", action="append", choices=sorted(POINTS))
    parser.add_argument("--snr", type=lambda text: [float(value) for value in text.split(",")])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    started = time.monotonic()
    points = []
    columns = ("lost", "genie lost", "calibration", "loss dB", "snr error dB")
    print(f"{'channel':<10}{'SNR dB':>7}  " + "".join(f"{column:<26}" for column in columns))
    for name in arguments.channel or POINTS:
        for snr_db in arguments.snr or POINTS[name]:
            point = measure(name, snr_db, arguments.frames, arguments.symbols, arguments.seed)
            points.append(point)
            print(f"{name:<10}{snr_db:>7}  " + "".join(f"{point.get(c, '')!s:<26}" for c in columns), flush=True)
    throughput = speeds(arguments.seed)
    for name, value in throughput.items():
        print(f"{name}: {value:.1f} MS/s of processor time")
    print(f"{arguments.frames} frames a point, seed {arguments.seed}, {time.monotonic() - started:.0f} s")
    if arguments.json:
        figures = [{k: asdict(v) if isinstance(v, Figure) else v for k, v in point.items()} for point in points]
        run = {"level": "waveform", "seed": arguments.seed}
        arguments.json.write_text(json.dumps({"run": run, "points": figures, "speed_MS_per_s": throughput}, indent=2))


if __name__ == "__main__":
    main()
