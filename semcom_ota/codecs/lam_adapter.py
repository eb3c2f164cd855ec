"""The trained parts between a LAM and the channel: hidden states to symbols, and received symbols to what a LAM reads.

None of them knows which LAM it serves, but for its width.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import ModernBertConfig, ModernBertModel

from semcom_ota.codecs.lam_backbone import Heard
from semcom_ota.codecs.text_model import features_of, unit_power

CODE_WIDTH = 32
"""Elements of what an adapter learns of each token by itself."""


class SymbolWriter(nn.Module):
    """The transmitter's channel adapter: what a LAM made of a token, and the token itself, to its symbols.

    A LAM that predicts what comes next has half forgotten the token itself in its last layer. So a mix of all layers is
    taken, with weights that are learned (after Peters et al., "Deep contextualized word representations", NAACL 2018),
    beside the embedding; and a code of the token's own, for embeddings of words that a LAM hardly met are all alike.
    """

    def __init__(self, width: int, states: int, layers_per_token: int, vocabulary: int, forms: int):
        """`states` hidden states are mixed; a token has one of `forms` written forms (1: none to tell)."""
        super().__init__()
        self.mix = nn.Parameter(torch.zeros(states))
        self.code = nn.Embedding(vocabulary, CODE_WIDTH)
        self.from_code = nn.Linear(CODE_WIDTH, 2 * width, bias=False)
        self.form = nn.Embedding(forms, 2 * width)
        nn.init.normal_(self.form.weight, std=0.5)
        self.net = nn.Sequential(nn.Linear(2 * width, 2 * width), nn.GELU(), nn.Linear(2 * width, 2 * layers_per_token))

    def forward(self, tokens: Tensor, states: list[Tensor], forms: Tensor, sent: Tensor) -> Tensor:
        """Symbols on the grid (token, layer).

        Args:
            tokens: (B, T) int64.
            states: (B, T, width) each, from `Backbone.hidden_states`.
            forms: (B, T) int64.
            sent: (B, T, layers) bool, from `symbol_positions`.

        Returns:
            (B, T, layers) complex64, zero where nothing is sent, mean |s|**2 = 1 over what is sent of each text.
        """
        normed = [nn.functional.layer_norm(state.float(), state.shape[-1:]) for state in states]
        mixed = sum(weight * state for weight, state in zip(self.mix.softmax(0), normed, strict=True))
        features = torch.cat([normed[0], mixed], -1) + self.from_code(self.code(tokens)) + self.form(forms)
        return unit_power(self.net(features), sent)


class SymbolReader(nn.Module):
    """The receiver's channel adapter: the symbols of each token and their noise variances to a vector.

    A few bidirectional layers let a token hear of its neighbours' symbols, those behind it too, which a causal LAM
    would not see before it decides.
    """

    def __init__(self, width: int, layers_per_token: int, mixing_layers: int, max_tokens: int, scale: float):
        """`scale` is the root mean square of the vectors to begin with: that of the LAM's embeddings."""
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4 * layers_per_token, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.mixing = _transformer(width, mixing_layers, max_tokens) if mixing_layers else None
        self.norm = nn.LayerNorm(width)
        nn.init.constant_(self.norm.weight, scale)

    def forward(self, symbols: Tensor, noise_variance: Tensor, mask: Tensor) -> Tensor:
        """A vector for each token.

        Args:
            symbols: (B, T, layers) complex64, unbiased.
            noise_variance: (B, T, layers) float32, inf where a symbol was not sent or got lost.
            mask: (B, T) bool, True where a token is real.

        Returns:
            (B, T, width).
        """
        vectors = self.net(features_of(symbols, noise_variance))
        if self.mixing is not None:
            vectors = self.mixing(inputs_embeds=vectors, attention_mask=mask).last_hidden_state
        return self.norm(vectors)


class Evidence(nn.Module):
    """What the symbols of a token say of it by themselves: logits that are added to the LAM's.

    The LAM then has to know what is likely to be said, and need not learn what the symbols of each token look like: it
    is the prior, this the likelihood. Both ends have the same codes, so that a word that was hardly ever trained on is
    known by its code as any other.
    """

    def __init__(self, width: int):
        """From vectors of that width."""
        super().__init__()
        self.to_code = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, CODE_WIDTH))  # whatever the LAM's scale

    def forward(self, vectors: Tensor, codes: nn.Embedding) -> Tensor:
        """(..., width), of a `SymbolReader`, to (..., vocabulary); `codes` are those of the `SymbolWriter`."""
        return nn.functional.linear(self.to_code(vectors), codes.weight)


class CrossAttention(nn.Module):
    """Lets every layer of a LAM look at what was received, and at context, without a change to the LAM itself.

    Attention with a gate that starts nearly closed (after Alayrac et al., "Flamingo", NeurIPS 2022). Queries and keys
    carry the number of their token, so that a token finds its own symbols.
    """

    def __init__(self, width: int, layers: int):
        """One attention for each of `layers` layers."""
        super().__init__()
        self.heads = _heads(width)
        self.query = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.key_value = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(layers))
        self.out = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.gate = nn.Parameter(torch.full((layers,), 0.1))
        self._memory: tuple[Tensor, Tensor, int, int] | None = None

    def install(self, layers: list[nn.Module]) -> None:
        """Attach to a LAM's layers; without `listening` they go on as ever."""
        for index, layer in enumerate(layers):
            layer.register_forward_pre_hook(self._hook(index), with_kwargs=True)

    @contextmanager
    def listening(self, heard: Heard, skip: int, at: int) -> Iterator[None]:
        """While this lasts, the LAM hears.

        Args:
            heard: what it is told.
            skip: positions of the LAM's input before its first token.
            at: number of that token.
        """
        received = heard.received + position_code(heard.received.shape[1], 0, heard.received)
        self._memory = torch.cat([received, heard.context], 1), torch.cat([heard.mask, heard.context_mask], 1), skip, at
        try:
            yield
        finally:
            self._memory = None

    def _hook(self, index: int) -> Any:
        def look(layer: nn.Module, inputs: tuple, options: dict) -> tuple[tuple, dict] | None:
            if self._memory is None:
                return None
            if inputs:
                return (self._attend(index, inputs[0]), *inputs[1:]), options
            return inputs, options | {"hidden_states": self._attend(index, options["hidden_states"])}

        return look

    def _attend(self, index: int, hidden: Tensor) -> Tensor:
        memory, mask, skip, at = self._memory  # type: ignore[misc]
        normed = nn.functional.layer_norm(hidden.float(), hidden.shape[-1:])
        code = position_code(hidden.shape[1] - skip, at, normed)
        query = self.query[index](normed + nn.functional.pad(code, (0, 0, skip, 0)))
        key, value = self.key_value[index](memory).chunk(2, -1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (query, key, value))
        found = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None])
        return hidden + torch.tanh(self.gate[index]) * self.out[index](found.transpose(1, 2).flatten(2)).to(hidden)


def position_code(count: int, first: int, like: Tensor) -> Tensor:
    """(count, width) sines and cosines of the numbers `first`, `first + 1`, ... (Vaswani et al., NeurIPS 2017)."""
    width = like.shape[-1]
    rate = torch.exp(torch.arange(0, width, 2, device=like.device) * (-9.21 / width))  # down to 1 / 10,000
    angle = torch.arange(first, first + count, device=like.device)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[:, :width].to(like)


def _heads(width: int) -> int:
    """About one for 64 elements; what a head gets is even, as rotary positions want."""
    return next(heads for heads in range(max(1, width // 64), 0, -1) if width % (2 * heads) == 0)


def _transformer(width: int, layers: int, max_tokens: int) -> nn.Module:
    """Bidirectional, with rotary positions and full attention in every layer."""
    made = ModernBertModel(
        ModernBertConfig(
            vocab_size=1,  # embeddings are handed in
            pad_token_id=None,
            bos_token_id=None,
            eos_token_id=None,
            cls_token_id=None,
            sep_token_id=None,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=layers,
            num_attention_heads=_heads(width),
            max_position_embeddings=max_tokens,
            global_attn_every_n_layers=1,
            attn_implementation="sdpa",
        )
    )
    made.embeddings.tok_embeddings.requires_grad_(False)
    return made
