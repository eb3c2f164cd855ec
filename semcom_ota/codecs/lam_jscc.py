"""`lam-jscc`: a large language model (LAM) at both ends, adapters between it and the channel. See docs/lam-jscc.md.

The 24 parameter bits of the header: where the LAM writes symbols, 10 for the number of tokens less one and 13 for a
checksum of the text (bits 16..7; bits 23..18 and 6..0), bit 17 is 0. With it the receiver knows which of the likeliest
texts was meant, or that none was. Everything else is bits, see `lam_bits.py`.
"""

import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from semcom_ota.codecs.base import GAP, Decoded, Encoded, Received
from semcom_ota.codecs.device import named_device
from semcom_ota.codecs.lam_bits import (
    ERROR_FREE,
    LITERAL,
    MAX_TOKENS,
    Literal,
    best_rate,
    demodulated,
    modulated,
    pairs,
)
from semcom_ota.codecs.lam_checkpoint import load_checkpoint
from semcom_ota.codecs.lam_model import Context
from semcom_ota.codecs.lam_reading import Candidate, Reading, expected_right, join
from semcom_ota.codecs.lam_tokenizer import LamTokens
from semcom_ota.codecs.symbol_order import load_worth, symbol_positions
from semcom_ota.codecs.text_budget import chunks
from semcom_ota.coding.crc import checksum
from semcom_ota.config import CHECKPOINTS, CodecConfig, ConfigError, DeviceConfig, shipped
from semcom_ota.types import ComplexArray, FloatArray

CHECK_BITS = 13
BEAMS = 8
"""Texts that are followed, and checked, at most: each has a chance of 2**-13 to pass for right by accident."""
TOKENS_PER_WORD_OF_ENGLISH = 1.75
_FEWEST_CODED_SYMBOLS = 24
_ROWS = 256
"""Hypotheses that run through the LAM together."""


class LamJscc:
    """Text to symbols and back by a LAM with trained adapters. Decodes batches.

    Confidence is the receiver's own estimate that the whole text is right, `word_confidence` that of the share of its
    tokens that are. A text is `intact` if its checksum holds and it is more likely right than not, the checksum
    considered. Symbols are ordered (not those of a text that goes byte for byte, nor of the separate design, which both
    are channel coded).
    """

    name = "lam-jscc"
    number = 5
    has_checksum = False  # 13 bits, and eight texts that are tried: one in 1,000 that are corrupted passes
    ordered_symbols = True
    reference_snr_db = 12.0  # BLEU-1 of captions is 0.99 there

    def __init__(self, codec: CodecConfig, device: DeviceConfig):
        """Load a checkpoint; raises ConfigError if it, or its LAM, is missing or damaged."""
        self._symbols_per_word = codec.symbols_per_word
        self._device = named_device(device.device)
        named = codec.lam_checkpoint or CHECKPOINTS / self.name
        folder = shipped(named) or named
        self._tokenizer, self._model = load_checkpoint(folder)
        self._model.to(self._device)
        self._config = self._model.config
        self._separate = self._config.design == "separate"
        self.ordered_symbols = not self._separate
        self._worth = self._ranking(folder) if codec.order == "importance" else None
        self._beams = min(codec.beams, BEAMS)
        self._literal = Literal()

    def symbol_count(self, text: str) -> int:
        """See `Codec`: `symbols_per_word` a word; more for text that the LAM's vocabulary does not cover."""
        tokens = self._tokens(text)
        return (
            self._literal.symbol_count(text) if tokens is None or _foreign(tokens, text) else self._budget(tokens, text)
        )

    @torch.inference_mode()
    def encode(self, text: str, *, n_symbols: int | None = None, snr_db: float | None = None) -> Encoded:
        """See `Codec`. Byte for byte goes what the LAM cannot spell, and what it spells badly where bytes fit, too."""
        tokens = self._tokens(text)
        if tokens is not None:
            foreign = _foreign(tokens, text)
            own = 0 if foreign else self._budget(tokens, text)
            total = own if n_symbols is None else n_symbols
            if self._fits(tokens, total) and not (foreign and self._literal.arrives(text, total, snr_db)):
                return self._by_lam(text, tokens, total, snr_db)
        return self._literal.encode(text, n_symbols, snr_db)

    def decode(
        self, symbols: ComplexArray, noise_variance: FloatArray, parameters: int, context: Context | None = None
    ) -> Decoded:
        """See `Codec`. `context` (of one text, in the LAM's space) is what a memory knows."""
        return self.decode_batch([Received(symbols, noise_variance, parameters)], context)[0]

    @torch.inference_mode()
    def decode_batch(self, messages: Sequence[Received], context: Context | None = None) -> list[Decoded]:
        """See `BatchCodec`. `context`, if there is any, has one row for each message."""
        decoded: list[Decoded | None] = [None] * len(messages)
        parts, exact = [], {}
        for index, message in enumerate(messages):
            if message.parameters & LITERAL:
                decoded[index] = self._literal.decode(message.symbols, message.noise_variance, message.parameters)
                continue
            symbols, variance = _sound(message)
            count, promised = (message.parameters >> 7 & MAX_TOKENS - 1) + 1, False
            if self._separate:
                symbols, variance, count, promised = _from_bits(symbols, variance, message.parameters)
            if not self._possible(count, len(symbols)):
                decoded[index] = Decoded("", 0.0, False)
                continue
            exact[index] = promised and bool(np.isfinite(variance).all())
            parts += [(index, *part) for part in self._chunks(symbols, variance, count)]
        readings = self._read(parts, context)
        for index, reading in readings.items():
            decoded[index] = (
                self._judged_by_bits(reading, exact[index])
                if self._separate
                else self._judged(reading, _check_of(messages[index].parameters))
            )
        return [message for message in decoded if message is not None]

    def _tokens(self, text: str) -> LamTokens | None:
        tokens = self._tokenizer.encode(text)
        return tokens if tokens is not None and len(tokens.identities) <= MAX_TOKENS else None

    def _budget(self, tokens: LamTokens, text: str) -> int:
        count, nominal = len(tokens.identities), int(self._symbols_per_word * len(text.split()))
        if self._separate:
            return max(nominal, _FEWEST_CODED_SYMBOLS)
        return min(max(nominal, count), self._config.layers_per_token * count)

    def _fits(self, tokens: LamTokens, n_symbols: int) -> bool:
        return n_symbols > 0 and (self._separate or self._possible(len(tokens.identities), n_symbols))

    def _possible(self, tokens: int, symbols: int) -> bool:
        fewest = 1 if self._separate else tokens
        return fewest <= symbols <= self._config.layers_per_token * tokens

    def _by_lam(self, text: str, tokens: LamTokens, n_symbols: int, snr_db: float | None) -> Encoded:
        count = len(tokens.identities)
        if not self._separate:
            check = _check(text)
            return Encoded(self._write(tokens, n_symbols), check >> 7 << 18 | (count - 1) << 7 | check & 0x7F)
        rate = best_rate(count, n_symbols, snr_db, self._config.layers_per_token)
        symbols = self._write(tokens, pairs(count, rate))
        bits = np.stack([symbols.real < 0, symbols.imag < 0], -1).astype(np.uint8).ravel()
        variance = np.full(len(symbols), ERROR_FREE, np.float32)
        parts = [(0, *part) for part in self._chunks(symbols, variance, count)]
        exact = self._judged_by_bits(self._read(parts, None)[0], True).text == text
        return modulated(bits, count, rate, exact, n_symbols, snr_db)

    def _write(self, tokens: LamTokens, total: int) -> ComplexArray:
        """(total,) complex64, the symbols that the LAM writes, in order."""
        identities = torch.tensor(tokens.identities, device=self._device)
        forms = torch.tensor(tokens.forms, device=self._device)
        parts, first = [], 0
        for length, symbols in chunks(len(identities), total, self._config.max_tokens):
            order, sent = self._grid(length, symbols)
            part, form = identities[None, first : first + length], forms[None, first : first + length]
            grid = self._model.encode(part, form, torch.ones_like(part, dtype=torch.bool), sent)
            stream = torch.zeros(symbols, dtype=torch.complex64, device=self._device)
            stream[order[sent]] = grid[sent]
            parts.append(stream.cpu().numpy())
            first += length
        return np.concatenate(parts)

    def _chunks(self, symbols: ComplexArray, variance: FloatArray, tokens: int) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Of each chunk: symbols and noise variances on the grid (1, T, layers), and which of these were sent."""
        received = torch.from_numpy(np.ascontiguousarray(symbols, np.complex64)).to(self._device)
        noise = torch.from_numpy(np.ascontiguousarray(variance, np.float32)).to(self._device)
        parts, first = [], 0
        for length, count in chunks(tokens, len(symbols), self._config.max_tokens):
            order, sent = self._grid(length, count)
            place = (first + order).clamp(max=len(received) - 1)
            parts.append((torch.where(sent, received[place], 0), torch.where(sent, noise[place], torch.inf), sent))
            first += count
        return parts

    def _grid(self, tokens: int, symbols: int) -> tuple[Tensor, Tensor]:
        sizes = torch.tensor([[tokens], [symbols]], device=self._device)
        return symbol_positions(sizes[0], sizes[1], self._config.layers_per_token, self._worth)

    def _ranking(self, folder: Path) -> Tensor:
        if self._separate:
            raise ConfigError("the separate design codes its bits: it has no order of symbols, leave codec.order out")
        return load_worth(folder, self._config.layers_per_token)

    def _read(self, parts: list[tuple[int, Tensor, Tensor, Tensor]], context: Context | None) -> dict[int, Reading]:
        """What the LAM makes of every message, from its chunks in order."""
        readings: dict[int, list[Reading]] = {}
        lengths = sorted(range(len(parts)), key=lambda place: parts[place][1].shape[1])
        results: dict[int, Reading] = {}
        for _, alike in groupby(lengths, key=lambda place: parts[place][1].shape[1]):
            places = list(alike)
            for first in range(0, len(places), rows := max(1, _ROWS // self._beams)):
                batch = places[first : first + rows]
                made = self._read_alike([parts[place] for place in batch], context)
                results |= dict(zip(batch, made, strict=True))
        for place, (index, *_) in enumerate(parts):
            readings.setdefault(index, []).append(results[place])
        return {index: join(several) for index, several in readings.items()}

    def _read_alike(self, parts: list[tuple[int, Tensor, Tensor, Tensor]], context: Context | None) -> list[Reading]:
        """Chunks of as many tokens each."""
        grid = torch.cat([part[1] for part in parts])
        noise, sent = torch.cat([part[2] for part in parts]), torch.cat([part[3] for part in parts])
        mask = torch.ones(grid.shape[:2], dtype=torch.bool, device=grid.device)
        known = None
        if context is not None:
            rows = [part[0] for part in parts]
            known = Context(context.vectors[rows].to(grid.device), context.mask[rows].to(grid.device))
        heard = self._model.hear(grid, noise, mask, known)
        tokens, chances = self._model.search(heard, self._beams)
        forms = self._model.forms(heard).argmax(-1)
        arrived = torch.isfinite(noise)
        whole, some = (arrived | ~sent).all(-1), arrived.any(-1)
        present = whole & some | some & (chances[:, 0].exp() > 0.5)
        return [
            Reading(
                [
                    Candidate(tokens[row, beam].tolist(), chances[row, beam].tolist())
                    for beam in range(self._beams)
                    if torch.isfinite(chances[row, beam]).all()
                ],
                forms[row].tolist(),
                present[row].tolist(),
            )
            for row in range(len(parts))
        ]

    def _judged(self, reading: Reading, check: int) -> Decoded:
        """The likeliest text whose checksum holds; if that of none does, the likeliest."""
        before = 0.0
        for candidate in reading.candidates:
            text = self._tokenizer.decode(LamTokens(candidate.tokens, reading.forms))
            chance = math.exp(candidate.total)
            if all(reading.present) and _check(text) == check:
                right = chance / (chance + max(1 - before - chance, 0) * 2.0**-CHECK_BITS + 1e-12)
                if right > 0.5:
                    words = right + (1 - right) * expected_right(candidate, reading.present)
                    return Decoded(text, right, True, words)
            before += chance
        return self._guess(reading)

    def _judged_by_bits(self, reading: Reading, exact: bool) -> Decoded:
        if exact:
            best = reading.candidates[0]
            return Decoded(self._tokenizer.decode(LamTokens(best.tokens, reading.forms)), 1.0, True)
        return self._guess(reading)

    def _guess(self, reading: Reading) -> Decoded:
        """The likeliest text, which is known to be wrong somewhere."""
        best, parts = reading.candidates[0], []
        places = list(zip(reading.present, best.tokens, reading.forms, strict=True))
        for here, run in groupby(places, key=lambda place: place[0]):
            listed = list(run)
            tokens = LamTokens([token for _, token, _ in listed], [form for _, _, form in listed])
            parts.append(self._tokenizer.decode(tokens) if here else f" {GAP}")
        right = min(expected_right(best, reading.present), 1 - 1 / len(best.tokens))
        return Decoded("".join(parts) if all(reading.present) else "".join(parts).strip(), 0.0, False, right)


def _sound(message: Received) -> tuple[ComplexArray, FloatArray]:
    """Symbols and noise variances; what is no number, or too large for one, is taken as lost."""
    symbols = np.asarray(message.symbols, np.complex64)
    variance = np.asarray(message.noise_variance, np.float32)
    usable = np.isfinite(symbols) & (np.abs(symbols) < 1e6) & (variance >= 0)
    return np.where(usable, symbols, 0).astype(np.complex64), np.where(usable, variance, np.inf).astype(np.float32)


def _from_bits(
    symbols: ComplexArray, variance: FloatArray, parameters: int
) -> tuple[ComplexArray, FloatArray, int, bool]:
    """What the LAM wrote before it became bits (lost where a checksum did not hold); number of tokens; `exact`."""
    bits, right, tokens, exact = demodulated(symbols, variance, parameters)
    signs = (1 - 2 * bits.reshape(-1, 2).astype(np.float32)) * np.float32(0.5**0.5)
    noise = np.where(right.reshape(-1, 2).all(1), np.float32(ERROR_FREE), np.float32(np.inf))
    return (signs[:, 0] + 1j * signs[:, 1]).astype(np.complex64), noise, tokens, exact


def _check(text: str) -> int:
    bits = checksum(np.unpackbits(np.frombuffer(text.encode(), np.uint8)), 16)
    return int("".join(map(str, bits[:CHECK_BITS])), 2)


def _check_of(parameters: int) -> int:
    return parameters >> 18 << 7 | parameters & 0x7F


def _foreign(tokens: LamTokens, text: str) -> bool:
    return len(tokens.identities) > TOKENS_PER_WORD_OF_ENGLISH * len(text.split()) + 4
