"""Frames between host and lab."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.radio.time_spec import TimeSpec
from semcom_ota.twin.wire import (
    MAX_SAMPLES,
    Flags,
    Frame,
    FrameError,
    FrameReader,
    Kind,
    from_sc16,
    pack,
    pack_json,
    to_sc16,
    unpack_json,
)

times = st.builds(TimeSpec, st.integers(-(2**40), 2**40), st.floats(0, 1, exclude_max=True))
frames = st.builds(
    Frame,
    st.sampled_from([Kind.RECEIVED, Kind.TRANSMITTED]),
    st.integers(0, 50).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n)),
    st.sampled_from([Flags.NONE, Flags.START | Flags.TIME, Flags.END, Flags.OVERFLOW | Flags.TIME]),
    st.integers(0, 65535),
    times,
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.lists(frames, max_size=5), st.randoms(use_true_random=False))
def test_frames_come_out_as_they_went_in_however_they_are_cut(sent, random):
    data = b"".join(pack(frame) for frame in sent)
    reader, got = FrameReader(), []
    while data:
        cut = random.randint(1, len(data))
        got += list(reader.feed(data[:cut]))
        data = data[cut:]
    assert got == sent


@given(st.binary(max_size=200), st.lists(frames, max_size=2), st.integers(0, 200), st.integers(0, 255))
def test_garbage_is_an_error_and_nothing_else(garbage, good, where, value):
    for data in (garbage, b"TWIN" + garbage, b"".join(pack(frame) for frame in good)):
        changed = bytearray(data)
        if where < len(changed):
            changed[where] = value
        try:
            for frame in FrameReader().feed(bytes(changed)):
                unpack_json(frame)
        except FrameError:
            pass


@pytest.mark.parametrize(
    ("offset", "bad"),
    [(0, b"X"), (4, b"\x09"), (5, b"\xff"), (8, struct.pack("<I", 4 * MAX_SAMPLES + 4)), (8, struct.pack("<I", 3)),
     (20, struct.pack("<d", 1.5)), (20, struct.pack("<d", float("nan"))), (28, struct.pack("<d", float("inf")))],
)  # fmt: skip
def test_a_header_that_cannot_be_is_refused(offset, bad):
    data = bytearray(pack(Frame(Kind.RECEIVED, bytes(8))))
    data[offset : offset + len(bad)] = bad
    with pytest.raises(FrameError):
        list(FrameReader().feed(bytes(data)))


def test_calls_carry_times():
    fields = {"call": "set_time_now", "arguments": [TimeSpec(5, 0.25), 0, "x", None, [1.5]]}
    (frame,) = FrameReader().feed(pack_json(Kind.CALL, fields))
    assert unpack_json(frame) == fields
    with pytest.raises(FrameError):
        pack_json(Kind.CALL, {"call": float("nan")})
    with pytest.raises(FrameError):
        pack_json(Kind.CALL, {"call": "x" * 100_000})


@pytest.mark.parametrize("text", [b"[1]", b"{", b'{"time": ["a", 0]}', b"[" * 5000, b"\xff", b'{"time": [1, 1.5]}'])
def test_json_that_is_no_call_is_refused(text):
    with pytest.raises(FrameError):
        unpack_json(Frame(Kind.CALL, text))


def test_samples_are_clipped_and_rounded():
    samples = np.array([0.5 - 0.25j, 3 - 3j, np.nan + 0j, 1e-9], np.complex64)
    assert from_sc16(to_sc16(samples).tobytes()) == pytest.approx([0.5 - 0.25j, 1 - 1j, 0, 0], abs=1 / 32768)
