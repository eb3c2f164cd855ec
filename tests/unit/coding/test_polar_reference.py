"""What an independent implementation makes of our polar codes (benchmarks/polar_reference.py)."""

import json
from importlib import resources

import numpy as np
import pytest

from semcom_ota.coding.channel_code import PolarCode

CODES = json.loads(resources.files("semcom_ota").joinpath("data/polar_reference.json").read_text())["codes"]


@pytest.mark.parametrize("entry", CODES, ids=lambda entry: entry["name"])
def test_the_reference_describes_codes_of_ours_and_falls_as_the_snr_grows(entry: dict):
    code = PolarCode(entry["information_bits"], entry["coded_bits"], entry["list_size"], entry["crc_bits"])
    assert code.coded_bits == entry["coded_bits"] and entry["constellation"] == "qpsk"
    snrs = [point["esn0_db"] for point in entry["points"]]
    shares = [point["errors"] / point["blocks"] for point in entry["points"]]
    assert all(point["errors"] >= 100 for point in entry["points"])
    assert snrs == sorted(set(snrs)) and shares == sorted(shares, reverse=True)
    assert shares[0] > 0.2 and shares[-1] < 2e-3


@pytest.mark.parametrize("entry", [CODES[0], CODES[2]], ids=lambda entry: entry["name"])
def test_ours_needs_at_most_0_4_db_more(entry: dict):
    """200 blocks at the second point: not worse than the reference 0.4 dB below, plus 4 sigma."""
    lower, here = entry["points"][:2]
    code = PolarCode(entry["information_bits"], entry["coded_bits"], entry["list_size"], entry["crc_bits"])
    generator, blocks, errors = np.random.default_rng(7), 200, 0
    variance = 10 ** (-here["esn0_db"] / 10) / 2  # of each dimension
    for _ in range(blocks):
        bits = generator.integers(0, 2, code.information_bits, dtype=np.uint8)
        noise = np.sqrt(variance) * generator.standard_normal(code.coded_bits)
        received = (1 - 2.0 * code.encode(bits)) / np.sqrt(2) + noise
        decoded, _ = code.decode((np.sqrt(2) * received / variance).astype(np.float32))
        errors += not np.array_equal(decoded, bits)
    worst = lower["errors"] / lower["blocks"]
    best = entry["points"][3]["errors"] / entry["points"][3]["blocks"]  # 0.8 dB above: cheating would look like this
    assert best < errors / blocks < worst + 4 * np.sqrt(worst * (1 - worst) / blocks)
