"""A task of a dozen weights for the training loop; as a program, one of several processes that train it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from semcom_ota.training.loop import TrainingSettings, begin, run


class CountingTask:
    """Classifies noise; batches of five rows."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = nn.Linear(4, 3)

    def batches(self, first_step: int) -> Iterator[tuple[Tensor, Tensor]]:
        step = first_step
        while True:
            generator = torch.Generator().manual_seed(step)
            yield torch.randn(5, 4, generator=generator), torch.randint(3, (5,), generator=generator)
            step += 1

    def loss(self, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        return nn.functional.cross_entropy(self.model(batch[0]), batch[1]), {}

    def validate(self) -> dict[str, float]:
        return {"norm": self.model.weight.norm().item()}


def train(out: Path, steps: int) -> None:
    """The learning rate does not fall, so that a run may have any number of steps."""
    settings = TrainingSettings(
        steps=steps,
        device="cpu",
        precision="fp32",
        threads=1,
        warmup_steps=1,
        decay_share=1e-9,
        checkpoint_every=2,
    )
    run(CountingTask(), out, settings, begin(out, settings))


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]))
