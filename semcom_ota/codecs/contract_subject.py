"""A codec as the checks of its contract see it: called with care, every call timed, what is given back looked at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from semcom_ota.codecs.base import BatchCodec, Codec, Decoded, DoesNotFit, Encoded, MemoryCodec, Received, Remembered

TEXTS = (
    "A man rides a bicycle down the street.",
    "Two dogs are playing with a ball in the snow.",
    "A woman in a red jacket cooks dinner for her family.",
    "Where is the nearest station?",
    "Children run across a green field while it rains.",
    "An old man reads the newspaper on a bench.",
)
"""Plain English, which any codec should carry: what it is checked on if nobody says otherwise."""
BOUND_S = 30.0
"""No call may take longer, whatever it is given; that of a sentence should take a fraction of a second."""
_SHOWN = 24


class Broken(Exception):
    """A promise that was not kept; the message says what was seen."""


@dataclass(frozen=True)
class Terms:
    """What a codec is checked against, and on.

    Attributes:
        texts: sentences that it is meant for; at least one.
        seed: of everything random.
        bound_s: no call may take longer.
        ships: whether it is part of the project; any other codec has a number of 128 or more.
        others: the other installed codecs' names by their numbers.
    """

    texts: Sequence[str] = TEXTS
    seed: int = 0
    bound_s: float = BOUND_S
    ships: bool = False
    others: Mapping[int, str] = field(default_factory=dict)


class Subject:
    """The codec under test, called with care.

    Attributes:
        codec: the instance that is checked.
        rng: seeded anew for each check, so that a check does not depend on those before it.
        slowest: the longest call of each kind: seconds, and what it was.
    """

    def __init__(self, make: Callable[[], Codec], terms: Terms, clock: Callable[[], float]):
        """Make the codec."""
        self.codec, self.terms, self.make, self._clock = make(), terms, make, clock
        self.rng = np.random.default_rng(terms.seed)
        self.slowest: dict[str, tuple[float, str]] = {}

    def declares(self, what: str) -> bool:
        """Whether the codec declares something (`has_checksum`, ...) of itself."""
        return bool(getattr(self.codec, what, False))

    def count(self, text: str) -> int:
        """`symbol_count`; raises DoesNotFit as the codec does, else Broken."""
        number = self._call("symbol_count", _shown(text), lambda: self.codec.symbol_count(text))
        if not isinstance(number, int) or number < 1:
            raise Broken(f"symbol_count({_shown(text)}) is {number!r}: no number of symbols")
        return number

    def encode(
        self, text: str, n_symbols: int | None = None, snr_db: float | None = None, codec: Codec | None = None
    ) -> Encoded:
        """`encode`; raises DoesNotFit as the codec does, else Broken."""
        with_what = "".join(
            f", {name}={value}" for name, value in (("n_symbols", n_symbols), ("snr_db", snr_db)) if value
        )
        call = f"{_shown(text)}{with_what}"
        made = self._call(
            "encode", call, lambda: (codec or self.codec).encode(text, n_symbols=n_symbols, snr_db=snr_db)
        )
        symbols = getattr(made, "symbols", None)
        if not isinstance(made, Encoded) or not isinstance(symbols, np.ndarray):
            raise Broken(f"encode({call}) returned {type(made).__name__}: no Encoded with an array of symbols")
        if symbols.ndim != 1 or symbols.dtype != np.complex64:
            raise Broken(f"encode({call}) returned symbols {symbols.shape} {symbols.dtype}: not (N,) complex64")
        if not np.isfinite(symbols).all():
            raise Broken(f"encode({call}) returned symbols that are no finite numbers")
        return made

    def decode(self, message: Received, what: str, codec: Codec | None = None) -> Decoded:
        """`decode` of a message, called `what` where something is wrong; raises Broken."""
        given = message.symbols, message.noise_variance, message.parameters
        return checked(self._call("decode", what, lambda: (codec or self.codec).decode(*given)), what)

    def decode_batch(self, messages: Sequence[Received]) -> list[Decoded]:
        """`decode_batch`; raises Broken."""
        codec = self.codec
        if not isinstance(codec, BatchCodec):
            raise Broken("the codec has no decode_batch")
        what = f"a batch of {len(messages)}"
        found = self._call("decode_batch", what, lambda: codec.decode_batch(messages))
        if not isinstance(found, list) or len(found) != len(messages):
            raise Broken(f"decode_batch of {what} returned no list of {len(messages)}")
        return [checked(decoded, what) for decoded in found]

    def decode_after(self, message: Received, before: Sequence[Remembered], what: str) -> Decoded:
        """`decode_after`; raises Broken."""
        codec = self.codec
        if not isinstance(codec, MemoryCodec):
            raise Broken("the codec has no decode_after")
        return checked(self._call("decode_after", what, lambda: codec.decode_after(message, before)), what)

    def _call(self, kind: str, what: str, call: Callable[[], Any]) -> Any:
        begun = self._clock()
        try:
            return call()
        except Exception as error:  # a user's own code may raise anything
            if isinstance(error, DoesNotFit) and not kind.startswith("decode"):
                raise
            raise Broken(f"{kind} of {what} raised {type(error).__name__}: {first_line(error)}") from error
        finally:
            self.slowest[kind] = max(self.slowest.get(kind, (0.0, "")), (self._clock() - begun, what))


def checked(decoded: object, what: str) -> Decoded:
    """`decoded`, if it is what `decode` may return of `what`; else raises Broken."""
    if not isinstance(decoded, Decoded) or not isinstance(decoded.text, str):
        raise Broken(f"decode of {what} returned {type(decoded).__name__}: no Decoded with a text")
    if not isinstance(decoded.intact, bool):
        raise Broken(f"decode of {what}: intact is {decoded.intact!r}, neither True nor False")
    if not isinstance(decoded.confidence, float | int) or not 0 <= decoded.confidence <= 1:
        raise Broken(f"decode of {what}: confidence is {decoded.confidence!r}, not within 0..1")
    if not isinstance(decoded.trust, float | int) or not 0 <= decoded.trust <= 1:
        raise Broken(f"decode of {what}: word_confidence is {decoded.word_confidence!r}, not within 0..1")
    return decoded


def received(sent: Encoded, snr_db: float | None = None, rng: np.random.Generator | None = None) -> Received:
    """What arrives of a message at this SNR (None: 60 dB), with noise if there is a `rng`, else as it was sent."""
    count = len(sent.symbols)
    variance = 10 ** (-(60.0 if snr_db is None else snr_db) / 10)
    symbols = sent.symbols.copy()
    if rng is not None:
        noise = rng.normal(scale=(variance / 2) ** 0.5, size=(2, count))
        symbols = (symbols + noise[0] + 1j * noise[1]).astype(np.complex64)
    return Received(symbols, np.full(count, variance, np.float32), sent.parameters)


def likeness(sent: str, got: str) -> float:
    """Share of words in common, in order: 0..1."""
    return SequenceMatcher(None, sent.split(), got.split(), autojunk=False).ratio()


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")


def first_line(error: Exception) -> str:
    """What an exception says, in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or "without a word"
