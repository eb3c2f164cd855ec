"""GNU Radio's own OFDM link, measured as ours is: what `digital.ofdm_rx` misses, and how fast it is.

`python -m semcom_flowgraphs.stock_ofdm --json FILE|- [--quick] [--seed N]`

Level `flowgraph`. The link is `digital.ofdm_tx` to `digital.ofdm_rx` with their own parameters: FFT 64, CP 16, 48 data
carriers and 4 pilots, BPSK for header and payload (the most robust that they have, and no channel code), packets of 96
random bytes: two preamble symbols, one header symbol with a checksum of 8 bits, 17 payload symbols with CRC32.

* The channel is `semcom_ota.phy.impairments.impair`, at 1 MS/s: random delay and phase, CFO as said, block fading drawn
  anew for each packet, noise; 400 to 800 samples between packets. Samples are scaled so that a used carrier has unit
  power after a unitary FFT: SNR is Es/N0 as in ARCHITECTURE.md, and the SNR per sample is 0.9 dB lower, since 52 of 64
  carriers are in use.
* A header counts as found if its checksum holds and its packet was sent (of 256 false alarms one passes), a packet as
  received if its CRC32 holds and its bytes are those that were sent.
* Two thresholds of the detector: GNU Radio's default of 0.9; and 0.5, with which it finds most headers. Below it
  nothing is won where noise decides, and false alarms cost packets at any SNR; above it headers are lost
  (`stock_ofdm_packets_missed_by_threshold`).
* Speed: on one core, samples over the processor time of all threads of the flowgraph, source and sink included; on all
  cores, over the time that it took. Packets at 20 dB with 160 samples in between, so that none is lost; noise only.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pmt
from gnuradio import blocks, digital, gr
from numpy.typing import NDArray
from semcom_flowgraphs.measurement import Figure, figure, main, one_core, run, speed

from semcom_ota.config import ChannelConfig, PhyConfig, load_channel
from semcom_ota.experiments.statistics import proportion
from semcom_ota.phy.impairments import complex_noise, impair
from semcom_ota.types import ComplexArray

PACKET_BYTES = 96
PACKET_SAMPLES = 1600
LENGTH_TAG = "packet_length"
CARRIERS, FFT_SIZE = 52, 64
DEFAULT_THRESHOLD, BEST_THRESHOLD = 0.9, 0.5
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SHORTEST_GAP, LONGEST_GAP = 400, 800  # samples
BUFFER = 65536  # samples between source and receiver; a fifth faster than with GNU Radio's own
FLUSH = np.zeros(8 * PACKET_SAMPLES, np.complex64)
"""Silence behind the last packet: the demultiplexer wants to look ahead."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    packets: int  # a point, at most 4096: the header counts them modulo that
    snrs_db: tuple[float, ...]  # in AWGN
    fading_snrs_db: tuple[float, ...]
    threshold_snrs_db: tuple[float, ...]  # at which thresholds are compared
    speed_samples: int
    speed_runs: int


FULL = Plan(2000, tuple(range(2, 20)), (0, 5, 10, 15, 20, 25, 30), (7, 9, 12, 20), 4_000_000, 5)
QUICK = Plan(200, (5, 8, 11, 14, 17), (10, 20), (), 1_000_000, 3)


def random_packets(count: int, generator: np.random.Generator) -> Bytes:
    """(count, 96) bytes, all different: they begin with their number."""
    packets = generator.integers(0, 256, (count, PACKET_BYTES), dtype=np.uint8)
    packets[:, :4] = np.arange(count, dtype=">u4").view(np.uint8).reshape(-1, 4)
    return packets


def transmit(packets: Bytes) -> ComplexArray:
    """(count, 1600) samples of `ofdm_tx`, used carriers of unit power under a unitary FFT."""
    top, sink = gr.top_block(), blocks.vector_sink_c()
    source = blocks.vector_source_b(packets.ravel().tolist(), False)
    tagger = blocks.stream_to_tagged_stream(1, 1, PACKET_BYTES, LENGTH_TAG)
    transmitter = digital.ofdm_tx(packet_length_tag_key=LENGTH_TAG)
    top.connect(source, tagger, transmitter, sink)
    run(top)
    samples = np.array(sink.data(), np.complex64) / np.float32(np.sqrt(FFT_SIZE))  # its FFT is not normalised
    return samples.reshape(len(packets), PACKET_SAMPLES)


class StockReceiver(digital.ofdm_rx):
    """`ofdm_rx` with a threshold, and with its headers told; else as it is.

    It keeps no reference to its parts, and makes them known to its own `connect` and `msg_connect` only.
    """

    def __init__(self, threshold: float):
        """For a threshold on the normalised autocorrelation of the preamble."""
        self._threshold = threshold
        self.headers = blocks.message_debug()
        super().__init__(packet_length_tag_key=LENGTH_TAG)

    def connect(self, *parts: object) -> None:
        """Set the threshold of the detector as it comes by."""
        super().connect(*parts)
        for part in parts:
            if isinstance(part, digital.ofdm_sync_sc_cfb):
                part.set_threshold(self._threshold)

    def msg_connect(self, source: object, port: str, *to: object) -> None:
        """Listen to the header parser."""
        super().msg_connect(source, port, *to)
        super().msg_connect(source, port, self.headers, "store")

    def found(self) -> set[int]:
        """Numbers of the packets whose header passed its checksum."""
        messages = map(self.headers.get_message, range(self.headers.num_messages()))
        number = pmt.intern("packet_num")
        return {pmt.to_long(pmt.dict_ref(one, number, pmt.PMT_NIL)) for one in messages if pmt.is_dict(one)}


class Reception(gr.top_block):
    """Samples through the receiver."""

    def __init__(self, samples: ComplexArray, threshold: float, repeated_to: int = 0):
        """For all of a stream, or for so many samples of it, repeated."""
        gr.top_block.__init__(self, "stock ofdm reception")
        self.source = blocks.vector_source_c(samples.tolist(), bool(repeated_to))
        self.head = blocks.head(gr.sizeof_gr_complex, repeated_to or samples.size)
        self.head.set_min_output_buffer(BUFFER)
        self.receiver, self.sink = StockReceiver(threshold), blocks.vector_sink_b()
        self.connect(self.source, self.head, self.receiver, self.sink)


def receive(samples: ComplexArray, packets: Bytes, threshold: float) -> tuple[int, int]:
    """How many of these packets `ofdm_rx` finds (header) and receives (payload) in a stream."""
    reception = Reception(np.append(samples, FLUSH), threshold)
    run(reception)
    data = bytes(reception.sink.data())
    got = {data[start : start + PACKET_BYTES] for start in range(0, len(data), PACKET_BYTES)}
    found = reception.receiver.found() & set(range(len(packets)))
    return len(found), len(got & {packet.tobytes() for packet in packets})


def on_air(sent: ComplexArray, channel: ChannelConfig, snr_db: float, seed: int) -> ComplexArray:
    """All packets, each through its own realisation of a channel, with noise in between."""
    generator = np.random.default_rng([seed, 3])
    pieces = []
    for index, packet in enumerate(sent):
        gap = np.zeros(generator.integers(SHORTEST_GAP, LONGEST_GAP), np.complex64)
        pieces.append(impair(np.append(packet, gap), channel, PhyConfig(), snr_db, seed, (index,)))
    return np.concatenate(pieces)


def measure(quick: bool, seed: int) -> Iterator[Figure]:
    """All figures."""
    plan = QUICK if quick else FULL
    packets = random_packets(plan.packets, np.random.default_rng([seed, 1]))
    sent = transmit(packets)
    delay = {"max_delay_samples": 40.0}
    awgn = {cfo: ChannelConfig(max_cfo_subcarriers=cfo, **delay) for cfo in (0.0, 1.0)}
    fading = {
        name: load_channel(file).model_copy(update=delay | {"max_cfo_subcarriers": 1.0})
        for name, file in (("flat Rayleigh", "rayleigh"), ("TDL-A, 1 us", "tdl-a"))
    }
    points = [
        *itertools.product(["AWGN"], awgn.values(), plan.snrs_db),
        *((name, channel, snr_db) for name, channel in fading.items() for snr_db in plan.fading_snrs_db),
    ]
    for name, channel, snr_db in points:
        samples = on_air(sent, channel, snr_db, seed)
        for threshold in (DEFAULT_THRESHOLD, BEST_THRESHOLD):
            conditions = _conditions(name, channel, snr_db, threshold, seed)
            for what, count in zip(("headers", "packets"), receive(samples, packets, threshold), strict=True):
                yield _missed(f"stock_ofdm_{what}_missed", count, plan.packets, conditions)
    for snr_db in plan.threshold_snrs_db:
        samples = on_air(sent, awgn[1.0], snr_db, seed)
        for threshold in THRESHOLDS:
            conditions = _conditions("AWGN", awgn[1.0], snr_db, threshold, seed)
            _, count = receive(samples, packets, threshold)
            yield _missed("stock_ofdm_packets_missed_by_threshold", count, plan.packets, conditions)
    for threshold in (DEFAULT_THRESHOLD, BEST_THRESHOLD):
        _, count = receive(sent.ravel(), packets, threshold)
        conditions = {"level": "flowgraph", "channel": "none, no noise, no gaps", "threshold": threshold}
        yield _missed("stock_ofdm_packets_missed_back_to_back", count, plan.packets, conditions)
    yield from _speeds(sent[:100], plan, seed)


def _conditions(name: str, channel: ChannelConfig, snr_db: float, threshold: float, seed: int) -> dict[str, object]:
    return {
        "level": "flowgraph",
        "channel": name,
        "snr_db": snr_db,
        "snr_per_sample_db": round(snr_db + 10 * np.log10(CARRIERS / FFT_SIZE), 2),
        "max_cfo_subcarriers": channel.max_cfo_subcarriers,
        "threshold": threshold,
        "seed": seed,
    }


def _missed(name: str, count: int, packets: int, conditions: dict[str, object]) -> Figure:
    share = proportion(packets - count, packets)
    return figure(name, share.value, share.low, share.high, "share", **conditions, packets=packets)


def _speeds(sent: ComplexArray, plan: Plan, seed: int) -> Iterator[Figure]:
    generator = np.random.default_rng([seed, 2])
    spaced = np.pad(sent, ((0, 0), (0, 160))).ravel()
    streams = {"packets of 96 bytes at 20 dB": spaced + complex_noise(generator, spaced.size) / 10}
    streams["noise"] = complex_noise(generator, 200_000)
    conditions = {"level": "flowgraph", "threshold": BEST_THRESHOLD}
    for name, stream in streams.items():
        conditions["stream"], stream = name, stream.astype(np.complex64)
        with one_core():
            spent = [run(Reception(stream, BEST_THRESHOLD, plan.speed_samples)) for _ in range(plan.speed_runs)]
        seconds = [one.processor_s for one in spent]
        yield speed("stock_ofdm_receiver_speed", plan.speed_samples, seconds, **conditions)
        spent = [run(Reception(stream, BEST_THRESHOLD, plan.speed_samples)) for _ in range(plan.speed_runs)]
        seconds, cores = [one.wall_s for one in spent], os.cpu_count()
        yield speed("stock_ofdm_receiver_speed_all_cores", plan.speed_samples, seconds, **conditions, cores=cores)


if __name__ == "__main__":
    main(measure, __doc__ or "")
