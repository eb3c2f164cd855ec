"""Write `coding_golden.npz`: CRC, polar codes, list decoding and QAM as Sionna does them.

Sionna wants numpy 2, which GNU Radio's bindings cannot load: run this in an environment of its own. The committed
vectors were made by Python 3.11, sionna-no-rt 2.2.0, torch 2.13.0 (CPU) and numpy 2.4.6:

    python3 -m venv /tmp/sionna && /tmp/sionna/bin/pip install sionna-no-rt==2.2.0 torch==2.13.0
    /tmp/sionna/bin/python tests/data/make_golden_vectors.py

Sionna has no uplink code with CRC24C, so its parts are put together here: its CRC24C (over 24 leading ones, TS 38.212,
7.3.2), then the frozen bits and the order of coded bits of its uplink code with the same number of inner bits, whose
own CRC11 is not used. In punctured codes Sionna 2.2.0 freezes one bit fewer than TS 38.212, 5.4.1.1 (which counts up to
and including ceil(3N/4 - E/2) - 1 or ceil(9N/16 - E/4) - 1). That rarely matters: of 312 punctured codes compared, 5
differed, all with E = 800. None of them is in here.
"""

from pathlib import Path

import numpy as np
import torch
from sionna.phy.fec.crc import CRCEncoder
from sionna.phy.fec.polar import Polar5GEncoder, PolarEncoder, PolarSCLDecoder
from sionna.phy.mapping import Constellation, Demapper

CODES = [  # information bits, coded bits
    (12, 64),  # the mother code, sent whole
    (104, 256),  # sent whole
    (104, 1024),  # sent whole
    (128, 1088),  # repetition
    (40, 600),  # repetition: the lowest rate of a mother code is 1/8
    (60, 200),  # puncturing
    (76, 190),  # shortening
    (120, 380),  # puncturing
    (300, 900),  # puncturing
    (260, 570),  # shortening
    (400, 760),  # shortening
    (900, 1000),  # shortening, high rate
]
DECODED = [(76, 190, 8, 1.3), (104, 400, 8, -1.7), (260, 570, 4, 1.5)]  # K, E, list size, Es/N0 of QPSK in dB
BLOCKS = 100
OUT = Path(__file__).with_name("coding_golden.npz")


def tensor(array: np.ndarray) -> torch.Tensor:
    """As Sionna wants its bits."""
    return torch.tensor(np.asarray(array, np.float32))


def checksum(bits: np.ndarray, width: int) -> np.ndarray:
    """(blocks, width) parity over as many ones and `bits` (blocks, K)."""
    led = np.concatenate([np.ones((len(bits), width)), bits], 1)
    encoder = CRCEncoder({24: "CRC24C", 16: "CRC16"}[width], k=led.shape[1])
    return encoder(tensor(led)).numpy()[:, -width:].astype(np.uint8)


def polar_parts(information_bits: int, coded_bits: int, crc_bits: int = 24) -> tuple[np.ndarray, int, np.ndarray]:
    """Frozen positions, length of the mother code, and which of its bits is sent when."""
    code = Polar5GEncoder(information_bits + crc_bits - 11, coded_bits)
    return code._frozen_pos, code.n_polar, np.asarray(code._ind_rate_matching, np.int64)


def encode(words: np.ndarray, frozen: np.ndarray, mother: int, order: np.ndarray) -> np.ndarray:
    """(blocks, K + CRC) bits to (blocks, E) coded bits."""
    return PolarEncoder(frozen, mother)(tensor(words)).numpy().astype(np.uint8)[:, order]


def recover(llr: np.ndarray, information_bits: int, coded_bits: int, crc_bits: int = 24) -> torch.Tensor:
    """(blocks, E) LLRs, ln P(0) / P(1), to (blocks, N) of the mother code as Sionna's decoders take them."""
    frozen, mother, order = polar_parts(information_bits, coded_bits, crc_bits)
    # Sionna's decoders check a CRC without the leading ones: take their share off the received word
    silent = np.zeros((1, information_bits))
    share = encode(np.concatenate([silent, checksum(silent, crc_bits)], 1), frozen, mother, order)
    recovered = np.zeros((len(llr), mother))
    if coded_bits < mother and 16 * (information_bits + crc_bits) > 7 * coded_bits:
        recovered[:] = 1000.0  # shortened bits are known zeros
        recovered[:, order] = 0
    np.add.at(recovered, (slice(None), order), llr.astype(np.float64) * (1.0 - 2.0 * share))
    return tensor(-recovered)  # Sionna's LLRs are ln P(1) / P(0)


def decoding_case(rng: np.random.Generator, case: tuple[int, int, int, float]) -> dict[str, np.ndarray]:
    """Noisy LLRs of BLOCKS words, and which of them Sionna's list decoder gets right."""
    information_bits, coded_bits, list_size, snr_db = case
    frozen, mother, order = polar_parts(information_bits, coded_bits)
    bits = rng.integers(0, 2, (BLOCKS, information_bits), dtype=np.uint8)
    coded = encode(np.concatenate([bits, checksum(bits, 24)], 1), frozen, mother, order)
    variance = 10 ** (-snr_db / 10) / 2
    received = (1 - 2.0 * coded) / np.sqrt(2) + np.sqrt(variance) * rng.standard_normal(coded.shape)
    llr = (np.sqrt(2) * received / variance).astype(np.float16)
    decoder = PolarSCLDecoder(frozen, mother, list_size, crc_degree="CRC24C", return_crc_status=True)
    decoded, _ = decoder(recover(llr, information_bits, coded_bits))
    right = (decoded.numpy()[:, :information_bits].astype(np.uint8) == bits).all(1)
    return {"bits": np.packbits(bits, axis=1), "llr": llr, "right": right}


def main() -> None:
    """Everything, from one seed."""
    rng = np.random.default_rng(20240607)
    out: dict[str, np.ndarray] = {"codes": np.array(CODES), "decoded": np.array(DECODED)}
    for length in (1, 24, 104, 1000):
        bits = rng.integers(0, 2, (4, length), dtype=np.uint8)
        for width in (24, 16):
            out[f"crc{width}_{length}"] = np.concatenate([bits, checksum(bits, width)], 1)
    for i, (information_bits, coded_bits) in enumerate(CODES):
        bits = rng.integers(0, 2, (3, information_bits), dtype=np.uint8)
        parts = polar_parts(information_bits, coded_bits)
        out[f"bits_{i}"] = bits
        out[f"coded_{i}"] = encode(np.concatenate([bits, checksum(bits, 24)], 1), *parts)
    for i, case in enumerate(DECODED):
        out |= {f"{name}_decoded_{i}": value for name, value in decoding_case(rng, case).items()}
    for order in (4, 16, 64, 256):
        width = int(np.log2(order))
        points = Constellation("qam", width)
        out[f"points_{order}"] = points().numpy().astype(np.complex64)
        received = (rng.standard_normal((40, 2)) @ [0.8, 0.8j]).astype(np.complex64)
        variance = rng.uniform(0.02, 1.0, 40).astype(np.float32)
        demapper = Demapper("app", constellation=points)
        logits = demapper(torch.tensor(received)[None], torch.tensor(variance)[None])
        out[f"received_{order}"], out[f"variance_{order}"] = received, variance
        out[f"llrs_{order}"] = -logits.numpy()[0].astype(np.float32)
    np.savez_compressed(OUT, **out)


if __name__ == "__main__":
    main()
