"""The recipe of a learned mask, with a codec that needs what capacity says."""

import gzip
import json
import math
from collections import Counter

import numpy as np
import pytest
import torch

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Decoded, DoesNotFit, Encoded
from semcom_ota.config import ConfigError
from semcom_ota.experiments.mask_card import export
from semcom_ota.masking.learned import load_rate_net
from semcom_ota.tasks.generator import generate
from semcom_ota.training import mask_curves
from semcom_ota.training.mask import HELD_OUT, STORY_TASKS, MaskTask, MaskTraining, train, trained
from semcom_ota.training.mask_curves import SHARES, Curves, measure, of_patterns

SETTINGS = MaskTraining(codec="ideal", texts=60, steps=400, draws=3, threads=1, checkpoint_every=200, width=8)


class Ideal:
    """Half of the words arrive by too few symbols, all by enough: those that carry 8 symbols a word at 0 dB."""

    name, number, ordered_symbols = "ideal", 201, True

    def __init__(self):
        self.asked, self.told, self.texts, self.takes_all = [], [], {}, False

    def symbol_count(self, text):
        return 8 * len(text.split())

    def encode(self, text, *, n_symbols=None, snr_db=None):
        self.asked.append(text)
        self.told.append(snr_db)
        if n_symbols < 2:
            raise DoesNotFit("too few")
        self.texts[len(self.asked)] = text
        return Encoded(np.ones(n_symbols, np.complex64), len(self.asked))

    def decode(self, symbols, noise_variance, parameters):
        text = self.texts[parameters]
        enough = len(symbols) * math.log2(1 + 1 / noise_variance[0]) >= self.symbol_count(text)
        enough &= len(symbols) == self.symbol_count(text) or not self.takes_all
        return Decoded(text if enough else text[: len(text) // 2], 1.0, True)


@pytest.fixture
def codec(monkeypatch):
    made = Ideal()
    monkeypatch.setattr(registry, "names", lambda: ["ideal"])
    monkeypatch.setattr(registry, "load", lambda *_: made)
    return made


@pytest.fixture
def data(data):
    """With 48 different captions, some of them twice."""
    lines = [f"{who} {does} {what}." for who in ("A dog", "Two cats", "The man", "She") for does in ("sees", "eats")
             for what in ("a ball", "snow", "the red house", "bread", "nobody", "that")] * 2  # fmt: skip
    with gzip.open(data / "multi30k" / "train.1.en.gz", "wt") as stream:
        stream.write("\n".join(lines))
    return data


def test_less_is_sent_the_better_the_channel(codec, data, tmp_path):
    train(data, tmp_path, SETTINGS)
    net, settings, steps = trained(tmp_path)
    assert (settings, steps) == (SETTINGS, 400)
    figures = MaskTask(data, tmp_path, SETTINGS, torch.device("cpu"))
    figures.model.load_state_dict(net.state_dict())
    known = figures.validate()
    assert known["collapsed"] == 0 and known["words_lost"] < 0.1
    assert known["sent_-3_3_db"] > known["sent_3_9_db"] > known["sent_9_15_db"]
    card = export(tmp_path, data, tmp_path / "checkpoint")
    assert "| 9 to 15 |" in card and "ideal" in card
    load_rate_net(tmp_path / "checkpoint", "ideal")


@pytest.mark.parametrize("log", ["of a good one", "none"])
def test_a_mask_that_has_collapsed_is_not_exported_whatever_was_logged(log, codec, data, tmp_path):
    codec.takes_all = True
    train(data, tmp_path, SETTINGS)
    log_file = tmp_path / "log.jsonl"
    assert json.loads(log_file.read_text().splitlines()[-1])["collapsed"] == 1
    log_file.write_text('{"collapsed": 0}\n' if log == "of a good one" else "")
    with pytest.raises(ConfigError, match="has collapsed"):
        export(tmp_path, data, tmp_path / "checkpoint")
    assert not (tmp_path / "checkpoint").exists()


def test_what_is_validated_on_is_not_learned_from(codec, data, tmp_path):
    texts = MaskTask(data, tmp_path, SETTINGS, torch.device("cpu")).texts
    assert Counter(texts).most_common(1)[0][1] == 1 and len(texts) == SETTINGS.texts
    lines = {line for task in STORY_TASKS for story in generate(task, 20, 0, training=True) for line in story.lines}
    assert len(lines & set(texts)) == 24 and 0 < len(lines & set(texts[::HELD_OUT])) < len(texts[::HELD_OUT])


@pytest.mark.parametrize(("share", "kind"), [(0.0, "48 different captions, not 60"), (1.0, "different sentences of s")])
def test_too_few_different_texts_are_said(share, kind, codec, data, tmp_path):
    settings = SETTINGS.model_copy(update={"stories_share": share, "texts": 60 if not share else 10_000})
    with pytest.raises(ConfigError, match=f"there are .*{kind}"):
        train(data, tmp_path, settings)


def test_what_was_measured_is_not_measured_again(codec, tmp_path):
    texts = [f"text number {place}" for place in range(20)]
    for folder in "ab":
        (tmp_path / folder).mkdir()
    whole = measure(lambda: codec, texts, 2, (0.0, 12.0), 5, tmp_path / "a")
    measure(lambda: codec, texts[:9], 2, (0.0, 12.0), 5, tmp_path / "b")
    codec.asked.clear()
    again = measure(lambda: codec, texts, 2, (0.0, 12.0), 5, tmp_path / "b")
    assert set(codec.asked) == set(texts[9:])
    assert all(np.array_equal(getattr(whole, name), getattr(again, name)) for name in Curves.__slots__)
    assert whole.quality.shape == (20, 2, len(SHARES)) and not (tmp_path / "b" / "curves.tmp").exists()
    codec.asked.clear()
    others = measure(lambda: codec, [*texts[:5], *texts[10:15]], 2, (0.0, 12.0), 5, tmp_path / "b")
    assert set(codec.asked) == set(texts[10:15]) and others.n_symbols.shape == (10,)


def test_a_codec_is_told_a_forecast_that_is_off(codec, tmp_path):
    found = measure(lambda: codec, [f"text number {place}" for place in range(50)], 4, (0.0, 12.0), 5, tmp_path)
    told = np.array(codec.told).reshape(-1, len(SHARES))
    off = told - found.snr_db.reshape(-1, 1)
    assert (off == off[:, :1]).all() and 0.7 < np.abs(off[:, 0]).mean() < 1.3 and abs(off[:, 0].mean()) < 0.3


def test_patterns_lie_between_what_was_measured_and_never_rise():
    curve = np.array([0.1, 0.3, 0.2, 0.5, 0.6, 0.7, 0.9, 1.0], np.float32)
    quality = of_patterns(np.stack([curve, np.ones_like(curve)])[:, None])
    assert quality.shape == (2, 1, 64) and quality[0, 0, 0] == 1 and quality[0, 0, 63] < 0.1
    assert (np.diff(quality) <= 1e-6).all()
    assert quality[0, 0, 32] == pytest.approx(np.interp(0.5, mask_curves.SHARES[4:6], (0.6, 0.7)))


def test_an_unknown_codec_is_said(data, tmp_path):
    with pytest.raises(ConfigError, match="unknown codec 'ideal': use one of"):
        train(data, tmp_path, SETTINGS)
