from typing import Any

import numpy as np
import pmt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from semcom_blocks import pmt_bytes

VECTORS = {
    np.complex64: (pmt.init_c32vector, pmt.c32vector_elements),
    np.float32: (pmt.init_f32vector, pmt.f32vector_elements),
    np.uint16: (pmt.init_u16vector, pmt.u16vector_elements),
    np.uint8: (pmt.init_u8vector, pmt.u8vector_elements),
}


def array(kind: type, size: int) -> np.ndarray:
    return (np.arange(size) * 1.25 * (1 - 2j if kind is np.complex64 else 3)).astype(kind)


@pytest.mark.parametrize("kind", VECTORS)
@pytest.mark.parametrize("size", [0, 1, 1000])
def test_vectors_are_those_of_pmt(kind: type, size: int):
    data = array(kind, size)
    pdu = pmt.deserialize_str(pmt_bytes.pack({}, data))
    assert VECTORS[kind][1](pmt.cdr(pdu)) == data.tolist()
    by_pmt = pmt.cons(pmt.make_dict(), VECTORS[kind][0](size, data.tolist()))
    assert pmt_bytes.pack({}, data) == pmt.serialize_str(by_pmt)
    _, read = pmt_bytes.unpack(pmt.serialize_str(by_pmt))
    assert read.dtype == kind
    assert read.flags.writeable
    np.testing.assert_array_equal(read, data)


@given(
    st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**31 - 1, 2**31, -(2**31), -(2**31) - 1]),
    st.floats(allow_nan=False),
    st.booleans(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_scalars_are_those_of_pmt(integer: int, real: float, truth: bool, name: str):
    meta = {"integer": integer, "real": real, "truth": truth, "name": name}
    by_pmt = pmt.make_dict()
    for (key, value), convert in zip(
        meta.items(), (pmt.from_long, pmt.from_double, pmt.from_bool, pmt.intern), strict=True
    ):
        by_pmt = pmt.dict_add(by_pmt, pmt.intern(key), convert(value))
    by_pmt = pmt.cons(by_pmt, pmt.init_u8vector(2, [1, 2]))
    pdu = pmt.deserialize_str(pmt_bytes.pack(meta, b"\x01\x02"))
    for key in meta:
        assert pmt.equal(*(pmt.dict_ref(pmt.car(one), pmt.intern(key), pmt.PMT_NIL) for one in (pdu, by_pmt)))
    assert pmt_bytes.unpack(pmt.serialize_str(by_pmt))[0] == meta
    assert pmt_bytes.unpack_value(pmt.serialize_str(pmt.from_long(integer))) == integer


def test_a_float_of_numpy_is_a_float():
    assert pmt_bytes.pack({"key": np.float64(0.5)}, b"") == pmt_bytes.pack({"key": 0.5}, b"")


def test_rows_of_an_array_follow_each_other_and_nothing_stands_for_none():
    rows = array(np.complex64, 12).reshape(4, 3)
    meta, data = pmt_bytes.unpack(pmt_bytes.pack({"columns": rows.T, "nothing": None}, rows))
    np.testing.assert_array_equal(data, rows.ravel())
    np.testing.assert_array_equal(meta.pop("columns"), rows.T.ravel())
    assert not meta


@pytest.mark.parametrize("value", [np.ones(2), np.int64(3), [1, 2], 1j])
def test_what_has_no_place_in_a_pdu_is_refused(value: Any):
    with pytest.raises(TypeError, match="does not go into a PDU"):
        pmt_bytes.pack({"key": value}, b"")


@pytest.mark.parametrize(
    "value", [pmt.init_f64vector(1, [1.0]), pmt.from_complex(1j), pmt.make_vector(1, pmt.PMT_T), pmt.make_dict()]
)
def test_values_that_we_do_not_use_are_refused(value: Any):
    meta = pmt.dict_add(pmt.make_dict(), pmt.intern("key"), value)
    with pytest.raises(ValueError, match=r"a value|a uniform vector"):
        pmt_bytes.unpack(pmt.serialize_str(pmt.cons(meta, pmt.init_u8vector(0, []))))
