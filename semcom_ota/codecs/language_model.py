"""A causal language model of any kind that Hugging Face knows, stepped token by token over many hypotheses at once."""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, DynamicCache, PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from semcom_ota.codecs.base import DoesNotFit
from semcom_ota.codecs.model_folder import load_weights, loading, local_folder
from semcom_ota.config import CHECKPOINTS, ConfigError
from semcom_ota.types import ComplexArray

SHIPPED_LANGUAGE_MODEL = CHECKPOINTS / "language-model"
_LONGEST = 1024
_QUARTER_TURNS = np.array([1, 1j, -1, -1j], np.complex64)
_SAMPLE = 4096  # weights of each tensor that make a fingerprint: training leaves hardly one of them as it was


@dataclass(slots=True)
class State:
    """Hypotheses, and what the model makes of each. Taken by the next `advance`, and of no use after it."""

    cache: DynamicCache
    log_probabilities: Tensor  # (rows, vocabulary) float32: natural logarithms of what comes next
    length: int  # tokens so far, the beginning not counted


class LanguageModel:
    """Probabilities of the next token, given those before. Every text begins and ends with `end`, as in GPT-2."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, device: torch.device):
        """Use `load`."""
        self._model, self._tokenizer, self._device = model.to(device).eval(), tokenizer, device
        tokenizer.backend_tokenizer.encode_special_tokens = True  # a text that spells one out is only a text
        self.end: int = int(tokenizer.eos_token_id)
        begin = tokenizer.bos_token_id
        self._begin = self.end if begin is None else int(begin)
        self.vocabulary = min(len(tokenizer), int(model.config.get_text_config().vocab_size))
        places = getattr(model.config.get_text_config(), "max_position_embeddings", None) or _LONGEST
        self.max_tokens = min(int(places), _LONGEST) - 1  # without the beginning
        never = sorted(set(tokenizer.all_special_ids) - {self.end})
        self._never = torch.tensor([i for i in never if i < self.vocabulary], device=device, dtype=torch.long)

    @classmethod
    def load(cls, name: str | Path | None, device: torch.device) -> "LanguageModel":
        """Weights (safetensors only), sizes and tokenizer, in float32.

        Args:
            name: a folder in Hugging Face's format, or a name on its hub; None is the model that ships.
            device: where it runs.

        Raises:
            ConfigError: it is not there, is no whole causal language model, or is too large to be one.
        """
        return cls(*pretrained(name), device)

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(parameter.numel() for parameter in self._model.parameters())

    @functools.cached_property
    def _own_fingerprint(self) -> bytes:
        return self.fingerprint()

    def fingerprint(self) -> bytes:
        """32 bytes, the same for the same tokenizer and weights, wherever they came from and run."""
        found = hashlib.sha256(self._tokenizer.backend_tokenizer.to_str().encode())
        for name, tensor in sorted(self._model.state_dict().items()):
            values = tensor.flatten()[:: max(1, tensor.numel() // _SAMPLE)].float().cpu().numpy()
            found.update(f"{name} {tuple(tensor.shape)}".encode() + values.astype("<f4").tobytes())
        return found.digest()

    def turns(self, n_symbols: int) -> ComplexArray:
        """By what symbols that were made with this model are turned on their way: (n_symbols,) complex64, 1, j, -1, -j.

        A pattern that the fingerprint decides. To a receiver with another model they are noise, and not another text.
        """
        pattern = np.frombuffer(hashlib.shake_128(self._own_fingerprint).digest(n_symbols), np.uint8)
        return _QUARTER_TURNS[pattern & 3]

    def tokens(self, text: str) -> list[int]:
        """Tokens of a text; `text` gives back the very same.

        Raises:
            DoesNotFit: this model's tokenizer cannot spell it.
        """
        found = [int(token) for token in self._tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids]
        if self.text(found) != text:
            raise DoesNotFit("the language model's tokenizer cannot give this text back as it is")
        if max(found, default=0) >= self.vocabulary:
            raise DoesNotFit("the language model has no weights for a token of this text")
        return found

    def text(self, tokens: list[int]) -> str:
        """Text of these tokens; bytes that are not UTF-8 become U+FFFD."""
        return str(self._tokenizer.backend_tokenizer.decode(tokens, skip_special_tokens=False))

    @torch.inference_mode()
    def begin(self, rows: int = 1) -> State:
        """So many hypotheses, all of them empty."""
        tokens = torch.full((rows,), self._begin, device=self._device)
        return self._step(DynamicCache(config=self._model.config), tokens, 0)

    @torch.inference_mode()
    def advance(self, state: State, parents: Tensor | None, tokens: Tensor) -> State:
        """Hypotheses one token longer.

        Args:
            state: taken over.
            parents: (R,) int64, the row of `state` that each goes on from; None where these are all rows, in order.
            tokens: (R,) int64.
        """
        if parents is not None:
            state.cache.reorder_cache(parents)
        return self._step(state.cache, tokens, state.length + 1)

    @torch.inference_mode()
    def score(self, tokens: list[int]) -> Tensor:
        """(T,) natural logarithms of the probabilities of these tokens (at most `max_tokens`) given those before."""
        given = torch.tensor([[self._begin, *tokens[:-1]]], device=self._device)
        logits = self._model(input_ids=given, use_cache=False).logits[0, :, : self.vocabulary].float()
        return self._normalised(logits).gather(1, torch.tensor(tokens, device=self._device)[:, None])[:, 0]

    @torch.inference_mode()
    def unigram(self, texts: int = 128, longest: int = 24) -> Tensor:
        """(vocabulary,) log-probabilities of a token without context: the mean of what the model expects along texts
        that it makes itself, the same ones every time."""
        generator = torch.Generator(self._device).manual_seed(0)
        state = self.begin(texts)
        total = torch.zeros(self.vocabulary, dtype=torch.float64, device=self._device)
        going = torch.ones(texts, dtype=torch.bool, device=self._device)
        for _ in range(min(longest, self.max_tokens - 1)):
            expected = state.log_probabilities.exp()
            total += expected[going].double().sum(0)
            drawn = torch.multinomial(expected, 1, generator=generator)[:, 0]
            going &= drawn != self.end
            if not going.any():
                break
            state = self.advance(state, None, drawn)
        return total.log().float().log_softmax(0)

    def _step(self, cache: DynamicCache, tokens: Tensor, length: int) -> State:
        out = self._model(input_ids=tokens[:, None], past_key_values=cache, use_cache=True)
        return State(cache, self._normalised(out.logits[:, -1, : self.vocabulary].float()), length)

    def _normalised(self, logits: Tensor) -> Tensor:
        return logits.index_fill(-1, self._never, -torch.inf).log_softmax(-1)


def pretrained(name: str | Path | None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model and tokenizer of `LanguageModel.load`, which says the rest."""
    folder = SHIPPED_LANGUAGE_MODEL if name is None else local_folder(str(name))
    with loading("causal language model", folder):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        if tokenizer.eos_token_id is None or not getattr(tokenizer, "is_fast", False):
            raise ConfigError(f"'{folder}' has no fast tokenizer with a token for the end of a text: use another")
        if tokenizer.eos_token_id >= config.get_text_config().vocab_size:
            raise ValueError("it has no weights for the token that ends a text")
        return load_weights(folder, config, AutoModelForCausalLM), tokenizer
