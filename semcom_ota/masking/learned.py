"""A mask that is learned: a rate-control network that sees a message's words and what is expected of the channel.

It chooses one of `rates.PATTERNS` nested patterns. In training the choice is drawn, and gradients pass, by the
Gumbel-softmax (Jang, Gu and Poole, ICLR 2017; Maddison, Mnih and Teh, ICLR 2017); in use the likeliest is taken.
"""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from semcom_ota.codecs.base import Codec
from semcom_ota.codecs.checkpoint_folder import loading_checkpoint, read_checkpoint
from semcom_ota.config import CHECKPOINTS, WEIGHTS, ConfigError
from semcom_ota.masking.outlook import Outlook
from semcom_ota.masking.rates import PATTERNS, kept_by
from semcom_ota.types import FloatArray

BUCKETS = 4096
"""Words are told apart by a hash."""
MOST_WORDS = 64
SCALARS = 6
LEAST_SPREAD = 0.02
"""Of the Gaussian, of all patterns."""
SNR_LEVELS_DB = tuple(float(level) for level in range(-6, 28, 3))
FIRST_SLOPE, FIRST_AT_0_DB = 0.035, -0.05
"""Where the Gaussian stands before training, by the SNR in dB: at 12 dB at 0.37 of all patterns."""
_SIZES = "mask.json"
MAX_WEIGHTS_BYTES = 2**28


class RateFile(BaseModel):
    """`mask.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    codec: str = Field(min_length=1, max_length=64, description="that it was trained for")
    width: int = Field(32, ge=1, le=1024)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network sees of several messages."""

    words: NDArray[np.int64]  # (B, W) buckets
    there: NDArray[np.bool_]  # (B, W)
    scalars: FloatArray  # (B, SCALARS)


class RateNet(nn.Module):
    """Words, sizes and channel to the logits of the patterns: a Gaussian over their order, of a mean and a spread.

    With a logit of its own for each pattern training ended with one rate for everything, even for a codec that is
    ideal: what is learned of one pattern has to tell of its neighbours, too. And what is learned of a bad channel must
    not tell of a good one: the SNR comes in by levels.
    """

    def __init__(self, width: int):
        """Random: seed torch first."""
        super().__init__()
        self.words = nn.Embedding(BUCKETS, width)
        nn.init.normal_(self.words.weight, std=0.02)  # the channel tells most
        last = nn.Linear(4 * width, 2)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        inputs = 2 * width + len(SNR_LEVELS_DB) + SCALARS - 1
        self.to_rate = nn.Sequential(nn.Linear(inputs, 4 * width), nn.GELU(), last)
        self._places: Tensor
        self._levels: Tensor
        self.register_buffer("_places", torch.linspace(0, 1, PATTERNS), persistent=False)
        self.register_buffer("_levels", torch.tensor(SNR_LEVELS_DB), persistent=False)

    def forward(self, words: Tensor, there: Tensor, scalars: Tensor) -> Tensor:
        """(B, PATTERNS) logits; the arguments are those of `Seen`."""
        vectors = self.words(words)
        mean = (vectors * there[..., None]).sum(1) / there.sum(1, keepdim=True).clamp(min=1)
        highest = vectors.masked_fill(~there[..., None], -math.inf).amax(1).nan_to_num(neginf=0.0)
        snr_db = scalars[:, :1].clamp(SNR_LEVELS_DB[0], SNR_LEVELS_DB[-1])
        levels = torch.exp(-(((snr_db - self._levels) / (SNR_LEVELS_DB[1] - SNR_LEVELS_DB[0])) ** 2))
        middle, spread = self.to_rate(torch.cat([mean, highest, levels, scalars[:, 1:]], -1)).split(1, -1)
        begins = FIRST_SLOPE * snr_db + FIRST_AT_0_DB
        distance = (self._places - begins - middle) / (functional.softplus(spread - 2) + LEAST_SPREAD)
        return -distance.square() / 2


class LearnedMask:
    """See `masking/mask.py`."""

    def __init__(self, nets: Mapping[str, RateNet]):
        """Networks of codecs by name, as `load_rate_net` gives them."""
        self._nets = nets

    @torch.inference_mode()
    def keep(self, codec: Codec, text: str, n_symbols: int, outlook: Outlook) -> tuple[int, int]:
        """See `Mask`."""
        if outlook.snr_db is None:
            return n_symbols, 0
        one = seen([text], [n_symbols], [outlook.snr_db], [outlook.error_db])
        pattern = int(self._nets[codec.name](*map(torch.from_numpy, (one.words, one.there, one.scalars)))[0].argmax())
        return kept_by(pattern, n_symbols), pattern


def seen(texts: Sequence[str], n_symbols: Sequence[int], snr_db: Sequence[float], error_db: Sequence[float]) -> Seen:
    """What the network sees: of each message the text, its symbols unmasked, the Es/N0 expected, and its mean error."""
    split = [text.lower().split()[:MOST_WORDS] for text in texts]
    words = np.zeros((len(texts), max(map(len, split), default=0) or 1), np.int64)
    there = np.zeros(words.shape, bool)
    scalars = np.zeros((len(texts), SCALARS), np.float32)
    for row, (text, own) in enumerate(zip(texts, split, strict=True)):
        words[row, : len(own)] = [zlib.crc32(word.encode()) % BUCKETS for word in own]
        there[row, : len(own)] = True
        count = max(len(text.split()), 1)
        scalars[row] = (
            snr_db[row],
            error_db[row],
            math.log2(count) / 4,
            math.log2(max(n_symbols[row], 1) / count) / 4,
            len(text) / count / 8,
            sum(not letter.isalpha() and letter not in " .,'" for letter in text) / count,
        )
    return Seen(words, there, scalars)


def save_rate_net(folder: Path, net: RateNet, codec: str, width: int) -> None:
    """Write a checkpoint, in float16."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: part.detach().half().contiguous().cpu() for name, part in net.state_dict().items()}, folder / WEIGHTS
    )
    (folder / _SIZES).write_text(RateFile(codec=codec, width=width).model_dump_json(indent=1), encoding="utf-8")


def load_rate_net(folder: Path | None, codec: str) -> RateNet:
    """A codec's network, from a folder or (None) the one that ships for it, in evaluation mode, on the CPU.

    Raises:
        ConfigError: there is none, it is damaged, or of another codec.
    """
    place = folder or CHECKPOINTS / f"mask-{codec}"
    found = loading_checkpoint(
        f"learned mask of '{codec}'",
        place,
        "name its folder with mask.checkpoint, or train one with 'semcom train mask'",
    )
    with found:
        described, weights = read_checkpoint(place, _SIZES, RateFile, {WEIGHTS: MAX_WEIGHTS_BYTES})
        net = RateNet(described.width)
        net.load_state_dict(weights)
    if described.codec != codec:
        raise ConfigError(f"'{place}' is a mask of '{described.codec}', not of '{codec}': name another mask.checkpoint")
    return net.eval()
