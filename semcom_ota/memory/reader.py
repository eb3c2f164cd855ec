"""The reader of a memory: what messages mean, what is asked of them, and the answer.

It reads what a decoder understood, whichever codec that was, and so much of it as the decoder trusts. The one that
ships (`checkpoints/reader`) is made by the recipe `stories`.
"""

import copy
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import save_file
from torch import Tensor
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from semcom_ota.codecs.base import GAP
from semcom_ota.codecs.checkpoint_folder import loading_checkpoint, read_checkpoint
from semcom_ota.codecs.device import named_device
from semcom_ota.codecs.lam_backbone import EncoderLam
from semcom_ota.codecs.lam_loading import load_backbone
from semcom_ota.config import CHECKPOINTS, WEIGHTS, DeviceConfig
from semcom_ota.memory.context import Recollection, stacked
from semcom_ota.memory.reader_model import INTENTS, ReaderModel
from semcom_ota.memory_config import Aspect
from semcom_ota.types import FloatArray

SHIPPED, SHIPPED_READER = Path("shipped"), CHECKPOINTS / "reader"
SIZES, OWN_LAM = "reader.json", "lam"
LEAST_TRUST = 1e-3
MAX_WEIGHTS_BYTES = 2**32


@dataclass(frozen=True, slots=True)
class Sense:
    """What the reader makes of one text."""

    tokens: NDArray[np.int64]  # (T,)
    trust: FloatArray  # (T,)
    features: FloatArray  # (1, width)
    intent: str  # one of INTENTS
    intent_probability: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reader answers."""

    text: str  # several things with commas, in the order of the alphabet; '' if no word is likely
    confidence: float  # 0..1: the probability that all of it is right, as the reader sees it
    numbers: NDArray[np.int64]  # (C,) entries that it had in mind
    support: FloatArray  # (C,) 0..1: the probability that the answer needed each


class ReaderFile(BaseModel):
    """`reader.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    places: int = Field(ge=1, le=1024, description="tokens of a sentence that count")
    intents: tuple[str, ...] = Field(INTENTS, min_length=1, max_length=64)


class MemoryReader:
    """Reads texts into features, and answers from what is remembered. Stateless."""

    def __init__(self, folder: Path, device: DeviceConfig):
        """Load a checkpoint, `shipped` is the one that ships; raises ConfigError if there is none, or it is damaged."""
        self._device = named_device(device.device)
        folder = SHIPPED_READER if folder == SHIPPED else folder
        self._tokenizer, self._model, self._places = load_reader(folder)
        self._fingerprint = _fingerprint(folder)
        self._model.to(self._device)

    @property
    def fingerprint(self) -> str:
        """By which features of this reader are told from those of another one."""
        return self._fingerprint

    @property
    def width(self) -> int:
        """Of the features."""
        return self._model.answering.lam.width

    @torch.inference_mode()
    def read(self, text: str, confidence: float) -> Sense:
        """What a text means.

        Args:
            text: as decoded; gaps in it are passed over.
            confidence: 0..1, the decoder's: how far each token of it is trusted.
        """
        tokens = self._tokens(" ".join(text.replace(GAP, " ").split()))
        trust = np.full(len(tokens), max(confidence, LEAST_TRUST), np.float32)
        features = self._model.answering.features(*self._batch(tokens, trust))
        chances = self._model.to_intent(features)[0].softmax(-1)
        best = int(chances.argmax())
        return Sense(tokens, trust, features.cpu().numpy(), INTENTS[best], float(chances[best]))

    @torch.inference_mode()
    def answer(self, question: Sense, memory: Recollection, left_out: Collection[Aspect] = ()) -> Answer:
        """Answer a question from what was called to mind; `left_out` of it is not told."""
        context = self._model.context(*stacked([memory], self.width, self._device), left_out)
        made = self._model.answering(*self._batch(question.tokens, question.trust), context)
        blank = self._model.answering.blank
        no_words = torch.tensor([one for one in self._tokenizer.all_special_ids if one != blank], device=self._device)
        sure, words = made.words[0].float().index_fill(-1, no_words, -torch.inf).softmax(-1).max(-1)
        said = sorted({self._tokenizer.decode([word]).strip() for word in words.tolist() if word != blank})
        support = made.support[0].float().sigmoid().cpu().numpy()
        return Answer(",".join(said), float(sure.prod()), memory.numbers, support)

    @torch.inference_mode()
    def worth(self, memory: Recollection) -> FloatArray:
        """(C,) 0..1: the probability that each entry will be needed for an answer to come."""
        if not len(memory.numbers):
            return np.zeros(0, np.float32)
        context = self._model.context(*stacked([memory], self.width, self._device))
        needed: Tensor = self._model.answering.later(context, self._model.to_needed)[0].float().sigmoid()
        return needed.cpu().numpy()

    def _tokens(self, text: str) -> NDArray[np.int64]:
        found = self._tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids[: self._places]
        return np.array(found or [self._model.answering.blank], np.int64)

    def _batch(self, tokens: NDArray[np.int64], trust: FloatArray) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(tokens)[None].to(self._device), torch.from_numpy(trust)[None].to(self._device)


def save_reader(folder: Path, model: ReaderModel, tokenizer: PreTrainedTokenizerBase, places: int) -> None:
    """Write a checkpoint: the LAM as Hugging Face writes it in `lam/`, the rest beside it, all in float16."""
    folder.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model.answering.lam.model).half().save_pretrained(folder / OWN_LAM)
    tokenizer.save_pretrained(folder / OWN_LAM)
    rest = {name: part.half().contiguous().cpu() for name, part in _beside(model).items()}
    save_file(rest, folder / WEIGHTS)
    (folder / SIZES).write_text(ReaderFile(places=places).model_dump_json(indent=1), encoding="utf-8")


def load_reader(folder: Path) -> tuple[PreTrainedTokenizerBase, ReaderModel, int]:
    """Tokenizer, network (in evaluation mode, float32, on the CPU) and places of a checkpoint.

    Raises:
        ConfigError: a file is missing, too large or damaged.
    """
    found = loading_checkpoint(
        "reader",
        folder,
        "name its folder with memory.reader (semcom qa: --reader), or train one with 'semcom train stories'",
    )
    with found:
        described, weights = read_checkpoint(folder, SIZES, ReaderFile, {WEIGHTS: MAX_WEIGHTS_BYTES})
        (folder / OWN_LAM / "config.json").stat()
        lam, tokenizer = load_backbone(folder / OWN_LAM, "encoder")
        if described.intents != INTENTS or not isinstance(lam, EncoderLam) or tokenizer.pad_token_id is None:
            raise ValueError("it was made by another version")
        if max(tokenizer.get_vocab().values()) >= lam.vocabulary:
            raise ValueError("its tokenizer is another")
        model = ReaderModel(lam, described.places, int(tokenizer.pad_token_id))
        if set(weights) != set(_beside(model)):
            raise ValueError("sizes and weights do not belong together")
        model.load_state_dict(weights, strict=False)
    return tokenizer, model.eval(), described.places


def _fingerprint(folder: Path) -> str:
    """16 digits of the SHA-256 of all its weights, and of its tokenizer."""
    files = [folder / WEIGHTS, *sorted((folder / OWN_LAM).glob("*.safetensors")), folder / OWN_LAM / "tokenizer.json"]
    together = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            together.update(hashlib.file_digest(stream, "sha256").digest())
    return together.hexdigest()[:16]


def _beside(model: ReaderModel) -> dict[str, Tensor]:
    """All that is not the LAM as it came."""
    return {
        name: part.detach() for name, part in model.named_parameters() if not name.startswith("answering.lam.model.")
    }
