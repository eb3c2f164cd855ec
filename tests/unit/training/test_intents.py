import gzip

import numpy as np
import pytest
import torch
from readers import tiny_reader

from semcom_ota.config import ConfigError
from semcom_ota.memory.reader_model import INTENTS
from semcom_ota.training import intents
from semcom_ota.training.corpus import load_intents
from semcom_ota.training.intents import HELD_OUT, IntentExamples, fit_intents

CPU = torch.device("cpu")


def examples(wanted=INTENTS, each=30):
    """Each intent has a word of its own, said twice beside another."""
    rng = np.random.default_rng(0)
    return [
        (intent, [5 + INTENTS.index(intent)] * 2 + rng.integers(20, 30, rng.integers(1, 3)).tolist())
        for intent in wanted
        for _ in range(each)
    ]


@pytest.mark.parametrize("wanted", [INTENTS, INTENTS[:2]])
def test_intents_that_can_be_told_apart_are(wanted):
    assert fit_intents(tiny_reader(), IntentExamples(examples(wanted), 0))[0] > 0.9


def test_only_the_last_layer_is_fitted():
    model, before = tiny_reader(), tiny_reader().state_dict()
    fit_intents(model, IntentExamples(examples(), 0))
    changed = {name for name, part in model.state_dict().items() if not torch.equal(part, before[name])}
    assert changed == {"to_intent.weight", "to_intent.bias"}


def test_the_same_examples_and_seed_give_the_same_layer():
    models = [tiny_reader() for _ in range(3)]
    figures = [
        fit_intents(model, IntentExamples(examples(), seed))[0] for model, seed in zip(models, (0, 0, 1), strict=True)
    ]
    assert torch.equal(models[0].to_intent.weight, models[1].to_intent.weight) and figures[0] == figures[1]
    assert not torch.equal(models[0].to_intent.weight, models[2].to_intent.weight)


def test_a_rare_intent_counts_as_much_as_a_frequent_one(monkeypatch):
    """All say the same: whichever of the two is always said, half of what counts is right."""
    monkeypatch.setattr(intents, "DOUBTED_SHARE", 0.0)
    alike = [("tell", [7, 8])] * 900 + [("ask", [7, 8])] * 100
    made, model = IntentExamples(alike, 0), tiny_reader()
    share, effective = fit_intents(model, made)
    assert share == pytest.approx(0.5, abs=0.2)
    rare, held_out = int(made.labels[made.held_out].sum()), int(made.held_out.sum())
    assert 2 * rare < effective < held_out / 2
    with torch.no_grad():
        chances = model.to_intent(made.features(model, torch.tensor([0]), CPU))[0].softmax(-1)
    assert chances[:2].tolist() == pytest.approx([0.5, 0.5], abs=0.1)


def test_one_in_so_many_is_held_out_and_some_are_doubted():
    made = IntentExamples(examples(each=40), 0)
    assert int(made.held_out.sum()) == len(INTENTS) * 40 // HELD_OUT
    doubted = made.trust < 1
    assert 0.2 < float(doubted.float().mean()) < 0.4 and made.trust.min() >= 0.3


def test_what_is_held_out_is_not_learned_from():
    made, model = IntentExamples(examples(INTENTS[:2]), 0), tiny_reader()
    known, _ = fit_intents(model, made)
    changed, other = IntentExamples(examples(INTENTS[:2]), 0), tiny_reader()
    changed.labels = torch.where(changed.held_out, 1 - changed.labels, changed.labels)
    assert fit_intents(other, changed)[0] == pytest.approx(1 - known, abs=0.05)
    assert torch.equal(model.to_intent.weight, other.to_intent.weight)


def test_examples_together_are_as_they_are_alone():
    made, model = IntentExamples(examples(), 0), tiny_reader()
    with torch.no_grad():
        together = made.features(model, torch.arange(9), CPU)
        alone = torch.cat([made.features(model, torch.tensor([i]), CPU) for i in range(9)])
    assert torch.allclose(together, alone, atol=1e-5)


def test_intents_are_learned_beside_the_rest():
    made, model = IntentExamples(examples(), 0), tiny_reader()
    generator = torch.Generator().manual_seed(0)
    first = made.loss(model, generator, CPU).item()
    assert first == made.loss(model, torch.Generator().manual_seed(0), CPU).item()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-2)
    for _ in range(30):
        loss = made.loss(model, generator, CPU)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.5 * first
    assert model.answering.meaning.place.grad.any()  # and not only in the last layer


def write(data, lines):
    (data / "snips").mkdir()
    with gzip.open(data / "snips" / "train.tsv.gz", "wt") as stream:
        stream.write("\n".join(lines))


def test_requests_are_read_with_their_intents(tmp_path):
    write(tmp_path, ["GetWeather\tWill it rain?", "PlayMusic\tplay\tit"])
    assert load_intents(tmp_path) == [("GetWeather", "Will it rain?"), ("PlayMusic", "play\tit")]


@pytest.mark.parametrize("lines", [None, [], ["Will it rain?"], ["GetWeather\tWill it rain?", "PlayMusic\t"]])
def test_requests_without_intents_are_one_clear_sentence(tmp_path, lines):
    if lines is not None:
        write(tmp_path, lines)
    with pytest.raises(ConfigError) as caught:
        load_intents(tmp_path)
    assert "train.tsv.gz" in str(caught.value) and "\n" not in str(caught.value)
