"""The recipe of `lam-jscc`: `semcom train lam-jscc --data DIR --out DIR --config FILE`.

Three designs (docs/lam-jscc.md):

- `joint`: transmitter and receiver are trained together; gradients pass through the channel.
- `apart`: first the transmitter alone, against a small receiver of its own that is then thrown away; after that, with
  this transmitter as it is, the receiver, from received symbols. Nothing flows back from it.
- `separate`: the LAM learns to write bits, and there is no channel; a channel code carries them (`codecs/lam_bits.py`).
"""

import math
from pathlib import Path
from typing import Annotated, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn
from torch.nn import functional

from semcom_ota.codecs.base import DoesNotFit
from semcom_ota.codecs.lam_adapter import Evidence, SymbolReader
from semcom_ota.codecs.lam_bits import ERROR_FREE, best_rate, pairs
from semcom_ota.codecs.lam_checkpoint import fingerprint_of
from semcom_ota.codecs.lam_loading import load_backbone
from semcom_ota.codecs.lam_model import LamConfig, LamDesign, LamTransceiver
from semcom_ota.codecs.lam_tokenizer import LamTokenizer
from semcom_ota.codecs.symbol_order import symbol_positions
from semcom_ota.config import ConfigError, shipped
from semcom_ota.training import processes
from semcom_ota.training.checkpoint import load_weights, read_settings
from semcom_ota.training.corpus import SOURCES
from semcom_ota.training.lam_texts import MIXTURE, Batch, Budget, Texts
from semcom_ota.training.loop import TrainingSettings, begin, run
from semcom_ota.training.symbol_channel import draw_noise_variance, transmit

VALIDATION_SNRS_DB = (0.0, 3.0, 6.0, 12.0)
TRANSMITTER = "transmitter"
"""Folder, in the training folder, of the transmitter that is trained apart."""


class LamTraining(TrainingSettings, LamDesign):
    """Everything that decides what is learned."""

    backbone: str = Field(
        min_length=1, max_length=4096, description="the LAM: a folder, language-model, or a name on the hub"
    )
    steps: int = Field(4_000, ge=1)
    warmup_steps: int = Field(200, ge=1)
    decay_share: float = Field(0.5, gt=0, le=1)
    snr_db: tuple[float, float] = (-6.0, 18.0)
    symbols_per_word: float = Field(8.0, ge=0.5, le=64, description="of half the texts; the others have any number")
    mixture: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        MIXTURE, min_length=1, description="share of the texts of each kind (docs/data.md); the rest is left out"
    )
    transmitter_steps: int = Field(2_000, ge=1, description="of the design apart, before those of the receiver")

    @field_validator("mixture")
    @classmethod
    def _of_known_kinds(cls, mixture: dict[str, float]) -> dict[str, float]:
        if unknown := set(mixture) - set(SOURCES):
            raise ValueError(f"there is no kind of text {', '.join(sorted(unknown))}: use {', '.join(SOURCES)}")
        return {kind: mixture[kind] for kind in SOURCES if kind in mixture}  # the order in which texts are drawn

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.snr_db[0] > self.snr_db[1]:
            raise ValueError(f"snr_db {self.snr_db}: the lower one comes first")
        return self

    def budget(self) -> Budget:
        """Symbols of a text; of the separate design, pairs of bits, which may be fewer than the tokens."""
        least = 0.25 if self.design == "separate" else 1.0
        return Budget(self.symbols_per_word, least, self.layers_per_token)


class LamTask:
    """A receiver, and (unless the design is `apart`) the transmitter with it."""

    def __init__(self, model: LamTransceiver, texts: Texts, settings: LamTraining, device: torch.device):
        """`model` is on `device`."""
        self.model, self.settings, self.device = model, settings, device
        self._texts = self.batches = texts

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of a token, and of its written form, in nats."""
        tokens, forms, mask, sent = _on(batch, self.device, self.model.config.layers_per_token)
        with torch.set_grad_enabled(self.settings.design != "apart" and torch.is_grad_enabled()):
            symbols = self.model.encode(tokens, forms, mask, sent)
        received, claimed = self._through(symbols, sent, generator)
        heard = self.model.hear(received, claimed, mask)
        logits = self.model.logits(heard, tokens)[mask].float()
        loss = functional.cross_entropy(logits, tokens[mask])
        if self.model.config.forms > 1:
            loss = loss + functional.cross_entropy(self.model.forms(heard)[mask].float(), forms[mask])
        return loss, {"token_accuracy": (logits.argmax(-1) == tokens[mask]).float().mean()}

    def validate(self) -> dict[str, float]:
        """Share of the tokens of validation captions that are decided right, one after the other, over AWGN."""
        scores, layers = {}, self.settings.layers_per_token
        for snr_db in VALIDATION_SNRS_DB:
            generator = torch.Generator(self.device).manual_seed(0)
            right = total = 0
            for batch in self._texts.held_out:
                tokens, forms, mask, sent = _on(self._at(snr_db, batch), self.device, layers)
                noise = ERROR_FREE if self.settings.design == "separate" else 10 ** (-snr_db / 10)
                variance = torch.where(sent, torch.tensor(noise, device=self.device), torch.inf)
                symbols = self.model.encode(tokens, forms, mask, sent)
                if self.settings.design != "separate":
                    symbols, variance = transmit(symbols, variance, generator)
                decided = self.model.search(self.model.hear(symbols, variance, mask), 1)[0][:, 0]
                right += int((decided == tokens)[mask].sum())
                total += int(mask.sum())
            scores[f"token_accuracy_{snr_db:g}dB"] = round(right / total, 4)
        return scores

    def _through(self, symbols: Tensor, sent: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if self.settings.design != "separate":
            return transmit(symbols, draw_noise_variance(sent, self.settings.snr_db, generator), generator)
        arrived = torch.isfinite(draw_noise_variance(sent, (0.0, 0.0), generator))  # a segment's checksum may fail
        return torch.where(arrived, symbols, 0), torch.where(arrived, ERROR_FREE, torch.inf)

    def _at(self, snr_db: float, batch: Batch) -> Batch:
        """In the separate design: with as many bits as the channel code would carry at this SNR."""
        if self.settings.design != "separate":
            return batch
        tokens, forms, lengths, symbols = batch
        carried = []
        for length, count in zip(lengths.tolist(), symbols.tolist(), strict=True):
            try:
                carried.append(pairs(length, best_rate(length, count, snr_db, self.settings.layers_per_token)))
            except DoesNotFit:
                carried.append(1)
        return tokens, forms, lengths, torch.tensor(carried)


class LocalObjective(nn.Module):
    """A transmitter, and a small receiver of its own that has no LAM."""

    def __init__(self, transceiver: LamTransceiver):
        """The receiver in `transceiver` is left alone: it learns nothing."""
        super().__init__()
        config, width = transceiver.config, transceiver.writing_lam.width
        for part in transceiver.parameters():
            part.requires_grad_(False)
        for part in transceiver.transmitter_parameters():
            part.requires_grad_(True)
        self.transceiver = transceiver
        self.reader = SymbolReader(width, config.layers_per_token, 1, config.max_tokens, 1.0)
        self.evidence = Evidence(width)
        self.to_forms = nn.Linear(width, config.forms)

    def forward(self, received: Tensor, noise_variance: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, T, vocabulary) and (B, T, forms), from arguments as those of `SymbolReader`."""
        vectors = self.reader(received, noise_variance, mask)
        return self.evidence(vectors, self.transceiver.writer.code), self.to_forms(vectors)


class TransmitterTask:
    """A transmitter trained apart: its symbols are to tell a plain receiver which tokens were meant."""

    def __init__(self, model: LocalObjective, texts: Texts, settings: LamTraining, device: torch.device):
        """`model` is on `device`."""
        self.model, self.settings, self.device = model, settings, device
        self._texts = self.batches = texts

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """As `LamTask.loss`, by the transmitter's own receiver."""
        loss, right = self._measure(batch, self.settings.snr_db, generator)
        return loss, {"token_accuracy": right}

    def validate(self) -> dict[str, float]:
        """Token accuracy of the transmitter's own receiver at 6 dB, over the training's mix of channels."""
        generator = torch.Generator(self.device).manual_seed(0)
        right = [self._measure(batch, (6.0, 6.0), generator)[1].item() for batch in self._texts.held_out]
        return {"token_accuracy_6dB": round(math.fsum(right) / len(right), 4)}

    def _measure(self, batch: Batch, snr_db: tuple[float, float], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        transceiver = self.model.transceiver
        tokens, forms, mask, sent = _on(batch, self.device, transceiver.config.layers_per_token)
        symbols = transceiver.encode(tokens, forms, mask, sent)
        received, claimed = transmit(symbols, draw_noise_variance(sent, snr_db, generator), generator)
        logits, form_logits = self.model(received, claimed, mask)
        loss = functional.cross_entropy(logits[mask].float(), tokens[mask])
        if transceiver.config.forms > 1:
            loss = loss + functional.cross_entropy(form_logits[mask].float(), forms[mask])
        return loss, (logits[mask].argmax(-1) == tokens[mask]).float().mean()


def train(data: Path, out: Path, settings: LamTraining) -> None:
    """Train, or go on training, into the folder `out`.

    Raises:
        ConfigError: the folder, the data or the LAM cannot be used.
    """
    device = begin(out, settings)
    model, tokenizer, _ = untrained(settings)
    texts = Texts(
        data,
        tokenizer,
        settings.budget(),
        mixture=settings.mixture,
        max_tokens=settings.max_tokens,
        batch_tokens=settings.batch_tokens,
        seed=settings.seed,
    )
    if settings.design == "apart":
        if processes.count() > 1:
            raise ConfigError("the design apart is trained in one process: leave torchrun out")
        first = settings.model_copy(update={"steps": settings.transmitter_steps})
        begin(out / TRANSMITTER, first)
        local = _local(model, settings).to(device)
        run(TransmitterTask(local, texts, first, device), out / TRANSMITTER, first, device)
        _freeze_transmitter(model)
    run(LamTask(model.to(device), texts, settings, device), out, settings, device)


def untrained(settings: LamTraining) -> tuple[LamTransceiver, LamTokenizer, str]:
    """Network and tokenizer before the first step, and the LAM's fingerprint; raises ConfigError if there is no LAM."""
    lam, loaded = load_backbone(shipped(settings.backbone) or settings.backbone, settings.kind)
    fingerprint, tokenizer = fingerprint_of(lam), LamTokenizer(loaded, lam.vocabulary)
    torch.manual_seed(settings.seed)
    design = settings.model_dump(include=set(LamDesign.model_fields))
    try:
        return LamTransceiver(LamConfig(**design, forms=tokenizer.forms), lam), tokenizer, fingerprint
    except ValueError as error:
        raise ConfigError(f"backbone '{settings.backbone}': {error}") from error


def trained(folder: Path) -> tuple[LamTransceiver, LamTraining, int, str]:
    """What a training folder has learned: network, settings, steps, and the LAM's fingerprint.

    Raises:
        ConfigError: it holds no run of this recipe, or the LAM is not there any more.
    """
    settings = read_settings(folder, LamTraining)
    model, _, fingerprint = untrained(settings)
    if settings.design == "apart":
        load_weights(folder / TRANSMITTER, _local(model, settings))
        _freeze_transmitter(model)
    return model.eval(), settings, load_weights(folder, model), fingerprint


def _local(model: LamTransceiver, settings: LamTraining) -> LocalObjective:
    torch.manual_seed(settings.seed)
    return LocalObjective(model)


def _freeze_transmitter(model: LamTransceiver) -> None:
    learned = {id(part) for part in model.transmitter_parameters()}
    for name, part in model.named_parameters():
        part.requires_grad_(name in model.trained_names and id(part) not in learned)


def _on(batch: Batch, device: torch.device, layers: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Tokens, forms, mask (B, T) and which symbols are sent (B, T, layers), on the device."""
    tokens, forms, lengths, symbols = (part.to(device) for part in batch)
    mask = torch.arange(tokens.shape[1], device=device) < lengths[:, None]
    return tokens, forms, mask, symbol_positions(lengths, symbols, layers)[1]
