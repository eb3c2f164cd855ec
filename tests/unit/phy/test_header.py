import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.phy.header import (
    HEADER_BITS,
    AirHeader,
    HeaderCode,
    can_follow,
    decode_followers,
    encode_followers,
    follower_symbols,
    pack,
    unpack,
)
from semcom_ota.types import FrameHeader


@st.composite
def headers(draw):
    fragments = draw(st.integers(1, 256))
    followers = draw(st.integers(0, 7)) if fragments == 1 else 0
    header = FrameHeader(
        codec=draw(st.integers(0, 255)),
        codec_parameters=draw(st.integers(0, 2**24 - 1)),
        task=draw(st.integers(0, 15)),
        stream=draw(st.integers(0, 255)),
        message=draw(st.integers(0, 65535)),
        fragment=draw(st.integers(0, fragments - 1)),
        fragments=fragments,
        message_symbols=draw(st.integers(fragments, 2**18 - 1)),
        mask=draw(st.integers(0, 63)),
    )
    return AirHeader(header, followers, draw(st.booleans()))


@given(headers())
def test_what_is_packed_comes_back(header):
    bits = pack(header)
    assert bits.shape == (HEADER_BITS,) == (108,)
    assert bits.dtype == np.uint8
    assert unpack(bits) == header


@given(st.binary(min_size=14, max_size=14))
def test_any_bits_give_a_consistent_header_or_none(word):
    bits = np.unpackbits(np.frombuffer(word, np.uint8), count=HEADER_BITS)
    header = unpack(bits)
    if header is not None:
        assert pack(header).tobytes() == bits.tobytes()
        assert header.header.frame_symbols >= 1


def test_the_words_on_the_air_do_not_change():
    header = FrameHeader(
        codec=0xAB, codec_parameters=0xC0FFEE, task=5, stream=0x12, message=0x3456, fragment=2, fragments=3,
        message_symbols=0x2AAAA, mask=0x15,
    )  # fmt: skip
    assert np.packbits(pack(AirHeader(header, precoded=True))).tobytes().hex() == "2abc0ffee51234560202aaaa9510"


def test_another_version_is_not_understood():
    bits = pack(AirHeader(FrameHeader(codec=1, message_symbols=10)))
    assert unpack(bits) is not None
    bits[:4] = [0, 0, 0, 1]
    assert unpack(bits) is None


@pytest.mark.parametrize(
    "change",
    [
        {"codec": 256},
        {"codec": -1},
        {"codec_parameters": 2**24},
        {"message": 65536},
        {"message_symbols": 2**18},
        {"message_symbols": 0},
        {"fragments": 257},
        {"fragments": 0},
        {"fragment": 1},
        {"fragments": 11},
    ],
)
def test_what_cannot_be_sent_is_refused(change):
    with pytest.raises(ValueError, match="header"):
        pack(AirHeader(dataclasses.replace(FrameHeader(codec=1, message_symbols=10), **change)))


def test_decodable_well_below_any_payload():
    """-4 dB on a known channel: no error in 200; noise alone: no header in 200."""
    generator = np.random.default_rng(1)
    code = HeaderCode(480)
    variance = np.full(480, 10**0.4, np.float32)
    for message in range(200):
        header = AirHeader(FrameHeader(codec=1, message=message, message_symbols=10))
        noise = (generator.standard_normal(960) * np.sqrt(variance[0] / 2)).view(np.complex128)
        decoded, symbols = code.decode((code.encode(header) + noise).astype(np.complex64), variance)
        assert decoded == header
        assert symbols.tobytes() == code.encode(header).tobytes()
        assert code.decode(noise.astype(np.complex64), variance) is None


@pytest.mark.parametrize("followers", [1, 3, 7])
def test_followers_come_back_at_an_snr_where_the_header_does(followers):
    """-3 dB on a known channel: no error in 50; noise alone: nothing in 50."""
    generator = np.random.default_rng(followers)
    first = FrameHeader(codec=9, message=65533, stream=3, task=2, mask=5, message_symbols=10)
    count = follower_symbols(followers)
    variance = np.full(count, 10**0.3, np.float32)
    for trial in range(50):
        own = [
            dataclasses.replace(
                first,
                message=(65533 + place) % 65536,
                codec_parameters=trial * 1000 + place,
                message_symbols=place * 2000,
            )
            for place in range(1, followers + 1)
        ]
        assert all(can_follow(first, header, place) for place, header in enumerate(own, 1))
        noise = (generator.standard_normal(2 * count) * np.sqrt(variance[0] / 2)).view(np.complex128)
        symbols = (encode_followers(own, count) + noise).astype(np.complex64)
        assert decode_followers(first, followers, symbols, variance) == own
        assert decode_followers(first, followers, noise.astype(np.complex64), variance) == []


@pytest.mark.parametrize(
    "change", [{"codec": 2}, {"stream": 1}, {"task": 1}, {"mask": 1}, {"message": 7}, {"fragments": 2}, {"fragment": 1}]
)
def test_who_cannot_follow(change):
    first = FrameHeader(codec=1, message=4, message_symbols=10)
    header = dataclasses.replace(first, message=5, message_symbols=99, codec_parameters=3)
    assert can_follow(first, header, 1)
    assert not can_follow(first, header, 2)
    assert not can_follow(first, dataclasses.replace(header, **change), 1)
