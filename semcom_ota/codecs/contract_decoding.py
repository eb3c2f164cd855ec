"""What a codec promises of what it receives: a check says what it saw, or raises `Broken`."""

from itertools import product

import numpy as np

from semcom_ota.codecs.base import Decoded, Encoded, Received, Remembered
from semcom_ota.codecs.contract_subject import Broken, Subject, likeness, received
from semcom_ota.codecs.registry import PARAMETER_BITS

HIGH_SNR_DB = 30.0
MOST_SYMBOLS = 2**18 - 1
"""Of a message: the header has 18 bits for their number."""
WORDS_RIGHT = 0.9
"""At least, over the sentences, of a codec without a checksum at HIGH_SNR_DB."""
PREFIXES = {0.75: 0.5, 0.5: 0.25}
"""By the share of symbols that is left of an ordered codec's message: words in common that must be, on average."""
VARIANCES = (0.0, 1e-45, 1e-30, 0.1, 1e30, 3e38, np.inf)
FACTORS = (1.0, 0.0, 1e-30, 1e6, 1e18, 1e38)
"""Of the symbols' magnitude."""
SENSELESS = 0.25
"""At most so many frames of noise, or with a wrong header, may pass for intact if there is no checksum to tell them."""


def round_trip(subject: Subject) -> str:
    """It decodes its own frames, without noise and at a high SNR."""
    shares: list[float] = []
    for text, noise in product(subject.terms.texts, (None, subject.rng)):
        sent = subject.encode(text, snr_db=HIGH_SNR_DB)
        where = f"at {HIGH_SNR_DB:g} dB" if noise else "without noise"
        decoded = subject.decode(received(sent, HIGH_SNR_DB if noise else None, noise), f"its own message {where}")
        if not decoded.intact:
            raise Broken(f"its own message {where} is not intact: {decoded.text!r} for {text!r}")
        if subject.declares("has_checksum") and decoded.text != text:
            raise Broken(f"it has a checksum, but {where} {decoded.text!r} passed for {text!r}")
        shares.append(likeness(text, decoded.text))
    share = float(np.mean(shares))
    if share < WORDS_RIGHT:
        raise Broken(f"of its own messages without noise and at {HIGH_SNR_DB:g} dB, {share:.0%} of the words are right")
    return f"{len(shares)} messages intact, {share:.1%} of the words right"


def determinism(subject: Subject) -> str:
    """The same input, the same output: again, in another instance, and with other calls between."""
    other = subject.make()
    first: list[tuple[Encoded, Received, Decoded]] = []
    for text in subject.terms.texts:
        sent = subject.encode(text)
        heard = received(sent, 6.0, subject.rng)
        before = heard.symbols.copy(), heard.noise_variance.copy()
        first.append((sent, heard, subject.decode(heard, "a noisy message")))
        if not all(map(np.array_equal, before, (heard.symbols, heard.noise_variance))):
            raise Broken("decode changed the arrays that it was given")
    for codec, where in ((subject.codec, "a second time"), (other, "in a fresh instance")):
        for text, (sent, heard, decoded) in reversed(list(zip(subject.terms.texts, first, strict=True))):
            again = subject.encode(text, codec=codec)
            if again.parameters != sent.parameters or not np.array_equal(again.symbols, sent.symbols):
                raise Broken(f"encode of the same text gave something else {where}")
            if subject.decode(heard, "a noisy message", codec) != decoded:
                raise Broken(f"decode of the same symbols gave something else {where}")
    return f"{len(first)} messages, twice and in a fresh instance: the same"


def extreme_csi(subject: Subject) -> str:
    """Variances and symbols beyond all bounds, but no NaN: a `Decoded` all the same, and nothing lost is intact."""
    decoded = 0
    for text in subject.terms.texts[:2]:
        sent = subject.encode(text)
        count = len(sent.symbols)
        variances = {f"{value:g}": np.full(count, value, np.float32) for value in VARIANCES}
        for first in (0, 1):
            variances[f"inf for every other, from {first}"] = np.full(count, 0.01, np.float32)
            variances[f"inf for every other, from {first}"][first::2] = np.inf
        for (name, variance), factor in product(variances.items(), FACTORS):
            symbols = (sent.symbols.astype(np.complex128) * factor).astype(np.complex64)
            given = Received(symbols, variance.copy(), sent.parameters)
            found = subject.decode(given, f"symbols times {factor:g} with variance {name}")
            decoded += 1
            if found.intact and np.isinf(variance).all():
                raise Broken("a message of which no symbol arrived (variance inf) is intact")
    return f"{decoded} messages decoded, and none intact of which nothing arrived"


def anything_from_the_air(subject: Subject) -> str:
    """Any header with any number of symbols: never an exception, and senseless ones are not intact."""
    rng, largest = subject.rng, (1 << PARAMETER_BITS) - 1
    heard: list[tuple[Received, str | None]] = []
    for count in (1, 2, 17, 400, 5000):
        for header in (0, 1, largest, *map(int, rng.integers(0, largest, 4))):
            heard.append((_noise(rng, count, 1.0, header), None))
    heard.append((_noise(rng, MOST_SYMBOLS, 1.0, int(rng.integers(0, largest))), None))
    heard.append((_noise(rng, 400, np.inf, int(rng.integers(0, largest))), None))
    for text in subject.terms.texts[:3]:
        sent = subject.encode(text)
        for header in (
            0,
            largest,
            *map(int, rng.integers(0, largest, 6)),
            *(sent.parameters ^ 1 << bit for bit in (0, 7, 23)),
        ):
            own = received(sent)
            heard.append((Received(own.symbols, own.noise_variance, header), text))
    wrong = 0
    for message, sent_text in heard:
        what = f"{len(message.symbols)} symbols with parameters {message.parameters}"
        found = subject.decode(message, what)
        nothing = bool(np.isinf(message.noise_variance).all())
        if found.intact and found.text != sent_text:
            wrong += 1
            if nothing or subject.declares("has_checksum"):
                raise Broken(f"{what}, which nobody sent, passed for intact: {found.text[:40]!r}")
    if wrong > SENSELESS * len(heard):
        raise Broken(f"{wrong} of {len(heard)} frames that nobody sent passed for intact")
    return f"{len(heard)} frames that nobody sent: {wrong} passed for intact, none raised"


def prefixes(subject: Subject) -> str:
    """A prefix of ordered symbols is a coarser description of the message."""
    if not subject.codec.ordered_symbols:
        return "not declared, so nothing is promised"
    seen = []
    for share, least in PREFIXES.items():
        shares = []
        for text in subject.terms.texts:
            shares.append(likeness(text, subject.decode(_cut(subject.encode(text), share), f"{share:.0%} of it").text))
        found = float(np.mean(shares))
        if found < least:
            raise Broken(f"of the first {share:.0%} of the symbols, without noise, {found:.0%} of the words are right")
        seen.append(f"{found:.0%} of the words from the first {share:.0%} of the symbols")
    return ", ".join(seen)


def checksum(subject: Subject) -> str:
    """Where a checksum is declared, what is intact is what was sent."""
    if not subject.declares("has_checksum"):
        return "not declared, so nothing is promised"
    rng, caught = subject.rng, 0
    for text in subject.terms.texts:
        sent = subject.encode(text)
        half = rng.permutation(len(sent.symbols)) < len(sent.symbols) // 2
        corrupted = [received(sent, snr_db, rng) for snr_db in (-10.0, -5.0, 0.0, 3.0)]
        turned = received(sent)
        corrupted.append(Received(np.where(half, -turned.symbols, turned.symbols), *_rest(turned)))
        corrupted.append(Received(turned.symbols[::-1].copy(), *_rest(turned)))
        corrupted.append(_cut(sent, 0.3))
        for message in corrupted:
            found = subject.decode(message, "a corrupted message")
            if found.intact and found.text != text:
                raise Broken(f"a corrupted message passed for intact: {found.text[:40]!r} for {text[:40]!r}")
            caught += not found.intact
    if not caught:
        raise Broken("no message could be corrupted, half of its symbols turned over or lost")
    return f"{caught} corrupted messages are not intact, and no wrong text is"


def batches(subject: Subject) -> str:
    """`decode_batch` is `decode` of each."""
    if not hasattr(subject.codec, "decode_batch"):
        return "it decodes one by one"
    messages = [received(subject.encode(text), 12.0, subject.rng) for text in subject.terms.texts]
    messages += [_noise(subject.rng, 17, 1.0, 1), _cut(subject.encode(subject.terms.texts[0]), 0.0)]
    alone = [subject.decode(message, "a message by itself") for message in messages]
    if subject.decode_batch([]) != []:
        raise Broken("decode_batch of nothing is not nothing")
    for batch in (messages, messages[::-1], messages[:1]):
        expected = {id(message): one for message, one in zip(messages, alone, strict=True)}
        for message, found in zip(batch, subject.decode_batch(batch), strict=True):
            one = expected[id(message)]
            same = (found.text, found.intact) == (one.text, one.intact)
            if not same or abs(found.confidence - one.confidence) > 0.01:
                raise Broken(f"in a batch {found.text[:40]!r}, by itself {one.text[:40]!r}")
    return f"{len(messages)} messages in three batches, as one by one"


def memory(subject: Subject) -> str:
    """`decode_after` nothing is `decode`; after anything else it is a `Decoded` all the same."""
    if not hasattr(subject.codec, "decode_after"):
        return "it decodes without what was heard before"
    texts = subject.terms.texts
    strange = [Remembered(text, trust) for text in ("", "\0\ufffd🐘 " * 500, *texts) for trust in (0.0, 0.5, 1.0)]
    strange += [Remembered("so it goes on " * 1000, 1.0)] * (256 - len(strange))
    for text in texts:
        message = received(subject.encode(text), 3.0, subject.rng)
        arrays = message.symbols.copy(), message.noise_variance.copy()
        what, many = f"{text[:40]!r} after nothing", f"{text[:40]!r} after {len(strange)} texts"
        alone = subject.decode(message, what)
        knowing = subject.decode_after(message, strange, many)
        for found in (subject.decode_after(message, [], what), subject.decode(message, what)):
            if found != alone:
                raise Broken(f"{what}: {found.text[:40]!r}, and decode made {alone.text[:40]!r} of it at first")
        if subject.decode_after(message, strange, many) != knowing:
            raise Broken(f"{many}: something else the second time")
        if not all(map(np.array_equal, arrays, (message.symbols, message.noise_variance))):
            raise Broken("decode_after changed the arrays that it was given")
    return f"{len(texts)} messages after nothing as without memory, and after {len(strange)} texts of any kind"


def bounded_time(subject: Subject) -> str:
    """Of every call so far."""
    bound, seen = subject.terms.bound_s, []
    for kind, (seconds, what) in sorted(subject.slowest.items()):
        if seconds > bound:
            raise Broken(f"{kind} of {what} took {seconds:.1f} s, and {bound:g} s is the bound")
        seen.append(f"{kind} {seconds:.3g} s ({what})")
    return f"each call within {bound:g} s; the slowest: {', '.join(seen)}"


def _noise(rng: np.random.Generator, count: int, variance: float, header: int) -> Received:
    parts = rng.normal(scale=0.5**0.5, size=(2, count))
    return Received((parts[0] + 1j * parts[1]).astype(np.complex64), np.full(count, variance, np.float32), header)


def _cut(sent: Encoded, share: float) -> Received:
    """Without noise, of which only the first `share` of the symbols arrived."""
    whole = received(sent)
    lost = np.arange(len(whole.symbols)) >= share * len(whole.symbols)
    variance = np.where(lost, np.float32(np.inf), whole.noise_variance)
    return Received(np.where(lost, np.complex64(0), whole.symbols), variance, sent.parameters)


def _rest(message: Received) -> tuple[np.ndarray, int]:
    return message.noise_variance, message.parameters
