"""`text-jscc`: learned joint source-channel coding of text. The network is in `text_model.py`."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from semcom_ota.codecs.base import GAP, Decoded, DoesNotFit, Encoded
from semcom_ota.codecs.device import named_device
from semcom_ota.codecs.text_budget import chunks, symbol_budget
from semcom_ota.codecs.text_model import TextModel, TextModelConfig, symbol_positions
from semcom_ota.codecs.tokenizer import TextTokenizer, Tokens
from semcom_ota.config import SHIPPED, WEIGHTS, CodecConfig, ConfigError, DeviceConfig
from semcom_ota.types import ComplexArray, FloatArray

SIZES, TOKENIZER = "model.json", "tokenizer.json"
_MOST_MAGNITUDE = 1e3  # symbols have unit power; the square of what a failed equaliser makes of one may be infinite
MAX_BYTES = {WEIGHTS: 2**30, SIZES: 2**16, TOKENIZER: 2**26}


class TextJscc:
    """Text to symbols by a transformer, and back by another that is told how noisy each symbol is.

    The header's `codec_parameters` is the number of tokens (of a literal text: bytes). Symbols are ordered: any
    prefix of a chunk describes its whole text. Confidence is the mean probability of the decided tokens.
    """

    name = "text-jscc"
    number = 0
    ordered_symbols = True
    adapts_to_snr = False  # see base.adapts_to_snr

    def __init__(self, codec: CodecConfig, device: DeviceConfig):
        """Load a checkpoint; raises ConfigError if it is missing or damaged."""
        self._symbols_per_word = codec.symbols_per_word
        self._device = named_device(device.device)
        self._tokenizer, self._model = load_checkpoint(codec.checkpoint or SHIPPED)
        self._model.to(self._device)

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
        if not count <= total <= layers * count:
            raise DoesNotFit(f"{count} tokens take {count} to {layers * count} payload symbols, not {total}")
        parts, first = [], 0
        for length, symbols in chunks(count, total, self._model.config.max_tokens):
            order, sent = self._grid(length, symbols)
            part = identities[None, first : first + length]
            grid = self._model.encode(part, torch.ones_like(part, dtype=torch.bool), sent)
            stream = torch.zeros(symbols, dtype=torch.complex64, device=self._device)
            stream[order[sent]] = grid[sent]
            parts.append(stream.cpu().numpy())
            first += length
        return Encoded(np.concatenate(parts), parameters=count)

    @torch.inference_mode()
    def decode(self, symbols: ComplexArray, noise_variance: FloatArray, parameters: int) -> Decoded:
        """See `Codec`. A token that lost symbols, and is more likely wrong than right without them, becomes a gap."""
        layers = self._model.config.layers_per_token
        if not 0 < parameters <= len(symbols) <= layers * parameters:
            return Decoded("", 0.0, False)
        tokens: list[int] = []
        present: list[bool] = []
        probability: list[float] = []
        for received, variance, order, sent in self._chunks(symbols, noise_variance, parameters):
            grid = torch.where(sent, received[order.clamp(max=len(received) - 1)], 0)
            grid_variance = torch.where(sent, variance[order.clamp(max=len(received) - 1)], torch.inf)
            everyone = torch.ones(sent.shape[:2], dtype=torch.bool, device=self._device)
            best = self._model.decode(grid, grid_variance, everyone).softmax(-1).max(-1)
            arrived = torch.isfinite(grid_variance)
            whole = (arrived | ~sent).all(-1)
            tokens += best.indices[0].tolist()
            present += (whole | arrived.any(-1) & (best.values > 0.5))[0].tolist()
            probability += best.values[0].tolist()
        confidence = sum(p for p, here in zip(probability, present, strict=True) if here) / len(tokens)
        return Decoded(self._text(tokens, present), confidence, all(present))

    def _chunks(
        self, symbols: ComplexArray, noise_variance: FloatArray, tokens: int
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        parts = np.ascontiguousarray(symbols, np.complex64).view(np.float32).clip(-_MOST_MAGNITUDE, _MOST_MAGNITUDE)
        received = torch.from_numpy(parts.view(np.complex64)).to(self._device)
        variance = torch.from_numpy(np.ascontiguousarray(noise_variance, np.float32)).to(self._device)
        first = 0
        for length, count in chunks(tokens, len(symbols), self._model.config.max_tokens):
            order, sent = self._grid(length, count)
            yield received[first : first + count], variance[first : first + count], order, sent
            first += count

    def _grid(self, tokens: int, symbols: int) -> tuple[Tensor, Tensor]:
        return symbol_positions(
            torch.tensor([tokens], device=self._device),
            torch.tensor([symbols], device=self._device),
            self._model.config.layers_per_token,
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
    try:
        for name, limit in MAX_BYTES.items():
            if (folder / name).stat().st_size > limit:
                raise ConfigError(f"'{folder / name}' is larger than {limit} bytes: this is no checkpoint of text-jscc")
        config = TextModelConfig(**json.loads((folder / SIZES).read_text(encoding="utf-8")))
        weights = load_file(folder / WEIGHTS)
        config.check(weights)  # before a network of that size is built
        model = TextModel(config)
        model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    except OSError as error:
        raise ConfigError(f"no checkpoint of text-jscc in '{folder}' ({error.strerror}): name its folder") from error
    except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"checkpoint '{folder}' is damaged ({reason}): restore it, or train again with 'semcom train'"
        ) from error
    tokenizer = TextTokenizer.load(folder / TOKENIZER)
    if tokenizer.vocabulary > config.vocabulary:
        raise ConfigError(f"'{folder}': tokenizer and weights do not belong together: restore the folder")
    return tokenizer, model.eval()
