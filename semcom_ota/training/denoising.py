"""The recipe of a small LAM of the BERT or T5 kind, for `lam-jscc`: `semcom train denoising --data DIR --out DIR`.

Trained from nothing to mend texts of which some tokens are blank or wrong. The encoder decides the spoilt tokens
(Devlin et al., BERT, NAACL 2019), the encoder-decoder writes the whole text again (Lewis et al., BART, ACL 2020). Data,
tokenizer and batches are those of the recipe `language-model`.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from semcom_ota.training.checkpoint import load_weights, read_settings
from semcom_ota.training.language_model import LanguageModelTask, LanguageModelTraining
from semcom_ota.training.loop import begin, run

BLANK_SHARE = 0.8
"""Of the spoilt tokens, those that are blank; the others are any."""


class DenoisingTraining(LanguageModelTraining):
    """Everything that decides what is learned. `layers` are those of the encoder, and as many of a decoder."""

    kind: Literal["encoder", "encoder-decoder"] = "encoder"
    spoilt: Annotated[float, Field(gt=0, lt=1)] = Field(0.3, description="share of the tokens")
    init: None = None
    lora_rank: Literal[0] = 0
    lora_head_rank: Literal[0] = 0


class DenoisingTask(LanguageModelTask):
    """Texts from spoilt texts."""

    settings: DenoisingTraining

    def __init__(self, data: Path, out: Path, settings: DenoisingTraining, device: torch.device):
        """See `LanguageModelTask`, whose model is left out."""
        super().__init__(data, out, settings, device)
        self.model = untrained(out, settings)[0].to(device)

    def loss(self, batch: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of a token in nats: of those spoilt (encoder), of all (encoder-decoder)."""
        texts = batch.to(self.device)[:, 1:-1].contiguous()  # without what begins and ends them
        draw = torch.rand(2, *texts.shape, generator=generator, device=self.device)
        spoilt = draw[0] < self.settings.spoilt
        spoilt[:, 0] |= ~spoilt.any(1)
        other = torch.randint(len(self.tokenizer), texts.shape, generator=generator, device=self.device)
        blank = int(self.tokenizer.eos_token_id)
        seen = torch.where(spoilt, torch.where(draw[1] < BLANK_SHARE, blank, other), texts)
        if self.settings.kind == "encoder":
            embeddings = self.model.get_input_embeddings().weight
            begin = torch.full_like(seen[:, :1], blank)
            hidden = self.model(input_ids=torch.cat([begin, seen], 1)).last_hidden_state[:, 1:][spoilt]
            return functional.cross_entropy((hidden @ embeddings.T).float(), texts[spoilt]), {}
        logits = self.model(input_ids=seen, labels=texts).logits.float()
        return functional.cross_entropy(logits.flatten(0, 1), texts.flatten()), {}

    def validate(self) -> dict[str, float]:
        """That loss on validation captions."""
        by_length: dict[int, list[list[int]]] = {}
        for tokens in self.held_out[::10]:
            by_length.setdefault(len(tokens), []).append(tokens)
        generator = torch.Generator(self.device).manual_seed(0)
        losses = [
            (self.loss(torch.tensor(texts), generator)[0].item(), len(texts) * length)
            for length, texts in sorted(by_length.items())
        ]
        total = sum(tokens for _, tokens in losses)
        return {"nats_a_token": round(math.fsum(loss * tokens for loss, tokens in losses) / total, 4)}


def untrained(out: Path, settings: DenoisingTraining) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Model and tokenizer before the first step; a function of the settings and of the tokenizer in `out`."""
    torch.manual_seed(settings.seed)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(out)
    end = int(tokenizer.eos_token_id)
    if settings.kind == "encoder":
        return BertModel(
            BertConfig(
                vocab_size=len(tokenizer),
                hidden_size=settings.width,
                num_hidden_layers=settings.layers,
                num_attention_heads=settings.heads,
                intermediate_size=4 * settings.width,
                max_position_embeddings=settings.max_tokens,
                hidden_dropout_prob=settings.dropout,
                attention_probs_dropout_prob=settings.dropout,
                pad_token_id=None,
            ),
            add_pooling_layer=False,
        ), tokenizer
    return T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(tokenizer),
            d_model=settings.width,
            d_kv=settings.width // settings.heads,
            d_ff=4 * settings.width,
            num_layers=settings.layers,
            num_heads=settings.heads,
            dropout_rate=settings.dropout,
            decoder_start_token_id=end,
            pad_token_id=end,
            eos_token_id=end,
        )
    ), tokenizer


def trained(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerFast, DenoisingTraining, int]:
    """What a training folder has learned: model, tokenizer, settings, steps; raises ConfigError if it is no run."""
    settings = read_settings(folder, DenoisingTraining)
    model, tokenizer = untrained(folder, settings)
    return model.eval(), tokenizer, settings, load_weights(folder, model)


def train(data: Path, out: Path, settings: DenoisingTraining) -> None:
    """Train, or go on training, into the folder `out`; raises ConfigError if that or the data cannot be used."""
    device = begin(out, settings)
    run(DenoisingTask(data, out, settings, device), out, settings, device)
