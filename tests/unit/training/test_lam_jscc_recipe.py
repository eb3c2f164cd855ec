import json

import pytest
import torch
from lams import save_lam
from pydantic import ValidationError
from safetensors.torch import load_file
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.codecs.lam_jscc import LamJscc
from semcom_ota.codecs.lam_loading import load_backbone
from semcom_ota.config import CodecConfig, ConfigError, DeviceConfig
from semcom_ota.experiments import text_jscc_card
from semcom_ota.experiments.model_card import export
from semcom_ota.training import checkpoint, denoising
from semcom_ota.training.lam_jscc import TRANSMITTER, LamTask, LamTraining, train, trained
from semcom_ota.training.loop import last_line

SMALL = {"max_tokens": 16, "layers_per_token": 8, "symbols_per_word": 4, "snr_db": (6.0, 12.0)}
SHORT = {"batch_tokens": 128, "checkpoint_every": 2, "warmup_steps": 2, "threads": 1, "device": "cpu"}


@pytest.fixture(autouse=True)
def a_short_card(monkeypatch):
    monkeypatch.setattr(text_jscc_card, "CARD_SNRS_DB", (12.0,))


@pytest.fixture
def lam(tmp_path):
    return save_lam(tmp_path / "lam", "gpt2")


def settings(lam, **changes):
    return LamTraining(**{"backbone": str(lam), "steps": 4} | SHORT | SMALL | changes)


@pytest.mark.parametrize("design", ["joint", "apart"])
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(design, lam, data, tmp_path, monkeypatch):
    def power_cut(*_):
        raise RuntimeError("power cut")

    wanted = settings(lam, design=design, transmitter_steps=2)
    train(data, tmp_path / "whole", wanted)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr(LamTask, "validate", power_cut)  # runs just after the checkpoint of step 2
        train(data, tmp_path / "parts", wanted)
    train(data, tmp_path / "parts", wanted)
    whole = load_file(tmp_path / "whole" / checkpoint.RESUME)
    again = load_file(tmp_path / "parts" / checkpoint.RESUME)
    assert all(torch.equal(whole[name], again[name]) for name in whole)


@pytest.mark.parametrize(
    ("like", "changes"),
    [
        ("gpt2", {"design": "joint"}),
        ("gpt2", {"design": "separate"}),
        ("gpt2", {"conditioning": "cross-attention"}),
        ("bert", {"kind": "encoder"}),
        ("t5", {"kind": "encoder-decoder"}),
    ],
    ids=lambda part: part if isinstance(part, str) else "-".join(part.values()),
)
def test_it_learns_and_what_ships_is_what_was_trained(like, changes, data, tmp_path):
    lam = save_lam(tmp_path / "lam", like)
    wanted = settings(lam, steps=40, checkpoint_every=5, learning_rate=2e-2, adaptation="full", **changes)
    train(data, tmp_path / "run", wanted)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.7 * losses[0]
    assert last_line(tmp_path / "run")["token_accuracy_12dB"] > 0.4
    folder = export("lam-jscc", tmp_path / "run", data)
    assert "| AWGN | 12 |" in (folder / "README.md").read_text()
    codec = LamJscc(CodecConfig(lam_checkpoint=folder, symbols_per_word=4), DeviceConfig(device="cpu"))
    assert len(codec.encode("A red dog runs.").symbols) in (16, 24)


def test_the_transmitter_apart_never_hears_of_the_receiver(lam, data, tmp_path):
    for steps in (2, 4):
        train(data, tmp_path / str(steps), settings(lam, design="apart", steps=steps, transmitter_steps=3))
    first, second = (trained(tmp_path / str(steps))[0] for steps in (2, 4))
    ours = {id(part) for part in first.transmitter_parameters()}
    named = dict(second.named_parameters())
    for name, part in first.named_parameters():
        if name in first.trained_names and (id(part) in ours or name.startswith("reader.")):
            assert torch.equal(part, named[name]) == (id(part) in ours), name
    assert (tmp_path / "2" / TRANSMITTER / checkpoint.RESUME).exists()


def test_context_is_learned_to_be_used(lam, data, tmp_path):
    """Symbols that say nothing, and a context that says it all: what a memory will stand on."""
    from semcom_ota.codecs.lam_model import Context
    from semcom_ota.training.lam_jscc import untrained

    model, _, _ = untrained(settings(lam, adaptation="full"))
    torch.manual_seed(0)
    optimiser = torch.optim.Adam([part for part in model.parameters() if part.requires_grad], lr=1e-2)
    mask, known = torch.ones(32, 2, dtype=torch.bool), torch.ones(32, 1, dtype=torch.bool)
    losses = []
    for _ in range(40):
        tokens = torch.randint(5, 15, (32, 1)).repeat(1, 2)
        context = Context(model.writing_lam.embed(tokens[:, :1]).detach(), known)
        nothing = torch.zeros(32, 2, 8, dtype=torch.complex64)
        heard = model.hear(nothing, torch.full((32, 2, 8), torch.inf), mask, context)
        loss = torch.nn.functional.cross_entropy(model.logits(heard, tokens).flatten(0, 1), tokens.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5  # without context the first of the two tokens alone costs ln(10) / 2 = 1.15


@pytest.mark.parametrize("wrong", [{"kind": "encoder-decoder"}, {"backbone": "/no/such/folder"}])
def test_a_lam_that_does_not_fit_is_one_clear_sentence(wrong, lam, data, tmp_path):
    with pytest.raises(ConfigError) as caught:
        train(data, tmp_path / "run", settings(lam, **wrong))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"mixture": {"poems": 1.0}}, {"snr_db": (3.0, 0.0)}, {"design": "both"}])
def test_settings_that_make_no_sense_are_refused(wrong, lam):
    with pytest.raises(ValidationError):
        settings(lam, **wrong)


def test_the_command_trains_and_exports(lam, data, tmp_path):
    (lam / "README.md").write_text("what it learned from")
    recipe = tmp_path / "recipe.yml"
    recipe.write_text(f"backbone: {lam}\nthreads: 1\nmax_tokens: 16\n")
    arguments = ["train", "lam-jscc", "--data", data, "--out", tmp_path / "run", "--config", recipe, "--steps", "1"]
    done = CliRunner().invoke(app, [*map(str, arguments), "--device", "cpu"])
    assert done.exit_code == 0, done.output
    made = tmp_path / "run" / "checkpoint"
    assert (made / "lam" / "model.safetensors").exists() and "in the folder `lam`" in (made / "README.md").read_text()
    assert (made / "lam" / "README.md").read_text() == "what it learned from"


@pytest.mark.parametrize("kind", ["encoder", "encoder-decoder"])
def test_a_lam_of_its_own_for_the_other_kinds(kind, data, tmp_path):
    sizes = {"vocabulary": 300, "width": 16, "layers": 1, "heads": 2, "max_tokens": 32, "batch_tokens": 64}
    wanted = denoising.DenoisingTraining(
        kind=kind, steps=2, checkpoint_every=2, warmup_steps=1, threads=1, device="cpu", **sizes
    )
    denoising.train(data, tmp_path / "run", wanted)
    assert last_line(tmp_path / "run")["nats_a_token"] > 0
    folder = export("denoising", tmp_path / "run", data)
    lam, tokenizer = load_backbone(folder, kind)
    model = denoising.trained(tmp_path / "run")[0]
    assert torch.allclose(lam.embed(torch.tensor(5)), model.get_input_embeddings().weight[5].float(), atol=1e-2)
    assert tokenizer.decode(tokenizer.encode("A red dog runs.")) == "A red dog runs."
