"""Tokens to symbols under a language model: what a token is sent as, and with how much energy.

A token's codeword is a direction, drawn once and for all, times an amplitude. Its energy is nearly proportional to its
surprisal, its bits under the language model: where a receiver that has the same model needs no telling, next to nothing
is sent, and the power goes to the words that carry the news. In the low-SNR limit, where capacity is proportional to
energy, that is how energy and information are to go together (Verdu, "Spectral efficiency in the wideband regime",
IEEE Trans. Information Theory 48, 2002); the receiver knows the amplitude of every hypothesis because it knows the
surprisal that the token would have there.

The last symbols of a token, a share of them that the transmitter chooses, have directions that depend on all tokens
before as well, as in a spinal code (Perry et al., "Spinal codes", SIGCOMM 2012): they make every later symbol speak for
or against an earlier decision. With many of them a text arrives whole or goes wrong from some word on; with none a
wrong word stays one wrong word. The former is better where the channel carries the text's information, the latter where
it does not.
"""

import math

import numpy as np
import torch
from torch import Tensor

MAX_SYMBOLS_PER_TOKEN = 64
FLOOR_BITS = 0.5
"""Added to a surprisal, so that also what is certain has some energy: models differ in certainty from what is true."""
EXPONENT = 0.9
"""Of the surprisal, in the energy. Proportional energies (1) carry captions no better (BLEU-1 the same to 0.003 at -3,
-1 and 1 dB), those below 0.8 worse; of what is as good, this has the lowest peaks, and leaves most to the receiver."""
MOST_BITS = 25.0
"""The most that a token's energy stands for: a limit to the peaks."""
HISTORY_SHARES = (0.0, 0.15, 0.3, 0.6)
"""Of a token's symbols, by mode: the share that depends on all tokens before it."""
_MOST_KEPT = 256  # symbols of every token, in directions that were cut to size: four times what is drawn of a kind
_MULTIPLIER = 0x2545F4914F6CDD1D


class Codebook:
    """Directions of every token of a vocabulary, the same on every machine."""

    def __init__(self, vocabulary: int, device: torch.device):
        """Draw them."""
        directions = np.stack([_gaussian(vocabulary, stream) for stream in (0, 1)])
        self._directions = torch.from_numpy(directions).to(device)  # (2, V, MAX, 2): of the token alone, with history
        self._vocabulary = vocabulary
        self._sliced: dict[tuple[int, int], Tensor] = {}

    def directions(self, kind: int, symbols: int) -> Tensor:
        """(V, symbols, 2) float32: real and imaginary part, each direction with an energy of `symbols`.

        Args:
            kind: 0 are those of the token alone, 1 those that history shifts.
            symbols: 0..MAX_SYMBOLS_PER_TOKEN.
        """
        kept = self._sliced.get((kind, symbols))
        if kept is None:
            part = self._directions[kind, :, :symbols]
            energy = part.square().sum((1, 2), keepdim=True)
            kept = (part * (symbols / energy.clamp(min=1e-9)).sqrt()).contiguous()
            if sum(size for _, size in self._sliced) + symbols > _MOST_KEPT:
                self._sliced.clear()  # whoever sends decides which sizes there are
            self._sliced[kind, symbols] = kept
        return kept

    def shifted(self, history: Tensor, tokens: Tensor) -> Tensor:
        """Which direction of kind 1 a token has after a history: int64 of the shape that the arguments share."""
        return (tokens + (history >> 24).remainder(self._vocabulary)).remainder(self._vocabulary)

    def after(self, history: Tensor, values: Tensor) -> Tensor:
        """(R, V): what `values` (V,) of directions of kind 1 are for every token after each history of (R,)."""
        round_and_round = torch.cat([values, values[:-1]]).unfold(0, self._vocabulary, 1)
        return round_and_round[(history >> 24).remainder(self._vocabulary)]

    def codeword(self, token: int, history: Tensor, symbols: int, mode: int) -> Tensor:
        """(symbols, 2) float32 with an energy of `symbols`: what `token` is sent as, before its amplitude."""
        alone, mixed = split(symbols, mode)
        of_history = int(self.shifted(history, torch.tensor(token, device=history.device)))
        return torch.cat([self.directions(0, alone)[token], self.directions(1, mixed)[of_history]])


def split(symbols: int, mode: int) -> tuple[int, int]:
    """Of a token's symbols, how many depend on it alone, and how many on history too."""
    mixed = math.floor(HISTORY_SHARES[mode] * symbols + 0.5)
    return symbols - mixed, mixed


def share(symbols: int, tokens: int) -> list[int]:
    """Symbols of each of `tokens` tokens: as even as can be."""
    return [(i + 1) * symbols // tokens - i * symbols // tokens for i in range(tokens)]


def relative_energy(log_probabilities: Tensor) -> Tensor:
    """Mean energy of a symbol of each token, up to a factor that is the same throughout a message."""
    return (-log_probabilities / math.log(2) + FLOOR_BITS).clamp(max=MOST_BITS) ** EXPONENT


def surprisal_of(energy: float) -> float:
    """Bits of a token with that energy (`relative_energy`); of a mean energy, a little less than the mean bits."""
    return max(0.0, energy ** (1 / EXPONENT) - FLOOR_BITS)


def next_history(history: Tensor, tokens: Tensor) -> Tensor:
    """A number for all tokens so far: (R,) int64, wrapping around; that of no tokens is 0."""
    mixed = (history ^ (tokens + 1)) * _MULTIPLIER
    return mixed ^ (mixed >> 29)


def _gaussian(vocabulary: int, stream: int) -> np.ndarray:
    """(V, MAX_SYMBOLS_PER_TOKEN, 2) float32, standard normal; by Box and Muller from raw bits: a fixed stream."""
    count = vocabulary * MAX_SYMBOLS_PER_TOKEN
    raw = np.random.Philox(key=stream).random_raw(2 * count)
    uniform = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53
    radius, angle = np.sqrt(-2 * np.log(uniform[:count])), 2 * np.pi * uniform[count:]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return pairs.reshape(vocabulary, MAX_SYMBOLS_PER_TOKEN, 2).astype(np.float32)
