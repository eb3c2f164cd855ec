"""`text-jscc`: learned joint source-channel coding of text. The network is in `text_model.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from semcom_ota.codecs.base import GAP, Decoded, DoesNotFit, Encoded, Received
from semcom_ota.codecs.checkpoint_folder import loading_checkpoint, read_checkpoint
from semcom_ota.codecs.device import named_device
from semcom_ota.codecs.repetition import combine, repeat
from semcom_ota.codecs.symbol_order import load_worth, symbol_positions
from semcom_ota.codecs.text_budget import chunks, symbol_budget
from semcom_ota.codecs.text_candidates import ALTERNATIVES, LONGEST, Parameters, decided, likeliest
from semcom_ota.codecs.text_model import TextModel, TextModelConfig
from semcom_ota.codecs.tokenizer import TextTokenizer, Tokens
from semcom_ota.config import SHIPPED, WEIGHTS, CodecConfig, ConfigError, DeviceConfig
from semcom_ota.types import ComplexArray, FloatArray

SIZES, TOKENIZER = "model.json", "tokenizer.json"
_MOST_MAGNITUDE = 1e3  # symbols have unit power; the square of what a failed equaliser makes of one may be infinite
_ROWS = 32
"""Chunks that run through the network together."""
MOST_TIMES = 16
"""Symbols are said again where there are more than the tokens have: not more often than this."""
MAX_BYTES = {WEIGHTS: 2**30, TOKENIZER: 2**26}


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the network makes of a chunk, or of a message."""

    tokens: Tensor  # (T, ALTERNATIVES) int64, the likeliest first
    chances: Tensor  # (T, ALTERNATIVES) float32, natural logarithms of their probabilities
    heard: Tensor  # (T,) bool, False where no symbol of a token arrived
    present: Tensor  # (T,) bool, False where a token lost symbols, and is more likely wrong than right without them


class TextJscc:
    """Text to symbols by a transformer, and back by another that is told how noisy each symbol is.

    The header's `codec_parameters` has the number of tokens (of a literal text: bytes) and a checksum of the text, by
    which the receiver chooses among the likeliest texts (`text_candidates.py`). Symbols are ordered: any prefix of a
    chunk describes its whole text; more of them than a text has say it again. Confidence is the posterior probability
    of the whole text, the checksum taken into account. `intact`: the checksum held, the text is more likely right than
    wrong, and some symbol of every token arrived. Where it is not, `word_confidence` says how much is right.
    """

    name = "text-jscc"
    number = 0
    has_checksum = False  # that of a long text has 9 bits: too short a one to say that nothing wrong is delivered
    ordered_symbols = True
    reference_snr_db = 12.0  # of captions, more symbols still help up to there
    adapts_to_snr = False  # see base.adapts_to_snr

    def __init__(self, codec: CodecConfig, device: DeviceConfig):
        """Load a checkpoint; raises ConfigError if it is missing or damaged."""
        self._symbols_per_word = codec.symbols_per_word
        self._device = named_device(device.device)
        folder = codec.checkpoint or SHIPPED
        self._tokenizer, self._model = load_checkpoint(folder)
        self._model.to(self._device)
        layers = self._model.config.layers_per_token
        self._worth = load_worth(folder, layers) if codec.order == "importance" else None

    def symbol_count(self, text: str) -> int:
        """See `Codec`: `symbols_per_word` a word, more for text that the vocabulary does not cover."""
        return self._budget(self._tokenizer.encode(text))

    @torch.inference_mode()
    def encode(self, text: str, *, n_symbols: int | None = None, snr_db: float | None = None) -> Encoded:
        """See `Codec`. `snr_db` makes no difference: the same symbols serve every SNR."""
        if not text:
            raise ValueError("no text to send")
        tokens = self._tokenizer.encode(text)
        identities = torch.tensor(tokens.identities, device=self._device)
        total = self._budget(tokens) if n_symbols is None else n_symbols
        layers = self._model.config.layers_per_token
        count = len(identities)
        own = min(total, layers * count)
        if count > LONGEST or not count <= total <= MOST_TIMES * layers * count:
            most = MOST_TIMES * layers * count
            raise DoesNotFit(
                f"{count} tokens (of at most {LONGEST}) take {count} to {most} payload symbols, not {total}"
            )
        parts, first = [], 0
        for length, symbols in chunks(count, own, self._model.config.max_tokens):
            order, sent = self._grid(length, symbols)
            part = identities[None, first : first + length]
            grid = self._model.encode(part, torch.ones_like(part, dtype=torch.bool), sent)
            stream = torch.zeros(symbols, dtype=torch.complex64, device=self._device)
            stream[order[sent]] = grid[sent]
            parts.append(stream.cpu().numpy())
            first += length
        return Encoded(repeat(np.concatenate(parts), total), Parameters.of(text, count).pack())

    def decode(self, symbols: ComplexArray, noise_variance: FloatArray, parameters: int) -> Decoded:
        """See `Codec`."""
        return self.decode_batch([Received(symbols, noise_variance, parameters)])[0]

    @torch.inference_mode()
    def decode_batch(self, messages: Sequence[Received]) -> list[Decoded]:
        """See `BatchCodec`."""
        chunks: list[tuple[Tensor, Tensor, Tensor]] = []
        mine: list[slice] = []
        for message in messages:
            own = self._chunks(message)
            mine.append(slice(len(chunks), len(chunks) + len(own)))
            chunks += own
        readings = self._read(chunks)
        return [
            self._judged(readings[own], Parameters.unpack(message.parameters))
            for message, own in zip(messages, mine, strict=True)
        ]

    def _chunks(self, message: Received) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Of each chunk: symbols and noise variances on the grid (T, layers), and which of these were sent.

        None if the header makes no sense.
        """
        tokens, total = Parameters.unpack(message.parameters).tokens, len(message.symbols)
        most = self._model.config.layers_per_token * tokens
        if not tokens <= total <= MOST_TIMES * most:
            return []
        values = np.ascontiguousarray(message.symbols, np.complex64).view(np.float32)
        symbols = values.clip(-_MOST_MAGNITUDE, _MOST_MAGNITUDE).view(np.complex64)
        variances = np.ascontiguousarray(message.noise_variance, np.float32)
        if total > most:
            symbols, variances = combine(symbols, variances, most)
            total = most
        received, variance = (torch.from_numpy(array).to(self._device) for array in (symbols, variances))
        parts, first = [], 0
        for length, count in chunks(tokens, total, self._model.config.max_tokens):
            order, sent = self._grid(length, count)
            place = (first + order).clamp(max=total - 1)
            grid, noise = torch.where(sent, received[place], 0), torch.where(sent, variance[place], torch.inf)
            parts.append((grid[0], noise[0], sent[0]))
            first += count
        return parts

    def _read(self, parts: list[tuple[Tensor, Tensor, Tensor]]) -> list[_Reading]:
        """Chunks of as many tokens go together, so that none has to be padded and results are those of one by one."""
        readings: dict[int, _Reading] = {}
        by_length = sorted(range(len(parts)), key=lambda place: len(parts[place][0]))
        for _, alike in groupby(by_length, key=lambda place: len(parts[place][0])):
            places = list(alike)
            for first in range(0, len(places), _ROWS):
                batch = places[first : first + _ROWS]
                grid, noise, sent = (torch.stack([parts[place][i] for place in batch]) for i in range(3))
                everyone = torch.ones(sent.shape[:2], dtype=torch.bool, device=self._device)
                best = self._model.decode(grid, noise, everyone).log_softmax(-1).topk(ALTERNATIVES, -1)
                arrived = torch.isfinite(noise)
                heard = arrived.any(-1)
                present = (arrived | ~sent).all(-1) | heard & (best.values[..., 0].exp() > 0.5)
                rows = zip(best.indices, best.values, heard, present, strict=True)
                readings |= {place: _Reading(*row) for place, row in zip(batch, rows, strict=True)}
        return [readings[place] for place in range(len(parts))]

    def _judged(self, chunks: Sequence[_Reading], said: Parameters) -> Decoded:
        if not chunks:
            return Decoded("", 0.0, False)
        tokens = torch.cat([chunk.tokens for chunk in chunks]).cpu().numpy()
        chances = torch.cat([chunk.chances for chunk in chunks]).cpu().numpy()
        if all(bool(chunk.heard.all()) for chunk in chunks):
            candidates = likeliest(tokens, chances, said.candidates)
            texts = [(self._tokenizer.decode(candidate.tokens), candidate.probability) for candidate in candidates]
            text, confidence = decided(texts, said)
            if confidence > 0.5:
                return Decoded(text, confidence, True)
        else:
            confidence = 0.0
        present = torch.cat([chunk.present for chunk in chunks]).tolist()
        right = float(np.mean(np.exp(chances[:, 0]) * present))  # as the network sees it, token by token
        text = self._text(tokens[:, 0].tolist(), present)
        return Decoded(text, confidence if all(present) else 0.0, False, min(right, 1.0))

    def _grid(self, tokens: int, symbols: int) -> tuple[Tensor, Tensor]:
        return symbol_positions(
            torch.tensor([tokens], device=self._device),
            torch.tensor([symbols], device=self._device),
            self._model.config.layers_per_token,
            self._worth,
        )

    def _text(self, tokens: list[int], present: list[bool]) -> str:
        parts = []
        for here, run in groupby(zip(present, tokens, strict=True), key=lambda pair: pair[0]):
            parts.append(self._tokenizer.decode([token for _, token in run]) if here else f" {GAP}")
        return "".join(parts).strip() if not all(present) else "".join(parts)

    def _budget(self, tokens: Tokens) -> int:
        return symbol_budget(tokens, self._symbols_per_word, self._model.config.layers_per_token)


def load_checkpoint(folder: Path) -> tuple[TextTokenizer, TextModel]:
    """Tokenizer and network of a checkpoint folder, in evaluation mode, float32, on the CPU.

    Raises:
        ConfigError: a file is missing, too large, damaged, or does not belong to the others.
    """
    with loading_checkpoint("checkpoint of text-jscc", folder, "name its folder"):
        config, weights = read_checkpoint(folder, SIZES, TextModelConfig, MAX_BYTES)
        config.check(weights)  # before a network of that size is built
        model = TextModel(config)
        model.load_state_dict(weights)
    tokenizer = TextTokenizer.load(folder / TOKENIZER)
    if tokenizer.vocabulary > config.vocabulary:
        raise ConfigError(f"'{folder}': tokenizer and weights do not belong together: restore the folder")
    return tokenizer, model.eval()
