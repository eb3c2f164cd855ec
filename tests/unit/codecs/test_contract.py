"""The contract of all codecs: those that ship keep it, and each broken promise is caught by its own check."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from broken_codecs import BROKEN, CLOCK, Spelling

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Decoded, DoesNotFit, Encoded
from semcom_ota.codecs.contract import PROMISES, Finding, check
from semcom_ota.codecs.contract_subject import TEXTS, Terms
from semcom_ota.config import CodecConfig, DeviceConfig

TERMS = Terms(TEXTS[:2])
NAMES = [promise.name for promise in PROMISES]


def findings(codec: Callable[..., Any], terms: Terms = TERMS, **options: Any) -> list[Finding]:
    return list(check(lambda: codec(CodecConfig(), DeviceConfig(device="cpu")), terms, **options))


def broken(found: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.seen for finding in found if not finding.passed}


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


@pytest.mark.parametrize("name", ["lam-prior", "lam-compressed", "lam-jscc", "lam-jscc-bert", "lam-jscc-t5"])
def test_large_models_keep_those_that_are_quick_to_check(name: str):
    """`semcom codecs check` keeps them busy for minutes with the others."""
    codec = registry.load(name, CodecConfig(), DeviceConfig(device="cpu"))
    quick = [
        promise for promise in PROMISES if promise.name in ("description", "unit power", "parameters", "round trip")
    ]
    found = list(check(lambda: codec, Terms(TEXTS[:1], ships=True), promises=quick))
    assert broken(found) == {} and len(found) == len(quick) == 4


def test_the_worked_example_keeps_its_promises():
    found = findings(Spelling, Terms())
    assert broken(found) == {}
    assert not any(finding.advice for finding in found)


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
    untouched = {"description", "batches", "memory", "bounded time"}  # the last is of calls, of which none returned
    assert set(broken(found)) == set(NAMES) - untouched
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
