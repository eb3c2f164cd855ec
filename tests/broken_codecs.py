"""Codecs that each break one promise of the contract, and the checks that are to catch them."""

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from semcom_ota.codecs.base import DoesNotFit

sys.path.append(str(Path(__file__).parents[1] / "examples" / "my_codec"))
from my_codec.spelling import Spelling


class Standing:
    """A clock that stands still: nothing takes any time, so that findings can be compared."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


CLOCK = Standing()


class Batched(Spelling):
    """The same, several at a time."""

    def decode_batch(self, messages):
        return [self.decode(message.symbols, message.noise_variance, message.parameters) for message in messages]


class ReservedNumber(Spelling):
    number = 7


class SaysSoLate(Spelling):
    """Its class has another opinion."""

    has_checksum = False

    def __init__(self, codec, device):
        super().__init__(codec, device)
        self.has_checksum = True


class Louder(Spelling):
    def encode(self, text, **how):
        made = super().encode(text, **how)
        return replace(made, symbols=(1.01 * made.symbols).astype(np.complex64))


class UnderOne(Spelling):
    """Its power is one over the whole constellation, but not over each message."""

    def encode(self, text, **how):
        made = super().encode(text, **how)
        symbols = made.symbols.copy()
        symbols[0] = 0
        return replace(made, symbols=symbols)


class SpendsMore(Spelling):
    def encode(self, text, **how):
        made = super().encode(text, **how)
        if how.get("n_symbols") is None:
            return made
        return replace(made, symbols=np.append(made.symbols, np.complex64(1)))


class CountsWrong(Spelling):
    def symbol_count(self, text):
        return super().symbol_count(text) + 1

    def encode(self, text, *, n_symbols=None, snr_db=None):
        return super().encode(text, n_symbols=n_symbols or super().symbol_count(text), snr_db=snr_db)


class RaisesForFew(Spelling):
    def encode(self, text, *, n_symbols=None, snr_db=None):
        if n_symbols is not None and n_symbols < len(text):
            raise IndexError("list index out of range")
        return super().encode(text, n_symbols=n_symbols, snr_db=snr_db)


class ManyParameters(Spelling):
    def encode(self, text, **how):
        made = super().encode(text, **how)
        return replace(made, parameters=made.parameters | 1 << 24)

    def decode(self, symbols, noise_variance, parameters):
        return super().decode(symbols, noise_variance, parameters & (1 << 24) - 1)


class Moody(Spelling):
    """Every message has another phase."""

    turns = itertools.count()

    def encode(self, text, **how):
        made = super().encode(text, **how)
        return replace(made, symbols=(made.symbols * np.exp(1e-3j * next(self.turns))).astype(np.complex64))

    adapts_to_snr = True


class ByInstance(Spelling):
    """Each instance has a code of its own: two processes do not understand each other."""

    made = itertools.count(1)

    def __init__(self, codec, device):
        super().__init__(codec, device)
        self._phases = self._phases * (2 * next(self.made) + 1) % 256


class Spoils(Spelling):
    def decode(self, symbols, noise_variance, parameters):
        decoded = super().decode(symbols, noise_variance, parameters)
        noise_variance[:1] = 1
        return decoded


class AdaptsInSecret(Spelling):
    def encode(self, text, *, n_symbols=None, snr_db=None):
        made = super().encode(text, n_symbols=n_symbols, snr_db=snr_db)
        return replace(made, symbols=-made.symbols) if snr_db == 0 else made

    def decode(self, symbols, noise_variance, parameters):
        plain = super().decode(symbols, noise_variance, parameters)
        return plain if plain.intact else super().decode(-symbols, noise_variance, parameters)


class RefusesLowSnr(Spelling):
    def encode(self, text, *, n_symbols=None, snr_db=None):
        if snr_db is not None and snr_db < 0:
            raise ZeroDivisionError("float division by zero")
        return super().encode(text, n_symbols=n_symbols, snr_db=snr_db)


class Deaf(Spelling):
    """It takes what arrives without noise for a test signal."""

    def decode(self, symbols, noise_variance, parameters):
        decoded = super().decode(symbols, noise_variance, parameters)
        sure = len(noise_variance) > 1 and 5e-4 < noise_variance[0] < 2e-3
        return replace(decoded, text="", intact=False) if sure else decoded


class RefusesToDecode(Spelling):
    """To refuse is for the transmitter."""

    def decode(self, symbols, noise_variance, parameters):
        if len(noise_variance) and noise_variance.max() > 1e20 and not np.isinf(noise_variance).any():
            raise DoesNotFit("too noisy")
        return super().decode(symbols, noise_variance, parameters)


class Divides(Spelling):
    def decode(self, symbols, noise_variance, parameters):
        decoded = super().decode(symbols, noise_variance, parameters)
        least = noise_variance.min()
        return replace(decoded, confidence=float(decoded.confidence * least / least)) if least < 1e-40 else decoded


class IntactWithNothing(Spelling):
    """It has not noticed that nothing arrived."""

    def decode(self, symbols, noise_variance, parameters):
        decoded = super().decode(symbols, noise_variance, parameters)
        lost = len(symbols) < 200 and bool(np.isinf(noise_variance).all())
        return replace(decoded, intact=decoded.intact or lost)


class AlwaysIntact(Spelling):
    """It has no checksum, and takes whatever comes for a text."""

    has_checksum = False

    def decode(self, symbols, noise_variance, parameters):
        decoded = super().decode(symbols, noise_variance, parameters)
        return replace(decoded, intact=bool(decoded.text))


class Believes(Spelling):
    def decode(self, symbols, noise_variance, parameters):
        symbols[(parameters >> 12) + 1 - 1]
        return super().decode(symbols, noise_variance, parameters)


class AllOrNothing(Spelling):
    """It says that its symbols are ordered, and gives up when one is missing."""

    def decode(self, symbols, noise_variance, parameters):
        decoded = super().decode(symbols, noise_variance, parameters)
        return replace(decoded, text="", intact=False) if np.isinf(noise_variance).any() else decoded


class TakesNothing(Spelling):
    """It makes a message of no text."""

    def encode(self, text, **how):
        return super().encode(text or " ", **how)


class Misspells(Spelling):
    """It takes one number for another, and is sure of it."""

    has_checksum = False

    def encode(self, text, **how):
        return super().encode(text.replace("7", "1"), **how)


class RaisesForEmoji(Spelling):
    def encode(self, text, **how):
        if "🙂" in text:
            raise KeyError("🙂")
        return super().encode(text, **how)


class NoChecksum(Spelling):
    """It says that it has a checksum, and goes by the length of the text."""

    def decode(self, symbols, noise_variance, parameters):
        decoded = super().decode(symbols, noise_variance, parameters)
        heard = np.isfinite(noise_variance).any() and noise_variance.max() < 0.2
        plausible = 30 < (parameters >> 12) + 1 < 60 and bool(decoded.text) and len(symbols) < 200
        return replace(decoded, intact=decoded.intact or bool(heard and plausible and parameters & 4095 == self.last))

    last = -1

    def encode(self, text, **how):
        made = super().encode(text, **how)
        NoChecksum.last = made.parameters & 4095
        return made


class MixedUp(Batched):
    def decode_batch(self, messages):
        return super().decode_batch(messages)[::-1]


class Shortened(Batched):
    def decode_batch(self, messages):
        return super().decode_batch(messages[:-1])


class Believing(Spelling):
    """What it remembers counts for more than what it hears."""

    def decode_after(self, message, before):
        decoded = self.decode(message.symbols, message.noise_variance, message.parameters)
        return replace(decoded, text=before[-1].text if before else "Nothing was said.")


class Choosy(Spelling):
    def decode_after(self, message, before):
        assert all(one.text for one in before)
        return self.decode(message.symbols, message.noise_variance, message.parameters)


class Learning(Spelling):
    """It remembers by itself what it was told once."""

    told = 0

    def decode_after(self, message, before):
        self.told += len(before)
        return self.decode(message.symbols, message.noise_variance, message.parameters)

    def decode(self, symbols, noise_variance, parameters):
        decoded = super().decode(symbols, noise_variance, parameters)
        return replace(decoded, confidence=decoded.confidence / (1 + self.told))


class Slow(Spelling):
    def decode(self, symbols, noise_variance, parameters):
        CLOCK.seconds += 0.001 * len(symbols)
        return super().decode(symbols, noise_variance, parameters)


BROKEN = {
    ReservedNumber: "description",
    SaysSoLate: "description",
    Louder: "unit power",
    UnderOne: "unit power",
    SpendsMore: "symbol count",
    CountsWrong: "symbol count, odd texts",
    RaisesForFew: "symbol count",
    ManyParameters: "parameters",
    Moody: "deterministic",
    ByInstance: "deterministic",
    Spoils: "deterministic",
    AdaptsInSecret: "link adaptation",
    RefusesLowSnr: "link adaptation",
    Deaf: "round trip",
    RefusesToDecode: "extreme CSI",
    Divides: "extreme CSI",
    IntactWithNothing: "extreme CSI",
    AlwaysIntact: "extreme CSI, anything from the air",
    Believes: "anything from the air",
    AllOrNothing: "ordered symbols",
    TakesNothing: "odd texts",
    Misspells: "odd texts",
    RaisesForEmoji: "odd texts",
    NoChecksum: "checksum",
    MixedUp: "batches",
    Shortened: "batches",
    Believing: "memory",
    Choosy: "memory",
    Learning: "memory",
    Slow: "bounded time",
}
