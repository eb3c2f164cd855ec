from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom_ota.coding.channel_code import PolarCode
from semcom_ota.coding.crc import checksum

GOLDEN = np.load(Path(__file__).parents[2] / "data" / "coding_golden.npz", allow_pickle=False)


def soft(coded: np.ndarray) -> np.ndarray:
    return (1 - 2 * coded.astype(np.float32)) * 4


@pytest.mark.parametrize("case", range(len(GOLDEN["codes"])))
def test_encoder_equals_sionna(case: int) -> None:
    code = PolarCode(*map(int, GOLDEN["codes"][case]))
    for bits, coded in zip(GOLDEN[f"bits_{case}"], GOLDEN[f"coded_{case}"], strict=True):
        assert np.array_equal(code.encode(bits), coded)


@pytest.mark.parametrize("case", range(len(GOLDEN["decoded"])))
def test_list_decoder_is_as_good_as_sionnas_on_the_same_noise(case: int) -> None:
    information_bits, coded_bits, list_size = map(int, GOLDEN["decoded"][case][:3])
    code = PolarCode(information_bits, coded_bits, list_size)
    sent = np.unpackbits(GOLDEN[f"bits_decoded_{case}"], axis=1, count=information_bits)
    right = GOLDEN[f"right_decoded_{case}"]
    ours = np.empty(len(right), bool)
    for i, llr in enumerate(GOLDEN[f"llr_decoded_{case}"].astype(np.float32)):
        bits, ok = code.decode(llr)
        ours[i] = np.array_equal(bits, sent[i])
        assert ours[i] or not ok
    assert 0.05 < np.mean(~right) < 0.6, "the noise must be such that the comparison says something"
    assert np.sum(ours != right) <= 8
    assert np.sum(ours) >= np.sum(right) - 3


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.integers(0, 2000), st.integers(0, 2**32 - 1))
def test_any_code_without_noise(information_bits: int, redundancy: int, seed: int) -> None:
    code = PolarCode(information_bits, information_bits + 24 + redundancy, 2)
    bits = np.random.default_rng(seed).integers(0, 2, information_bits, dtype=np.uint8)
    coded = code.encode(bits)
    assert coded.shape == (code.coded_bits,)
    assert coded.dtype == np.uint8
    decoded, ok = code.decode(soft(coded))
    assert ok
    assert np.array_equal(decoded, bits)


def test_early_exit_does_not_change_what_the_list_finds() -> None:
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2, 100, dtype=np.uint8)
    errors = {}
    for list_size in (1, 4, 16):
        code = PolarCode(100, 400, list_size)
        noise = np.random.default_rng(4).standard_normal((200, 400))
        received = soft(code.encode(bits)) / 4 + 1.3 * noise
        errors[list_size] = sum(not code.decode(row.astype(np.float32))[1] for row in received)
    assert errors[1] > errors[4] > errors[16]


def test_nothing_received_is_never_ok() -> None:
    code = PolarCode(104, 512)
    assert not code.decode(np.zeros(512, np.float32))[1]
    assert not code.decode(np.full(512, np.nan, np.float32))[1]
    assert not code.decode(np.full(512, np.inf, np.float32))[1]


def test_noise_is_never_ok() -> None:
    code = PolarCode(104, 512)
    rng = np.random.default_rng(5)
    assert not any(code.decode(rng.standard_normal(512).astype(np.float32))[1] for _ in range(100))


def test_scale_of_the_llrs_does_not_matter() -> None:
    code = PolarCode(60, 200)
    llr = np.random.default_rng(6).standard_normal(200).astype(np.float32) + 0.5
    assert np.array_equal(code.decode(llr)[0], code.decode(llr * 64)[0])


def test_erasures_are_filled_in() -> None:
    code = PolarCode(60, 400)
    bits = np.random.default_rng(7).integers(0, 2, 60, dtype=np.uint8)
    llr = soft(code.encode(bits))
    llr[100:250] = 0
    decoded, ok = code.decode(llr)
    assert ok
    assert np.array_equal(decoded, bits)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 250), st.integers(0, 11), st.integers(0, 2**32))
def test_a_checksum_may_be_sent_in_part(information_bits: int, withheld_bits: int, seed: int) -> None:
    code = PolarCode(information_bits, 2 * information_bits + 30, crc_bits=11, withheld_bits=withheld_bits)
    assert code.information_set.size == information_bits + 11 - withheld_bits
    bits = np.random.default_rng(seed).integers(0, 2, information_bits, dtype=np.uint8)
    told = int("".join(map(str, checksum(bits, 11)[11 - withheld_bits :])) or "0", 2)
    llr = soft(code.encode(bits))
    decoded, ok = code.decode(llr, told)
    assert ok
    assert np.array_equal(decoded, bits)
    if withheld_bits:
        decoded, ok = code.decode(llr, told ^ 1)
        assert not (ok and np.array_equal(decoded, bits))


def test_what_is_told_of_the_checksum_chooses_among_the_paths() -> None:
    """9 of 11 bits told: as few words are lost as with 2 bits of checksum alone, and hardly a wrong one passes."""
    rng = np.random.default_rng(3)
    lost, wrong = {0: 0, 9: 0}, 0
    for _ in range(120):
        bits, noise = rng.integers(0, 2, 62, dtype=np.uint8), rng.standard_normal(192)
        for withheld_bits in lost:
            code = PolarCode(62, 192, 32, 11, withheld_bits)
            received = (1 - 2.0 * code.encode(bits)) + noise * 1.19
            told = int("".join(map(str, checksum(bits, 11)[11 - withheld_bits :])) or "0", 2)
            decoded, ok = code.decode((2 * received / 1.19**2).astype(np.float32), told)
            lost[withheld_bits] += not np.array_equal(decoded, bits)
            wrong += ok and not np.array_equal(decoded, bits)
    assert 10 < lost[9] < 0.6 * lost[0]
    assert wrong <= 2


@pytest.mark.parametrize("sizes", [(0, 100), (100, 123), (1001, 2000), (-1, 100)])
def test_impossible_codes_are_refused(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no polar code"):
        PolarCode(*sizes)


def test_wrong_shapes_are_refused() -> None:
    code = PolarCode(60, 200)
    with pytest.raises(ValueError, match="expected 60 bits"):
        code.encode(np.zeros(61, np.uint8))
    with pytest.raises(ValueError, match="expected 200 LLRs"):
        code.decode(np.zeros(199, np.float32))
    with pytest.raises(ValueError, match="list"):
        PolarCode(60, 200, 0)
    with pytest.raises(ValueError, match="checksum"):
        PolarCode(60, 200, crc_bits=8)
    with pytest.raises(ValueError, match="withheld"):
        PolarCode(60, 200, crc_bits=16, withheld_bits=17)
