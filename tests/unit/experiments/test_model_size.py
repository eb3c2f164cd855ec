from dataclasses import dataclass

import torch

from semcom_ota.codecs import registry
from semcom_ota.config import CodecConfig, DeviceConfig
from semcom_ota.experiments.model_size import parameters


@dataclass(slots=True)
class Part:
    network: torch.nn.Module
    others: tuple


class Owner:
    def __init__(self):
        shared = torch.nn.Linear(3, 4)  # 16 weights
        self.parts = {"one": Part(torch.nn.Sequential(shared, torch.nn.Linear(4, 2)), (shared, self))}  # 10 more
        self.text = "not a network"


def test_every_network_counts_once():
    assert parameters(Owner()) == 26


def test_codecs_that_ship():
    config, device = CodecConfig(), DeviceConfig(device="cpu")
    assert parameters(registry.load("huffman", config, device)) == 0
    assert parameters(registry.load("text-jscc", config, device)) > 1e6
