"""The training loop, with a model of a few weights."""

import json
import os
import signal

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from semcom_ota.config import ConfigError
from semcom_ota.training import checkpoint, loop, processes
from semcom_ota.training.loop import TrainingSettings, begin, learning_rate, run


class Regression:
    """Learns a random matrix from noisy examples; one layer is frozen, one weight has two names."""

    def __init__(self, signal_at: int | None = None):
        torch.manual_seed(1)
        self.model = nn.ModuleDict({"learned": nn.Linear(4, 4), "frozen": nn.Linear(4, 4), "again": nn.Linear(4, 4)})
        self.model["again"].weight = self.model["learned"].weight
        self.model["frozen"].requires_grad_(False)
        self.signal_at, self.step = signal_at, 0

    def batches(self, first_step):
        self.step = first_step
        while True:
            generator = torch.Generator().manual_seed(self.step)
            yield torch.randn(6, 4, generator=generator), list(range(6))
            self.step += 1

    def loss(self, batch, generator):
        x, rows = batch
        assert len(x) == len(rows)
        if self.step == self.signal_at:
            os.kill(os.getpid(), signal.SIGTERM)
        y = self.model["again"](torch.dropout(self.model["learned"](x), 0.2, train=True))
        noise = torch.randn(x.shape, generator=generator)
        return (y - self.model["frozen"](x) + 0.1 * noise).square().mean(), {"weight": y.mean()}

    def validate(self):
        assert not self.model["learned"].training
        return {"bias": self.model["learned"].bias.sum().item()}


def settings(**changes):
    small = {"steps": 10, "checkpoint_every": 4, "threads": 1, "device": "cpu", "precision": "fp32", "warmup_steps": 2}
    return TrainingSettings(**small | changes)


def go(out, task=None, **changes):
    run(task or Regression(), out, settings(**changes), begin(out, settings(**changes)))
    return load_file(out / checkpoint.RESUME)


@pytest.mark.parametrize("at", [0, 3, 5])
def test_a_run_stopped_by_a_signal_keeps_its_step_and_goes_on_to_the_same_weights(at, tmp_path):
    whole = go(tmp_path / "whole")
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt, match=f"stopped at step {at + 1} of 10"):
        go(tmp_path / "parts", Regression(signal_at=at))
    assert checkpoint.trained_weights(tmp_path / "parts")[1] == at + 1
    assert signal.getsignal(signal.SIGTERM) is before
    again = go(tmp_path / "parts")
    assert whole.keys() == again.keys() and all(torch.equal(whole[name], again[name]) for name in whole)


def test_the_log_has_a_line_for_each_checkpoint_and_counts_time_on(tmp_path):
    go(tmp_path, steps=8)
    line = loop.last_line(tmp_path)
    with (tmp_path / loop.LOG).open("a") as log:
        log.write(json.dumps(line | {"seconds": 500}) + "\n")
    go(tmp_path, steps=10)
    lines = [json.loads(text) for text in (tmp_path / loop.LOG).read_text().splitlines()]
    assert [each["step"] for each in lines] == [4, 8, 8, 10]
    assert lines[-1]["seconds"] >= 500 and lines[0]["trained_share"] == round(24 / 44, 6)
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_a_checkpoint_holds_what_is_learned_and_nothing_twice(tmp_path):
    weights = {name for name in go(tmp_path) if name.startswith("model.")}
    assert weights == {"model.learned.weight", "model.learned.bias", "model.again.bias"}
    fresh, trained = Regression().model, Regression()
    run(trained, tmp_path, settings(), begin(tmp_path, settings()))
    assert checkpoint.load_weights(tmp_path, fresh) == 10
    assert all(torch.equal(fresh.state_dict()[name], value) for name, value in trained.model.state_dict().items())


def test_no_two_runs_share_a_folder(tmp_path):
    go(tmp_path)
    with pytest.raises(ConfigError, match="has seed 0, not 1: say so, or choose another --out"):
        go(tmp_path, seed=1)
    assert go(tmp_path, steps=12)  # more steps are the same run
    (tmp_path / checkpoint.SETTINGS).write_text("{}[")
    with pytest.raises(ConfigError, match="another recipe's"):
        go(tmp_path)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    go(tmp_path)
    other = Regression()
    other.model["learned"] = nn.Linear(4, 3)
    with pytest.raises(ConfigError, match="is not this run's checkpoint"):
        go(tmp_path, other)
    (tmp_path / checkpoint.RESUME).write_bytes(b"\0" * 64)
    with pytest.raises(ConfigError, match="is not this run's checkpoint"):
        go(tmp_path)
    with pytest.raises(ConfigError, match="holds no training run: train first"):
        checkpoint.trained_weights(tmp_path / "elsewhere")


def test_learning_rate_rises_holds_and_falls_to_zero():
    training = settings(steps=100, warmup_steps=10, decay_share=0.5, learning_rate=1.0)
    assert learning_rate(0, training) == pytest.approx(0.1)
    assert learning_rate(30, training) == 1.0
    assert learning_rate(99, training) == pytest.approx(0.02)


@pytest.mark.parametrize("total", [1, 2, 7])
def test_processes_share_the_rows_of_a_batch_and_their_mean_is_that_of_all(total, monkeypatch):
    batch = torch.arange(total, dtype=torch.float32), [f"text {i}" for i in range(total)]
    monkeypatch.setenv("WORLD_SIZE", "3")
    seen, mean = [], 0.0
    for index in range(3):
        monkeypatch.setenv("RANK", str(index))
        (values, texts), weight = processes.rows_of(batch)
        assert texts == [f"text {int(value)}" for value in values]
        mean += values.mean().item() * weight / 3
        seen += texts if weight else []
    assert sorted(seen) == sorted(batch[1]) and mean == pytest.approx(batch[0].mean().item())


def test_processes_that_cannot_work_are_told_why(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(ConfigError, match="WORLD_SIZE='two'"):
        processes.count()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    with pytest.raises(ConfigError, match="say cuda"):
        processes.device_of("cuda:1")
    monkeypatch.setenv("LOCAL_RANK", "4")
    with pytest.raises(ConfigError, match="has 4 GPUs"):
        processes.device_of("auto")
