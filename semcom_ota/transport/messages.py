"""What packets mean: typed messages to packets and back, every field checked against the widths of the frame header."""

from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from semcom_ota.codecs.base import Decoded
from semcom_ota.config import MAX_TEXT_BYTES
from semcom_ota.transport.fields import Strict, read
from semcom_ota.transport.wire import Packet, WireError
from semcom_ota.types import Csi, FrameHeader, LinkReport, ReceivedMessage, SemanticFrame, Understanding

MAX_MESSAGE_SYMBOLS = 2**18 - 1  # widths of the frame header (phy/header.py)
MAX_FRAGMENTS = 256
MAX_STREAMS = 256


@dataclass(frozen=True, slots=True)
class EncodeRequest:
    """A text for the encoder worker."""

    text: str  # 1..MAX_TEXT_BYTES bytes of UTF-8
    codec: str  # a codec's name
    stream: int = 0  # 0..255
    message: int = 0  # 0..65535
    match: str | None = None  # spend as many payload symbols as the codec of this name would on this text
    snr_db: float | None = None  # what the transmitter knows of the channel, for link adaptation
    n_symbols: int | None = None  # payload symbols to spend, whatever `match` says
    task: int = 0  # 0..15, see `types.Task`


@dataclass(frozen=True, slots=True)
class Masked:
    """What the mask left out of a message, and what it went by."""

    symbols: int = 0  # not sent
    outlook: Literal["", "unknown", "stale", "reported", "predicted"] = ""  # masking/outlook.py; "": nobody asked
    snr_db: float | None = None  # Es/N0 that was expected


@dataclass(frozen=True, slots=True)
class EncodeReply:
    """The frames of one message, in order, each with mean |s|**2 = 1."""

    frames: tuple[SemanticFrame, ...]
    encode_ms: float
    masked: Masked = field(default_factory=Masked)


@dataclass(frozen=True, slots=True)
class DecodeReply:
    """What the decoder worker made of a `ReceivedMessage`."""

    decoded: Decoded
    decode_ms: float
    understanding: Understanding = field(default_factory=Understanding)


@dataclass(frozen=True, slots=True)
class Failure:
    """The error reply: this request was not carried out, and sending it again would not help."""

    reason: Literal["does_not_fit", "bad_request", "failed"]
    sentence: str


Message = EncodeRequest | EncodeReply | ReceivedMessage | DecodeReply | LinkReport | Failure


_Name = Annotated[str, Field(min_length=1, max_length=64)]
_Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Stream = Annotated[int, Field(ge=0, lt=MAX_STREAMS)]
_MessageNumber = Annotated[int, Field(ge=0, lt=2**16)]
_Fragment = Annotated[int, Field(ge=0, lt=MAX_FRAGMENTS)]
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Task = Annotated[int, Field(ge=0, lt=2**4)]


class _Header(Strict):
    codec: int = Field(ge=0, lt=2**8)
    codec_parameters: int = Field(ge=0, lt=2**24)
    task: _Task
    stream: _Stream
    message: _MessageNumber
    fragment: _Fragment
    fragments: int = Field(ge=1, le=MAX_FRAGMENTS)
    message_symbols: int = Field(ge=1, le=MAX_MESSAGE_SYMBOLS)
    mask: int = Field(ge=0, lt=2**6)


class _Csi(Strict):
    snr_db: float
    cfo_hz: float
    sample_rate: float
    carrier_spacing_hz: float
    sro_ppm: float


class _EncodeRequest(Strict):
    text: str = Field(min_length=1, max_length=MAX_TEXT_BYTES)
    codec: _Name
    stream: _Stream
    message: _MessageNumber
    match: _Name | None
    snr_db: float | None = Field(allow_inf_nan=False)
    n_symbols: int | None = Field(ge=1, le=MAX_MESSAGE_SYMBOLS)
    task: _Task


class _Masked(Strict):
    symbols: int = Field(ge=0, le=MAX_MESSAGE_SYMBOLS)
    outlook: Literal["", "unknown", "stale", "reported", "predicted"]
    snr_db: float | None = Field(allow_inf_nan=False)


class _EncodeReply(Strict):
    header: _Header
    encode_ms: _Milliseconds
    masked: _Masked


class _ReceivedMessage(Strict):
    header: _Header
    csi: list[_Csi] = Field(max_length=MAX_FRAGMENTS)
    lost_fragments: list[_Fragment] = Field(max_length=MAX_FRAGMENTS)
    lost_samples: _Count


class _Understanding(Strict):
    intent: str = Field(max_length=64)
    answer: str | None = Field(max_length=MAX_TEXT_BYTES)
    answer_confidence: float = Field(ge=0, le=1)
    remembered: _Count


class _DecodeReply(Strict):
    text: str = Field(max_length=4 * MAX_TEXT_BYTES)
    confidence: float = Field(ge=0, le=1)
    intact: bool
    word_confidence: float | None = Field(ge=0, le=1)
    decode_ms: _Milliseconds
    understanding: _Understanding


class _LinkReport(Strict):
    stream: _Stream
    message: _MessageNumber
    fragment: _Fragment
    frame: _Count
    snr_db: float = Field(allow_inf_nan=False)
    cfo_hz: float = Field(allow_inf_nan=False)
    lost_samples: _Count


class _Failure(Strict):
    reason: Literal["does_not_fit", "bad_request", "failed"]
    sentence: str = Field(max_length=4096)


def to_packet(message: Message) -> Packet:
    """Any of the messages as a packet; `from_packet` gives it back."""
    match message:
        case EncodeRequest():
            return Packet("encode", asdict(message))
        case EncodeReply(frames, encode_ms, masked):
            symbols = np.concatenate([frame.symbols for frame in frames])
            known = {"header": _header(frames[0].header), "encode_ms": encode_ms, "masked": asdict(masked)}
            return Packet("encoded", known, {"symbols": symbols})
        case ReceivedMessage():
            return _received_packet(message)
        case DecodeReply(decoded, decode_ms, understanding):
            known = {"decode_ms": decode_ms, "understanding": asdict(understanding)}
            return Packet("decoded", asdict(decoded) | known)
        case LinkReport():
            fields = {
                name: getattr(message, name) for name in ("stream", "message", "fragment", "frame", "lost_samples")
            }
            fields |= {"snr_db": float(message.snr_db), "cfo_hz": float(message.cfo_hz)}
            return Packet("link_report", fields, {"carrier_snr_db": message.carrier_snr_db})
        case Failure():
            return Packet("failure", asdict(message))


def from_packet(packet: Packet) -> Message:
    """The message that a packet carries.

    Raises:
        WireError: an unknown kind, a missing or unknown field, a value out of range, arrays of the wrong shape.
    """
    match packet.kind:
        case "encode":
            return _encode_request(read(packet, _EncodeRequest))
        case "encoded":
            return _encode_reply(read(packet, _EncodeReply), packet)
        case "received":
            return _received_message(read(packet, _ReceivedMessage), packet)
        case "decoded":
            made = read(packet, _DecodeReply)
            decoded = Decoded(made.text, made.confidence, made.intact, made.word_confidence)
            return DecodeReply(decoded, made.decode_ms, Understanding(**made.understanding.model_dump()))
        case "link_report":
            scalars = read(packet, _LinkReport).model_dump()
            carriers = _array(packet, "carrier_snr_db", np.float32, 1)
            if not len(carriers) or not np.isfinite(carriers).all():
                raise WireError("a link report has a finite SNR for each carrier")
            return LinkReport(**scalars, carrier_snr_db=carriers)
        case "failure":
            return Failure(**read(packet, _Failure).model_dump())
    raise WireError(f"a packet of kind '{packet.kind}' is not expected here")


def _array(packet: Packet, name: str, dtype: type, dimensions: int) -> NDArray[Any]:
    array = packet.arrays.get(name)
    if array is None or array.dtype != dtype or array.ndim != dimensions:
        raise WireError(f"packet '{packet.kind}' needs array '{name}', {np.dtype(dtype)} of {dimensions} dimension(s)")
    return array


def _header(header: FrameHeader) -> dict[str, int]:
    return {name: int(value) for name, value in asdict(header).items()}


def _encode_request(fields: _EncodeRequest) -> EncodeRequest:
    size = len(fields.text.encode("utf-8"))
    if size > MAX_TEXT_BYTES:
        raise WireError(f"a text of {size} bytes is more than the {MAX_TEXT_BYTES} that can be sent")
    return EncodeRequest(**fields.model_dump())


def _encode_reply(fields: _EncodeReply, packet: Packet) -> EncodeReply:
    header = FrameHeader(**fields.header.model_dump())
    symbols = _array(packet, "symbols", np.complex64, 1)
    if len(symbols) != header.message_symbols or header.fragments > header.message_symbols:
        raise WireError("the encoder's symbols are not those that its header announces")
    frames = []
    for fragment in range(header.fragments):
        own = replace(header, fragment=fragment)
        start, stop = own.symbol_range()
        frames.append(SemanticFrame(own, symbols[start:stop]))
    return EncodeReply(tuple(frames), fields.encode_ms, Masked(**fields.masked.model_dump()))


def _received_packet(message: ReceivedMessage) -> Packet:
    fields = {
        "header": _header(message.header),
        "csi": [{name: float(getattr(csi, name)) for name in _Csi.model_fields} for csi in message.csi],
        "lost_fragments": list(message.lost_fragments),
        "lost_samples": message.lost_samples,
    }
    arrays: dict[str, NDArray[Any]] = {"symbols": message.symbols, "noise_variance": message.noise_variance}
    arrays |= {f"frequency_response_{index}": csi.frequency_response for index, csi in enumerate(message.csi)}
    arrays |= {f"carrier_noise_variance_{index}": csi.noise_variance for index, csi in enumerate(message.csi)}
    return Packet("received", fields, arrays)


def _received_message(fields: _ReceivedMessage, packet: Packet) -> ReceivedMessage:
    header = FrameHeader(**fields.header.model_dump())
    symbols = _array(packet, "symbols", np.complex64, 1)
    variance = _array(packet, "noise_variance", np.float32, 1)
    if len(symbols) != header.message_symbols or len(variance) != header.message_symbols:
        raise WireError("the received symbols are not those that the header announces")
    if not (np.isfinite(symbols).all() and (variance >= 0).all()):
        raise WireError("a received symbol is not finite, or its noise variance is negative or not a number")
    csi = tuple(_csi(scalars, packet, index) for index, scalars in enumerate(fields.csi))
    lost_fragments = tuple(fields.lost_fragments)
    return ReceivedMessage(header, symbols, variance, csi, lost_fragments, lost_samples=fields.lost_samples)


def _csi(scalars: _Csi, packet: Packet, index: int) -> Csi:
    response = _array(packet, f"frequency_response_{index}", np.complex64, 2)
    variance = _array(packet, f"carrier_noise_variance_{index}", np.float32, 1)
    if len(variance) != response.shape[1]:
        raise WireError("the noise variances of a received channel are not those of its carriers")
    if not (np.isfinite(variance) & (variance >= 0)).all():
        raise WireError("the noise variance of a received carrier is not finite or negative")
    return Csi(response, variance, **scalars.model_dump())
