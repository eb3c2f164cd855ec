import functools
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.codecs.language_model import LanguageModel
from semcom_ota.config import ConfigError, first_problem
from semcom_ota.experiments.model_card import export
from semcom_ota.training import checkpoint
from semcom_ota.training.language_model import LanguageModelTask, LanguageModelTraining, train, trained
from semcom_ota.training.language_tokenizer import train_tokenizer
from semcom_ota.training.loop import last_line
from semcom_ota.training.recipes import read_settings

TEXT = "A red dog runs."
SIZES = {"vocabulary": 300, "width": 16, "layers": 1, "heads": 2, "max_tokens": 32}
SHORT = {"batch_tokens": 256, "checkpoint_every": 2, "warmup_steps": 2, "threads": 1, "device": "cpu"}


def settings(**changes):
    return LanguageModelTraining(**{"steps": 4} | SHORT | SIZES | changes)


def adapting(init, **changes):
    """Settings without sizes: those are the model's."""
    return LanguageModelTraining(**{"steps": 4, "init": str(init), "max_tokens": 32} | SHORT | changes)


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(data, tmp_path, monkeypatch):
    def power_cut(*_):
        raise RuntimeError("power cut")

    train(data, tmp_path / "whole", settings())
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr(LanguageModelTask, "validate", power_cut)  # runs just after the checkpoint of step 2
        train(data, tmp_path / "parts", settings())
    train(data, tmp_path / "parts", settings())
    whole = load_file(tmp_path / "whole" / checkpoint.RESUME)
    again = load_file(tmp_path / "parts" / checkpoint.RESUME)
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_what_ships_is_what_was_trained_and_an_adapter_can_go_on_from_it(data, tmp_path):
    train(data, tmp_path / "base", settings(steps=30, learning_rate=1e-2))
    base = export("language-model", tmp_path / "base", data)
    model, _, _, steps = trained(tmp_path / "base")
    assert steps == 30 and last_line(tmp_path / "base")["bits_a_word"] < 12
    assert "lm_head.weight" not in load_file(base / "model.safetensors")  # tied: stored once
    _check_export(base, model)
    card = (base / "README.md").read_text()
    assert "| captions, Multi30k test_2016_flickr | 18 | 72 |" in card and "Snips requests (CC0)" in card

    train(data, tmp_path / "lora", adapting(base, lora_rank=1))
    kept = [name for name in load_file(tmp_path / "lora" / checkpoint.RESUME) if name.startswith("model.")]
    assert kept and all("lora" in name for name in kept)
    assert 0 < last_line(tmp_path / "lora")["trained_share"] < 0.1
    adapted, *_ = trained(tmp_path / "lora")
    before, after = model.state_dict(), adapted.state_dict()
    changed = {name for name in before if not torch.equal(before[name].half().float(), after[name])}
    assert changed == {
        f"transformer.h.0.{part}.weight" for part in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    }
    _check_export(export("language-model", tmp_path / "lora", data), adapted)

    train(data, tmp_path / "head", adapting(base, lora_rank=1, lora_head_rank=2))
    adapted, *_ = trained(tmp_path / "head")
    after = adapted.state_dict()
    assert not torch.equal(after["transformer.wte.weight"], model.state_dict()["transformer.wte.weight"].half().float())
    assert adapted.lm_head.weight is adapted.transformer.wte.weight  # one adapter for both: they stay tied
    _check_export(export("language-model", tmp_path / "head", data), adapted)

    train(data, tmp_path / "all", adapting(base, mixture={"requests": 1}))
    tuned, *_ = trained(tmp_path / "all")
    assert all(not torch.equal(value, after[name]) for name, value in tuned.state_dict().items() if "weight" in name)


def _check_export(folder, model):
    """The checkpoint gives the logits of what was trained, in float16, to transformers and to ourselves."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer.encode(TEXT, add_special_tokens=False)
    loaded = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
    given = torch.tensor([[tokenizer.bos_token_id, *tokens]])
    with torch.no_grad():
        expected = model.half().float().eval()(given).logits
        assert torch.equal(loaded(given).logits, expected)
    shipped = LanguageModel.load(folder, torch.device("cpu"))
    assert shipped.tokens(TEXT) == tokens
    follows = expected[0, :-1].log_softmax(-1).gather(1, given[0, 1:, None])[:, 0]
    assert torch.allclose(shipped.score(tokens), follows, atol=1e-5)


@functools.cache
def _tokenizer():
    tokenizer = train_tokenizer(["A red dog runs 2026 times.", "Ein grüner Hund, 17 Katzen 🙂."] * 9, 400, 64)
    tokenizer.backend_tokenizer.encode_special_tokens = True
    return tokenizer.backend_tokenizer


@given(st.text())
def test_the_tokenizer_gives_back_every_text(text):
    tokens = _tokenizer().encode(text, add_special_tokens=False).ids
    assert _tokenizer().decode(tokens, skip_special_tokens=False) == text


@given(st.text("0123456789 ab"))
def test_digits_stay_apart(text):
    tokens = _tokenizer().encode(text, add_special_tokens=False).ids
    assert all(sum(c.isdigit() for c in _tokenizer().decode([token])) <= 1 for token in tokens)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mixture": {"poems": 1.0}}, "mixture: there is no kind of text poems: use captions, requests"),
        ({"mixture": {"captions": 0}}, "mixture.captions: must be greater than 0, not 0"),
        ({"mixture": {}}, "mixture: "),
        (
            {"lora_head_rank": 4},
            "lora_head_rank is for a language model that is adapted by LoRA: give it a lora_rank, too",
        ),
        ({"lora_rank": 4}, "lora_rank adapts a language model that is there: name its folder with init"),
        ({"init": "somewhere", "width": 64}, "width is that of the language model in init: leave it out"),
        ({"width": 100, "heads": 3}, "width 100 cannot be shared by 3 heads"),
        ({"stepz": 4}, "stepz: there is no such key"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_a_sentence(changes, sentence):
    with pytest.raises(ValidationError) as refused:
        LanguageModelTraining(**changes)
    assert first_problem(refused.value).startswith(sentence)


def test_what_cannot_be_trained_is_told(data, tmp_path):
    with pytest.raises(ConfigError, match="no folder"):
        train(data, tmp_path / "a", adapting(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="batch_tokens 4000000 is more than is drawn of any one length"):
        train(data, tmp_path / "b", settings(batch_tokens=4_000_000))


def test_plain_text_ships_and_knows_no_captions():
    plain = LanguageModelTraining(**read_settings("plain-text"))
    assert plain.mixture and "captions" not in plain.mixture
    with pytest.raises(ConfigError, match="no settings 'other': name a YAML file, or one of"):
        read_settings("other")


def test_the_order_of_a_mixture_makes_no_difference():
    assert list(settings(mixture={"stories": 1, "captions": 2}).mixture) == ["captions", "stories"]


def test_the_command_trains_goes_on_and_exports(data, tmp_path):
    recipe = tmp_path / "recipe.yml"
    recipe.write_text("\n".join(f"{name}: {value}" for name, value in (SHORT | SIZES).items()))
    arguments = [
        "train",
        "language-model",
        "--data",
        data,
        "--out",
        tmp_path / "run",
        "--config",
        recipe,
        "--steps",
        "2",
    ]
    for _ in range(2):  # the second time, there is nothing left to train
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exit_code == 0 and "checkpoint and model card" in done.output, done.output
    shipped = json.loads((tmp_path / "run" / "checkpoint" / "training.json").read_text())
    assert LanguageModelTraining.model_validate(shipped).steps == 2


def test_an_unknown_recipe_lists_those_there_are(data, tmp_path):
    done = CliRunner().invoke(app, ["train", "poems", "--data", str(data), "--out", str(tmp_path / "run")])
    assert done.exit_code == 2
    assert "unknown recipe 'poems': use one of text-jscc, language-model" in done.output
    assert "text-jscc" in CliRunner().invoke(app, ["train", "--help"]).output
