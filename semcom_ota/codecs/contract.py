"""What every codec promises, checked on one codec: `semcom codecs check NAME`, docs/codecs.md.

Everything random has a seed; the same seed, the same findings, but for the times.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from semcom_ota.codecs import contract_decoding as decoding
from semcom_ota.codecs import contract_encoding as encoding
from semcom_ota.codecs.base import Codec, DoesNotFit
from semcom_ota.codecs.contract_subject import Broken, Subject, Terms, first_line


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one promise."""

    check: str
    passed: bool
    seen: str
    """What was seen, in a sentence."""
    advice: str
    """What to do; empty if it passed."""


class Promise(NamedTuple):
    """A check: it says what it saw, or raises `Broken`."""

    name: str
    check: Callable[[Subject], str]
    advice: str


PROMISES = (
    Promise("description", encoding.description, "set name, number and what the class declares as docs/codecs.md says"),
    Promise("unit power", encoding.power, "divide the symbols by the root of their mean |s|^2, message by message"),
    Promise(
        "symbol count", encoding.symbol_count, "spend n_symbols exactly, or raise DoesNotFit; count as encode spends"
    ),
    Promise("parameters", encoding.parameters, "pack what the receiver must know into 24 bits, or send it as symbols"),
    Promise(
        "deterministic", decoding.determinism, "keep no state between calls, seed what is random, copy what you change"
    ),
    Promise(
        "link adaptation", encoding.link_adaptation, "take any snr_db; adapts_to_snr = False if it is all the same"
    ),
    Promise(
        "round trip", decoding.round_trip, "decode without noise first; then look at scale and order of the symbols"
    ),
    Promise(
        "extreme CSI", decoding.extreme_csi, "clip variances from below, symbols from above; no weight to a lost one"
    ),
    Promise(
        "anything from the air", decoding.anything_from_the_air, "believe no parameters that the symbols contradict"
    ),
    Promise("ordered symbols", decoding.prefixes, "put what matters most first, or declare ordered_symbols = False"),
    Promise("odd texts", encoding.odd_texts, "raise DoesNotFit with a sentence where it must be wrong, or doubt it"),
    Promise(
        "checksum", decoding.checksum, "call only that intact whose checksum holds, or declare has_checksum = False"
    ),
    Promise("batches", decoding.batches, "keep the messages of a batch apart: no padding of one may touch another"),
    Promise("memory", decoding.memory, "after nothing, decode as without memory; take any text as remembered"),
    Promise("bounded time", decoding.bounded_time, "bound what grows with symbols or text, and refuse what is beyond"),
)
"""In the order in which they are checked; the last one is about the calls of all the others."""


def check(
    make: Callable[[], Codec],
    terms: Terms,
    clock: Callable[[], float] = time.perf_counter,
    on_begin: Callable[[str], None] = lambda name: None,
    promises: Sequence[Promise] = PROMISES,
) -> Iterator[Finding]:
    """Check a codec, promise by promise; never raises for what the codec does.

    Args:
        make: makes an instance, the same every time.
        terms: what it is checked against.
        clock: in seconds.
        on_begin: told the name of a check before it begins: one that never ends is a broken promise, too.
        promises: what to check, in this order.

    Yields:
        One finding a promise.
    """
    subject = Subject(make, terms, clock)
    for number, promise in enumerate(promises):
        on_begin(promise.name)
        subject.rng = np.random.default_rng([terms.seed, number])
        yield _finding(promise, subject)


def _finding(promise: Promise, subject: Subject) -> Finding:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numbers beyond all bounds, which are what it is given
            return Finding(promise.name, True, promise.check(subject), "")
    except Broken as broken:
        return Finding(promise.name, False, str(broken), promise.advice)
    except DoesNotFit as refusal:
        return Finding(promise.name, False, f"a plain sentence was refused: {first_line(refusal)}", promise.advice)
