"""What became of one message with one codec, and the check that all codecs spend the same."""

from dataclasses import dataclass, field
from typing import Literal

from semcom_ota.codecs.base import POWER_TOLERANCE
from semcom_ota.config import ConfigError

_TEXT_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message with one codec.

    `delivered`: a text came out that its receiver takes for whole (a codec without a checksum: no frame is missing);
    `corrupted`: something arrived, but the receiver knows that it is not whole; `lost`: nothing arrived.
    """

    status: Literal["delivered", "corrupted", "lost"] = "lost"
    does_not_fit: bool = False  # the codec cannot carry the text with so few symbols: nothing was sent
    received: str = ""
    payload_symbols: int = 0  # sent
    energy: float = 0.0  # sum of |s|**2 over the payload symbols sent
    overhead_symbols: int = 0  # cells of preamble, header, pilots and filling
    air_samples: int = 0  # without the silence between frames
    confidence: float = 0.0  # that the whole text is right
    word_confidence: float = 0.0  # the share of its words that is expected to be
    intact: bool = False
    snr_db_estimated: float | None = None
    parameters: int | None = None  # weights of the codec's networks; None: they are in another process
    milliseconds: dict[str, float] = field(default_factory=dict)  # encode_ms, transmit_ms, receive_ms, decode_ms


def check_spending(label: str, message: int, symbols: int, energy: float, granted: int) -> None:
    """Refuse a comparison in which one codec spends more or less than the others.

    Args:
        label: of the codec.
        message: number of the text.
        symbols: payload symbols that it spends.
        energy: sum of |s|**2 over these.
        granted: payload symbols that every codec has for this text.

    Raises:
        ConfigError: it does not spend what it was granted.
    """
    if symbols != granted:
        raise ConfigError(
            f"codec '{label}' made {symbols} payload symbols of message {message}, where every codec has {granted}: no"
            " fair comparison; mend the codec, or leave it out"
        )
    if not abs(energy / granted - 1) <= POWER_TOLERANCE:
        raise ConfigError(
            f"codec '{label}' spent {energy / granted:.4g} of energy a payload symbol on message {message}, where every"
            " codec has 1: no fair comparison; mend the codec, or leave it out"
        )


def failed(label: str, message: int, text: str, error: Exception) -> str:
    """The sentence about a codec that broke."""
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return f"codec '{label}' failed on message {message} ('{text[:_TEXT_CHARACTERS]}'): {reason}"
