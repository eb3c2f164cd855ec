from pathlib import Path

import numpy as np
import pytest

from semcom_ota.coding.crc import checksum

GOLDEN = np.load(Path(__file__).parents[2] / "data" / "coding_golden.npz", allow_pickle=False)


@pytest.mark.parametrize("length", [1, 24, 104, 1000])
@pytest.mark.parametrize("width", [16, 24])
def test_equals_sionna(length: int, width: int) -> None:
    for row in GOLDEN[f"crc{width}_{length}"]:
        assert np.array_equal(checksum(row[:length], width), row[length:])


@pytest.mark.parametrize("width", [11, 16, 24])
def test_silence_is_not_a_valid_word(width: int) -> None:
    for length in (1, 24, 104, 500):
        assert checksum(np.zeros(length, np.uint8), width).any()


@pytest.mark.parametrize("crc_bits", [11, 16, 24])
def test_every_burst_that_fits_is_seen(crc_bits: int) -> None:
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, 200, dtype=np.uint8)
    parity = checksum(bits, crc_bits)
    for _ in range(200):
        width = rng.integers(1, crc_bits + 1)
        start = rng.integers(0, 200 - width)
        damaged = bits.copy()
        damaged[start] ^= 1
        damaged[start + 1 : start + width] ^= rng.integers(0, 2, width - 1, dtype=np.uint8)
        assert not np.array_equal(checksum(damaged, crc_bits), parity)
