"""Any Hugging Face language model (LAM) of three kinds behind one interface: vectors in, hidden states and logits out.

- `encoder` (BERT kind): sees a whole text at once; at the receiver it turns what was received into all tokens together.
- `decoder` (GPT, Llama kind): causal; at the receiver it decides token by token.
- `encoder-decoder` (T5 kind): the encoder sees all that was received, the decoder decides token by token.

At the transmitter a LAM reads tokens. At the receiver it is handed vectors in the space of its embeddings, one for
each token that was sent, and context before them (behind them, where order does not matter). `aligned` adds the vector
of token i to the LAM's input where it decides token i; else only attention brings it there
(`lam_adapter.CrossAttention`, or an encoder-decoder's own).
"""

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

Kind = Literal["encoder", "decoder", "encoder-decoder"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a receiver's LAM is told of a batch of texts."""

    received: Tensor  # (B, T, width): of the symbols of each token and their noise variances
    mask: Tensor  # (B, T) bool, True where a token is real; the others are at the end
    context: Tensor  # (B, C, width): from memory; C may be 0
    context_mask: Tensor  # (B, C) bool
    aligned: bool = True

    def repeated(self, times: int) -> "Heard":
        """Each text `times` times, next to one another."""
        parts = {name: getattr(self, name) for name in ("received", "mask", "context", "context_mask")}
        return replace(self, **{name: part.repeat_interleave(times, 0) for name, part in parts.items()})


@dataclass(slots=True)
class State:
    """A decision token by token under way, for B texts with as many hypotheses each, in neighbouring rows."""

    heard: Heard  # one row for each hypothesis
    position: int
    cache: Any  # what the LAM keeps of the steps before
    encoded: Tensor | None = None  # (rows, T + C, width) of an encoder-decoder


class Backbone(nn.Module, ABC):
    """A LAM at either end of a link. Width is that of its embeddings and its hidden states alike."""

    kind: Kind

    def __init__(self, model: Any, begin: int | None, blank: int):
        """`begin` is the token before every text, if this kind has one; `blank` stands for a token not yet known."""
        super().__init__()
        self.model = model
        self._begin, self._blank = begin, blank
        self._takes_positions = "position_ids" in inspect.signature(model.forward).parameters

    @property
    def width(self) -> int:
        """Elements of a hidden state."""
        return int(self.model.get_input_embeddings().weight.shape[1])

    @property
    def vocabulary(self) -> int:
        """Rows of the embedding."""
        return int(self.model.get_input_embeddings().weight.shape[0])

    @property
    def positions(self) -> int:
        """Positions that the LAM can tell apart."""
        return int(getattr(self.model.config, "max_position_embeddings", None) or 2**16) - 1  # one is for `begin`

    @property
    def reading_layers(self) -> list[nn.Module]:
        """The transformer's layers that a transmitter uses."""
        return layers_of(self.model)

    @property
    def reading_depth(self) -> int:
        """How often a transmitter applies one: as often as there are, unless they are shared."""
        return int(self.model.config.num_hidden_layers)

    @property
    def writing_layers(self) -> list[nn.Module]:
        """The transformer's layers that a receiver uses."""
        return layers_of(self.model)

    @property
    def before_text(self) -> int:
        """Positions of a receiver's input before that of its first token, context apart."""
        return 0

    def embed(self, tokens: Tensor) -> Tensor:
        """(...) int64 to (..., width)."""
        return self.model.get_input_embeddings()(tokens)

    @abstractmethod
    def hidden_states(self, tokens: Tensor, mask: Tensor) -> list[Tensor]:
        """What each layer makes of a text: (B, T) int64 and (B, T) bool to (B, T, width) each, embeddings first."""

    @abstractmethod
    def logits(self, heard: Heard, tokens: Tensor) -> Tensor:
        """(B, T, vocabulary): token i, given what was received and (kinds that decide in order) tokens 0..i-1."""

    @abstractmethod
    def start(self, heard: Heard, hypotheses: int) -> State:
        """Begin to decide; each of B texts gets so many rows."""

    @abstractmethod
    def step(self, state: State, tokens: Tensor | None) -> Tensor:
        """(rows, vocabulary) logits of the next token, given (rows,) int64, the one before (None: there is none)."""

    def reorder(self, state: State, parents: Tensor) -> None:
        """Let row i of `state` go on from row `parents[i]`, which belongs to the same text."""
        state.cache.reorder_cache(parents)

    def _shifted(self, tokens: Tensor) -> Tensor:
        return torch.cat([torch.full_like(tokens[:, :1], self._start), tokens[:, :-1]], dim=1)

    def _next_inputs(self, state: State, tokens: Tensor | None) -> Tensor:
        """(rows, 1, width): the token before, and what was received of the one to decide."""
        heard = state.heard
        if tokens is None:
            tokens = torch.full((heard.mask.shape[0],), self._start, device=heard.mask.device)
        inputs = self.embed(tokens)[:, None]
        return inputs + heard.received[:, state.position, None] if heard.aligned else inputs

    @property
    def _start(self) -> int:
        return self._blank if self._begin is None else self._begin

    def _with_begin(self, tokens: Tensor) -> tuple[Tensor, int]:
        """Tokens behind `begin`, and how many were put before them."""
        if self._begin is None:
            return tokens, 0
        return torch.cat([torch.full_like(tokens[:, :1], self._begin), tokens], dim=1), 1


_BEHIND_PADDING = ("roberta", "xlm-roberta", "camembert")
"""Model types that count positions from the one behind that of padding."""


class EncoderLam(Backbone):
    """BERT kind. Its hidden states meet the embeddings again in the logits, through a small head of its own."""

    kind: Kind = "encoder"

    def __init__(self, model: Any, begin: int | None, blank: int):
        """See `Backbone`."""
        super().__init__(model, begin, blank)
        self.head = nn.Linear(self.width, self.width)
        nn.init.eye_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.bias = nn.Parameter(torch.zeros(self.vocabulary))

    @property
    def before_text(self) -> int:
        """See `Backbone`."""
        return int(self._begin is not None)

    def hidden_states(self, tokens: Tensor, mask: Tensor) -> list[Tensor]:
        """See `Backbone`."""
        behind, first = self._with_begin(tokens)
        seen = nn.functional.pad(mask, (first, 0), value=True)
        states = self.model(input_ids=behind, attention_mask=seen.long(), output_hidden_states=True).hidden_states
        return [state[:, first:] for state in states]

    def logits(self, heard: Heard, tokens: Tensor | None = None) -> Tensor:
        """See `Backbone`."""
        return self.words(self.states(heard)[0])

    def words(self, states: Tensor) -> Tensor:
        """(B, T, width) hidden states to (B, T, vocabulary) logits."""
        return nn.functional.linear(self.head(states), self.model.get_input_embeddings().weight, self.bias)

    def states(self, heard: Heard) -> tuple[Tensor, Tensor]:
        """(B, T, width) of a text's tokens and (B, C, width) of the context."""
        blank = torch.full_like(heard.mask, self._blank, dtype=torch.long)
        first, length = self.before_text, blank.shape[1]
        inputs = heard.received if heard.aligned else self.embed(blank)
        begin = self.embed(torch.full_like(blank[:, :first], self._start))
        seen = nn.functional.pad(_seen(heard), (first, 0), value=1)
        inputs = torch.cat([begin, inputs, heard.context], 1)
        hidden = self.model(inputs_embeds=inputs, attention_mask=seen, **self._places(heard, first)).last_hidden_state
        return hidden[:, first : first + length], hidden[:, first + length :]

    def _places(self, heard: Heard, first: int) -> dict[str, Tensor]:
        """Context has no place in the text: all of it is at the last position, which the longest text alone reaches."""
        if not heard.context.shape[1] or not self._takes_positions:
            return {}
        begin = int(self.model.config.pad_token_id) + 1 if self.model.config.model_type in _BEHIND_PADDING else 0
        behind = torch.full((heard.context.shape[1],), self.positions, device=heard.mask.device)
        text = torch.arange(begin, begin + first + heard.mask.shape[1], device=behind.device)
        return {"position_ids": torch.cat([text, behind])[None]}

    def start(self, heard: Heard, hypotheses: int) -> State:
        """See `Backbone`. All tokens are decided here; `step` only looks them up."""
        return State(heard.repeated(hypotheses), 0, self.logits(heard))

    def step(self, state: State, tokens: Tensor | None) -> Tensor:
        """See `Backbone`."""
        logits = state.cache[:, state.position]
        state.position += 1
        return logits.repeat_interleave(state.heard.mask.shape[0] // logits.shape[0], 0)

    def reorder(self, state: State, parents: Tensor) -> None:
        """See `Backbone`: nothing depends on the tokens before."""


class DecoderLam(Backbone):
    """GPT and Llama kind."""

    kind: Kind = "decoder"

    def hidden_states(self, tokens: Tensor, mask: Tensor) -> list[Tensor]:
        """See `Backbone`. Causal: what is padded comes last and is seen by none."""
        behind, first = self._with_begin(tokens)
        states = self.model.base_model(input_ids=behind, use_cache=False, output_hidden_states=True).hidden_states
        return [state[:, first:] for state in states]

    def logits(self, heard: Heard, tokens: Tensor) -> Tensor:
        """See `Backbone`."""
        inputs = self.embed(self._shifted(tokens))
        inputs = inputs + heard.received if heard.aligned else inputs
        places = self._places(heard, inputs.shape[1])
        out = self.model(inputs_embeds=torch.cat([heard.context, inputs], 1), use_cache=False, **places)
        return out.logits[:, heard.context.shape[1] :]

    def start(self, heard: Heard, hypotheses: int) -> State:
        """See `Backbone`."""
        return State(heard.repeated(hypotheses), 0, None)

    def step(self, state: State, tokens: Tensor | None) -> Tensor:
        """See `Backbone`."""
        heard, place, inputs = state.heard, state.position, self._next_inputs(state, tokens)
        places = self._places(heard, place + 1)
        if place == 0:
            inputs = torch.cat([heard.context, inputs], 1)
        elif "position_ids" in places:
            places["position_ids"] = places["position_ids"][:, -1:]
        out = self.model(inputs_embeds=inputs, past_key_values=state.cache, use_cache=True, **places)
        state.cache, state.position = out.past_key_values, place + 1
        return out.logits[:, -1]

    def _places(self, heard: Heard, length: int) -> dict[str, Tensor]:
        """What a LAM has to know of context that is not there; nothing where there is none at all."""
        if not heard.context.shape[1]:
            return {}
        mask = nn.functional.pad(heard.context_mask, (0, length), value=True).long()
        positions = {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)} if self._takes_positions else {}
        return {"attention_mask": mask} | positions


class EncoderDecoderLam(Backbone):
    """T5 kind."""

    kind: Kind = "encoder-decoder"

    @property
    def reading_layers(self) -> list[nn.Module]:
        """See `Backbone`."""
        return layers_of(self.model.get_encoder())

    @property
    def writing_layers(self) -> list[nn.Module]:
        """See `Backbone`."""
        return self.reading_layers + layers_of(self.model.get_decoder())

    def hidden_states(self, tokens: Tensor, mask: Tensor) -> list[Tensor]:
        """See `Backbone`."""
        encoder = self.model.get_encoder()
        return list(encoder(input_ids=tokens, attention_mask=mask.long(), output_hidden_states=True).hidden_states)

    def logits(self, heard: Heard, tokens: Tensor) -> Tensor:
        """See `Backbone`."""
        inputs = self.embed(self._shifted(tokens))
        inputs = inputs + heard.received if heard.aligned else inputs
        return self._decide(heard, self._encoded(heard), inputs, use_cache=False).logits

    def start(self, heard: Heard, hypotheses: int) -> State:
        """See `Backbone`."""
        encoded = self._encoded(heard).repeat_interleave(hypotheses, 0)
        return State(heard.repeated(hypotheses), 0, None, encoded)

    def step(self, state: State, tokens: Tensor | None) -> Tensor:
        """See `Backbone`."""
        heard, place, inputs = state.heard, state.position, self._next_inputs(state, tokens)
        out = self._decide(heard, state.encoded, inputs, past_key_values=state.cache, use_cache=True)
        state.cache, state.position = out.past_key_values, place + 1
        return out.logits[:, -1]

    def _encoded(self, heard: Heard) -> Tensor:
        inputs = torch.cat([heard.received, heard.context], 1)
        return self.model.get_encoder()(inputs_embeds=inputs, attention_mask=_seen(heard)).last_hidden_state

    def _decide(self, heard: Heard, encoded: Tensor | None, inputs: Tensor, **options: Any) -> Any:
        known = BaseModelOutput(last_hidden_state=encoded)
        return self.model(encoder_outputs=known, attention_mask=_seen(heard), decoder_inputs_embeds=inputs, **options)


def _seen(heard: Heard) -> Tensor:
    return torch.cat([heard.mask, heard.context_mask], 1).long()


def layers_of(model: Any) -> list[nn.Module]:
    """A transformer's layers: the outermost list that is as long as the configuration says."""
    sizes = {int(model.config.num_hidden_layers), int(getattr(model.config, "num_decoder_layers", None) or 0)}
    if model.config.model_type == "albert":  # one layer, used again and again
        return list(model.encoder.albert_layer_groups)
    found = [part for part in model.modules() if isinstance(part, nn.ModuleList) and len(part) in sizes]
    if not found:
        raise ValueError(f"its model type '{model.config.model_type}' hides its layers")
    return list(found[0])
