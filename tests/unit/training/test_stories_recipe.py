import gzip
import json
from itertools import islice

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.codecs.lam_answers import AnsweringLam, Answers
from semcom_ota.config import ConfigError, DeviceConfig
from semcom_ota.memory.reader import MemoryReader, load_reader
from semcom_ota.memory.reader_model import INTENTS
from semcom_ota.tasks.generator import generate
from semcom_ota.tasks.stories import write_stories
from semcom_ota.training import checkpoint, stories, story_batches
from semcom_ota.training.intents import HELD_OUT
from semcom_ota.training.loop import last_line
from semcom_ota.training.stories import PLACES, StoryTask, StoryTraining, intent_examples, train, trained, untrained

CPU = torch.device("cpu")
SIZES = {"vocabulary": 300, "width": 16, "depth": 2, "heads": 2, "max_tokens": 32, "shares": {1: 1.0, 8: 1.0}}
SHORT = {"batch_tokens": 512, "checkpoint_every": 2, "warmup_steps": 2, "threads": 1, "device": "cpu"}


@pytest.fixture(autouse=True)
def few_stories(monkeypatch):
    for name in ("STORIES_FOR_TOKENS", "STORIES_FOR_INTENTS", "MOST_OF_AN_INTENT"):
        monkeypatch.setattr(stories, name, 3)
    monkeypatch.setattr(stories, "VALIDATION_QUESTIONS", 8)
    monkeypatch.setattr(story_batches, "QUESTIONS_A_POOL", 60)


@pytest.fixture
def data(data):
    for task in SIZES["shares"]:
        write_stories(generate(task, 3, seed=99), data / "babi" / f"qa{task}_valid.txt.gz")
    requests = [f"{intent}\tPlease {intent} number {i}." for intent in INTENTS[2:] for i in range(HELD_OUT + 2)]
    with gzip.open(data / "snips" / "train.tsv.gz", "wt") as stream:
        stream.write("\n".join(requests))
    return data


def settings(**changes):
    return StoryTraining(**{"steps": 4} | SHORT | SIZES | changes)


def task(data, out, **changes):
    out.mkdir(exist_ok=True)
    return StoryTask(data, out, settings(**changes), CPU)


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(data, tmp_path, monkeypatch):
    def power_cut(*_):
        raise RuntimeError("power cut")

    train(data, tmp_path / "whole", settings())
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power cut"):
        patch.setattr(StoryTask, "validate", power_cut)  # runs just after the checkpoint of step 2
        train(data, tmp_path / "parts", settings())
    train(data, tmp_path / "parts", settings())
    whole = load_file(tmp_path / "whole" / checkpoint.RESUME)
    again = load_file(tmp_path / "parts" / checkpoint.RESUME)
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_batches_are_of_the_seed_and_the_step_alone(data, tmp_path):
    made = task(data, tmp_path / "run")
    first = list(islice(made.batches(0), 30))  # of more than one pool
    for step in (3, 29):
        later = next(made.batches(step))
        assert all(torch.equal(one, other) for one, other in zip(first[step], later, strict=True))
    other = next(task(data, tmp_path / "run", seed=1).batches(0))
    assert any(one.shape != part.shape or not torch.equal(one, part) for one, part in zip(first[0], other, strict=True))


def test_the_loss_falls(data, tmp_path):
    train(data, tmp_path / "run", settings(steps=40, checkpoint_every=10, learning_rate=1e-2))
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.8 * losses[0]
    figures = last_line(tmp_path / "run")
    assert 0 <= figures["task_1"] <= 1 and 0 <= figures["task_8"] <= 1


def test_right_is_what_has_every_word_of_the_answer(data, tmp_path, monkeypatch):
    made = task(data, tmp_path / "run", shares={1: 1.0})
    assert made.held_out.keys() == {"task_1", "task_1_published", "task_1_wide", "task_1_wide-published"}
    made.held_out = {"task_1": made.held_out["task_1"]}
    assert len(made.held_out["task_1"]) == 8
    expected = torch.tensor([one.answer for one in made.held_out["task_1"]])
    logits = torch.nn.functional.one_hot(expected, len(made.tokenizer)).float()
    logits[0, 2] = logits[0, 2].roll(1)  # a word too many
    monkeypatch.setattr(AnsweringLam, "forward", lambda *_: Answers(logits, torch.zeros(8, 0)))
    assert made.count_right() == {"task_1": (7, 8)} and made.validate() == {"task_1": 0.875}


def test_the_model_is_of_seed_and_settings_alone(data, tmp_path):
    task(data, tmp_path / "run")
    one, same, other = (untrained(tmp_path / "run", settings(seed=seed))[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["answering.slot"], other["answering.slot"])


def test_what_a_run_learned_is_found_again(data, tmp_path):
    train(data, tmp_path / "run", settings(steps=3))
    model, tokenizer, used, steps = trained(tmp_path / "run")
    weights = load_file(tmp_path / "run" / checkpoint.RESUME)
    assert all(torch.equal(part, weights[f"model.{name}"]) for name, part in model.named_parameters())
    assert (used, steps) == (settings(steps=3), 3) and not model.training and len(tokenizer) <= SIZES["vocabulary"]
    with pytest.raises(ConfigError, match="no training run"):
        trained(tmp_path)


def test_what_sentences_want_is_learned_from_requests_captions_and_stories(data, tmp_path):
    made = intent_examples(data, task(data, tmp_path / "run").tokenizer)
    assert {intent for intent, _ in made} == set(INTENTS)
    assert all(0 < len(tokens) <= PLACES for _, tokens in made)
    asked = [intent for intent, _ in made].count("ask")
    assert asked >= 3 * len(stories.TASKS) and [intent for intent, _ in made].count("tell") > asked


def test_the_command_trains_and_ships_a_reader(data, tmp_path):
    recipe = tmp_path / "recipe.yml"
    recipe.write_text("\n".join(f"{name}: {value}" for name, value in (SHORT | SIZES).items()))
    arguments = ["train", "stories", "--data", data, "--out", tmp_path / "run", "--config", recipe, "--steps", "2"]
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "run" / "checkpoint"
    assert "| 8 | " in (folder / "README.md").read_text()
    model, *_ = trained(tmp_path / "run")
    shipped = dict(load_reader(folder)[1].named_parameters())
    for name, part in model.named_parameters():
        fitted = name.startswith("to_intent")
        assert torch.equal(part.half().float(), shipped[name]) != fitted, name
    sense = MemoryReader(folder, DeviceConfig(device="cpu")).read("Where is Mary?", 1.0)
    assert sense.features.shape == (1, SIZES["width"]) and sense.intent in INTENTS


def test_data_that_are_missing_are_one_clear_sentence(data, tmp_path):
    (data / "babi" / "qa8_valid.txt.gz").unlink()
    with pytest.raises(ConfigError) as caught:
        train(data, tmp_path / "run", settings())
    assert "\n" not in str(caught.value)
