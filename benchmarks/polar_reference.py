"""Write `semcom_ota/data/polar_reference.json`: block error rates of our polar codes as Sionna decodes them.

Sionna wants numpy 2, which GNU Radio's bindings cannot load: run this in an environment of its own. The committed file
was made by Python 3.11, sionna-no-rt 2.2.0 and torch 2.13.0 (CPU, one thread) in about a quarter of an hour:

    python3 -m venv /tmp/sionna && /tmp/sionna/bin/pip install sionna-no-rt==2.2.0 torch==2.13.0
    /tmp/sionna/bin/python benchmarks/polar_reference.py

QPSK over AWGN with known noise variance, random bits, one code word a block; a block is wrong if any information bit
is. Each point goes on until it has 100 errors, each code until fewer than 2 blocks in 1000 are wrong. The codes are
put together from Sionna's parts as in `tests/data/make_golden_vectors.py`. As in `PolarCode.decode`, successive
cancellation comes first and the list decodes the words whose CRC it did not meet. What differs from our decoder:
Sionna's check nodes are exact (ours: min-sum), its LLRs are cut at +-30, runs of information bits are decided with one
flip at most (ours: bit by bit), and all survivors meet the CRC (ours: the eight likeliest).
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from sionna.phy.fec.crc import CRCEncoder
from sionna.phy.fec.polar import PolarSCDecoder, PolarSCLDecoder

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "data"))
from make_golden_vectors import checksum, encode, polar_parts, recover  # noqa: E402

CODES = [  # name, information bits, CRC, coded bits, list size, first Es/N0 in dB
    ("header", 112, 24, 960, 8, -5.8),
    ("header of 104 bits", 104, 24, 960, 8, -6.2),
    ("payload, 95 symbols, rate 1/2", 79, 16, 190, 32, 0.4),
    ("payload, 285 symbols, rate 1/2", 260, 16, 570, 32, 0.8),
    ("payload, 190 symbols, rate 1/3", 111, 16, 380, 32, -1.8),
]
STEP_DB = 0.4
ERRORS = 100
LOWEST = 2e-3
BATCH = 1000
SEED = 20240608
CRCS = {24: "CRC24C", 16: "CRC16"}
OUT = ROOT / "semcom_ota" / "data" / "polar_reference.json"


class Code:
    """A polar code with CRC, decoded by Sionna."""

    def __init__(self, information_bits: int, crc_bits: int, coded_bits: int, list_size: int):
        """Put it together."""
        self.sizes = information_bits, coded_bits, crc_bits
        self.parts = frozen, mother, _ = polar_parts(*self.sizes)
        self.crc = CRCEncoder(CRCS[crc_bits], k=information_bits)
        self.single = PolarSCDecoder(frozen, mother)
        self.list = PolarSCLDecoder(frozen, mother, list_size, crc_degree=CRCS[crc_bits])

    def count_errors(self, esn0_db: float, blocks: int, rng: np.random.Generator) -> int:
        """Blocks that are decoded wrongly, of so many."""
        information_bits, coded_bits, crc_bits = self.sizes
        bits = rng.integers(0, 2, (blocks, information_bits), dtype=np.uint8)
        coded = encode(np.concatenate([bits, checksum(bits, crc_bits)], 1), *self.parts)
        variance = 10 ** (-esn0_db / 10) / 2  # of each dimension
        received = (1 - 2.0 * coded) / np.sqrt(2) + np.sqrt(variance) * rng.standard_normal(coded.shape)
        llr = recover(np.sqrt(2) * received / variance, information_bits, coded_bits, crc_bits)
        decoded = self.single(llr)
        missed = (self.crc(decoded[:, :information_bits]) != decoded).any(1)
        if missed.any():
            decoded[missed] = self.list(llr[missed])
        return int((decoded[:, :information_bits].numpy() != bits).any(1).sum())


def main() -> None:
    """All codes, from one seed."""
    torch.set_num_threads(1)
    started, codes = time.monotonic(), []
    for index, (name, information_bits, crc_bits, coded_bits, list_size, esn0_db) in enumerate(CODES):
        code, points = Code(information_bits, crc_bits, coded_bits, list_size), []
        while not points or points[-1]["errors"] >= LOWEST * points[-1]["blocks"]:
            rng = np.random.default_rng([SEED, index, len(points)])
            here, blocks, errors = round(esn0_db + STEP_DB * len(points), 3), 0, 0
            while errors < ERRORS:
                errors += code.count_errors(here, BATCH, rng)
                blocks += BATCH
            points.append({"esn0_db": here, "blocks": blocks, "errors": errors})
            print(f"{name}: {points[-1]}, {time.monotonic() - started:.0f} s", flush=True)
        sizes = {"information_bits": information_bits, "crc_bits": crc_bits, "coded_bits": coded_bits}
        codes.append({"name": name, **sizes, "list_size": list_size, "constellation": "qpsk", "points": points})
    source = (
        "Sionna (sionna-no-rt 2.2.0, torch 2.13.0): polar code of TS 38.212, CRC-aided list decoding, QPSK over AWGN"
    )
    content = {"source": source, "made_by": "benchmarks/polar_reference.py", "codes": codes}
    OUT.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
