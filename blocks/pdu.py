"""SemanticFrame, ReceivedFrame and the rest as GNU Radio PDUs: `cons(dictionary of scalars, uniform vector)`.

Texts travel as u8 vectors, because PMT keeps every symbol (its kind of string) for ever.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pmt
from semcom_blocks import pmt_bytes

from semcom_ota.transport.messages import Masked
from semcom_ota.types import Csi, FrameHeader, LinkReport, ReceivedFrame, SemanticFrame, Understanding

HEADER_FIELDS = tuple(FrameHeader.__dataclass_fields__)
CSI_SCALARS = ("snr_db", "cfo_hz", "sample_rate", "carrier_spacing_hz", "sro_ppm")
REPORT_SCALARS = ("stream", "message", "fragment", "frame", "snr_db", "cfo_hz", "lost_samples")


class PduError(ValueError):
    """A PMT that is not the PDU that a port takes."""


@dataclass(frozen=True, slots=True)
class TextRequest:
    """One message to be sent."""

    text: str
    codec: str
    stream: int = 0  # 0..255
    message: int = 0  # 0..65535
    match: str = ""  # spend as many symbols as the codec of this name would; '' spends the codec's own number
    snr_db: float | None = None  # what the transmitter knows of the channel, for link adaptation
    more: bool = False  # the text that comes next is to share its frame, if both are short enough
    n_symbols: int | None = None  # payload symbols to spend, whatever `match` says
    task: int = 0  # 0..15, see `types.Task`


@dataclass(frozen=True, slots=True)
class Result:
    """One message as the receiver understood it; a lost one (nothing of it was received) has an empty text."""

    text: str
    confidence: float
    intact: bool
    lost: bool
    codec: int
    stream: int
    message: int
    fragments: int
    lost_fragments: tuple[int, ...]
    snr_db: float  # estimated, mean over the fragments that arrived; NaN when lost
    decode_ms: float
    reason: str = ""  # the sentence, if it could not be decoded
    start_sample: int = 0  # of its first frame to arrive, in the receiver's stream
    cfo_hz: float = 0.0  # estimated, of the last fragment that arrived; 0 when lost, as the next one
    sro_ppm: float = 0.0
    lost_samples: int = 0  # in gaps of the stream since the message before
    understanding: Understanding = field(default_factory=Understanding)
    word_confidence: float = 0.0  # 0..1, how far to trust a word of it; `confidence` is that of the whole text


Messages = tuple[dict[str, int] | None, ...]
"""What is known of each of several: the fields of its frame header, and `start`, its frame's first sample."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """Something went wrong in a received stream."""

    kind: str  # overflow: samples are missing; clock: it was set, and some may be; dropped: a frame, for want of time
    sample: int  # position in the stream: behind the gap, or where the frame began
    at_s: float  # the same in seconds since the stream's first sample, gaps included
    lost_samples: int | None  # of an overflow
    messages: Messages  # in frames that the gap cut off, or dropped


def make(meta: dict[str, Any], data: Any) -> Any:
    """A PDU of int, float, bool and str (names only) scalars, arrays, and a data vector (an array or bytes)."""
    return pmt.deserialize_str(pmt_bytes.pack(meta, data))


def split(pdu: Any) -> tuple[dict[str, Any], np.ndarray]:
    """The meta dictionary and the data vector of a PDU; uniform vectors are numpy arrays.

    Raises:
        PduError: it is not a PDU, or its dictionary holds something else than scalars and uniform vectors.
    """
    if not pmt.is_pair(pdu) or not pmt.is_dict(pmt.car(pdu)) or not pmt.is_uniform_vector(pmt.cdr(pdu)):
        raise PduError("not a PDU: a pair of a dictionary and a uniform vector is expected")
    try:
        return pmt_bytes.unpack(pmt.serialize_str(pdu))
    except (RuntimeError, ValueError) as error:  # RuntimeError: PMT cannot serialise it
        raise PduError(f"not a PDU of ours: {error}") from error


def scalar(pdu: Any, key: str) -> Any:
    """One number of a PDU's dictionary, without a look at the rest; 0 if it is not there."""
    return pmt_bytes.unpack_value(pmt.serialize_str(pmt.dict_ref(pmt.car(pdu), pmt.intern(key), pmt.from_long(0))))


def message_of(pdu: Any) -> dict[str, int]:
    """The `stream` and `message` that anything may be about: both, or nothing."""
    try:
        meta = split(pdu)[0]
        return {name: int(meta[name]) for name in ("stream", "message")}
    except (KeyError, TypeError, ValueError):
        return {}


def from_text_request(request: TextRequest) -> Any:
    """A TextRequest as a PDU: its text as UTF-8 bytes, the rest as the dictionary."""
    meta = {key: value for key, value in asdict(request).items() if key != "text"}
    return make(meta, request.text.encode())


def to_text_request(pdu: Any, codec: str = "", message: int = 0) -> TextRequest:
    """Read a TextRequest, or a bare symbol; `codec` and `message` stand in for what a hand-made PDU (GRC) leaves out.

    Raises:
        PduError: not a PDU of bytes, not UTF-8, or a field of the wrong type.
    """
    if pmt.is_symbol(pdu):
        return TextRequest(pmt.symbol_to_string(pdu), codec, message=message)
    meta, data = split(pdu)
    fields: dict[str, Any] = {"codec": codec, "message": message} | meta
    if data.dtype != np.uint8:
        raise PduError("the text is not a vector of bytes")
    try:
        return TextRequest(
            text=data.tobytes().decode("utf-8"),
            codec=str(fields["codec"]),
            stream=int(fields.get("stream", 0)) & 0xFF,
            message=int(fields["message"]) & 0xFFFF,
            match=str(fields.get("match", "")),
            snr_db=float(fields["snr_db"]) if "snr_db" in fields else None,
            more=bool(fields.get("more", False)),
            n_symbols=int(fields["n_symbols"]) if "n_symbols" in fields else None,
            task=int(fields.get("task", 0)) & 0xF,
        )
    except (TypeError, ValueError) as error:
        raise PduError(f"not a text to send: {error}") from error


def from_semantic_frame(
    frame: SemanticFrame, encode_ms: float = 0.0, more: bool = False, masked: Masked | None = None
) -> Any:
    """A SemanticFrame as a PDU: the header's fields and the rest as the dictionary, the symbols as c32 vector.

    Args:
        frame: what goes on the air.
        encode_ms: the time that it took to make its message.
        more: another one follows at once, and is to share the frame on the air if it can.
        masked: what the mask left out of its message.
    """
    known: dict[str, Any] = {"encode_ms": float(encode_ms), "more": more}
    if masked is not None and masked.outlook:
        known |= {"masked_symbols": masked.symbols, "outlook": masked.outlook.encode()}
        known |= {} if masked.snr_db is None else {"snr_db_expected": float(masked.snr_db)}
    return make(_header_meta(frame.header) | known, frame.symbols)


def to_masked(pdu: Any) -> Masked:
    """What a SemanticFrame's PDU says of the mask."""
    meta = split(pdu)[0]
    outlook = bytes(meta.get("outlook", b"")).decode()
    return Masked(int(meta.get("masked_symbols", 0)), outlook, meta.get("snr_db_expected"))  # type: ignore[arg-type]


def to_semantic_frame(pdu: Any) -> SemanticFrame:
    """Read a SemanticFrame.

    Raises:
        PduError: not a PDU of complex symbols, a missing field, or symbols that the header does not announce.
    """
    meta, data = split(pdu)
    header = _header(meta, data)
    return SemanticFrame(header, data)


def from_received_frame(frame: ReceivedFrame, receive_ms: float = 0.0) -> Any:
    """A ReceivedFrame as a PDU: c32 vector of symbols; header, CSI and arrays (flat, row by row) in the dictionary."""
    csi = {f"csi_{name}": float(getattr(frame.csi, name)) for name in CSI_SCALARS}
    arrays = {
        "symbol_noise_variance": frame.noise_variance,
        "frequency_response": frame.csi.frequency_response.astype(np.complex64, copy=False),
        "ofdm_symbols": frame.csi.frequency_response.shape[0],
        "carrier_noise_variance": frame.csi.noise_variance,
    }
    rest = {
        "start_sample": int(frame.start_sample),
        "stop_sample": int(frame.stop_sample),
        "place": int(frame.place),
        "lost_samples": int(frame.lost_samples),
        "receive_ms": float(receive_ms),
    }
    return make(_header_meta(frame.header) | csi | arrays | rest, frame.symbols)


def to_received_frame(pdu: Any) -> ReceivedFrame:
    """Read a ReceivedFrame.

    Raises:
        PduError: not a PDU of complex symbols, a missing field, or sizes that contradict each other.
    """
    meta, data = split(pdu)
    header = _header(meta, data)
    try:
        response = np.asarray(meta["frequency_response"], np.complex64).reshape(int(meta["ofdm_symbols"]), -1)
        variance = np.asarray(meta["symbol_noise_variance"], np.float32)
        carrier_variance = np.asarray(meta["carrier_noise_variance"], np.float32)
        csi = Csi(response, carrier_variance, **{name: float(meta[f"csi_{name}"]) for name in CSI_SCALARS})
        where = [int(meta[name]) for name in ("start_sample", "stop_sample", "place", "lost_samples")]
    except (KeyError, TypeError, ValueError) as error:
        raise PduError(f"not a received frame: {error}") from error
    if variance.shape != data.shape:
        raise PduError("not a received frame: one noise variance for each symbol is expected")
    if carrier_variance.shape != response.shape[1:]:
        raise PduError("not a received frame: one noise variance for each carrier is expected")
    return ReceivedFrame(header, data, variance, csi, *where)


def from_link_report(report: LinkReport) -> Any:
    """A LinkReport as a PDU: the SNR of each carrier as f32 vector, the rest as the dictionary."""
    scalars = {name: getattr(report, name) for name in REPORT_SCALARS}
    return make(scalars | {"snr_db": float(report.snr_db), "cfo_hz": float(report.cfo_hz)}, report.carrier_snr_db)


def to_link_report(pdu: Any) -> LinkReport:
    """Read a LinkReport.

    Raises:
        PduError: not a PDU of floats, or a missing field.
    """
    meta, data = split(pdu)
    if data.dtype != np.float32 or not set(REPORT_SCALARS) <= meta.keys():
        raise PduError("not a link report")
    return LinkReport(**{name: meta[name] for name in REPORT_SCALARS}, carrier_snr_db=data)


def to_over(pdu: Any) -> tuple[int, int] | None:
    """Stream and message of an `over` PDU ({over: true, stream, message}); None for another PDU.

    Raises:
        PduError: not a PDU, or it does not say which message.
    """
    meta = split(pdu)[0]
    if not meta.get("over"):
        return None
    if not {"stream", "message"} <= meta.keys():
        raise PduError("it does not say which message is over")
    return int(meta["stream"]), int(meta["message"])


def from_result(result: Result) -> Any:
    """A Result as a PDU: its text as UTF-8 bytes, the rest as the dictionary, `reason` and answer as UTF-8 there."""
    meta = {key: value for key, value in asdict(result).items() if key not in ("text", "understanding")}
    meta |= {"lost_fragments": np.array(result.lost_fragments, np.uint16), "reason": result.reason.encode()}
    known = result.understanding
    meta |= {"answer_confidence": float(known.answer_confidence), "remembered": int(known.remembered)}
    if known.intent:
        meta["intent"] = known.intent.encode()
    if known.answer is not None:
        meta["answer"] = known.answer.encode()
    return make(meta, result.text.encode())


def to_result(pdu: Any) -> Result:
    """Read a Result.

    Raises:
        PduError: not a PDU of bytes, or a missing field.
    """
    meta, data = split(pdu)
    try:
        lost_fragments = tuple(int(fragment) for fragment in meta.pop("lost_fragments"))
        reason = meta.pop("reason").tobytes().decode("utf-8")
        text = data.tobytes().decode("utf-8")
        known = Understanding(
            meta.pop("intent").tobytes().decode("utf-8") if "intent" in meta else "",
            meta.pop("answer").tobytes().decode("utf-8") if "answer" in meta else None,
            meta.pop("answer_confidence", 0.0),
            meta.pop("remembered", 0),
        )
        return Result(text=text, lost_fragments=lost_fragments, reason=reason, understanding=known, **meta)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PduError(f"not a result: {error}") from error


def from_stream_event(event: StreamEvent) -> Any:
    """A StreamEvent as a PDU: the messages as JSON in UTF-8 bytes, the rest as the dictionary."""
    meta = {key: value for key, value in asdict(event).items() if key != "messages"}
    return make(meta, json.dumps(event.messages).encode())


def to_stream_event(pdu: Any) -> StreamEvent:
    """Read a StreamEvent.

    Raises:
        PduError: not a PDU of bytes, or a missing field.
    """
    meta, data = split(pdu)
    try:
        messages = tuple(json.loads(data.tobytes()))
        return StreamEvent(**{"lost_samples": None} | meta, messages=messages)
    except (TypeError, ValueError) as error:
        raise PduError(f"not an event of a stream: {error}") from error


def _header_meta(header: FrameHeader) -> dict[str, int]:
    return {name: int(getattr(header, name)) for name in HEADER_FIELDS}


def _header(meta: dict[str, Any], data: np.ndarray) -> FrameHeader:
    try:
        header = FrameHeader(**{name: int(meta[name]) for name in HEADER_FIELDS})
    except (KeyError, TypeError, ValueError) as error:
        raise PduError(f"a field of the frame header is missing: {error}") from error
    if data.dtype != np.complex64 or not 0 <= header.fragment < header.fragments or header.frame_symbols != data.size:
        raise PduError("the symbols are not those that the frame header announces")
    return header
