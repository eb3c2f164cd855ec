"""What a sentence wants: a linear layer on the reader's features, learned beside the rest and fitted in the end."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from semcom_ota.memory.reader_model import INTENTS, ReaderModel

HELD_OUT = 10
"""One example in so many is not learned from."""
BATCH = 64
PENALTY = 1e-4
ITERATIONS = 200
DOUBTED_SHARE = 0.3
"""Of the examples, so many are met as a receiver in doubt meets them: with less trust in every token."""


class IntentExamples:
    """Texts, and what each wants."""

    def __init__(self, examples: Sequence[tuple[str, Sequence[int]]], seed: int):
        """Intent and tokens of each; of every intent more than `HELD_OUT`. `seed`: of which are held out."""
        rng = np.random.default_rng([seed, 2])
        order = rng.permutation(len(examples))
        self.tokens = [torch.tensor(list(examples[i][1])) for i in order]
        self.labels = torch.tensor([INTENTS.index(examples[i][0]) for i in order])
        doubted = torch.from_numpy(rng.random(len(order)) < DOUBTED_SHARE)
        self.trust = torch.where(doubted, torch.from_numpy(rng.uniform(0.3, 1, len(order))), 1.0).float()
        self.held_out = torch.arange(len(order)) % HELD_OUT == 0
        counts = torch.bincount(self.labels, minlength=len(INTENTS)).clamp(min=1)
        self.weights = len(order) / (len(INTENTS) * counts)  # all intents count alike

    def loss(self, model: ReaderModel, generator: torch.Generator, device: torch.device) -> Tensor:
        """Cross-entropy of some that are not held out, in nats."""
        known = (~self.held_out).nonzero()[:, 0]
        drawn = torch.randint(len(known), (BATCH,), generator=generator, device=device).cpu()
        logits = model.to_intent(self.features(model, known[drawn], device))
        return functional.cross_entropy(logits, self.labels[known[drawn]].to(device), self.weights.to(device))

    def features(self, model: ReaderModel, which: Tensor, device: torch.device) -> Tensor:
        """(n, width) of the examples `which` (n,) int64."""
        rows = [self.tokens[i] for i in which.tolist()]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(device)
        there = (
            torch.arange(tokens.shape[1], device=device)
            < torch.tensor([len(row) for row in rows], device=device)[:, None]
        )
        return model.answering.features(tokens, there * self.trust[which].to(device)[:, None])


def fit_intents(model: ReaderModel, examples: IntentExamples) -> tuple[float, float]:
    """Multinomial logistic regression on the features as they are, by L-BFGS; sets `to_intent` of a model on the CPU.

    Returns:
        The share of those held out that it gets right, all intents counting alike; and of how many independent ones
        that count alike it would be as uncertain (L. Kish, Survey Sampling, 1965).
    """
    everything = torch.arange(len(examples.labels)).split(1024)
    with torch.no_grad():
        features = torch.cat([examples.features(model, part, torch.device("cpu")) for part in everything])
    known, labels, weights, head = ~examples.held_out, examples.labels, examples.weights, model.to_intent
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        loss: Tensor = functional.cross_entropy(head(features[known]), labels[known], weights)
        loss = loss + PENALTY * head.weight.square().sum()
        loss.backward()
        return loss.item()

    with torch.enable_grad():
        optimiser.step(closure)
    with torch.no_grad():
        right = (head(features[~known]).argmax(-1) == labels[~known]).float()
    shares = weights[labels[~known]]
    return float((right * shares).sum() / shares.sum()), float(shares.sum() ** 2 / shares.square().sum())
