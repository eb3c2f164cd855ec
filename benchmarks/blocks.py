"""How fast the blocks are: samples and frames a second through frame_tx, loopback_channel and frame_rx, in one process.

python benchmarks/blocks.py [--symbols 1024] [--frames 2000] [--seed 0]
"""

import argparse
import time

import numpy as np
import pmt
from gnuradio import gr
from semcom_blocks import FrameRx, FrameTx, LoopbackChannel, pdu

from semcom_ota.config import PhyConfig, load_channel
from semcom_ota.phy.transmitter import Transmitter
from semcom_ota.types import FrameHeader, SemanticFrame


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--symbols", type=int, default=1024, help="payload symbols in a frame")
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    rng, phy = np.random.default_rng(arguments.seed), PhyConfig()
    symbols = np.exp(2j * np.pi * rng.random(arguments.symbols)).astype(np.complex64)
    headers = [FrameHeader(1, message=message, message_symbols=len(symbols)) for message in range(arguments.frames)]
    pdus = [pdu.from_semantic_frame(SemanticFrame(header, symbols)) for header in headers]

    top, rx = gr.top_block(), FrameRx(phy)
    tx, channel = (
        FrameTx(phy, rx.lookahead_samples),
        LoopbackChannel(phy, load_channel("awgn"), 15.0, seed=arguments.seed),
    )
    top.connect(tx, channel, rx)
    samples = len(pdus) * (Transmitter(phy).frame_samples(len(symbols)) + rx.lookahead_samples)
    top.start()
    tx.to_basic_block()._post(pmt.intern("in"), pdus.pop())  # compiles what numba compiles
    while rx.consumed < samples // arguments.frames:
        time.sleep(0.001)
    started = time.perf_counter()
    for message in pdus:
        tx.to_basic_block()._post(pmt.intern("in"), message)
    while rx.consumed < samples:
        time.sleep(0.001)
    seconds = time.perf_counter() - started
    top.stop()
    top.wait()
    print(f"{samples / seconds / 1e6:.2f} MS/s, {len(pdus) / seconds:.0f} frames/s of {arguments.symbols} symbols")


if __name__ == "__main__":
    main()
