"""Typed messages to packets and back; a packet that is none of them is a WireError."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.codecs.base import Decoded
from semcom_ota.config import MAX_TEXT_BYTES
from semcom_ota.transport.messages import (
    DecodeReply,
    EncodeReply,
    EncodeRequest,
    Failure,
    from_packet,
    to_packet,
)
from semcom_ota.transport.wire import Packet, WireError, pack, unpack
from semcom_ota.types import Csi, FrameHeader, LinkReport, ReceivedMessage, SemanticFrame, Task, Understanding


def frames(fragments: int, message_symbols: int) -> tuple[SemanticFrame, ...]:
    headers = [FrameHeader(7, 5, 1, 2, 3, fragment, fragments, message_symbols, 4) for fragment in range(fragments)]
    rng = np.random.default_rng(0)
    return tuple(
        SemanticFrame(
            header, rng.standard_normal((header.frame_symbols, 2)).astype(np.float32).view(np.complex64)[:, 0]
        )
        for header in headers
    )


def csi(rows: int) -> Csi:
    variance = np.array([0.1, 0.2, 0.0, 3.0], np.float32)
    return Csi(np.full((rows, 4), 1 + 2j, np.complex64), variance, 12.5, -3.0, 1e6, 15625.0, 7.5)


MESSAGES = [
    EncodeRequest("Zwei Männer 🙂", "utf8"),
    EncodeRequest("x", "a", 255, 65535, snr_db=-3.0),
    EncodeRequest("x", "a", match="b"),
    EncodeReply(frames(3, 10), 1.5),
    EncodeReply(frames(1, 1), 0.0),
    ReceivedMessage(
        FrameHeader(7, fragment=1, fragments=3, message_symbols=3),
        np.array([0, 1 + 1j, 2], np.complex64),
        np.array([np.inf, 0.5, 0.25], np.float32),
        (csi(3), csi(2)),
        (0,),
        lost_samples=2**40,
    ),
    DecodeReply(Decoded("ein […] Hund", 0.25, False), 3.5),
    LinkReport(1, 2, 0, 99, 11.5, 120.0, np.arange(4, dtype=np.float32), 500),
    Failure("does_not_fit", "too long"),
    EncodeRequest("x", "a", n_symbols=2**18 - 1),
    EncodeRequest("Where is Mary?", "a", task=Task.ASK),
    DecodeReply(Decoded("Where is Mary?", 1.0, True), 3.5, Understanding("ask", "Küche,Bad", 0.75, 12)),
]


def same(left: object, right: object) -> bool:
    if isinstance(left, np.ndarray):
        return isinstance(right, np.ndarray) and left.dtype == right.dtype and np.array_equal(left, right)
    if is_dataclass(left):
        return type(left) is type(right) and all(
            same(getattr(left, one.name), getattr(right, one.name)) for one in fields(left)
        )
    if isinstance(left, tuple):
        return isinstance(right, tuple) and len(left) == len(right) and all(map(same, left, right))
    return left == right


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_out_as_it_went_in(message):
    assert same(from_packet(unpack(pack(to_packet(message)), 2**20)), message)


letters = st.characters(exclude_categories=["Cs"])


@given(st.integers(0, 15), st.text(letters, max_size=64), st.none() | st.text(letters, max_size=99), st.floats(0, 1))
def test_what_a_message_is_for_and_what_was_understood_survive(task, intent, answer, confidence):
    request = EncodeRequest("x", "a", task=task)
    reply = DecodeReply(Decoded("x", 1.0, True), 0.0, Understanding(intent, answer, confidence))
    for message in (request, reply):
        assert from_packet(unpack(pack(to_packet(message)), 2**20)) == message


junk = st.sampled_from(
    [None, True, -1, 0.5, 2**70, float("nan"), float("inf"), "", "x", "\ud800", [], [None], {}, {"a": 1}, 2**18, 256]
)


@given(st.sampled_from(MESSAGES), st.data())
def test_a_field_of_junk_is_read_or_refused(message, data):
    packet = to_packet(message)
    target = packet.fields
    inner = [part for part in target.values() if isinstance(part, dict)]
    if inner and data.draw(st.booleans()):
        target = data.draw(st.sampled_from(inner))
    target[data.draw(st.sampled_from([*target, "unknown"]))] = data.draw(junk)
    try:
        from_packet(packet)
    except WireError:
        return


@given(st.sampled_from([message for message in MESSAGES if to_packet(message).arrays]), st.data())
def test_arrays_that_do_not_belong_are_refused(message, data):
    packet = to_packet(message)
    name = data.draw(st.sampled_from(list(packet.arrays)))
    wrong = [np.zeros((1, 1, 1), np.complex64), np.zeros(3, np.uint8), np.zeros((2, 2), np.float32), None]
    replacement = data.draw(st.sampled_from(wrong))
    packet.arrays.pop(name) if replacement is None else packet.arrays.__setitem__(name, replacement)
    with pytest.raises(WireError):
        from_packet(packet)


@pytest.mark.parametrize(
    "packet",
    [
        Packet("nothing known"),
        Packet("encode"),
        to_packet(EncodeRequest("", "utf8")),
        to_packet(EncodeRequest("ü" * (MAX_TEXT_BYTES // 2 + 1), "utf8")),
        to_packet(EncodeRequest("x", "utf8", stream=256)),
        to_packet(EncodeRequest("x", "utf8", snr_db=float("nan"))),
        to_packet(EncodeRequest("x", "utf8", n_symbols=0)),
        to_packet(EncodeRequest("x", "utf8", task=16)),
        to_packet(EncodeRequest("x", "utf8", task=-1)),
        to_packet(DecodeReply(Decoded("x", 1.5, True), 0.0)),
        to_packet(DecodeReply(Decoded("x", 1.0, True), 0.0, Understanding("ask", "x", 1.5))),
        to_packet(DecodeReply(Decoded("x", 1.0, True), 0.0, Understanding("ask", "x", -0.5))),
        to_packet(DecodeReply(Decoded("x", 1.0, True), 0.0, Understanding("ask", "x", float("nan")))),
        to_packet(DecodeReply(Decoded("x", 1.0, True), 0.0, Understanding("x" * 65))),
        to_packet(DecodeReply(Decoded("x", 1.0, True), 0.0, Understanding(remembered=-1))),
        to_packet(DecodeReply(Decoded("x", 1.0, True), 0.0, Understanding("ask", "x" * (MAX_TEXT_BYTES + 1)))),
        Packet("encoded", to_packet(MESSAGES[3]).fields, {"symbols": np.zeros(9, np.complex64)}),
    ],
)
def test_a_message_that_makes_no_sense_is_refused(packet):
    with pytest.raises(WireError):
        from_packet(packet)


@pytest.mark.parametrize(
    ("symbol", "variance"),
    [(np.nan, 1.0), (np.inf, 1.0), (0, -1.0), (0, np.nan)],
    ids=["nan", "inf", "negative", "nan2"],
)
def test_received_symbols_must_be_numbers(symbol, variance):
    message = MESSAGES[5]
    message = ReceivedMessage(
        message.header, message.symbols.copy(), message.noise_variance.copy(), message.csi, message.lost_fragments
    )
    message.symbols[1], message.noise_variance[1] = symbol, variance
    with pytest.raises(WireError, match="not finite"):
        from_packet(to_packet(message))


@pytest.mark.parametrize(
    ("variance", "sentence"),
    [
        ([0.1, 0.1, 0.1], "not those of its carriers"),
        ([0.1, np.nan, 0.1, 0.1], "not finite or negative"),
        ([0.1, np.inf, 0.1, 0.1], "not finite or negative"),
        ([0.1, -0.1, 0.1, 0.1], "not finite or negative"),
    ],
    ids=["three of four", "nan", "inf", "negative"],
)
def test_each_carrier_of_a_received_channel_has_a_noise_variance(variance, sentence):
    packet = to_packet(MESSAGES[5])
    packet.arrays["carrier_noise_variance_1"] = np.array(variance, np.float32)
    with pytest.raises(WireError, match=sentence):
        from_packet(packet)


def test_numbers_from_numpy_travel_too():
    header = FrameHeader(*(np.int64(value) for value in (7, 0, 0, 0, 0, 0, 1, 1, 0)))
    reply = EncodeReply((SemanticFrame(header, np.ones(1, np.complex64)),), 1.0)
    report = LinkReport(1, 2, 0, 9, np.float32(3.5), np.float64(1), np.zeros(2, np.float32))
    for message in (reply, report):
        assert same(from_packet(unpack(pack(to_packet(message)), 2**20)), message)
