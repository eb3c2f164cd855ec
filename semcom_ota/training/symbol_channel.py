"""Differentiable channels at level `symbol`: what the equaliser of `phy/` would hand over, for training."""

import torch
from torch import Tensor

BLOCK_CARRIERS = 12
"""Neighbouring symbols that share a fade in the frequency-selective model; the interleaver then mixes the blocks."""


def draw_noise_variance(sent: Tensor, snr_db: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Noise variance of each equalised symbol, for a random mix of channels.

    Half the messages see AWGN, a quarter flat Rayleigh fading (one gain a message), a quarter frequency-selective
    Rayleigh fading (independent gains, interleaved over the message). After zero-forcing a symbol with gain h has noise
    variance N0 / |h|**2. Of one message in twenty, a contiguous half is lost.

    Args:
        sent: (B, T, layers) bool, which symbols are sent.
        snr_db: lowest and highest mean Es/N0, uniform in between.
        generator: the source of randomness, on the device of `sent`.

    Returns:
        (B, T, layers) float32; inf where nothing is sent or the symbol was lost.
    """
    messages = sent.shape[0]

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=sent.device)

    low, high = snr_db
    n0 = 10 ** (-(low + (high - low) * uniform(messages, 1, 1)) / 10)
    kind = uniform(messages, 1, 1)
    flat = -torch.log(uniform(messages, 1, 1).clamp(min=1e-6))  # |h|**2 is exponential with unit mean
    paths = -torch.log(uniform(messages, BLOCK_CARRIERS).clamp(min=1e-6))
    pick = torch.randint(BLOCK_CARRIERS, (messages, sent[0].numel()), generator=generator, device=sent.device)
    selective = paths.gather(1, pick).view_as(sent)
    gain = torch.where(kind < 0.5, 1.0, torch.where(kind < 0.75, flat, selective))
    variance = n0 / gain.clamp(min=1e-4)

    first = uniform(messages, 1, 1)
    position = torch.arange(sent[0].numel(), device=sent.device).view(1, *sent.shape[1:]) / sent[0].numel()
    lost = (uniform(messages, 1, 1) < 0.05) & (position >= first) & (position < first + 0.5)
    return torch.where(sent & ~lost, variance, torch.inf)


def transmit(symbols: Tensor, variance: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Symbols through the channel, as a receiver would hand them on.

    Args:
        symbols: (B, T, layers) complex64.
        variance: (B, T, layers) float32, from `draw_noise_variance`.
        generator: the source of randomness.

    Returns:
        received: (B, T, layers) complex64, zero where the variance is infinite.
        claimed: (B, T, layers) float32, the receiver's own estimate of the variance: off by a few tenths of a dB.
    """
    noise = torch.view_as_complex(torch.randn(*symbols.shape, 2, generator=generator, device=symbols.device))
    finite = torch.isfinite(variance)
    scale = torch.where(finite, variance / 2, 0).sqrt()
    received = torch.where(finite, symbols + scale * noise, 0)
    error_db = 0.5 * torch.randn(symbols.shape[0], 1, 1, generator=generator, device=symbols.device)
    return received, variance * 10 ** (error_db / 10)
