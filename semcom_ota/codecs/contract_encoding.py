"""What a codec promises of the messages that it makes: a check says what it saw, or raises `Broken`."""

from itertools import product

import numpy as np

from semcom_ota.codecs.base import POWER_TOLERANCE, DoesNotFit, Encoded, adapts_to_snr
from semcom_ota.codecs.contract_subject import Broken, Subject, received
from semcom_ota.codecs.registry import PARAMETER_BITS

FIRST_FREE_NUMBER = 128
SURE = 0.9
"""From this confidence on, a wrong text is passed off as right."""
LONG_TEXT = "The quick brown fox jumps over a lazy dog. " * 90
ODD_TEXTS = (
    "A",
    "7",
    " ",
    "\n\t",
    "🙂",
    "👩‍👩‍👧‍👦 🇩🇪",
    "Call 0176 5550123 at 18:45, room 3.1415926.",
    "Der kleine Junge läuft über die grüne Wiese.",
    "Собака бежит по снегу.",
    "一只狗在雪地里奔跑。",
    "كلب يركض في الثلج",
    "xqzvkj " * 12,
    "https://example.org/?q=%20&x=1#top",
    LONG_TEXT,
)


def description(subject: Subject) -> str:
    """Name, number, and what it declares."""
    codec, terms = subject.codec, subject.terms
    number = codec.number
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 255:
        raise Broken(f"number is {number!r}, not within 0..255")
    if not terms.ships and number < FIRST_FREE_NUMBER:
        raise Broken(f"number {number} is reserved for codecs that ship: take one of {FIRST_FREE_NUMBER}..255")
    if number in terms.others:
        raise Broken(f"number {number} is that of '{terms.others[number]}', which is installed, too")
    for name in ("ordered_symbols", "has_checksum", "adapts_to_snr"):
        if not isinstance(getattr(codec, name, False), bool):
            raise Broken(f"{name} is {getattr(codec, name)!r}, neither True nor False")
    for name in ("has_checksum", "parameter_bits"):
        if getattr(codec, name, None) != getattr(type(codec), name, None):
            raise Broken(f"{name} is set on the instance alone: it is read from the class, where no model is loaded")
    if not 0 <= _parameter_bits(subject) <= PARAMETER_BITS:
        raise Broken(f"parameter_bits is {_parameter_bits(subject)}, not within 0..{PARAMETER_BITS}")
    return f"'{codec.name}', number {number}"


def power(subject: Subject) -> str:
    """Mean |s|^2 of every message is 1."""
    worst = 0.0
    for sent in _messages(subject):
        mean = float(np.mean(np.abs(sent.symbols.astype(np.complex128)) ** 2))
        worst = max(worst, abs(mean - 1))
        if worst > POWER_TOLERANCE:
            raise Broken(f"mean |s|^2 of a message of {len(sent.symbols)} symbols is {mean:.4f}, not 1")
    return f"mean |s|^2 = 1 to {worst:.1e}"


def symbol_count(subject: Subject) -> str:
    """`symbol_count` is what `encode` spends; what is asked for is spent exactly, or refused."""
    spent = refused = 0
    for text in subject.terms.texts:
        own = subject.count(text)
        for asked in (None, own, 1, own // 2, own - 1, own + 1, 2 * own, 40 * own, 0, -1):
            try:
                made = len(subject.encode(text, asked).symbols)
            except DoesNotFit:
                if asked in (None, own):
                    raise
                refused += 1
                continue
            if made != (own if asked is None else asked):
                what = f"symbol_count says {own}" if asked is None else f"n_symbols={asked}"
                raise Broken(f"{what}, but encode spent {made} symbols")
            spent += 1
    return f"{spent} requests met exactly, {refused} refused with DoesNotFit"


def parameters(subject: Subject) -> str:
    """They fit the header."""
    bits, largest = _parameter_bits(subject), 0
    for sent in _messages(subject):
        value = sent.parameters
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise Broken(f"parameters are {value!r}, no int within 0..2**{bits}-1")
        largest = max(largest, value)
    return f"at most {largest}, of {bits} bits"


def link_adaptation(subject: Subject) -> str:
    """Any SNR may be told; it makes no difference where the codec says so."""
    adapts = adapts_to_snr(subject.codec)
    for text in subject.terms.texts[:2]:
        plain = subject.encode(text)
        for snr_db in (-30.0, -5.0, 0.0, 10.0, 25.0, 60.0):
            try:
                told = subject.encode(text, snr_db=snr_db)
            except DoesNotFit:
                if adapts:
                    continue
                raise
            if not adapts and not (told.parameters == plain.parameters and np.array_equal(told.symbols, plain.symbols)):
                raise Broken(f"it says that it does not adapt, but at snr_db={snr_db:g} it sends something else")
    return "it adapts to the SNR that it is told" if adapts else "the same symbols at every SNR"


def odd_texts(subject: Subject) -> str:
    """Carried, or refused with a reason; never turned into something else without a doubt."""
    carried: list[str] = []
    for text in ODD_TEXTS:
        try:
            own = subject.count(text)
            sent = subject.encode(text)
        except DoesNotFit as refusal:
            _said_why(refusal, text)
            continue
        if len(sent.symbols) != own:
            raise Broken(f"symbol_count({text[:20]!r}) is {own}, but encode spent {len(sent.symbols)} symbols")
        found = subject.decode(received(sent), repr(text[:20]))
        vouched = found.confidence >= SURE or (found.intact and subject.declares("has_checksum"))
        if vouched and found.text != text:
            raise Broken(f"{text[:40]!r} came out as {found.text[:40]!r} with confidence {found.confidence:.2f}")
        carried.append(text)
    try:
        subject.codec.encode("")
    except ValueError as refusal:  # DoesNotFit is one
        _said_why(refusal, "")
    except Exception as error:
        raise Broken(f"encode of an empty text raised {type(error).__name__}, not a ValueError") from error
    else:
        raise Broken("encode of an empty text made a message")
    others = "the others and " if len(carried) < len(ODD_TEXTS) else ""
    return f"{len(carried)} of {len(ODD_TEXTS)} carried, {others}the empty text refused with a reason"


def _messages(subject: Subject) -> list[Encoded]:
    """Of all texts at several sizes and SNRs, as far as they fit."""
    made = [subject.encode(text) for text in subject.terms.texts]
    for text, factor, snr_db in product(subject.terms.texts[:3], (0.5, 0.75, 1.5, 3.0), (0.0, 20.0)):
        try:
            made.append(subject.encode(text, int(factor * subject.count(text)), snr_db))
        except DoesNotFit:
            continue
    return made


def _parameter_bits(subject: Subject) -> int:
    bits = getattr(subject.codec, "parameter_bits", PARAMETER_BITS)
    if isinstance(bits, bool) or not isinstance(bits, int):
        raise Broken(f"parameter_bits is {bits!r}, no int")
    return bits


def _said_why(refusal: Exception, text: str) -> None:
    if not str(refusal).strip():
        raise Broken(f"encode({text[:20]!r}) was refused without a word")
