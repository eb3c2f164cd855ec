"""The wire format: what goes in comes out, and whatever else comes in is a WireError."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from semcom_ota.transport.wire import (
    MAX_FIELDS_BYTES,
    Envelope,
    Packet,
    Role,
    WireError,
    pack,
    pack_envelope,
    unpack,
    unpack_envelope,
)

LIMIT = 2**24
names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | text
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3))
shapes = arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
arrays = st.sampled_from([np.complex64, np.float32, np.uint8]).flatmap(lambda dtype: arrays_of.arrays(dtype, shapes))
packets = st.builds(
    Packet, names, st.dictionaries(text, values, max_size=4), st.dictionaries(names, arrays, max_size=3)
)


@given(packets)
def test_a_packet_comes_out_as_it_went_in(packet):
    back = unpack(pack(packet), LIMIT)
    assert (back.kind, back.fields, back.arrays.keys()) == (packet.kind, packet.fields, packet.arrays.keys())
    for name, array in packet.arrays.items():
        assert back.arrays[name].dtype == array.dtype and back.arrays[name].shape == array.shape
        assert back.arrays[name].tobytes() == array.tobytes()
        assert back.arrays[name].flags.writeable and back.arrays[name].flags.aligned


@given(packets, st.data())
def test_a_truncated_packet_is_refused(packet, data):
    whole = pack(packet)
    with pytest.raises(WireError):
        unpack(whole[: data.draw(st.integers(0, len(whole) - 1))], LIMIT)


@given(packets, st.binary(min_size=1, max_size=30))
def test_bytes_after_the_end_are_refused(packet, more):
    with pytest.raises(WireError):
        unpack(pack(packet) + more, LIMIT)


@given(packets, st.data())
def test_a_mutated_packet_is_read_or_refused(packet, data):
    mutated = bytearray(pack(packet))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        mutated[place] = data.draw(st.integers(0, 255))
    try:
        read = unpack(bytes(mutated), LIMIT)
    except WireError:
        return
    assert sum(array.nbytes for array in read.arrays.values()) <= len(mutated)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_after_a_good_start_are_read_or_refused(rest):
    for start in (b"", b"SCPK\x01", pack(Packet("k"))[:13]):
        try:
            unpack(start + rest, LIMIT)
        except WireError:
            continue


def test_what_an_array_claims_is_never_allocated_beyond_what_is_there():
    good = pack(Packet("k", {}, {"x": np.zeros((2, 3), np.complex64)}))
    shape_at = good.index(b"x", 12) + 1
    huge = good[:shape_at] + b"\xff" * 8 + good[shape_at + 8 :]
    with pytest.raises(WireError, match="cut short"):
        unpack(huge, LIMIT)


@pytest.mark.parametrize("fields", [b"[" * 100_000, b"[]", b'{"a":' + b"9" * 10_000 + b"}", b"\xff", b"{", b'"a"'])
def test_fields_that_are_no_small_object_are_refused(fields):
    header = b"SCPK" + bytes([1, 1]) + (0).to_bytes(2, "little") + len(fields).to_bytes(4, "little")
    with pytest.raises(WireError):
        unpack(header + b"k" + fields, LIMIT)


def test_sizes_are_bounded():
    packet = Packet("k", {}, {"x": np.zeros(1000, np.uint8)})
    with pytest.raises(WireError, match="more than the 1000 allowed"):
        unpack(pack(packet), 1000)
    with pytest.raises(WireError):
        pack(Packet("k", {"text": "x" * MAX_FIELDS_BYTES}))
    with pytest.raises(WireError):
        pack(Packet("k", {}, {str(index): np.zeros(1, np.uint8) for index in range(1025)}))


@pytest.mark.parametrize(
    "packet",
    [
        Packet("k", {"a": object()}),
        Packet("k", {"a": "\ud800"}),
        Packet("ü"),
        Packet(""),
        Packet("k" * 65),
        Packet("k", {}, {"x": np.zeros(1)}),
        Packet("k", {}, {"x": np.array([object()])}),
        Packet("k", {}, {"x": np.zeros(1, ">f4")}),
        Packet("k", {}, {"x": np.zeros((1, 1, 1, 1, 1), np.uint8)}),
        Packet("k", {}, {"": np.zeros(1, np.uint8)}),
    ],
)
def test_what_cannot_travel_is_refused_by_the_sender(packet):
    with pytest.raises(WireError):
        pack(packet)


def test_another_version_is_named():
    data = bytearray(pack(Packet("k")))
    data[4] = 9
    with pytest.raises(WireError, match="version 9"):
        unpack(bytes(data), LIMIT)


def test_the_same_array_twice_is_refused():
    one = pack(Packet("k", {}, {"x": np.zeros(1, np.uint8)}))
    two = bytearray(pack(Packet("k", {}, {"x": np.zeros(1, np.uint8), "y": np.zeros(1, np.uint8)})))
    two[len(one) :] = one[two.index(b"x", 12) - 3 :]
    with pytest.raises(WireError, match="twice"):
        unpack(bytes(two), LIMIT)


@given(
    st.builds(
        Envelope,
        st.sampled_from(Role),
        st.binary(min_size=8, max_size=8),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1),
    )
)
def test_an_envelope_comes_out_as_it_went_in(envelope):
    assert unpack_envelope(pack_envelope(envelope)) == envelope


@given(st.binary(max_size=40), st.integers(0, 40), st.integers(0, 255))
def test_an_envelope_of_other_bytes_is_read_or_refused(noise, place, value):
    mutated = bytearray(pack_envelope(Envelope(Role.REQUEST, b"session1", 3, 1)))
    mutated[place % len(mutated)] = value
    for data in (noise, bytes(mutated), bytes(mutated)[:place]):
        try:
            assert unpack_envelope(data).role in list(Role)
        except WireError:
            continue
