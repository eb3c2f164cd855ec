"""The channel code beside an independent implementation, whose block error rates ship as data."""

import json
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from semcom_ota.coding import constellation
from semcom_ota.coding.channel_code import PolarCode
from semcom_ota.experiments.bench.curves import independent_distance
from semcom_ota.experiments.bench.figures import Figure, Measurement, Shard, figure, seed_of, split

REFERENCE = Path(__file__).parents[2] / "data" / "polar_reference.json"
"""{source, codes: [{information_bits, coded_bits, list_size, crc_bits, constellation, points: [{esn0_db, blocks,
errors}]}]}: QPSK in AWGN, noise variance known; a block is wrong if any information bit is."""
SHARES = (0.1, 0.01)
_MOST_BLOCKS = {True: 600, False: 60_000}  # a point, by `quick`
_BIT_COST = 1e-6  # seconds a coded bit


def measurements(seed: int, quick: bool) -> list[Measurement]:
    """One measurement a code: ours at the SNRs of the reference."""
    reference = json.loads(REFERENCE.read_text(encoding="utf-8"))
    plan = []
    for code in reference["codes"]:
        parameters = tuple(code[name] for name in ("information_bits", "coded_bits", "list_size", "crc_bits"))
        shards = [
            Shard(
                count_block_errors,
                (parameters, point["esn0_db"], size, seed_of(seed, "code", parameters, point["esn0_db"], shard)),
                size * code["coded_bits"] * _BIT_COST,
            )
            for point in code["points"]
            for shard, size in enumerate(split(_blocks(point, quick)))
        ]
        conclude = partial(_conclude, code, reference["source"], quick)
        title = f"polar code, {code['information_bits']} bits in {code['coded_bits']}"
        plan.append(Measurement(title, ("code_loss",), tuple(shards), conclude))
    return plan


def count_block_errors(
    parameters: tuple[int, int, int, int], esn0_db: float, blocks: int, seed: tuple[int, ...]
) -> int:
    """Blocks decoded wrongly, of so many: QPSK in AWGN.

    Args:
        parameters: of `PolarCode`.
        esn0_db: Es/N0.
        blocks: how many.
        seed: of bits and noise.
    """
    generator = np.random.default_rng(seed)
    code = _code(*parameters)
    variance = 10 ** (-esn0_db / 10)
    wrong = 0
    for _ in range(blocks):
        bits = generator.integers(0, 2, code.information_bits, dtype=np.uint8)
        symbols = constellation.modulate(code.encode(bits), constellation.QPSK)
        noise = generator.standard_normal((symbols.size, 2)).view(np.complex128).ravel() * np.sqrt(variance / 2)
        received = (symbols + noise).astype(np.complex64)
        decoded, _ = code.decode(constellation.llrs(received, variance, constellation.QPSK))
        wrong += not np.array_equal(decoded, bits)
    return wrong


@lru_cache(maxsize=8)
def _code(information_bits: int, coded_bits: int, list_size: int, crc_bits: int) -> PolarCode:
    return PolarCode(information_bits, coded_bits, list_size, crc_bits)


def _blocks(point: dict[str, Any], quick: bool) -> int:
    return int(min(point["blocks"], _MOST_BLOCKS[quick]))


def _conclude(code: dict[str, Any], source: str, quick: bool, results: Sequence[int]) -> list[Figure]:
    points = code["points"]
    sizes = [len(split(_blocks(point, quick))) for point in points]
    own = [sum(part) for part in np.split(np.array(results), np.cumsum(sizes)[:-1])]
    errors = np.array([own, [point["errors"] for point in points]])
    total = np.array([[_blocks(point, quick) for point in points], [point["blocks"] for point in points]])
    snrs_db = np.array([point["esn0_db"] for point in points])
    said = {name: code[name] for name in ("information_bits", "coded_bits", "crc_bits", "list_size")}
    said |= {"reference": source, "constellation": "QPSK", "channel": "AWGN"}
    return [
        figure("code_loss", independent_distance(snrs_db, errors, total, at), "dB", **said, block_error_rate=at)
        for at in SHARES
    ]
