from pathlib import Path

import numpy as np
import pytest

from semcom_ota.coding.crc import crc24

GOLDEN = np.load(Path(__file__).parents[2] / "data" / "coding_golden.npz", allow_pickle=False)


@pytest.mark.parametrize("length", [1, 24, 104, 1000])
def test_equals_sionna(length: int) -> None:
    for row in GOLDEN[f"crc_{length}"]:
        assert np.array_equal(crc24(row[:length]), row[length:])


def test_silence_is_not_a_valid_word() -> None:
    for length in (1, 24, 104, 500):
        assert crc24(np.zeros(length, np.uint8)).any()


def test_every_burst_up_to_24_bits_is_seen() -> None:
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, 200, dtype=np.uint8)
    parity = crc24(bits)
    for _ in range(200):
        width = rng.integers(1, 25)
        start = rng.integers(0, 200 - width)
        damaged = bits.copy()
        damaged[start] ^= 1
        damaged[start + 1 : start + width] ^= rng.integers(0, 2, width - 1, dtype=np.uint8)
        assert not np.array_equal(crc24(damaged), parity)
