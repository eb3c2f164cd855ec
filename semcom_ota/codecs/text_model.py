"""The neural network of `text-jscc`: token identities to complex symbols, and noisy symbols back to token logits.

Joint source-channel coding of text after DeepSC (Xie et al., "Deep Learning Enabled Semantic Communication Systems",
IEEE Trans. Signal Processing 69, 2021), with three differences: the symbols of a token are ordered, so that any number
of them may be sent; the decoder is told the noise variance of every symbol; and it decides all tokens in one pass.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from transformers import ModernBertConfig, ModernBertModel


@dataclass(frozen=True)
class TextModelConfig:
    """Sizes of the network; stored beside the weights."""

    vocabulary: int = 8192
    width: int = 256
    heads: int = 4
    encoder_layers: int = 3
    decoder_layers: int = 4
    layers_per_token: int = 16  # symbols that a token has at most
    max_tokens: int = 64  # tokens that attend to one another; a longer text is cut into chunks

    def check(self, weights: dict[str, Tensor]) -> None:
        """Refuse sizes that are not those of the weights; raises ValueError or KeyError."""
        if not all(type(value) is int and 1 <= value <= 2**20 for value in asdict(self).values()):
            raise ValueError("a size is no number of 1 to 2**20")
        layers = {tuple(name.split(".")[:3:2]) for name in weights if ".layers." in name}
        stacks = [stack for stack, _ in layers]
        if (
            weights["embedding.weight"].shape != (self.vocabulary, self.width)
            or weights["to_symbols.bias"].shape != (2 * self.layers_per_token,)
            or (stacks.count("encoder"), stacks.count("decoder")) != (self.encoder_layers, self.decoder_layers)
            or self.width % self.heads
            or self.max_tokens > 4096
        ):
            raise ValueError("sizes and weights do not belong together")

    def asdict(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)


def unit_power(values: Tensor, sent: Tensor) -> Tensor:
    """What a network puts out for each token, as symbols.

    Args:
        values: (B, T, 2 * layers) real and imaginary parts, alternating.
        sent: (B, T, layers) bool.

    Returns:
        (B, T, layers) complex64, zero where nothing is sent, mean |s|**2 = 1 over what is sent of each text.
    """
    pairs = values.float().unflatten(-1, (-1, 2)) * sent.unsqueeze(-1)
    energy = pairs.square().sum(dim=(1, 2, 3)) / sent.sum(dim=(1, 2)).clamp(min=1)
    return torch.view_as_complex((pairs * (energy + 1e-12).rsqrt()[:, None, None, None]).contiguous())


def features_of(symbols: Tensor, noise_variance: Tensor) -> Tensor:
    """What a network is told of the symbols of each token.

    Args:
        symbols: (B, T, layers) complex64, unbiased.
        noise_variance: (B, T, layers) float32, inf where a symbol was not sent or got lost.

    Returns:
        (B, T, 4 * layers): Wiener estimates (real and imaginary parts), reliabilities, and SNRs in units of 20 dB.
    """
    reliability = 1 / (1 + noise_variance)  # 0 for a lost symbol, the Wiener gain for all others
    estimate = torch.view_as_real(torch.where(reliability > 0, symbols, 0)) * reliability.unsqueeze(-1)
    snr_db = -10 * torch.log10(noise_variance.clamp(1e-3, 1e2))
    return torch.cat([estimate.flatten(2), reliability, snr_db / 20], dim=-1)


class TextModel(nn.Module):
    """Encoder and decoder of `text-jscc`, trained together through a differentiable channel."""

    def __init__(self, config: TextModelConfig):
        """Random weights from torch's global generator: seed it first."""
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.encoder = _transformer(config, config.encoder_layers)
        self.to_symbols = nn.Linear(config.width, 2 * config.layers_per_token)
        self.from_symbols = nn.Sequential(
            nn.Linear(4 * config.layers_per_token, 2 * config.width),
            nn.GELU(),
            nn.Linear(2 * config.width, config.width),
        )
        self.decoder = _transformer(config, config.decoder_layers)
        self.to_logits = nn.Linear(config.width, config.vocabulary)
        nn.init.normal_(self.to_logits.weight, std=0.02)

    def encode(self, tokens: Tensor, padding: Tensor, sent: Tensor) -> Tensor:
        """Tokens to symbols on the grid (token, layer).

        Args:
            tokens: (B, T) int64.
            padding: (B, T) bool, True where a token is real.
            sent: (B, T, layers) bool, from `symbol_positions`.

        Returns:
            (B, T, layers) complex64, zero where nothing is sent, mean |s|**2 = 1 over what is sent of each text.
        """
        hidden = self.encoder(inputs_embeds=self.embedding(tokens), attention_mask=padding).last_hidden_state
        return unit_power(self.to_symbols(hidden), sent)

    def decode(self, symbols: Tensor, noise_variance: Tensor, padding: Tensor) -> Tensor:
        """Noisy symbols to token logits.

        Args:
            symbols: (B, T, layers) complex64, unbiased.
            noise_variance: (B, T, layers) float32, inf where a symbol was not sent or got lost.
            padding: (B, T) bool, True where a token is real.

        Returns:
            (B, T, vocabulary) logits.
        """
        features = features_of(symbols, noise_variance)
        hidden = self.decoder(inputs_embeds=self.from_symbols(features), attention_mask=padding).last_hidden_state
        return self.to_logits(hidden)


def _transformer(config: TextModelConfig, layers: int) -> ModernBertModel:
    """A bidirectional transformer with rotary positions, full attention in every layer."""
    return ModernBertModel(
        ModernBertConfig(
            vocab_size=1,  # embeddings are handed in
            pad_token_id=None,
            bos_token_id=None,
            eos_token_id=None,
            cls_token_id=None,
            sep_token_id=None,
            hidden_size=config.width,
            intermediate_size=2 * config.width,  # gated: two matrices of this height
            num_hidden_layers=layers,
            num_attention_heads=config.heads,
            max_position_embeddings=config.max_tokens,
            global_attn_every_n_layers=1,
            attn_implementation="sdpa",
        )
    )
