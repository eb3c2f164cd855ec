"""Beam search for the text that a language model and the received symbols agree on, over several messages at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from semcom_ota.codecs.lam_codebook import Codebook, next_history, relative_energy, share, split
from semcom_ota.codecs.language_model import LanguageModel, State

NEVER = -1e30
LOST = 0.03
"""Taken for the probability, at any token, that no beginning that is followed is wholly right. Symbols that depend on
history then have an unknown direction, and are not held against any token: that is what keeps an early mistake from
spoiling all that follows."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A text (or a chunk of one) as it was received."""

    symbols: Tensor  # (N, 2) float32: real and imaginary part, unbiased
    noise_variance: Tensor  # (N,) float32, finite and positive, or inf where nothing was received
    tokens: int  # at least one
    scale: float  # a symbol's energy over `relative_energy`
    mode: int  # see lam_codebook.HISTORY_SHARES
    ends: bool  # whether the text ends with the last token
    beams: int  # beginnings that are followed


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a search found, the likeliest first."""

    tokens: Tensor  # (K, T) int64
    probability: Tensor  # (K,) float64: posterior of each; what is missing to 1 belongs to texts that were not followed


class Prior:
    """Whose log-probabilities the search adds to the likelihood: the language model's own, or less."""

    def __init__(self, log_probabilities: Tensor | None = None):
        """(V,) of tokens without context; None takes the language model's."""
        self._fixed = log_probabilities

    def __call__(self, of_model: Tensor) -> Tensor:
        """(R, V) from the model's (R, V)."""
        return of_model if self._fixed is None else self._fixed.expand_as(of_model)


@torch.inference_mode()
def search(
    model: LanguageModel,
    codebook: Codebook,
    observations: Sequence[Observation],
    prior: Prior,
) -> list[Candidates]:
    """Follow the likeliest beginnings of every text, token by token.

    A beginning's score is log P(tokens) + log p(symbols so far | tokens), so that scores of one length compare. What
    falls off the beam is counted: its share of the posterior is taken from the candidates' in the end.

    Args:
        model: gives the amplitude of every hypothesis, and (with the default prior) its probability.
        codebook: what tokens are sent as.
        observations: at least one.
        prior: see `Prior`.
    """
    streams = [_Stream(observation, codebook) for observation in observations]
    found: list[Candidates | None] = [None] * len(streams)
    device = observations[0].symbols.device
    state = model.begin(len(streams))
    rows = {index: torch.tensor([index], device=device) for index in range(len(streams))}
    score = torch.zeros(len(streams), device=device)
    history = torch.zeros(len(streams), dtype=torch.long, device=device)
    texts = torch.zeros(len(streams), 0, dtype=torch.long, device=device)
    while rows:
        chosen = {i: streams[i].extend(state, mine, score, history, prior, model.end) for i, mine in rows.items()}
        parents, tokens, score = (torch.cat([part[k] for part in chosen.values()]) for k in range(3))
        texts = torch.cat([texts[parents], tokens[:, None]], dim=1)
        history = next_history(history[parents], tokens)
        first, rows = 0, {}
        for index, part in chosen.items():
            rows[index] = torch.arange(first, first + len(part[1]), device=device)
            first += len(part[1])
        finished = [index for index in rows if streams[index].remaining == 0]
        if len(finished) == len(rows) and not any(streams[index].observation.ends for index in finished):
            return _closed(found, streams, rows, texts, score)
        state = model.advance(state, parents, tokens)
        ending = prior(state.log_probabilities)[:, model.end]
        for index in finished:
            mine = rows.pop(index)
            final = score[mine] + ending[mine] if streams[index].observation.ends else score[mine]
            found[index] = streams[index].candidates(texts[mine], final)
        if rows and finished:
            kept = torch.cat(list(rows.values()))
            state.cache.reorder_cache(kept)
            state.log_probabilities = state.log_probabilities[kept]
            score, history, texts = score[kept], history[kept], texts[kept]
            first = 0
            for index, mine in rows.items():
                rows[index] = torch.arange(first, first + len(mine), device=device)
                first += len(mine)
    return [each for each in found if each is not None]


def _closed(
    found: list[Candidates | None], streams: Sequence["_Stream"], rows: dict[int, Tensor], texts: Tensor, score: Tensor
) -> list[Candidates]:
    """The last of chunks that do not end their text: nobody asks what would come next."""
    for index, mine in rows.items():
        found[index] = streams[index].candidates(texts[mine], score[mine])
    return [each for each in found if each is not None]


class _Stream:
    """One message on its way through the search."""

    def __init__(self, observation: Observation, codebook: Codebook):
        self.observation, self.codebook = observation, codebook
        self._shares = share(len(observation.symbols), observation.tokens)
        self._step = self._first = 0
        self._followed = 0.0  # log of the posterior's share that is still followed

    @property
    def remaining(self) -> int:
        """Tokens that are still to be found."""
        return self.observation.tokens - self._step

    def extend(
        self, state: State, rows: Tensor, score: Tensor, history: Tensor, prior: Prior, end: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The likeliest beginnings one token longer: rows that they go on from, tokens, scores (the best is 0)."""
        of_model = state.log_probabilities[rows]
        total = prior(of_model) + score[rows, None] + self._log_likelihood(of_model, history[rows])
        total[:, end] = NEVER
        flat = total.flatten()
        best = flat.topk(min(self.observation.beams, len(flat)))
        everything = flat.double().logsumexp(0)
        self._followed += float((best.values.double().logsumexp(0) - everything).clamp(max=0))
        vocabulary = of_model.shape[1]
        return rows[best.indices // vocabulary], best.indices % vocabulary, best.values - best.values[0]

    def candidates(self, texts: Tensor, score: Tensor) -> Candidates:
        """Sorted, with what was lost on the way taken off."""
        order = score.argsort(descending=True, stable=True)
        followed = torch.tensor(self._followed, dtype=torch.float64, device=score.device).exp()
        return Candidates(texts[order], score[order].double().softmax(0) * followed)

    def _log_likelihood(self, log_probabilities: Tensor, history: Tensor) -> Tensor:
        """log p(this token's symbols | token, history), up to a constant: (R, V) or a form that broadcasts to it."""
        symbols = self._shares[self._step]
        window = slice(self._first, self._first + symbols)
        self._step, self._first = self._step + 1, self._first + symbols
        precision = 1 / self.observation.noise_variance[window]  # 0 where nothing was received
        received = torch.where(precision[:, None] > 0, self.observation.symbols[window], 0) * precision[:, None]
        alone, mixed = split(symbols, self.observation.mode)
        sent = relative_energy(log_probabilities) * self.observation.scale
        match, energy = _compare(self.codebook.directions(0, alone), received[:alone], precision[:alone])
        likelihood = 2 * sent.sqrt() * match - sent * energy
        if mixed:
            match, energy = _compare(self.codebook.directions(1, mixed), received[alone:], precision[alone:])
            which = self.codebook.shifted(history)
            right = 2 * sent.sqrt() * match[which] - sent * energy[which]
            lost = _unknown_direction(sent, received[alone:], precision[alone:])
            likelihood += torch.logaddexp(right + math.log1p(-LOST), lost + math.log(LOST))
        return likelihood


def _unknown_direction(sent: Tensor, received: Tensor, precision: Tensor) -> Tensor:
    """log p(symbols | their energy alone) less that of noise alone: Gaussian symbols, one precision for all."""
    count = int((precision > 0).sum())
    mean = precision.sum() / max(count, 1)
    power = (received.square().sum(-1) / precision.clamp(min=1e-9)).sum()  # received is weighted already
    ratio = sent * mean
    return power * ratio / (1 + ratio) - count * torch.log1p(ratio)


def _compare(directions: Tensor, received: Tensor, precision: Tensor) -> tuple[Tensor, Tensor]:
    """(V,) each: the weighted symbols' correlation with every direction, and each direction's weighted energy."""
    match = directions.flatten(1) @ received.flatten()
    energy = directions.square().sum(-1) @ precision
    return match, energy
