import math
from dataclasses import replace

import pytest
import torch
from lams import TEXTS, save_lam

from semcom_ota.codecs.lam_codebook import Codebook, next_history, relative_energy, share
from semcom_ota.codecs.lam_search import LOST, Observation, Prior, search
from semcom_ota.codecs.language_model import LanguageModel

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
    assert 0 < LOST < 0.1


def test_another_prior_is_another_posterior(model, codebook):
    tokens = model.tokens(TEXTS[3])
    noisy = observe(model, codebook, tokens, 3 * len(tokens), 0, 0.5)
    uniform = Prior(torch.full((model.vocabulary,), -math.log(model.vocabulary)))
    (one,), (other,) = (find(model, codebook, [noisy], prior=prior) for prior in (Prior(), uniform))
    assert not torch.equal(one.probability, other.probability)
