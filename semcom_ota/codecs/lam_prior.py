"""`lam-prior`: a decoder-only large model as the prior of a search over texts.

The transmitter sends every token with the energy of its surprisal (`lam_codebook.py`); the receiver looks for the text
that maximises log P(text) under the language model plus log p(symbols | text, estimated channel) (`lam_search.py`).
Nothing is trained but the language model, and any causal one will do, if it is the same at both ends: the symbols are
turned by a pattern that its fingerprint decides (`LanguageModel.turns`), so that with another one no text is found.

What the receiver must know before it searches stands in the frame header (`lam_prior_header.py`).
"""

import math
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from semcom_ota.codecs.base import Decoded, DoesNotFit, Encoded, Received, Remembered
from semcom_ota.codecs.device import named_device
from semcom_ota.codecs.lam_codebook import (
    MAX_SYMBOLS_PER_TOKEN,
    Codebook,
    next_history,
    relative_energy,
    share,
    surprisal_of,
)
from semcom_ota.codecs.lam_prior_header import MOST_TOKENS, Parameters, checksum, nearest_step
from semcom_ota.codecs.lam_search import Candidates, Observation, Prior, search
from semcom_ota.codecs.language_model import LanguageModel
from semcom_ota.codecs.memory_prior import MemoryPrior, runs
from semcom_ota.codecs.text_budget import chunks
from semcom_ota.config import CodecConfig, DeviceConfig
from semcom_ota.types import ComplexArray, FloatArray

OWN_SNR_DB = 10.0
"""Taken for granted by a transmitter that knows nothing of the channel."""
LEAST_SYMBOLS_PER_TOKEN = 6.0
"""Of the codec's own budget: text that takes many tokens a word is not English, and has no prior to lean on."""
HOPELESS = 3.0
"""A text with so many times the bits that the channel carries is refused: what came out would be made up."""
MODE_MARGINS = (1.2, 1.4, 3.0)
"""Least ratio of what the channel carries to a text's bits, for each mode of the codebook but the first."""
LEAST_FOR_HISTORY = 4.0
"""Symbols a token below which history has no part in them: too few dimensions to tell words apart by what is left."""
LEAST_SHOWN = 0.2
"""Below this probability of the text whose checksum holds, the likeliest text is shown, though its own does not."""
NOT_FOLLOWED = 0.7
"""Texts that were followed agree with each other more than with the one that was sent: of the tokens that a doubtful
text has in common with the others so many are right, times the share of its bits that was received (60 captions of
validation, -14 to 2 dB: says 0.04 to 0.52 where 0.18 to 0.51 are right)."""
NARROWER = (16, 4, 1)
"""A search begins with this part of its beams; if it finds no text that the receiver vouches for, it is done again with
more, and with all of them if as much information was received as the text has (the scale of its energies tells). Where
the channel is good, nearly every text is found by the first search, the quickest; where it is lost, the longest would
hardly help."""
MAX_STEPS = 2**14
"""Beams times tokens of a message: what bounds the time of a search. In a text of more than 128 tokens fewer than 128
beginnings are followed. A count and no clock, so that a slow machine finds what a fast one finds."""
MAX_POSITIONS = 2**15
"""Tokens of all the beginnings that are followed together: the language model keeps something of each in memory, and
whoever sends decides how many there are. Of what is more, one part is searched after the other."""
_MOST_CHUNK = 127
_LEAST_VARIANCE = 1e-3
_MOST_MAGNITUDE = 1e3


class LamPrior:
    """A language model at both ends; the receiver searches for the likeliest text.

    Confidence is the posterior probability of the whole text, the checksum taken into account. `intact`: the checksum
    held, and the text is more likely right than wrong. Where it did not, `word_confidence` says how much is right.
    """

    name = "lam-prior"
    number = 3
    ordered_symbols = False
    reference_snr_db = 3.0  # BLEU-1 of captions is 0.997 there
    has_checksum = False  # too short a one to say that nothing wrong is ever delivered

    def __init__(self, codec: CodecConfig, device: DeviceConfig):
        """Load the language model; raises ConfigError if there is none."""
        self._device = named_device(device.device)
        self._model = LanguageModel.load(codec.language_model, self._device)
        self._codebook = Codebook(self._model.vocabulary, self._device)
        self._prior = Prior(_fixed_prior(codec.prior, self._model, self._device))
        self._symbols_per_word, self._beams = codec.symbols_per_word, codec.beams
        self._longest = min(self._model.max_tokens, _MOST_CHUNK)

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return self._model.parameters

    def symbol_count(self, text: str) -> int:
        """See `Codec`: `symbols_per_word` a word, more for text that takes many tokens."""
        return self._budget(text, len(self._model.tokens(text)))

    @torch.inference_mode()
    def encode(self, text: str, *, n_symbols: int | None = None, snr_db: float | None = None) -> Encoded:
        """See `Codec`. `snr_db` and the text's surprisal decide how much of the codebook depends on history.

        Raises:
            DoesNotFit: `n_symbols` are fewer or more than its tokens can have, the text is too long, or its bits under
                the language model are hopelessly many for the channel.
        """
        if not text:
            raise ValueError("no text to send")
        tokens = self._model.tokens(text)
        total = self._budget(text, len(tokens)) if n_symbols is None else n_symbols
        if len(tokens) > MOST_TOKENS or not len(tokens) <= 4 * total <= 4 * MAX_SYMBOLS_PER_TOKEN * len(tokens):
            raise DoesNotFit(f"{self.name}: {len(tokens)} tokens (of at most {MOST_TOKENS}) do not fit {total} symbols")
        surprisal = self._surprisal(tokens, total)
        bits = -float(torch.cat(surprisal).sum()) / math.log(2)
        carried = total * math.log2(1 + 10 ** ((OWN_SNR_DB if snr_db is None else snr_db) / 10))
        if bits > HOPELESS * carried:
            raise DoesNotFit(
                f"{self.name}: {bits:.0f} bits under the language model are beyond {total} symbols at this SNR "
                f"(about {carried:.0f} bits): give it {math.ceil(total * bits / carried)} symbols, or another codec"
            )
        spacious = total >= LEAST_FOR_HISTORY * len(tokens)
        mode = sum(carried >= margin * bits for margin in MODE_MARGINS) if spacious else 0
        stream = self._stream(tokens, surprisal, total, mode)
        scale = float(np.mean(np.abs(stream) ** 2)) ** -1
        parameters = Parameters(len(tokens), nearest_step(scale), mode, checksum(text))
        symbols = (stream * math.sqrt(scale)).astype(np.complex64) * self._model.turns(total)
        return Encoded(symbols, parameters.pack())

    def decode(self, symbols: ComplexArray, noise_variance: FloatArray, parameters: int) -> Decoded:
        """See `Codec`."""
        return self.decode_batch([Received(symbols, noise_variance, parameters)])[0]

    def decode_batch(self, messages: Sequence[Received]) -> list[Decoded]:
        """See `BatchCodec`: searches advance together, token by token, as many as MAX_POSITIONS allows."""
        return self._decode(messages, self._prior)

    def decode_after(self, message: Received, before: Sequence[Remembered]) -> Decoded:
        """See `MemoryCodec` and `MemoryPrior`. A message that is cut into chunks is decoded without memory."""
        cut = Parameters.unpack(message.parameters).tokens > self._longest
        heard = [] if cut else runs(self._model, before)
        return self._decode([message], MemoryPrior(self._prior, heard) if heard else self._prior)[0]

    def _decode(self, messages: Sequence[Received], prior: Prior) -> list[Decoded]:
        decided = [Decoded("", 0.0, False)] * len(messages)
        unsure = list(range(len(messages)))
        widths = sorted({max(1, self._beams // part) for part in NARROWER})
        for beams in widths:
            if widths[0] < beams == self._beams:
                unsure = [i for i in unsure if _information(messages[i]) >= 1]
            for i, one in zip(unsure, self._decode_with(beams, prior, [messages[i] for i in unsure]), strict=True):
                decided[i] = one
            unsure = [i for i in unsure if not decided[i].intact and beams < _most_beams(messages[i])]
        return decided

    def _decode_with(self, beams: int, prior: Prior, messages: Sequence[Received]) -> list[Decoded]:
        observations: list[Observation] = []
        mine: list[slice] = []
        for message in messages:
            parts = self._observations(message, beams)
            mine.append(slice(len(observations), len(observations) + len(parts)))
            observations += parts
        found = self._search(observations, prior)
        return [self._decided(found[part], message) for message, part in zip(messages, mine, strict=True)]

    def _search(self, observations: list[Observation], prior: Prior) -> list[Candidates]:
        found = list[Candidates]()
        while rest := observations[len(found) :]:
            positions = accumulate(observation.beams * (observation.tokens + 1) for observation in rest)
            group = rest[: max(1, sum(total <= MAX_POSITIONS for total in positions))]
            found += search(self._model, self._codebook, group, prior)
        return found

    def _observations(self, message: Received, beams: int) -> list[Observation]:
        """Its chunks; none if the header makes no sense."""
        said, total = Parameters.unpack(message.parameters), len(message.symbols)
        if not said.tokens <= 4 * total <= 4 * MAX_SYMBOLS_PER_TOKEN * said.tokens:
            return []
        turned_back = np.asarray(message.symbols, np.complex64) * self._model.turns(total).conj()
        values = turned_back.view(np.float32).reshape(-1, 2)
        received = torch.from_numpy(values.clip(-_MOST_MAGNITUDE, _MOST_MAGNITUDE)).to(self._device)
        variance = np.asarray(message.noise_variance, np.float32).clip(_LEAST_VARIANCE)
        precise = torch.from_numpy(variance).to(self._device)
        beams = min(beams, _most_beams(message))
        parts, first_symbol = [], 0
        for first, length, symbols in self._cut(said.tokens, total):
            window = slice(first_symbol, first_symbol + symbols)
            ends = first + length == said.tokens
            parts.append(Observation(received[window], precise[window], length, said.scale, said.mode, ends, beams))
            first_symbol += symbols
        return parts

    def _decided(self, chunks: Sequence[Candidates], message: Received) -> Decoded:
        """The likeliest text whose header this is; or, if none is likely, the likeliest, which is not intact."""
        if not chunks:
            return Decoded("", 0.0, False)
        said, symbols = Parameters.unpack(message.parameters), len(message.symbols)
        before = [token for chunk in chunks[:-1] for token in chunk.tokens[0].tolist()]
        others = math.prod(float(chunk.probability[0]) for chunk in chunks[:-1])
        last = chunks[-1]
        texts = [self._model.text(before + tokens) for tokens in last.tokens.tolist()]
        weights = last.probability.cpu().numpy() * others
        holds = np.array(
            [
                said.holds(text) and self._says(said, text, before + tokens, symbols)
                for text, tokens in zip(texts, last.tokens.tolist(), strict=True)
            ]
        )
        # Texts that were not followed pass the checksum by chance.
        passing = float(weights[holds].sum()) + max(0.0, 1 - float(weights.sum())) * 2.0**-said.checksum_bits
        chosen = int(np.argmax(np.where(holds, weights, -1)))
        confidence = min(1.0, float(weights[chosen]) / passing) if holds.any() and passing > 0 else 0.0
        if confidence < LEAST_SHOWN:
            chosen, confidence = _most_alike(last), 0.0
        right = None
        if len(chunks) == 1:  # else there is no estimate of the words
            right = confidence + (1 - confidence) * _agreed(last, chosen) * NOT_FOLLOWED * min(
                1.0, _information(message)
            )
        return Decoded(texts[chosen], confidence, confidence > 0.5, right)

    def _says(self, said: Parameters, text: str, tokens: list[int], symbols: int) -> bool:
        """Whether a transmitter makes these tokens of `text`, and has to scale their energies as the header says.

        A few bits of proof beside the checksum's. They count where the language model is at a loss: of a text that is
        unlike all that it knows, the right beginning may be lost without a trace, and then one of the many texts that
        were followed in its place passes a checksum of 9 bits by chance.
        """
        try:
            if self._model.tokens(text) != tokens:
                return False
        except DoesNotFit:
            return False
        stream = self._stream(tokens, self._surprisal(tokens, symbols), symbols, said.mode)
        return said.has_scale(float(np.mean(np.abs(stream) ** 2)) ** -1)

    @torch.inference_mode()
    def _surprisal(self, tokens: list[int], symbols: int) -> list[Tensor]:
        """Of each chunk: log-probabilities of its tokens."""
        cut = self._cut(len(tokens), symbols)
        return [self._model.score(tokens[first : first + length]) for first, length, _ in cut]

    def _stream(self, tokens: list[int], surprisal: list[Tensor], symbols: int, mode: int) -> np.ndarray:
        """(symbols,) complex128, not normalised."""
        parts: list[Tensor] = []
        for (first, length, count), known in zip(self._cut(len(tokens), symbols), surprisal, strict=True):
            history = torch.zeros((), dtype=torch.long, device=self._device)
            energies, counts = relative_energy(known), share(count, length)
            for token, energy, size in zip(tokens[first : first + length], energies, counts, strict=True):
                parts.append(self._codebook.codeword(token, history, size, mode) * energy.sqrt())
                history = next_history(history, torch.tensor(token, device=self._device))
        return torch.cat(parts).cpu().numpy().astype(np.float64).view(np.complex128).ravel()

    def _cut(self, tokens: int, symbols: int) -> Sequence[tuple[int, int, int]]:
        """(first token, tokens, symbols) of each chunk."""
        first, parts = 0, []
        for length, count in chunks(tokens, symbols, self._longest):
            parts.append((first, length, count))
            first += length
        return parts

    def _budget(self, text: str, tokens: int) -> int:
        nominal = int(self._symbols_per_word * len(text.split()))
        return min(max(nominal, int(LEAST_SYMBOLS_PER_TOKEN * tokens), 1), MAX_SYMBOLS_PER_TOKEN * tokens)


def _information(message: Received) -> float:
    """Bits that were received, by Shannon's formula, over those that the text has under the language model."""
    said = Parameters.unpack(message.parameters)
    variance = np.maximum(message.noise_variance, _LEAST_VARIANCE, dtype=np.float64)
    return float(np.log2(1 + 1 / variance).sum()) / (said.tokens * surprisal_of(1 / said.scale))


def _most_beams(message: Received) -> int:
    """What MAX_STEPS allows for as long a text."""
    return max(1, MAX_STEPS // Parameters.unpack(message.parameters).tokens)


def _most_alike(found: Candidates) -> int:
    """Which candidate has the most tokens right, as the posterior sees it.

    Where the whole text is in doubt, its likeliest version need not be the one with the fewest errors (minimum Bayes
    risk decoding: Kumar and Byrne, HLT-NAACL 2004).
    """
    alike = (found.tokens[:, None] == found.tokens[None]).double().mean(-1)
    return int((alike @ found.probability).argmax())


def _agreed(found: Candidates, chosen: int) -> float:
    """The share of a candidate's tokens that the others have, too, as the posterior sees it: 0..1."""
    weights = found.probability.clone()
    weights[chosen] = 0
    alike = (found.tokens == found.tokens[chosen]).double().mean(-1)
    return float((alike @ weights) / weights.sum().clamp(min=1e-9))


def _fixed_prior(kind: str, model: LanguageModel, device: torch.device) -> Tensor | None:
    """Log-probabilities of tokens for a search that is to do without context, for comparison."""
    if kind == "language-model":
        return None
    if kind == "uniform":
        return torch.full((model.vocabulary,), -math.log(model.vocabulary), device=device)
    return model.unigram()
