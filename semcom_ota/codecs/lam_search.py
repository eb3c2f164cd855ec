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
FIRST_LOOK = 8
"""For every beginning that is followed so many are looked at, by what they could be at best, to learn what suffices."""
BLOCK = 16
"""They come from as many blocks of so many: the highest of each, which is found faster than the highest of all."""
TAIL = 6.0
"""In nats: what is at best so much less likely than the last beginning that is followed does not count as lost."""


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

    def __call__(self, of_model: Tensor, before: Tensor) -> Tensor:
        """(R, V) from the model's (R, V), for what follows the beginnings (R, T)."""
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
    known = prior(state.log_probabilities, texts)
    while rows:
        chosen = {i: streams[i].extend(state, mine, score, history, known, model.end) for i, mine in rows.items()}
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
        known = prior(state.log_probabilities, texts)
        for index in finished:
            mine = rows.pop(index)
            final = score[mine] + known[mine, model.end] if streams[index].observation.ends else score[mine]
            found[index] = streams[index].candidates(texts[mine], final)
        if rows and finished:
            kept = torch.cat(list(rows.values()))
            state.cache.reorder_cache(kept)
            plain = known is state.log_probabilities  # which is large: then there is one of it
            state.log_probabilities = state.log_probabilities[kept]
            known = state.log_probabilities if plain else known[kept]
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
        self, state: State, rows: Tensor, score: Tensor, history: Tensor, known: Tensor, end: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The likeliest beginnings one token longer: rows that they go on from, tokens, scores (the best is 0).

        Most of the hundreds of thousands that there are cannot be among them, whatever their energy and history: only
        the others are looked at closely.
        """
        mine = slice(int(rows[0]), int(rows[-1]) + 1)
        of_model, score, history, known = state.log_probabilities[mine], score[mine], history[mine], known[mine]
        evidence = self._next_evidence()
        vocabulary, beams = of_model.shape[1], min(self.observation.beams, of_model.numel())
        bound = evidence.at_most(history).add_(known).add_(score[:, None])
        flat = bound.flatten()

        def total(places: Tensor) -> Tensor:
            row, token = places // vocabulary, places % vocabulary
            likelihood = evidence.of(of_model[row, token], history[row], token)
            return torch.where(token == end, NEVER, known[row, token] + score[row] + likelihood)

        least = total(_promising(flat, beams)).topk(beams).values[-1] - TAIL
        places = (flat > least).nonzero()[:, 0]
        totals = total(places)
        best = totals.topk(min(beams, len(totals)))
        everything = totals.double().logsumexp(0)
        self._followed += float((best.values.double().logsumexp(0) - everything).clamp(max=0))
        chosen = places[best.indices]
        return rows[chosen // vocabulary], chosen % vocabulary, best.values - best.values[0]

    def candidates(self, texts: Tensor, score: Tensor) -> Candidates:
        """Sorted, with what was lost on the way taken off."""
        order = score.argsort(descending=True, stable=True)
        followed = torch.tensor(self._followed, dtype=torch.float64, device=score.device).exp()
        return Candidates(texts[order], score[order].double().softmax(0) * followed)

    def _next_evidence(self) -> "_Evidence":
        """Of the symbols of the next token."""
        symbols = self._shares[self._step]
        window = slice(self._first, self._first + symbols)
        self._step, self._first = self._step + 1, self._first + symbols
        precision = 1 / self.observation.noise_variance[window]  # 0 where nothing was received
        received = torch.where(precision[:, None] > 0, self.observation.symbols[window], 0) * precision[:, None]
        alone, mixed = split(symbols, self.observation.mode)
        return _Evidence(self.codebook, received, precision, alone, mixed, self.observation.scale)


def _promising(bound: Tensor, beams: int) -> Tensor:
    """Places of FIRST_LOOK * beams high values, or of all if there are fewer."""
    wanted = FIRST_LOOK * beams
    blocks = bound[: len(bound) // BLOCK * BLOCK].view(BLOCK, -1)
    if blocks.shape[1] < wanted:
        return bound.topk(min(wanted, len(bound))).indices
    chosen = blocks.amax(0).topk(wanted).indices
    return chosen + blocks[:, chosen].argmax(0) * blocks.shape[1]


class _Evidence:
    """What the symbols of one token say for and against every token that there could be."""

    def __init__(
        self, codebook: Codebook, received: Tensor, precision: Tensor, alone: int, mixed: int, scale: float
    ) -> None:
        """Of `alone` symbols that depend on the token alone, and `mixed` ones behind them that history shifts."""
        self._codebook, self._scale, self._mixed = codebook, scale, mixed
        self._received, self._precision = received[alone:], precision[alone:]
        self._own = _compare(codebook.directions(0, alone), received[:alone], precision[:alone])
        certain_and_not = torch.tensor([0.0, -torch.inf], device=received.device)
        least, most = (relative_energy(certain_and_not) * scale).tolist()
        self._most = _at_most(*self._own, least, most)
        if mixed:
            self._shifted = _compare(codebook.directions(1, mixed), self._received, self._precision)
            unknown = _at_most_unknown(self._received, self._precision, least, most)
            self._most_shifted = _at_most(*self._shifted, least, most).clamp(min=unknown)

    def at_most(self, history: Tensor) -> Tensor:
        """(R, V): no more than this can `of` be after each history of (R,), whatever a token's energy."""
        if not self._mixed:
            return self._most.repeat(len(history), 1)
        return self._codebook.after(history, self._most_shifted).add_(self._most)

    def of(self, log_probabilities: Tensor, history: Tensor, tokens: Tensor) -> Tensor:
        """log p(symbols | token, history), up to a constant.

        Args:
            log_probabilities: (N,) of tokens under the language model, which say with how much energy they are sent.
            history: (N,) of the beginnings that they follow.
            tokens: (N,) int64.
        """
        sent = relative_energy(log_probabilities) * self._scale
        match, energy = self._own
        likelihood = 2 * sent.sqrt() * match[tokens] - sent * energy[tokens]
        if self._mixed:
            match, energy = self._shifted
            which = self._codebook.shifted(history, tokens)
            right = 2 * sent.sqrt() * match[which] - sent * energy[which]
            lost = _unknown_direction(sent, self._received, self._precision)
            likelihood += torch.logaddexp(right + math.log1p(-LOST), lost + math.log(LOST))
        return likelihood


def _at_most(match: Tensor, energy: Tensor, least: float, most: float) -> Tensor:
    """The most that `2 sqrt(E) match - E energy` can be with an energy E of `least` to `most`."""
    root = (match / energy.clamp(min=1e-9)).clamp(math.sqrt(least), math.sqrt(most))
    return 2 * root * match - root.square() * energy


def _at_most_unknown(received: Tensor, precision: Tensor, least: float, most: float) -> float:
    """The same of `_unknown_direction`: it has one peak, at the energy that was received."""
    count = int((precision > 0).sum())
    if not count:
        return 0.0
    power = float((received.square().sum(-1) / precision.clamp(min=1e-9)).sum())
    peak = (power / count - 1) * count / float(precision.sum())
    energy = torch.tensor([min(max(peak, least), most)], device=received.device)
    return float(_unknown_direction(energy, received, precision))


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
