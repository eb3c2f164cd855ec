import numpy as np
import pmt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from semcom_blocks import pdu

from semcom_ota.types import Csi, FrameHeader, LinkReport, ReceivedFrame, SemanticFrame, Understanding

STREAMS = st.integers(0, 255)
MESSAGES = st.integers(0, 65535)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
UNDERSTANDINGS = st.just(Understanding()) | st.builds(
    Understanding,
    st.sampled_from(["tell", "ask", "GetWeather"]),
    st.none() | TEXTS,
    st.floats(0, 1),
    st.integers(0, 2**31),
)


@st.composite
def headers(draw: st.DrawFn) -> FrameHeader:
    fragments = draw(st.integers(1, 256))
    return FrameHeader(
        codec=draw(st.integers(0, 255)),
        codec_parameters=draw(st.integers(0, 2**24 - 1)),
        task=draw(st.integers(0, 15)),
        stream=draw(STREAMS),
        message=draw(MESSAGES),
        fragment=draw(st.integers(0, fragments - 1)),
        fragments=fragments,
        message_symbols=draw(st.integers(fragments, fragments + 300)),
        mask=draw(st.integers(0, 63)),
    )


def complex_array(seed: int, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def assert_equal(left: object, right: object) -> None:
    for name in type(left).__slots__:
        one, other = getattr(left, name), getattr(right, name)
        if isinstance(one, Csi):
            assert_equal(one, other)
        elif isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        else:
            assert one == other


@given(headers(), st.integers(0, 99))
def test_a_semantic_frame_survives(header: FrameHeader, seed: int):
    frame = SemanticFrame(header, complex_array(seed, header.frame_symbols))
    assert_equal(frame, pdu.to_semantic_frame(pdu.from_semantic_frame(frame)))


@given(headers(), st.integers(1, 4), st.integers(0, 99))
def test_a_received_frame_survives(header: FrameHeader, rows: int, seed: int):
    carrier_variance = np.random.default_rng(seed).random(12, np.float32)
    csi = Csi(complex_array(seed, rows, 12), carrier_variance, 6.5, -81.5, 1e6, 15625.0, -20.5)
    variance = np.full(header.frame_symbols, np.inf, np.float32)
    frame = ReceivedFrame(header, complex_array(seed, header.frame_symbols), variance, csi, 2**40, 2**40 + 5, 7, 2**33)
    assert_equal(frame, pdu.to_received_frame(pdu.from_received_frame(frame)))


@pytest.mark.parametrize(("name", "kind"), [("symbol_noise_variance", "symbol"), ("carrier_noise_variance", "carrier")])
def test_a_received_frame_with_a_noise_variance_missing_is_refused(name: str, kind: str):
    csi = Csi(complex_array(1, 2, 12), np.ones(12, np.float32), 6.5, 0.0, 1e6, 15625.0)
    frame = ReceivedFrame(FRAME.header, FRAME.symbols, np.ones(2, np.float32), csi, 0, 5)
    message = pdu.from_received_frame(frame)
    fewer = pmt.dict_add(pmt.car(message), pmt.intern(name), pmt.init_f32vector(1, [1.0]))
    with pytest.raises(pdu.PduError, match=f"one noise variance for each {kind}"):
        pdu.to_received_frame(pmt.cons(fewer, pmt.cdr(message)))


@given(STREAMS, MESSAGES, st.floats(-30, 60))
def test_a_link_report_survives(stream: int, message: int, snr_db: float):
    report = LinkReport(stream, message, 3, 17, snr_db, 2.5, np.array([1.0, -3.5], np.float32), 12)
    assert_equal(report, pdu.to_link_report(pdu.from_link_report(report)))


@given(TEXTS, STREAMS, MESSAGES, st.sampled_from(["", "text-jscc"]), st.none() | st.floats(-30, 60), st.booleans(),
       st.integers(0, 15))  # fmt: skip
def test_a_request_survives(
    text: str, stream: int, message: int, match: str, snr_db: float | None, more: bool, task: int
):
    n_symbols = message + 1 if more else None
    request = pdu.TextRequest(text, "utf8", stream, message, match, snr_db, more, n_symbols, task)
    assert pdu.to_text_request(pdu.from_text_request(request)) == request


@given(TEXTS, st.booleans(), st.lists(st.integers(0, 255), max_size=5), TEXTS, UNDERSTANDINGS)
def test_a_result_survives(
    text: str, intact: bool, lost_fragments: list[int], reason: str, understanding: Understanding
):
    lost = tuple(lost_fragments)
    result = pdu.Result(
        text, 0.5, intact, False, 1, 2, 3, 256, lost, 9.5, 0.25, reason, 2**40, -3.5, 2.5, 7, understanding
    )
    assert pdu.to_result(pdu.from_result(result)) == result


@given(headers(), st.none() | st.integers(0, 2**40), st.integers(0, 3))
def test_an_event_of_a_stream_survives(header: FrameHeader, lost: int | None, unknown: int):
    told = {name: getattr(header, name) for name in FrameHeader.__dataclass_fields__} | {"start": 2**40}
    event = pdu.StreamEvent("overflow", 2**41, 1.25, lost, (told,) + unknown * (None,))
    assert pdu.to_stream_event(pdu.from_stream_event(event)) == event


def test_a_bare_symbol_is_a_text():
    assert pdu.to_text_request(pmt.intern("Hi"), "utf8", 3) == pdu.TextRequest("Hi", "utf8", message=3)


def test_a_hand_made_request_takes_what_it_leaves_out_from_the_block():
    request = pdu.to_text_request(pmt.cons(pmt.PMT_NIL, pmt.init_u8vector(2, [72, 105])), codec="utf8", message=7)
    assert request == pdu.TextRequest("Hi", "utf8", message=7)


@given(st.integers(-(2**31), 2**31))
def test_a_hand_made_request_has_a_task_that_fits_the_header(task: int):
    request = pdu.to_text_request(pdu.make({"task": task}, b"Hi"), "utf8")
    assert 0 <= request.task < 16 and (task - request.task) % 16 == 0


FRAME = SemanticFrame(FrameHeader(1, message_symbols=2), np.ones(2, np.complex64))


@pytest.mark.parametrize(
    "nonsense",
    [
        pmt.from_long(3),
        pmt.cons(pmt.intern("text"), pmt.init_u8vector(0, [])),
        pmt.cons(pmt.PMT_NIL, pmt.PMT_NIL),
        pmt.cons(pmt.PMT_NIL, pmt.init_f64vector(1, [1.0])),
        pmt.cons(pmt.dict_add(pmt.make_dict(), pmt.PMT_T, pmt.PMT_T), pmt.init_u8vector(0, [])),
        pmt.cons(pmt.PMT_NIL, pmt.init_c32vector(1, [1.0])),
        pmt.cons(pmt.car(pdu.from_semantic_frame(FRAME)), pmt.init_c32vector(1, [1.0])),
        pmt.cons(pmt.car(pdu.from_semantic_frame(FRAME)), pmt.init_f32vector(2, [1.0, 1.0])),
        pmt.cons(pmt.dict_add(pmt.car(pdu.from_semantic_frame(FRAME)), pmt.intern("fragments"), pmt.from_long(0)),
                 pmt.init_c32vector(2, [1.0, 1.0])),
        pmt.cons(pmt.PMT_NIL, pmt.init_u8vector(1, [255])),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "read",
    [
        pdu.to_semantic_frame, pdu.to_received_frame, pdu.to_link_report, pdu.to_result, pdu.to_stream_event,
        lambda message: pdu.to_text_request(message, "utf8"),
    ],
)  # fmt: skip
def test_nonsense_is_told_by_its_own_error(read, nonsense):
    with pytest.raises(pdu.PduError):
        read(nonsense)
