import json

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.codecs.symbol_order import symbol_positions
from semcom_ota.codecs.text_jscc import load_checkpoint
from semcom_ota.codecs.text_model import TextModel, TextModelConfig
from semcom_ota.config import ConfigError
from semcom_ota.experiments.model_card import export
from semcom_ota.training import text_jscc
from semcom_ota.training.symbol_channel import draw_noise_variance, transmit
from semcom_ota.training.text_jscc import TextTraining, train

TINY = TextModelConfig(vocabulary=300, width=32, heads=2, encoder_layers=1, decoder_layers=1)


def settings(**changes):
    return TextTraining(
        **{"steps": 4, "batch_tokens": 128, "checkpoint_every": 2, "threads": 1, "device": "cpu"} | changes
    )


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(data, tmp_path, monkeypatch):
    def power_cut(*_):
        raise RuntimeError("power cut")

    train(data, tmp_path / "whole", settings(), TINY)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr(text_jscc.TextTask, "validate", power_cut)  # runs just after the checkpoint of step 2
        train(data, tmp_path / "parts", settings(), TINY)
    train(data, tmp_path / "parts", settings(), TINY)
    whole = load_file(tmp_path / "whole" / "resume.safetensors")
    again = load_file(tmp_path / "parts" / "resume.safetensors")
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_loss_falls_and_the_checkpoint_loads(data, tmp_path):
    train(data, tmp_path / "run", settings(steps=60, checkpoint_every=20, warmup_steps=5, learning_rate=3e-3), TINY)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]
    checkpoint = export("text-jscc", tmp_path / "run", data)
    tokenizer, model = load_checkpoint(checkpoint)
    assert model.config == TINY and 256 < tokenizer.vocabulary <= TINY.vocabulary
    assert "| AWGN | 12 |" in (checkpoint / "README.md").read_text()


def test_a_trained_network_goes_on_learning_where_it_was(data, tmp_path):
    train(data, tmp_path / "first", settings(steps=40, warmup_steps=5, learning_rate=3e-3), TINY)
    first = export("text-jscc", tmp_path / "first", data)
    train(data, tmp_path / "second", settings(steps=2, learning_rate=1e-6, init=first))
    train(data, tmp_path / "second", settings(steps=4, learning_rate=1e-6, init=first))  # it is resumed as any other
    tokenizer, model = load_checkpoint(second := export("text-jscc", tmp_path / "second", data))
    was_tokenizer, was = load_checkpoint(first)
    assert model.config == TINY and tokenizer.vocabulary == was_tokenizer.vocabulary
    assert torch.allclose(model.embedding.weight, was.embedding.weight, atol=1e-3)
    assert "beginning with a network" in (second / "README.md").read_text()


def test_missing_data_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"multi30k/train"):
        train(tmp_path, tmp_path / "out", settings(), TINY)


def test_symbols_have_unit_mean_power_whatever_is_sent():
    torch.manual_seed(0)
    model = TextModel(TINY)
    lengths, symbols = torch.tensor([5, 3]), torch.tensor([9, 40])
    _, sent = symbol_positions(lengths, symbols, TINY.layers_per_token)
    padding = torch.arange(5) < lengths[:, None]
    grid = model.encode(torch.randint(300, (2, 5)), padding, sent)
    power = grid.abs().square().sum((1, 2)) / sent.sum((1, 2))
    assert torch.allclose(power, torch.ones(2), atol=1e-4) and not grid[~sent].any()


def test_the_channel_has_the_snr_and_the_fading_it_claims():
    generator = torch.Generator().manual_seed(1)
    sent = torch.ones(6000, 4, 4, dtype=torch.bool)
    variance = draw_noise_variance(sent, (10.0, 10.0), generator)
    finite = torch.isfinite(variance)
    awgn = (variance - 0.1).abs().amin((1, 2)) < 1e-6
    assert 0.45 < awgn.float().mean() < 0.55
    assert 0.01 < (~finite).any(-1).any(-1).float().mean() < 0.06
    gain = 0.1 / variance[~awgn][torch.isfinite(variance[~awgn])]
    assert gain.mean() == pytest.approx(1, abs=0.08)
    assert (gain < 0.1).float().mean() == pytest.approx(1 - 2.718281828**-0.1, abs=0.02)  # exponential power


def test_noise_has_the_variance_asked_for():
    generator = torch.Generator().manual_seed(2)
    variance = torch.full((50, 40, 16), 0.3)
    variance[:, :5] = torch.inf
    received, claimed = transmit(torch.zeros(50, 40, 16, dtype=torch.complex64), variance, generator)
    assert not received[:, :5].any() and torch.isinf(claimed[:, :5]).all()
    assert received[:, 5:].abs().square().mean() == pytest.approx(0.3, rel=0.02)


def test_the_command_trains_and_exports(data, tmp_path):
    recipe = tmp_path / "recipe.yml"
    recipe.write_text("batch_tokens: 64\nthreads: 1\ndevice: cpu\n")
    arguments = ["train", "text-jscc", "--data", data, "--out", tmp_path / "run", "--config", recipe, "--steps", "2"]
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / "checkpoint" / "model.safetensors").stat().st_size > 1e6
    assert json.loads((tmp_path / "run" / "training.json").read_text())["steps"] == 2


@pytest.mark.parametrize(
    "arguments", [["image"], ["text-jscc", "--precision", "fp7"], ["text-jscc", "--config", "none"]]
)
def test_a_command_that_cannot_work_ends_with_status_2(arguments, data, tmp_path):
    done = CliRunner().invoke(app, ["train", *arguments, "--data", str(data), "--out", str(tmp_path / "run")])
    assert done.exit_code == 2 and "Traceback" not in done.output
