import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.transport.radio import Latency, MessageReply, RadioReply, RadioRequest, read
from semcom_ota.transport.wire import Packet, WireError, pack, unpack

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@given(
    TEXTS, st.integers(0, 255), st.integers(0, 65535), st.none() | st.floats(-30, 60), st.integers(0, 15), st.booleans()
)
def test_a_request_survives_the_wire(
    text: str, stream: int, message: int, snr_db: float | None, task: int, arrays: bool
):
    request = RadioRequest(
        text=text,
        followers=[text, "x"],
        codec="utf8",
        stream=stream,
        message=message,
        match="huffman",
        snr_db=snr_db,
        task=task,
        want_arrays=arrays,
    )
    assert read(unpack(pack(Packet("transmit", request.model_dump())), 10**6), RadioRequest) == request


@given(TEXTS, st.none() | TEXTS, st.lists(st.integers(0, 255), max_size=3), st.floats(0, 1), st.floats(0, 1e6))
def test_a_reply_survives_the_wire(
    text: str, answer: str | None, lost: list[int], confidence: float, milliseconds: float
):
    reply = RadioReply(
        status="decoded",
        codec="utf8",
        stream=1,
        message=2,
        text=text,
        intent=text,
        answer=answer,
        answer_confidence=confidence,
        lost_fragments=lost,
        confidence=confidence,
        latency_ms=Latency(total=milliseconds),
        followers=[MessageReply(status="lost", codec="utf8", stream=1, message=3, reason=text)],
    )
    assert read(unpack(pack(Packet("result", reply.model_dump())), 10**6), RadioReply) == reply


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"text": "x"},
        {"text": 5, "codec": "utf8"},
        {"text": "x", "codec": "utf8", "stream": 256},
        {"text": "x", "codec": "utf8", "message": -1},
        {"text": "x", "codec": "utf8", "message": "1"},
        {"text": "x", "codec": "utf8", "snr_db": float("inf")},
        {"text": "x", "codec": "utf8", "seed": 1},
        {"text": "x" * 16385, "codec": "utf8"},
        {"text": "x", "codec": "utf8", "followers": ["x" * 16385]},
        {"text": "x", "codec": "utf8", "followers": ["x"] * 8},
        {"text": "x", "codec": "utf8", "followers": "x"},
        {"text": "x", "codec": "utf8", "task": 16},
        {"text": "x", "codec": "utf8", "task": -1},
        {"text": "x", "codec": "utf8", "task": "ask"},
    ],
)
def test_nonsense_is_a_wire_error(fields: dict):
    with pytest.raises(WireError, match="transmit"):
        read(Packet("transmit", fields), RadioRequest)


@pytest.mark.parametrize("fields", [{"intent": "x" * 65}, {"answer": 5}, {"answer_confidence": None}])
def test_a_reply_that_understood_nonsense_is_a_wire_error(fields: dict):
    known = {"status": "decoded", "codec": "utf8", "stream": 0, "message": 0}
    assert read(Packet("result", known), RadioReply).answer is None
    with pytest.raises(WireError, match="result"):
        read(Packet("result", known | fields), RadioReply)


def test_no_reply_can_carry_the_truth_of_the_channel():
    assert not {"seed", "channel", "snr_db"} & RadioReply.model_fields.keys()
