import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from lams import TEXTS, save_lam

from semcom_ota.codecs import lam_search
from semcom_ota.codecs.lam_codebook import Codebook, next_history, relative_energy, share
from semcom_ota.codecs.lam_search import LOST, Observation, Prior, search
from semcom_ota.codecs.language_model import LanguageModel, State

CPU = torch.device("cpu")
SCALE = 0.1


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return LanguageModel.load(save_lam(tmp_path_factory.mktemp("lam"), "gpt2"), CPU)


@pytest.fixture(scope="module")
def codebook(model):
    return Codebook(model.vocabulary, CPU)


def sent(model, codebook, tokens, symbols, mode):
    history, parts = torch.zeros((), dtype=torch.long), []
    energies = relative_energy(model.score(tokens)) * SCALE
    for token, energy, count in zip(tokens, energies, share(symbols, len(tokens)), strict=True):
        parts.append(codebook.codeword(token, history, count, mode) * energy.sqrt())
        history = next_history(history, torch.tensor(token))
    return torch.cat(parts)


def observe(model, codebook, tokens, symbols, mode, variance, seed=0, ends=True):
    clean = sent(model, codebook, tokens, symbols, mode)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed)) * math.sqrt(variance / 2)
    return Observation(clean + noise, torch.full((symbols,), variance), len(tokens), SCALE, mode, ends, 8)


def find(model, codebook, observations, beams=8, prior=None):
    return search(model, codebook, [replace(each, beams=beams) for each in observations], prior or Prior())


@pytest.mark.parametrize("mode", [0, 3])
def test_scores_are_the_posterior_by_its_definition(model, codebook, mode):
    """Every token is tried in the first place, the likeliest of all beginnings go on: as good as trying every text."""
    tokens, symbols, variance = model.tokens("A dog")[:2], 9, 0.4
    observation = observe(model, codebook, tokens, symbols, mode, variance)
    (found,) = find(model, codebook, [observation], beams=model.vocabulary)
    generator = torch.Generator().manual_seed(1)
    others = torch.randint(1, model.vocabulary, (200, 2), generator=generator)

    def definition(pair):
        fit = -float((observation.symbols - sent(model, codebook, pair, symbols, mode)).square().sum()) / variance
        return fit + float(model.score([*pair, model.end]).sum())

    known = [definition(pair) for pair in found.tokens[:5].tolist()]
    if mode == 0:  # otherwise the hypothesis that history is lost comes in
        assert found.probability[:5].log().diff().tolist() == pytest.approx(
            torch.tensor(known).diff().tolist(), abs=0.02
        )
    assert max(map(definition, others.tolist())) <= known[0]


@pytest.mark.parametrize("mode", range(4))
def test_a_clean_text_is_found_and_certain(model, codebook, mode):
    tokens = model.tokens(TEXTS[3])
    (found,) = find(model, codebook, [observe(model, codebook, tokens, 6 * len(tokens), mode, 0.01)])
    assert found.tokens[0].tolist() == tokens
    assert float(found.probability[0]) > 0.99


WORDS = 5  # the end of a text is one of them
EACH = 5  # symbols of a token


@dataclass
class LastTwo:
    """What a trigram model has to know of every row, in the place of a cache."""

    tokens: torch.Tensor  # (R, 2) int64

    def reorder_cache(self, rows):
        self.tokens = self.tokens[rows]


class Trigram:
    """A language model of so few tokens that every text can be tried."""

    vocabulary, end = WORDS, 0

    def __init__(self):
        logits = 1.5 * torch.randn(WORDS, WORDS, WORDS, generator=torch.Generator().manual_seed(0))
        self.table = logits.log_softmax(-1)

    def begin(self, rows):
        return self._state(torch.zeros(rows, 2, dtype=torch.long), 0)

    def advance(self, state, parents, tokens):
        before = state.cache.tokens if parents is None else state.cache.tokens[parents]
        return self._state(torch.stack([before[:, 1], tokens], dim=1), state.length + 1)

    def score(self, tokens):
        past = [0, 0, *tokens]
        return torch.stack([self.table[past[i], past[i + 1], token] for i, token in enumerate(tokens)])

    def _state(self, past, length):
        return State(LastTwo(past), self.table[past[:, 0], past[:, 1]], length)


def by_trying_every_text(model, codebook, observation, prior):
    """{text: posterior probability}: Bayes' rule with the densities of complex Gaussian symbols."""
    received = observation.symbols.numpy().view(np.complex64).reshape(-1, EACH)
    variance = observation.noise_variance.numpy().reshape(-1, EACH)
    of_history = np.arange(EACH) >= EACH - (0, 1, 2, 3)[observation.mode]
    logs = {}
    for text in itertools.product(range(1, WORDS), repeat=observation.tokens):
        said = [*text, model.end] if observation.ends else list(text)
        surprisal = model.score(said)
        logs[text] = float(surprisal.sum() if prior is None else prior[said].sum())
        clean = sent(model, codebook, text, received.size, observation.mode).numpy().view(np.complex64)
        energies = (SCALE * (0.5 - surprisal / math.log(2)) ** 0.9).tolist()
        for y, known, noise, energy in zip(received, clean.reshape(-1, EACH), variance, energies, strict=False):
            right = -(np.abs(y - known) ** 2) / noise - np.log(noise)
            astray = -(np.abs(y) ** 2) / (noise + energy) - np.log(noise + energy)
            alone, mixed = (np.isfinite(noise) & part for part in (~of_history, of_history))
            logs[text] += right[alone].sum()
            logs[text] += np.logaddexp(math.log(1 - LOST) + right[mixed].sum(), math.log(LOST) + astray[mixed].sum())
    everything = np.logaddexp.reduce(list(logs.values()))
    return {text: math.exp(value - everything) for text, value in logs.items()}


@pytest.mark.parametrize("prior", [None, torch.tensor([-0.7, -1.6, -2.4, -2.1, -1.2])], ids=["model", "fixed"])
@pytest.mark.parametrize("mode", range(4))
def test_a_search_finds_what_trying_every_text_finds(mode, prior):
    """Texts of 64 or 256 that noise leaves in doubt, with two symbols lost: as many beams as there are beginnings give
    the posterior of each, and few beams the likeliest."""
    model, codebook, observations = Trigram(), Codebook(WORDS, CPU), []
    for seed, (text, ends) in enumerate([((2, 4, 1), True), ((1, 3, 3, 2), False), ((4, 1, 2, 4), True)]):
        seen = observe(model, codebook, text, EACH * len(text), mode, 0.8, seed, ends)
        variance = seen.noise_variance.clone()
        variance[[3, 9]] = torch.inf
        observations.append(replace(seen, noise_variance=variance))
    all_of_them, few = (find(model, codebook, observations, beams, Prior(prior)) for beams in (WORDS**4, 12))
    for observation, found, some in zip(observations, all_of_them, few, strict=True):
        known = by_trying_every_text(model, codebook, observation, prior)
        best = max(known, key=known.get)
        assert known[best] < 0.9
        probabilities = dict(zip(map(tuple, found.tokens.tolist()), found.probability.tolist(), strict=True))
        assert {text: probabilities[text] for text in known} == pytest.approx(known, rel=1e-3, abs=1e-7)
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-6)  # none with an end inside
        assert tuple(found.tokens[0].tolist()) == tuple(some.tokens[0].tolist()) == best
        assert float(some.probability[0]) == pytest.approx(known[best], abs=0.1)


def test_messages_together_are_what_they_are_alone(model, codebook):
    observations = [
        observe(model, codebook, model.tokens(text)[:length], 4 * length, mode, 0.5, seed=length, ends=length != 4)
        for text, length, mode in ((TEXTS[0], 3, 0), (TEXTS[5], 7, 1), (TEXTS[9], 3, 2), (TEXTS[11], 4, 0))
    ]
    together = find(model, codebook, observations)
    for observation, among in zip(observations, together, strict=True):
        (alone,) = find(model, codebook, [observation])
        assert torch.equal(alone.tokens, among.tokens)
        assert torch.allclose(alone.probability, among.probability, atol=1e-4)


@pytest.mark.parametrize("mode", range(4))
@pytest.mark.parametrize("variance", [0.3, 3.0, 30.0])
def test_nothing_is_missed_by_looking_closely_at_some_only(model, codebook, mode, variance, monkeypatch):
    tokens = model.tokens(TEXTS[3])
    noisy = observe(model, codebook, tokens, 6 * len(tokens), mode, variance)
    (some,) = find(model, codebook, [noisy], beams=12)
    monkeypatch.setattr(lam_search, "TAIL", math.inf)
    (everything,) = find(model, codebook, [noisy], beams=12)
    assert torch.equal(some.tokens, everything.tokens)
    assert some.probability.tolist() == pytest.approx(everything.probability.tolist(), rel=0.02)


def test_what_is_not_followed_is_missing_from_the_probabilities(model, codebook):
    tokens = model.tokens(TEXTS[3])
    noisy = observe(model, codebook, tokens, 2 * len(tokens), 0, 3.0)
    (few,), (many,) = (find(model, codebook, [noisy], beams=beams) for beams in (2, 64))
    assert float(few.probability.sum()) < float(many.probability.sum()) < 1


def test_nothing_received_leaves_the_prior(model, codebook):
    nothing = Observation(torch.full((12, 2), 7.0), torch.full((12,), torch.inf), 1, SCALE, 1, False, 8)
    (found,) = find(model, codebook, [nothing], beams=4)
    expected = model.begin().log_probabilities[0].clone()
    expected[model.end] = -torch.inf
    assert found.tokens[:, 0].tolist() == expected.topk(4).indices.tolist()
    assert found.probability.log().diff().tolist() == pytest.approx(expected.topk(4).values.diff().tolist(), abs=1e-4)


def test_after_a_mistake_words_are_still_heard(model, codebook):
    """The history of what was sent is none that is followed: what depends on the token alone goes on to count."""
    tokens = model.tokens(TEXTS[3])
    right = observe(model, codebook, tokens, 10 * len(tokens), 1, 0.02)
    spoilt = right.symbols.clone()
    spoilt[:10] = sent(model, codebook, [tokens[-1]], 10, 1)  # another word in the first place
    (found,) = find(model, codebook, [Observation(spoilt, right.noise_variance, len(tokens), SCALE, 1, True, 8)])
    assert found.tokens[0, 1:].tolist() == tokens[1:]


def test_another_prior_is_another_posterior(model, codebook):
    tokens = model.tokens(TEXTS[3])
    noisy = observe(model, codebook, tokens, 3 * len(tokens), 0, 0.5)
    uniform = Prior(torch.full((model.vocabulary,), -math.log(model.vocabulary)))
    (one,), (other,) = (find(model, codebook, [noisy], prior=prior) for prior in (Prior(), uniform))
    assert not torch.equal(one.probability, other.probability)
