"""What a codec is: text in, payload symbols out, and back, with what the receiver knows of each symbol."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from semcom_ota.types import ComplexArray, FloatArray

GAP = "[…]"
"""Stands in a received text where a lost frame took a part of it away: a gap, never silence."""
POWER_TOLERANCE = 1e-3
"""Mean |s|**2 of a message is 1 to within it; float32 symbols sum up far more exactly than that."""


class DoesNotFit(ValueError):
    """The text cannot be carried by the number of payload symbols that was asked for."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message as its codec made it."""

    symbols: ComplexArray  # (N,), mean |s|**2 = 1
    parameters: int  # 0..2**24-1, travels in the protected header and comes back in `decode`


@dataclass(frozen=True, slots=True)
class Received:
    """A message as `Codec.decode` takes it."""

    symbols: ComplexArray  # (N,)
    noise_variance: FloatArray  # (N,)
    parameters: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """A text that the receiver understood before."""

    text: str
    trust: float  # 0..1, how far to trust a word of it


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message as the receiver understood it.

    `intact` is the receiver's own verdict: a checksum that held, or, for a codec without one, that no part is missing.
    A text that is not intact is shown (with gaps) but does not count as delivered.
    """

    text: str
    confidence: float  # 0..1, the codec's own estimate that the whole text is right
    intact: bool
    word_confidence: float | None = None  # 0..1, the share of its words that it expects to be right; None: no estimate

    @property
    def trust(self) -> float:
        """0..1, how far to trust a word of it."""
        return self.confidence if self.word_confidence is None else self.word_confidence


@runtime_checkable
class Codec(Protocol):
    """The one interface of every codec, learned or conventional. Stateless: the same input gives the same output."""

    name: str
    number: int  # 0..255, in the frame header; 0..127 ship with the project, 128..255 are for codecs that users bring
    ordered_symbols: bool  # True if any prefix of the symbols is a valid, coarser description of the message

    def symbol_count(self, text: str) -> int:
        """Payload symbols that `encode(text)` would spend at this codec's own budget. Cheap: no inference."""
        ...

    def encode(self, text: str, *, n_symbols: int | None = None, snr_db: float | None = None) -> Encoded:
        """Text to payload symbols.

        Args:
            text: any non-empty text.
            n_symbols: payload symbols to spend, exactly; None leaves it to the codec's own budget.
            snr_db: what the transmitter knows of the channel's mean Es/N0, for link adaptation; None if nothing.

        Raises:
            DoesNotFit: `n_symbols` cannot carry this text.
        """
        ...

    def decode(self, symbols: ComplexArray, noise_variance: FloatArray, parameters: int) -> Decoded:
        """Equalised payload symbols back to text.

        Args:
            symbols: (N,) complex64, an unbiased estimate of what `encode` returned.
            noise_variance: (N,) float32, error variance of each; inf where a symbol was masked or lost.
            parameters: as returned by `encode`. Came over the air: any value, also one that makes no sense, must give a
                `Decoded` with `intact=False` and never an exception.
        """
        ...


@runtime_checkable
class NeedsSnr(Protocol):
    """A codec that says what it needs, for masks that follow theory (`masking/theory.py`)."""

    reference_snr_db: float
    """Es/N0 at which all symbols of its own budget are just needed."""


@runtime_checkable
class BatchCodec(Codec, Protocol):
    """A codec that decodes several messages faster together than one by one."""

    def decode_batch(self, messages: Sequence[Received]) -> list[Decoded]:
        """As `decode`, of each of them in order."""
        ...


@runtime_checkable
class MemoryCodec(Codec, Protocol):
    """A codec whose receiver understands better what it has heard the like of. The transmitter knows nothing of it."""

    def decode_after(self, message: Received, before: Sequence[Remembered]) -> Decoded:
        """As `decode`, which it is where nothing is remembered.

        Args:
            message: as it was received.
            before: of the same user, in the order in which they arrived. Some may be wrong: they are evidence of what
                might come, and never of what came.
        """
        ...


def without_gaps(text: str) -> str:
    """A received text without the marks of what is missing: what is judged, and what a reader of the memory reads."""
    return text.replace(GAP, " ")


def adapts_to_snr(codec: Codec) -> bool:
    """Whether what `encode` makes depends on `snr_db`; a codec says that it does not by `adapts_to_snr = False`."""
    return bool(getattr(codec, "adapts_to_snr", True))


def decode_all(codec: Codec, messages: Sequence[Received]) -> list[Decoded]:
    """What `codec` makes of each message, together if it can."""
    if isinstance(codec, BatchCodec):
        return codec.decode_batch(messages)
    return [codec.decode(message.symbols, message.noise_variance, message.parameters) for message in messages]


def decode_after(codec: Codec, message: Received, before: Callable[[], Sequence[Remembered]]) -> Decoded:
    """What `codec` makes of a message, knowing what was heard before if it can; only then is it asked for."""
    if isinstance(codec, MemoryCodec) and (remembered := before()):
        return codec.decode_after(message, remembered)
    return codec.decode(message.symbols, message.noise_variance, message.parameters)
