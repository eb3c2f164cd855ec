import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lams import TEXTS, save_lam

from semcom_ota.codecs.base import DoesNotFit
from semcom_ota.codecs.language_model import LanguageModel
from semcom_ota.config import ConfigError

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def model(request, tmp_path_factory):
    return LanguageModel.load(save_lam(tmp_path_factory.mktemp("lam"), request.param), CPU)


@settings(max_examples=50)
@given(text=st.text(max_size=40))
def test_any_text_comes_back(model, text):
    assert model.text(model.tokens(text)) == text


def test_the_end_spelt_out_is_only_a_text(model):
    tokens = model.tokens("one <|endoftext|> two")
    assert model.end not in tokens and len(tokens) > 3


def test_steps_and_one_pass_agree(model):
    tokens = model.tokens(TEXTS[0])
    state, found = model.begin(), []
    for token in tokens:
        found.append(float(state.log_probabilities[0, token]))
        state = model.advance(state, None, torch.tensor([token]))
    assert found == pytest.approx(model.score(tokens).tolist(), abs=1e-4)
    assert state.length == len(tokens)


def test_hypotheses_go_on_from_their_parents(model):
    first, second = model.tokens(TEXTS[0])[:3], model.tokens(TEXTS[-1])[:3]
    state = model.begin(2)
    for pair in zip(first[:2], second[:2], strict=True):
        state = model.advance(state, None, torch.tensor(pair))
    state = model.advance(state, torch.tensor([1, 0, 1]), torch.tensor([second[2], first[2], first[2]]))
    alone = model.begin()
    for token in (*second[:2], first[2]):
        alone = model.advance(alone, None, torch.tensor([token]))
    assert torch.allclose(state.log_probabilities[2], alone.log_probabilities[0], atol=1e-4)
    assert not torch.allclose(state.log_probabilities[1], state.log_probabilities[2], atol=1e-4)


def test_probabilities_are_those_of_a_distribution(model):
    assert float(model.begin().log_probabilities.exp().sum()) == pytest.approx(1, abs=1e-4)
    unigram = model.unigram(texts=16, longest=6)
    assert float(unigram.exp().sum()) == pytest.approx(1, abs=1e-4)
    assert torch.equal(unigram, model.unigram(texts=16, longest=6))
    assert float(unigram.max()) > -math.log(model.vocabulary)


def test_what_is_no_model_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ConfigError, match=r"no causal language model in .*name a folder"):
        LanguageModel.load(tmp_path, CPU)


def altered(folder, file="config.json", **values):
    described = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(described | values))
    return folder


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"n_embd": 32768, "n_layer": 8}, "its sizes ask for .* weights, its safetensors hold"),
        ({"n_layer": 10**7}, "its sizes ask for 10000000 layers"),
        ({"n_layer": 3}, r"its weights lack 'transformer\.h\.2"),
        ({"vocab_size": 0}, "no weights for the token that ends a text"),
    ],
)
def test_sizes_that_its_weights_contradict_are_refused_before_they_take_memory(tmp_path, values, reason):
    with pytest.raises(ConfigError, match=f"no causal language model in .*{reason}"):
        LanguageModel.load(altered(save_lam(tmp_path, "gpt2"), **values), CPU)


def test_an_adapter_is_refused_not_followed_to_the_model_that_it_names(tmp_path):
    (save_lam(tmp_path, "gpt2") / "adapter_config.json").write_text('{"base_model_name_or_path": "some/model"}')
    with pytest.raises(ConfigError, match="merge it into its model"):
        LanguageModel.load(tmp_path, CPU)


def test_a_token_that_the_model_has_no_weights_for_is_no_text_of_its(model, monkeypatch):
    monkeypatch.setattr(model, "vocabulary", max(model.tokens("zebra")))
    assert model.tokens("!")
    with pytest.raises(DoesNotFit, match="no weights"):
        model.tokens("zebra")


@pytest.mark.parametrize("name", ["/no/such/folder", "../nowhere", "a/b/c"])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(name):
    with pytest.raises(ConfigError, match="no folder"):
        LanguageModel.load(name, CPU)
