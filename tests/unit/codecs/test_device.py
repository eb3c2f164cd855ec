import pytest
import torch

from semcom_ota.codecs.device import named_device
from semcom_ota.config import ConfigError


@pytest.mark.parametrize(
    ("name", "gpus", "sentence"),
    [
        ("foo", 1, "there is no device 'foo'"),
        ("cuda:", 1, "there is no device 'cuda:'"),
        ("cuda:x", 1, "there is no device 'cuda:x'"),
        ("cuda", 0, "torch sees no GPU"),
        ("cuda:2", 2, "torch sees 2 GPUs, from cuda:0 on"),
    ],
)
def test_a_device_that_is_not_there_is_one_sentence(monkeypatch, name, gpus, sentence):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with pytest.raises(ConfigError, match=sentence):
        named_device(name)


@pytest.mark.parametrize(("gpus", "best"), [(0, "cpu"), (2, "cuda")])
def test_a_gpu_is_taken_if_there_is_one(monkeypatch, gpus, best):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert named_device("auto") == torch.device(best) and named_device("cpu") == torch.device("cpu")
    if gpus:
        assert named_device("cuda:1") == torch.device("cuda:1")
