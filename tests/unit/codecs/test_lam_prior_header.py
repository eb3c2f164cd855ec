import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from semcom_ota.codecs.lam_prior_header import MOST_TOKENS, Parameters, checksum, nearest_step

HALF_A_STEP = math.exp(0.04)


@settings(max_examples=200)
@given(bits=st.integers(0, 2**24 - 1))
def test_parameters_are_what_they_were(bits):
    said = Parameters.unpack(bits)
    short = bits >> 23 == 0
    assert said.tokens >= 1 and 0 <= said.mode < 4 and said.scale > 0
    if short or said.tokens > 128:  # the long form of a short text is never sent
        assert said.pack() == bits
        assert said.checksum_bits == (9 if said.tokens <= 128 else 4)


@settings(max_examples=200)
@given(
    tokens=st.one_of(st.integers(1, MOST_TOKENS), st.sampled_from([128, 129])),
    scale_step=st.integers(0, 31),
    mode=st.integers(0, 3),
    crc=st.integers(0, 2**32 - 1),
)
def test_what_is_packed_is_unpacked(tokens, scale_step, mode, crc):
    bits = Parameters(tokens, scale_step, mode, crc).pack()
    kept = 2**9 if tokens <= 128 else 2**4
    assert 0 <= bits < 2**24
    assert Parameters.unpack(bits) == Parameters(tokens, scale_step, mode, crc % kept)


def test_the_header_is_part_of_the_air_format():
    assert Parameters(7, 18, 2, 0b101010101).pack() == 0b0_0000110_10010_10_101010101
    assert Parameters(4096, 31, 1, 0b1010).pack() == 0b1_111111111111_11111_01_1010
    assert Parameters(1, 10, 0, 0).scale == pytest.approx(math.exp(-2.4))


@pytest.mark.parametrize(("tokens", "lowest"), [(128, 0x126), (129, 0x6)])
def test_the_checksum_is_the_end_of_a_crc_32(tokens, lowest):
    """Its value for these digits, 0xCBF43926, stands in the catalogues of CRCs."""
    said = Parameters.unpack(Parameters(tokens, 0, 0, checksum("123456789")).pack())
    assert said.checksum == lowest
    assert said.holds("123456789") and not said.holds("123456780")


@given(scale=st.floats(0.041, 0.48))
def test_a_scale_is_said_to_half_a_step(scale):
    step = nearest_step(scale)
    assert 1 / 1.001 / HALF_A_STEP < Parameters(1, step, 0, 0).scale / scale < 1.001 * HALF_A_STEP
    assert Parameters(1, step, 0, 0).has_scale(scale)


@pytest.mark.parametrize(("scale", "step"), [(1e-6, 0), (math.exp(-3.2), 0), (math.exp(-0.72), 31), (1e6, 31)])
def test_a_scale_beyond_the_steps_is_said_by_the_last(scale, step):
    assert nearest_step(scale) == step
    assert Parameters(1, step, 0, 0).has_scale(scale)


@given(scale=st.floats(0.041, 0.48))
def test_another_step_than_the_nearest_is_refused_but_at_an_edge(scale):
    place = (math.log(scale) + 3.2) / 0.08
    assume(abs(place % 1 - 0.5) > 0.03)
    accepted = [step for step in range(32) if Parameters(1, step, 0, 0).has_scale(scale)]
    assert accepted == [nearest_step(scale)]


def test_at_an_edge_either_step_will_do():
    """Two machines may round to either side of it."""
    for scale in (math.exp(-3.2 + 0.08 * 10.49), math.exp(-3.2 + 0.08 * 10.51)):
        assert [step for step in range(32) if Parameters(1, step, 0, 0).has_scale(scale)] == [10, 11]
