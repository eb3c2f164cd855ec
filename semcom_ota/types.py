"""What travels between the rooms: frames, channel state, reports. Shapes, dtypes and units; nothing else."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

ComplexArray = NDArray[np.complex64]
FloatArray = NDArray[np.float32]


class Task(IntEnum):
    """What a message is for, as its frames' headers say."""

    AUTO = 0  # the receiver decides, by what the text wants
    TELL = 1  # to be remembered
    ASK = 2  # to be answered from what is remembered


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What a frame says of itself. Field widths on the air are in `phy/header.py`.

    Every fragment of a message carries the same fields but `fragment`, so that any one of them is enough to know the
    size of the whole message and where its own symbols belong.
    """

    codec: int  # 0..255, the codec's number (codecs/base.py)
    codec_parameters: int = 0  # 0..2**24-1, its meaning is the codec's own
    task: int = Task.AUTO  # 0..15; what is no `Task` is taken for AUTO
    stream: int = 0  # 0..255, keeps users, sessions and schemes apart
    message: int = 0  # 0..65535, counts up within a stream
    fragment: int = 0  # 0..fragments-1
    fragments: int = 1  # 1..256
    message_symbols: int = 0  # 1..2**18-1, payload symbols of the whole message
    mask: int = 0  # 0..63, which nested mask pattern was applied; 0 is none

    def symbol_range(self) -> tuple[int, int]:
        """First and past-the-end payload symbol of this fragment within its message."""
        return fragment_range(self.message_symbols, self.fragments, self.fragment)

    @property
    def frame_symbols(self) -> int:
        """Payload symbols in this frame."""
        start, stop = self.symbol_range()
        return stop - start


def fragment_range(message_symbols: int, fragments: int, fragment: int) -> tuple[int, int]:
    """Split `message_symbols` into `fragments` runs whose lengths differ by at most one; the longer ones come first."""
    size, longer = divmod(message_symbols, fragments)
    start = fragment * size + min(fragment, longer)
    return start, start + size + (fragment < longer)


@dataclass(frozen=True, slots=True)
class SemanticFrame:
    """One frame's payload before the air interface."""

    header: FrameHeader
    symbols: ComplexArray  # (header.frame_symbols,), mean |s|**2 = 1


@dataclass(frozen=True, slots=True)
class Csi:
    """Channel state of one frame, estimated by the receiver alone: from preamble, pilots and a header that holds.

    `frequency_response` is the channel seen by a unit-power data symbol after a unitary FFT; `noise_variance` is
    E|n|**2 on each carrier of that FFT's output; `snr_db` is their ratio averaged over the frame (ARCHITECTURE.md).
    """

    frequency_response: ComplexArray  # (OFDM symbols, used carriers), carriers in ascending frequency
    noise_variance: FloatArray  # (used carriers,)
    snr_db: float
    cfo_hz: float
    sample_rate: float  # samples/s
    carrier_spacing_hz: float
    sro_ppm: float = 0.0  # the receiver's sample clock against the transmitter's; positive: the receiver's is faster


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """One frame's payload after equalisation, with what is known of its reliability."""

    header: FrameHeader
    symbols: ComplexArray  # (header.frame_symbols,), what was sent, without bias where the channel is there at all
    noise_variance: FloatArray  # (header.frame_symbols,), E|symbols - sent|**2 of each
    csi: Csi
    start_sample: int  # index of the preamble's first sample in the received stream
    stop_sample: int  # one past the frame's last sample
    place: int = 0  # among the messages that share the frame on the air, which start and stop together
    lost_samples: int = 0  # in gaps of the stream since the frame before; CSI from before a gap is stale


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message put together from its frames. A symbol that was masked or lost has infinite noise variance."""

    header: FrameHeader  # of the first fragment that arrived
    symbols: ComplexArray  # (header.message_symbols,), zero where nothing arrived
    noise_variance: FloatArray  # (header.message_symbols,), inf where nothing arrived
    csi: tuple[Csi, ...]  # one for each fragment that arrived, in order
    lost_fragments: tuple[int, ...] = field(default=())
    start_sample: int = 0  # of the first fragment to arrive, in the receiver's stream; the decoder worker is not told
    lost_samples: int = 0  # in gaps of the stream since the message before; CSI from before a gap is stale


@dataclass(frozen=True, slots=True)
class Understanding:
    """What the reader of the memory made of a message: what it wants, and what came of it."""

    intent: str = ""  # memory/reader_model.py; '' if there is no reader
    answer: str | None = None  # to a question; of a request, the service that it is for; None: it wants neither
    answer_confidence: float = 0.0  # 0..1: the probability that all of it is right, as the reader sees it
    remembered: int = 0  # entries of the user that the memory has, this message's included


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What the receiver tells the transmitter of the channel, before anything is decoded."""

    stream: int
    message: int
    fragment: int
    frame: int  # frames received so far, this one included
    snr_db: float
    cfo_hz: float
    carrier_snr_db: FloatArray  # (used carriers,), averaged over the frame
    lost_samples: int = 0  # in gaps of the stream since the frame before; CSI from before a gap is stale
