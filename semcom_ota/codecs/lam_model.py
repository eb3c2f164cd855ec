"""The network of `lam-jscc`: a LAM at both ends, channel adapters between, and what is trained of the LAM itself."""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from semcom_ota.codecs.lam_adapter import CrossAttention, Evidence, SymbolReader, SymbolWriter
from semcom_ota.codecs.lam_backbone import Backbone, Heard, Kind

LORA_SHARE = 0.02
"""Of the LAM's parameters, LoRA trains at most this share: both ends added up, the LAM counted once."""


class LamDesign(BaseModel):
    """What a `lam-jscc` is made of, beside the LAM itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = "decoder"
    design: Literal["joint", "apart", "separate"] = Field("joint", description="docs/lam-jscc.md")
    conditioning: Literal["aligned", "cross-attention"] = Field(
        "aligned", description="how the receiver's LAM hears: added to its inputs, or by added cross-attention"
    )
    adaptation: Literal["frozen", "lora", "full"] = Field("lora", description="what is trained of the LAM")
    lora_rank: int = Field(0, ge=0, le=1024, description=f"0 is the largest that trains {LORA_SHARE:.0%} of the LAM")
    lora_head_rank: int = Field(
        0,
        ge=0,
        le=1024,
        description="of one more at the receiver's output layer, which knows how frequent each word is",
    )
    lora_scale: int = Field(16, ge=1, le=1024, description="of what LoRA adds; 2 is usual, 16 learns a little faster")
    layers_per_token: int = Field(16, ge=1, le=64, description="symbols that a token has at most")
    mixing_layers: int = Field(1, ge=0, le=8, description="bidirectional layers of the receiver's adapter")
    max_tokens: int = Field(64, ge=4, le=1024, description="tokens coded together; a longer text is cut into chunks")


class LamConfig(LamDesign):
    """That, with what follows from the LAM's tokenizer; stored with the trained weights."""

    forms: int = Field(1, ge=1, le=64, description="written forms of a token (lam_tokenizer.py)")


@dataclass(frozen=True, slots=True)
class Context:
    """What a memory tells a receiver: vectors in the LAM's space, such as its embeddings or hidden states."""

    vectors: Tensor  # (B, C, width)
    mask: Tensor  # (B, C) bool, True where there is one


class LamTransceiver(nn.Module):
    """Transmitter and receiver.

    Frozen or with LoRA, both ends share one LAM in memory, with a LoRA each; fully fine-tuned, each has its own.
    """

    def __init__(self, config: LamConfig, lam: Backbone):
        """Random adapters from torch's global generator: seed it first. `lam` is taken over and changed.

        Raises:
            ValueError: this LAM is too short for `max_tokens`, or of another kind.
        """
        super().__init__()
        if lam.kind != config.kind or lam.positions < config.max_tokens:
            raise ValueError(f"a LAM of kind {lam.kind} with {lam.positions} positions does not go with {config}")
        self.config, width = config, lam.width
        self.lam_parameters = sum(part.numel() for part in lam.model.parameters())
        lam.model.requires_grad_(config.adaptation == "full")
        self.writing_lam = self.reading_lam = lam
        if config.adaptation == "full":
            self.reading_lam = copy.deepcopy(lam).requires_grad_(False)
            self.reading_lam.model.requires_grad_(True)
        if config.adaptation == "lora":
            _add_lora(lam, config.lora_rank, config.lora_head_rank, config.lora_scale)
        self._lora = [part for part in lam.modules() if isinstance(part, BaseTunerLayer)]
        self._lora_weights = [part.requires_grad_() for name, part in lam.named_parameters() if "lora_" in name]
        with torch.no_grad():
            scale = float(lam.model.get_input_embeddings().weight.float().square().mean().sqrt())
        states = lam.reading_depth + 1
        self.writer = SymbolWriter(width, states, config.layers_per_token, lam.vocabulary, config.forms)
        self.reader = SymbolReader(width, config.layers_per_token, config.mixing_layers, config.max_tokens, scale)
        self.evidence = Evidence(width)
        self.to_forms = nn.Linear(width, config.forms)
        self.to_context = nn.Linear(width, width)
        nn.init.eye_(self.to_context.weight)
        nn.init.zeros_(self.to_context.bias)
        self.attention: CrossAttention | None = None
        if config.conditioning == "cross-attention" and config.kind != "encoder-decoder":  # which has its own
            self.attention = CrossAttention(width, len(lam.writing_layers))
            self.attention.install(lam.writing_layers)
        self.trained_names = {name for name, part in self.named_parameters() if part.requires_grad}

    @property
    def trained_of_lam(self) -> int:
        """Parameters of the LAM, or of LoRA beside it, that are trained at both ends together."""
        return sum(part.numel() for name, part in self.named_parameters() if self._is_lam(name))

    def transmitter_parameters(self) -> list[nn.Parameter]:
        """What is trained of the transmitter: its adapter, and its LoRA or its LAM."""
        own = ("writer.", "reading_lam.") if self.reading_lam is not self.writing_lam else ("writer.",)
        named = ((name, part) for name, part in self.named_parameters() if name in self.trained_names)
        return [part for name, part in named if name.startswith(own) or ".transmitter." in name]

    def _is_lam(self, name: str) -> bool:
        return name in self.trained_names and "_lam.model." in name

    def trained_state(self) -> dict[str, Tensor]:
        """All that training may change, by name: what a checkpoint holds. The rest is the LAM as it came."""
        named = dict(self.named_parameters())
        return {name: named[name].detach() for name in sorted(self.trained_names)}

    def train(self, mode: bool = True) -> "LamTransceiver":
        """Without the LAM's own dropout: it would only blur what a frozen LAM says."""
        super().train(mode)
        self.writing_lam.eval()
        self.reading_lam.eval()
        return self

    def encode(self, tokens: Tensor, forms: Tensor, mask: Tensor, sent: Tensor) -> Tensor:
        """Tokens to symbols on the grid (token, layer).

        Args:
            tokens: (B, T) int64.
            forms: (B, T) int64, written form of each.
            mask: (B, T) bool, True where a token is real.
            sent: (B, T, layers) bool, from `symbol_positions`.

        Returns:
            (B, T, layers) complex64, zero where nothing is sent, mean |s|**2 = 1 over what is sent of each text. In
            the separate design: (1, j), (1, -j), ... over sqrt(2), two bits each, which a channel code has to carry.
        """
        with self._speaking("transmitter"):
            states = self.reading_lam.hidden_states(tokens, mask)
        symbols = self.writer(tokens, states, forms, sent)
        return _quantised(symbols) * sent if self.config.design == "separate" else symbols

    def hear(self, symbols: Tensor, noise_variance: Tensor, mask: Tensor, context: Context | None = None) -> Heard:
        """What the receiver's LAM is told.

        Args:
            symbols: (B, T, layers) complex64, unbiased.
            noise_variance: (B, T, layers) float32, inf where a symbol was not sent or got lost.
            mask: (B, T) bool.
            context: of memory; None for nothing.
        """
        received = self.reader(symbols, noise_variance, mask)
        if context is None:
            nothing = received.new_zeros(len(received), 0, received.shape[-1])
            context = Context(nothing, mask[:, :0])
        vectors = self.to_context(context.vectors) if context.vectors.shape[1] else context.vectors
        return Heard(received, mask, vectors, context.mask, aligned=self.config.conditioning == "aligned")

    def logits(self, heard: Heard, tokens: Tensor) -> Tensor:
        """(B, T, vocabulary) logits of a text's tokens (B, T): kinds that decide in order see those before each."""
        with self._speaking("receiver"), self._listening(heard):
            return self.writing_lam.logits(self._for_inputs(heard), tokens) + self.evidence(
                heard.received, self.writer.code
            )

    def forms(self, heard: Heard) -> Tensor:
        """(B, T, forms) logits of the written form of each token."""
        return self.to_forms(heard.received)

    @torch.inference_mode()
    def search(self, heard: Heard, beams: int) -> tuple[Tensor, Tensor]:
        """The likeliest texts, by beam search.

        Args:
            heard: from `hear`.
            beams: hypotheses that are followed.

        Returns:
            (B, beams, T) int64 tokens, likeliest first, and (B, beams, T) float32: natural logarithm of each token's
            probability given those before; -inf in a hypothesis that is none.
        """
        texts, length = heard.mask.shape
        every = heard.repeated(beams)
        rows = torch.arange(texts, device=heard.mask.device)[:, None] * beams
        total = torch.full((texts, beams), -torch.inf, device=heard.mask.device)
        total[:, 0] = 0
        tokens = torch.zeros(texts, beams, length, dtype=torch.long, device=heard.mask.device)
        chances = torch.zeros(texts, beams, length, device=heard.mask.device)
        with self._speaking("receiver"):
            with self._listening(heard):
                state = self.writing_lam.start(self._for_inputs(heard), beams)
            evidence = self.evidence(heard.received, self.writer.code)
            for place in range(length):
                before = tokens[:, :, place - 1].flatten() if place else None
                with self._listening(every, place):
                    logits = self.writing_lam.step(state, before).float().unflatten(0, (texts, beams))
                chance = (logits + evidence[:, place, None]).log_softmax(-1)
                over = ~heard.mask[:, place, None, None]
                nothing = torch.full_like(chance, -torch.inf)
                nothing[..., 0] = 0
                chance = torch.where(over, nothing, chance)
                total, best = (total[..., None] + chance).flatten(1).topk(beams, dim=1)
                parent, token = best // chance.shape[-1], best % chance.shape[-1]
                won = chance.flatten(1).gather(1, best)
                tokens = tokens.gather(1, parent[..., None].expand_as(tokens))
                chances = chances.gather(1, parent[..., None].expand_as(chances))
                tokens[..., place], chances[..., place] = token, won
                self.writing_lam.reorder(state, (rows + parent).flatten())
        return tokens, torch.where(torch.isfinite(total)[..., None], chances, -torch.inf)

    def _for_inputs(self, heard: Heard) -> Heard:
        """What is left for the LAM's inputs where cross-attention brings the rest."""
        if self.attention is None:
            return heard
        return Heard(heard.received, heard.mask, heard.context[:, :0], heard.context_mask[:, :0], aligned=False)

    @contextmanager
    def _listening(self, heard: Heard, at: int = 0) -> Iterator[None]:
        if self.attention is None:
            yield
            return
        with self.attention.listening(heard, self.writing_lam.before_text, at):
            yield

    @contextmanager
    def _speaking(self, end: str) -> Iterator[None]:
        """Switch the LAM to the LoRA of one end. peft would also switch off the gradients of the other."""
        learns = [weight.requires_grad for weight in self._lora_weights]
        for part in self._lora:
            part.set_adapter(end)
        for weight, wanted in zip(self._lora_weights, learns, strict=True):
            weight.requires_grad_(wanted)
        yield


def _add_lora(lam: Backbone, rank: int, head_rank: int, scale: int) -> None:
    """A LoRA (Hu et al., ICLR 2022) for each end, on every linear map of the layers that this end uses, and on that to
    words."""
    names = {part: name for name, part in lam.named_modules()}
    targets = {
        end: [part for layer in layers for part in layer.modules() if isinstance(part, (nn.Linear, Conv1D))]
        for end, layers in (("transmitter", lam.reading_layers), ("receiver", lam.writing_layers))
    }
    per_rank = sum(sum(part.weight.shape) for parts in targets.values() for part in parts)
    left = LORA_SHARE * sum(part.numel() for part in lam.model.parameters())
    ranks: dict[str, int] = {}
    if head_rank:
        head = lam.model.get_output_embeddings()
        if head is None:
            raise ValueError(f"a LAM of kind {lam.kind} has no output layer of its own: lora_head_rank has to be 0")
        targets["receiver"].append(head)
        ranks[names[head]] = head_rank
        left -= head_rank * sum(head.weight.shape)
    rank = rank or max(1, int(left / per_rank))
    for end, parts in targets.items():
        lora = LoraConfig(
            r=rank,
            lora_alpha=scale * rank,
            target_modules=[names[part] for part in parts],
            rank_pattern=ranks,
            alpha_pattern={name: scale * of_head for name, of_head in ranks.items()},
            fan_in_fan_out=any(isinstance(part, Conv1D) for part in parts),
        )
        with warnings.catch_warnings():  # peft doubts that two adapters are meant
            warnings.simplefilter("ignore")
            inject_adapter_in_model(lora, lam, end)


def _quantised(symbols: Tensor) -> Tensor:
    """The signs of real and imaginary part; gradients pass as through a hyperbolic tangent."""
    soft = torch.tanh(torch.view_as_real(symbols))
    hard = torch.where(soft < 0, -1.0, 1.0)
    return torch.view_as_complex((soft + (hard - soft).detach()).contiguous()) * 0.5**0.5
