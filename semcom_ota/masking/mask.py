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


def known_snr_db(follows: bool, outlook: Outlook, granted_db: float | None) -> float | None:
    """What a codec is told of the channel's Es/N0, in dB; None: nothing.

    Args:
        follows: whether the mask follows the channel. Then the codec, too, knows what the link reports and no more, in
            tenths of a dB: a simulation's truth would make of the closed loop half a genie.
        outlook: what the reports tell of the next frame.
        granted_db: what the request says, which may be the truth of a simulated channel.
    """
    if follows:
        return None if outlook.snr_db is None else round(outlook.snr_db, 1)
    return outlook.snr_db if granted_db is None else granted_db


def masked_encode(
    codec: Codec, text: str, n_symbols: int, kept: int, snr_db: float | None, forecast: bool = False
) -> Encoded:
    """A message of which only `kept` of `n_symbols` symbols are sent.

    With ordered symbols these are the first ones of all, scaled to unit power; a codec without makes others, as few.
    Where it cannot carry the text with so few, it is twice as many, and so on: a codec that cannot be asked for fewer
    is not masked.

    Args:
        codec: that encodes.
        text: to send.
        n_symbols: of the message unmasked.
        kept: symbols to send of these, at least 1.
        snr_db: what the codec is told of the channel.
        forecast: that is what is expected only. By the time that the frame leaves the channel may be better, so that
            what is expected is no reason not to send at all.

    Raises:
        DoesNotFit: not even `n_symbols` carry the text.
    """
    while kept < n_symbols:
        try:
            return codec.encode(text, n_symbols=kept, snr_db=snr_db)
        except DoesNotFit:
            kept *= 2
    try:
        return codec.encode(text, n_symbols=n_symbols, snr_db=snr_db)
    except DoesNotFit:
        if not forecast or snr_db is None:
            raise
        return codec.encode(text, n_symbols=n_symbols)


def _needs(config: MaskConfig, codec: Codec) -> Equivalence:
    reference = config.reference_snr_db
    if reference is None and isinstance(codec, NeedsSnr):
        reference = codec.reference_snr_db
    if reference is not None:
        return Equivalence(reference, config.semantic_snr_db)
    raise ConfigError(
        f"codec '{codec.name}' does not say at which SNR it needs all of its symbols: set mask.reference_snr_db (dB)"
    )
