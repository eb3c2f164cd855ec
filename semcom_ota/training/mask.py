"""The recipe of a learned mask: `semcom train mask --data DIR --out DIR`.

First the codec is measured: what share of a text's words arrives by what share of its symbols, at many SNRs. Then a
rate-control network learns to choose a pattern from the text and a forecast of the SNR that is off as forecasts are: it
pays for every word that does not arrive and would have by all symbols, and for every symbol.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Codec
from semcom_ota.config import CodecConfig, ConfigError, DeviceConfig
from semcom_ota.masking.learned import RateNet, seen
from semcom_ota.masking.rates import PATTERNS, collapsed, share_of
from semcom_ota.tasks.generator import generate
from semcom_ota.training import processes
from semcom_ota.training.checkpoint import load_weights, read_settings
from semcom_ota.training.corpus import load_corpus
from semcom_ota.training.loop import TrainingSettings, begin, run
from semcom_ota.training.mask_curves import forecasts, measure, of_patterns

STORY_TASKS = (1, 2, 5, 6, 7, 8, 11, 12, 13, 15, 16, 20)
HELD_OUT = 5
"""One text in so many is validated on."""
TEMPERATURE = 1.0
"""Of the Gumbel-softmax. What is drawn stays soft: hard choices with the gradients of soft ones collapsed."""


class MaskTraining(TrainingSettings):
    """Everything that decides what is learned."""

    steps: int = Field(4_000, ge=1)
    batch_tokens: int = Field(256, ge=8, description="messages in a batch")
    learning_rate: float = Field(2e-3, gt=0)
    warmup_steps: int = Field(100, ge=1)
    decay_share: float = Field(0.7, gt=0, le=1)
    weight_decay: float = Field(0.05, ge=0)
    codec: str = Field("lam-prior", min_length=1, max_length=64)
    texts: int = Field(400, ge=10, description="that the codec is measured with")
    stories_share: float = Field(0.4, ge=0, le=1, description="of these, sentences of stories; the others are captions")
    draws: int = Field(4, ge=1, description="SNRs of each text")
    snr_db: tuple[float, float] = Field((-3.0, 21.0), description="lowest and highest Es/N0")
    price: float = Field(0.02, gt=0, le=1, description="of all symbols, in words lost of all words")
    width: int = Field(32, ge=1, le=1024)
    precision: Literal["fp32"] = "fp32"


class MaskTask:
    """Choosing patterns."""

    def __init__(self, data: Path, out: Path, settings: MaskTraining, device: torch.device):
        """Measure the codec unless `out` has all of it; raises ConfigError if there is no such codec."""
        self.settings, self.device = settings, device
        if settings.codec not in registry.names():
            raise ConfigError(f"unknown codec '{settings.codec}': use one of {', '.join(registry.names())}")

        def load() -> Codec:
            return registry.load(settings.codec, CodecConfig(names=(settings.codec,)), DeviceConfig(device=str(device)))

        self.texts = _texts(data, settings)
        curves = measure(load, self.texts, settings.draws, settings.snr_db, settings.seed, out)
        self.n_symbols, self.snr_db = curves.n_symbols, curves.snr_db
        quality = torch.from_numpy(of_patterns(curves.quality))
        self.missing = (quality[..., :1] - quality).to(device)  # (texts, draws, PATTERNS): words that masking costs
        self.model = untrained(settings).to(device)
        self.shares = torch.from_numpy(share_of(np.arange(PATTERNS))).float().to(device)

    def batches(self, first_step: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Words, which are there, scalars (`learned.seen`), and (B, PATTERNS) words that each pattern costs."""
        known = [place for place in range(len(self.texts)) if place % HELD_OUT]
        step = first_step
        while True:
            rng = np.random.default_rng([self.settings.seed, step, 1])
            yield self._batch(rng, rng.choice(known, self.settings.batch_tokens))
            step += 1

    def loss(
        self, batch: tuple[Tensor, Tensor, Tensor, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Words lost by masking, and the price of what is sent, as shares."""
        *known, missing = (part.to(self.device) for part in batch)
        chosen = functional.gumbel_softmax(self.model(*known), tau=TEMPERATURE)
        words, sent = (chosen * missing).sum(-1).mean(), (chosen * self.shares).sum(-1).mean()
        return words + self.settings.price * sent, {"words_lost": words.detach(), "sent": sent.detach()}

    def validate(self) -> dict[str, float]:
        """What patterns cost texts that were not learned from, and send, by SNR; `collapsed` is 1 if they are."""
        rng = np.random.default_rng(0)
        held_out = np.repeat(np.arange(0, len(self.texts), HELD_OUT), 4)
        *known, missing = (part.to(self.device) for part in self._batch(rng, held_out))
        patterns = self.model(*known).argmax(-1)
        lost = missing.gather(1, patterns[:, None])[:, 0]
        figures = {"words_lost": float(lost.mean()), "sent": float(self.shares[patterns].mean())}
        expected = known[2][:, 0]
        for low, high in ((-3, 3), (3, 9), (9, 15), (15, 21)):
            inside = (expected >= low) & (expected < high)
            if inside.any():
                figures[f"sent_{low}_{high}_db"] = float(self.shares[patterns[inside]].mean())
                figures[f"words_lost_{low}_{high}_db"] = float(lost[inside].mean())
        figures["collapsed"] = float(bool(collapsed(patterns.cpu().numpy())))
        return {name: round(value, 4) for name, value in figures.items()}

    def _batch(self, rng: np.random.Generator, places: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        draws = rng.integers(self.settings.draws, size=len(places))
        expected, error_db = forecasts(rng, self.snr_db[places, draws])
        one = seen(
            [self.texts[i] for i in places], self.n_symbols[places].tolist(), expected.tolist(), error_db.tolist()
        )
        made = [torch.from_numpy(array) for array in (one.words, one.there, one.scalars)]
        return made[0], made[1], made[2], self.missing[torch.from_numpy(places), torch.from_numpy(draws)].cpu()


def _texts(data: Path, settings: MaskTraining) -> list[str]:
    """All different, so that what is validated on is not learned from; raises ConfigError if there are too few."""
    rng = np.random.default_rng([settings.seed, 3])
    lines = [
        line
        for task in STORY_TASKS
        for story in generate(task, 20, settings.seed, training=True)
        for line in story.lines
    ]
    of_stories = round(settings.stories_share * settings.texts)
    wanted = {"sentences of stories": (lines, of_stories)}
    wanted["captions"] = (load_corpus(data)["captions"], settings.texts - of_stories)
    chosen: list[str] = []
    for kind, (pool, count) in wanted.items():
        different = sorted(set(pool) - set(chosen))
        if count > len(different):
            raise ConfigError(f"there are {len(different)} different {kind}, not {count}: set texts or stories_share")
        chosen += [different[place] for place in rng.choice(len(different), count, replace=False)]
    return [chosen[place] for place in rng.permutation(len(chosen))]


def untrained(settings: MaskTraining) -> RateNet:
    """The network before the first step."""
    torch.manual_seed(settings.seed)
    return RateNet(settings.width)


def trained(folder: Path) -> tuple[RateNet, MaskTraining, int]:
    """What a training folder has learned: network, settings, steps; raises ConfigError if it is no such run."""
    settings = read_settings(folder, MaskTraining)
    net = untrained(settings)
    return net.eval(), settings, load_weights(folder, net)


def validated(net: RateNet, data: Path, folder: Path, settings: MaskTraining) -> dict[str, float]:
    """What `MaskTask.validate` says of a network that was trained in `folder`."""
    task = MaskTask(data, folder, settings, torch.device("cpu"))
    task.model = net
    with torch.no_grad():
        return task.validate()


def train(data: Path, out: Path, settings: MaskTraining) -> None:
    """Train, or go on training, into the folder `out`; raises ConfigError if that or the data cannot be used."""
    device = begin(out, settings)
    with processes.main_first():  # which measures the codec
        task = MaskTask(data, out, settings, device)
    run(task, out, settings, device)
