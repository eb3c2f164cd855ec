"""The masks: how many of a message's symbols are sent. More at low SNR, fewer at high SNR, all if nothing is known."""

import math
from collections.abc import Mapping
from typing import Protocol

from semcom_ota.codecs.base import Codec, DoesNotFit, Encoded, NeedsSnr
from semcom_ota.config import ConfigError, MaskConfig
from semcom_ota.masking.outlook import Outlook
from semcom_ota.masking.theory import Equivalence


class Mask(Protocol):
    """Decides for one message at a time."""

    def keep(self, codec: Codec, text: str, n_symbols: int, outlook: Outlook) -> tuple[int, int]:
        """Symbols to send of `n_symbols`: 1..n_symbols; and the pattern that says so, 0 if there are no patterns."""
        ...


class FixedMask:
    """The same share of every message, whatever the channel: what masks that follow it are compared with."""

    def __init__(self, share: float):
        """`share` of the symbols is sent."""
        self._share = share

    def keep(self, codec: Codec, text: str, n_symbols: int, outlook: Outlook) -> tuple[int, int]:
        """See `Mask`."""
        return max(1, math.ceil(self._share * n_symbols)), 0


class TheoryMask:
    """As many as theory says are needed (`masking/theory.py`) at what is expected, less a margin."""

    def __init__(self, needs: Mapping[str, Equivalence], margin: float):
        """Needs of codecs by name; `margin` in mean errors of the forecast."""
        self._needs, self._margin = needs, margin

    def keep(self, codec: Codec, text: str, n_symbols: int, outlook: Outlook) -> tuple[int, int]:
        """See `Mask`."""
        if outlook.snr_db is None:
            return n_symbols, 0
        return self._needs[codec.name].needed(n_symbols, outlook.snr_db - self._margin * outlook.error_db), 0


def make_mask(config: MaskConfig, codecs: Mapping[str, Codec]) -> Mask | None:
    """The mask that a configuration asks for; None: every symbol is sent.

    Raises:
        ConfigError: it needs to know of a codec what neither that nor the configuration says, or its network is missing
            or damaged.
    """
    if config.kind == "none":
        return None
    if config.kind == "fixed":
        return FixedMask(config.share)
    if config.kind == "learned":
        from semcom_ota.masking.learned import LearnedMask, load_rate_net  # torch, which the others do without

        return LearnedMask({name: load_rate_net(config.checkpoint, name) for name in codecs})
    return TheoryMask({name: _needs(config, codec) for name, codec in codecs.items()}, config.margin)


def masked_encode(codec: Codec, text: str, n_symbols: int, kept: int, snr_db: float | None) -> Encoded:
    """A message of which only `kept` of `n_symbols` symbols are sent.

    With ordered symbols these are the first ones of all, scaled to unit power; a codec without makes others, as few.
    Where it cannot carry the text with so few, it is twice as many, and so on.

    Raises:
        DoesNotFit: not even `n_symbols` carry the text.
    """
    while kept < n_symbols:
        try:
            return codec.encode(text, n_symbols=kept, snr_db=snr_db)
        except DoesNotFit:
            kept *= 2
    return codec.encode(text, n_symbols=n_symbols, snr_db=snr_db)


def _needs(config: MaskConfig, codec: Codec) -> Equivalence:
    if config.reference_snr_db is not None:
        return Equivalence(config.reference_snr_db, config.semantic_snr_db)
    if isinstance(codec, NeedsSnr):
        return Equivalence(codec.reference_snr_db)
    raise ConfigError(
        f"codec '{codec.name}' does not say at which SNR it needs all of its symbols: set mask.reference_snr_db (dB)"
    )
