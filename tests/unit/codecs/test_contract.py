"""The contract of all codecs: those that ship keep it, and each broken promise is caught by its own check."""

import itertools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Decoded, DoesNotFit, Encoded
from semcom_ota.codecs.contract import PROMISES, Finding, check
from semcom_ota.codecs.contract_subject import TEXTS, Terms
from semcom_ota.config import CodecConfig, DeviceConfig

sys.path.append(str(Path(__file__).parents[3] / "examples" / "my_codec"))
from my_codec.spelling import Spelling

TERMS = Terms(TEXTS[:2])
NAMES = [promise.name for promise in PROMISES]


def findings(codec: Callable[..., Any], terms: Terms = TERMS, **options: Any) -> list[Finding]:
    return list(check(lambda: codec(CodecConfig(), DeviceConfig(device="cpu")), terms, **options))


def broken(found: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.seen for finding in found if not finding.passed}


class Standing:
    """A clock that stands still: nothing takes any time, so that findings can be compared."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


CLOCK = Standing()


@pytest.fixture(autouse=True)
def clock() -> None:
    CLOCK.seconds = 0.0


@pytest.mark.parametrize("name", ["text-jscc", "utf8", "huffman"])
def test_those_that_ship_keep_their_promises(name: str):
    others = {registry.number(other): other for other in registry._BUILT_IN if other != name}
    terms = Terms(TEXTS[:1], ships=True, others=others)
    found = findings(lambda codec, device: registry.load(name, codec, device), terms)
    assert broken(found) == {}
    assert [finding.check for finding in found] == NAMES


def test_the_worked_example_keeps_its_promises():
    found = findings(Spelling, Terms())
    assert broken(found) == {}
    assert not any(finding.advice for finding in found)


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
    Slow: "bounded time",
}


@pytest.mark.parametrize("codec", BROKEN, ids=lambda codec: codec.__name__)
def test_a_broken_promise_is_caught_by_its_check(codec: type):
    found = findings(codec, clock=CLOCK)
    assert ", ".join(broken(found)) == BROKEN[codec], broken(found)
    assert all(finding.advice for finding in found if not finding.passed)


def test_every_check_can_fail():
    assert set(BROKEN.values()) >= set(NAMES)


class Raises(Spelling):
    """Whatever is asked of it, it breaks."""

    ordered_symbols = True

    def decode(self, symbols, noise_variance, parameters):
        raise RuntimeError("CUDA error:\n  out of memory")

    def encode(self, text, **how):
        raise RuntimeError("CUDA error:\n  out of memory")


def test_what_a_codec_raises_is_what_was_seen():
    found = findings(Raises, clock=CLOCK)
    assert set(broken(found)) == set(NAMES) - {"description", "batches", "bounded time"}  # of no call that returned
    assert broken(found)["unit power"] == (
        "encode of 'A man rides a bicycle d…' raised RuntimeError: CUDA error: out of memory"
    )


class Refuses(Spelling):
    def encode(self, text, **how):
        raise DoesNotFit("not today")


def test_plain_sentences_must_fit():
    assert broken(findings(Refuses))["round trip"] == "a plain sentence was refused: not today"


class ReturnsNonsense(Spelling):
    given: Any = None

    def decode(self, symbols, noise_variance, parameters):
        return self.given


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("a text", "returned str: no Decoded with a text"),
        (Decoded(b"a text", 1.0, True), "returned Decoded: no Decoded with a text"),
        (Decoded("a text", 1.5, True), "confidence is 1.5, not within 0..1"),
        (Decoded("a text", float("nan"), True), "confidence is nan, not within 0..1"),
        (Decoded("a text", 1.0, 1), "intact is 1, neither True nor False"),
    ],
)
def test_what_a_decoder_returns_is_looked_at(given: Any, seen: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ReturnsNonsense, "given", given)
    assert broken(findings(ReturnsNonsense))["round trip"].endswith(seen)


@pytest.mark.parametrize(
    ("symbols", "seen"),
    [
        (np.ones(8), "returned symbols (8,) float64: not (N,) complex64"),
        (np.ones((8, 1), np.complex64), "returned symbols (8, 1) complex64: not (N,) complex64"),
        (np.full(8, np.nan, np.complex64), "returned symbols that are no finite numbers"),
        ([1.0] * 8, "returned Encoded: no Encoded with an array of symbols"),
    ],
)
def test_what_an_encoder_returns_is_looked_at(symbols: Any, seen: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Spelling, "encode", lambda self, text, **how: Encoded(symbols, 1))
    assert broken(findings(Spelling))["unit power"].endswith(seen)


class Remembers(Spelling):
    heard: list[bytes]

    def decode(self, symbols, noise_variance, parameters):
        Remembers.heard.append(symbols.tobytes())
        return super().decode(symbols, noise_variance, parameters)


def test_the_same_seed_gives_the_same_to_decode():
    heard = []
    for seed in (1, 1, 2):
        Remembers.heard = []
        findings(Remembers, replace(TERMS, seed=seed))
        heard.append(Remembers.heard)
    assert heard[0] == heard[1] != heard[2]


def test_a_number_that_another_codec_has_is_seen():
    found = findings(Spelling, replace(TERMS, others={128: "mine"}))
    assert broken(found)["description"] == "number 128 is that of 'mine', which is installed, too"


def test_a_check_is_announced_before_it_begins():
    begun: list[str] = []
    for number, finding in enumerate(
        check(lambda: Spelling(CodecConfig(), DeviceConfig()), TERMS, on_begin=begun.append), start=1
    ):
        assert begun == NAMES[:number]
        assert finding.check == begun[-1]
