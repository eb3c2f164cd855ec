"""What the radio process is asked and what it answers: a request and a reply for each message, or for several."""

from typing import Annotated, Literal

from pydantic import Field

from semcom_ota.config import MAX_TEXT_BYTES
from semcom_ota.transport.fields import Strict, read
from semcom_ota.transport.messages import MAX_FRAGMENTS, MAX_MESSAGE_SYMBOLS

__all__ = [
    "BurstReply",
    "Latency",
    "MessageReply",
    "MessageTransmitted",
    "RadioReply",
    "RadioRequest",
    "TransmitReply",
    "read",
]

MAX_FOLLOWERS = 7  # of a frame (phy/header.py)


class RadioRequest(Strict):
    """Send one message. Its number also selects SNR and channel realisation, so sending it again gives the same.

    `followers` are messages of their own, with the numbers that come next; all the rest is the same. Those that fit
    share a frame on the air, up to `phy.messages_per_frame`, and with it the channel of the one that comes first. They
    are one request because what shares a frame must be the same when it is sent again after a process was killed.
    """

    text: str = Field(max_length=MAX_TEXT_BYTES)
    followers: list[Annotated[str, Field(max_length=MAX_TEXT_BYTES)]] = Field([], max_length=MAX_FOLLOWERS)
    codec: str = Field(max_length=64)
    stream: int = Field(0, ge=0, lt=2**8)
    message: int = Field(0, ge=0, lt=2**16)
    match: str | None = Field(None, max_length=64, description="spend as many payload symbols as this codec would")
    n_symbols: int | None = Field(
        None, ge=1, le=MAX_MESSAGE_SYMBOLS, description="payload symbols to spend on each, whatever `match` says"
    )
    snr_db: float | None = Field(None, allow_inf_nan=False, description="known to the transmitter, for link adaptation")
    task: int = Field(0, ge=0, lt=2**4, description="`types.Task`")
    want_arrays: bool = Field(False, description="the reply brings received symbols and channel along")


class Latency(Strict):
    """Where the time went, in milliseconds."""

    encode: float = 0.0  # as the encoder worker says
    transmit: float = 0.0  # modulation
    air: float = 0.0  # air samples over sample rate
    receive: float = 0.0  # processing of the samples since the frame received before
    decode: float = 0.0  # as the decoder worker says
    total: float = 0.0  # wall time from request to reply, within the radio process


class MessageReply(Strict):
    """What became of a message.

    `decoded`: something of it was received, and this is what the decoder made of it, intact or not. `lost`: no frame of
    it was received. `does_not_fit`: the codec cannot carry the text with so few symbols. `refused`: the request makes
    no sense. `failed`: the encoder or the decoder did not do its work; a message that the decoder failed on has been
    received.

    What a frame takes on the air is shared out among its messages in proportion to their payload symbols.
    """

    status: Literal["decoded", "lost", "does_not_fit", "refused", "failed"]
    codec: str
    stream: int
    message: int
    reason: str = Field("", description="a sentence, if it was not simply sent and decoded, or the channel's doing")
    text: str = ""
    confidence: float = 0.0
    word_confidence: float = 0.0
    intact: bool = False
    intent: str = Field("", max_length=64)  # what the text wants; '' if nobody reads the memory
    answer: str | None = None  # from the memory; None if it asks nothing
    answer_confidence: float = 0.0
    remembered: int = Field(0, ge=0)  # entries of this user in the memory, afterwards
    fragments: int = 0  # sent
    lost_fragments: list[int] = Field(default_factory=list)
    payload_symbols: int = 0  # sent
    overhead_symbols: int = 0  # cells of preamble, header, pilots and filling
    air_samples: int = 0  # without the silence between frames
    mean_symbol_energy: float = 0.0  # mean |s|**2 over the payload symbols sent
    masked_symbols: int = 0  # payload symbols that the mask left out
    outlook: str = Field("", max_length=16)  # what the mask went by: masking/outlook.py
    snr_db_expected: float | None = None  # by the mask
    snr_db_estimated: float | None = None  # mean over the received fragments
    snr_db_effective: float | None = None  # of the first received fragment, as masks go by it: masking/outlook.py
    cfo_hz_estimated: float | None = None  # of the first received fragment
    latency_ms: Latency = Latency()


class RadioReply(MessageReply):
    """What became of a request's message and of each of its followers; none of these if the request makes no sense.

    A packet of it brings, if asked for and if any frame of the first message was received, the arrays `symbols` (N,)
    complex64 and `noise_variance` (N,) float32 of its received fragments in order, and `frequency_response` (OFDM
    symbols, used carriers) complex64 of the first of them.
    """

    followers: list[MessageReply] = Field([], max_length=MAX_FOLLOWERS)


class BurstReply(Strict):
    """A burst that carried a fragment of a message, or was to."""

    tx_time: tuple[int, float] = Field(strict=False, description="device time of its first sample: seconds, fraction")
    samples: int  # with padding
    fragment: int
    fate: Literal["acknowledged", "unacknowledged", "late", "underflow", "sequence_error"]
    limited: int = 0  # samples that were above the peak


class MessageTransmitted(Strict):
    """What became of a message at a transmitter that does not hear the receiver.

    The status is that of its worst burst. `acknowledged`: the device says that it has sent all of them.
    `unacknowledged`: it says nothing of some. `late`: they reached the device after their time, and were not sent.
    `underflow`: the host did not deliver their samples in time. `does_not_fit`: the codec cannot carry the text with so
    few symbols. `refused`: the request makes no sense. `failed`: the encoder did not do its work, a frame found the
    queue full, or samples were lost on the way to the device.

    What a frame takes on the air is shared out among its messages in proportion to their payload symbols.
    """

    status: Literal["acknowledged", "unacknowledged", "late", "underflow", "does_not_fit", "refused", "failed"]
    codec: str
    stream: int
    message: int
    reason: str = Field("", description="a sentence, if it was not simply sent")
    bursts: list[BurstReply] = Field([], max_length=MAX_FRAGMENTS)
    payload_symbols: int = 0  # sent
    overhead_symbols: int = 0  # cells of preamble, header, pilots and filling
    air_samples: int = 0  # of its frames, without padding and the silence between bursts
    mean_symbol_energy: float = 0.0  # mean |s|**2 over the payload symbols sent
    masked_symbols: int = 0  # payload symbols that the mask left out
    outlook: str = Field("", max_length=16)  # what the mask went by: masking/outlook.py
    snr_db_expected: float | None = None  # by the mask
    latency_ms: Latency = Latency()
    health: dict[str, int] = Field(default_factory=dict, description="of the transmitter, so far: Health.as_dict()")


class TransmitReply(MessageTransmitted):
    """What became of a request's message and of each of its followers; none of these if the request makes no sense."""

    followers: list[MessageTransmitted] = Field([], max_length=MAX_FOLLOWERS)
