"""The recipe of a learned mask, with a codec that needs what capacity says."""

import math

import numpy as np
import pytest
import torch

from semcom_ota.codecs import registry
from semcom_ota.codecs.base import Decoded, DoesNotFit, Encoded
from semcom_ota.config import ConfigError
from semcom_ota.experiments.mask_card import export
from semcom_ota.masking.learned import load_rate_net
from semcom_ota.training import mask_curves
from semcom_ota.training.mask import MaskTask, MaskTraining, train, trained
from semcom_ota.training.mask_curves import SHARES, Curves, measure, of_patterns

SETTINGS = MaskTraining(codec="ideal", texts=60, steps=400, draws=3, threads=1, checkpoint_every=200, width=8)


class Ideal:
    """Half of the words arrive by too few symbols, all by enough: those that carry 8 symbols a word at 0 dB."""

    name, number, ordered_symbols = "ideal", 201, True

    def __init__(self):
        self.asked, self.texts, self.takes_all = [], {}, False

    def symbol_count(self, text):
        return 8 * len(text.split())

    def encode(self, text, *, n_symbols=None, snr_db=None):
        self.asked.append(text)
        if n_symbols < 2:
            raise DoesNotFit("too few")
        enough = n_symbols * math.log2(1 + 10 ** (snr_db / 10)) >= self.symbol_count(text)
        enough &= n_symbols == self.symbol_count(text) or not self.takes_all
        self.texts[len(self.asked)] = text if enough else text[: len(text) // 2]
        return Encoded(np.ones(n_symbols, np.complex64), len(self.asked))

    def decode(self, symbols, noise_variance, parameters):
        return Decoded(self.texts[parameters], 1.0, True)


@pytest.fixture
def codec(monkeypatch):
    made = Ideal()
    monkeypatch.setattr(registry, "names", lambda: ["ideal"])
    monkeypatch.setattr(registry, "load_all", lambda *_: {"ideal": made})
    return made


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


def test_a_mask_that_has_collapsed_is_not_exported(codec, data, tmp_path):
    codec.takes_all = True
    train(data, tmp_path, SETTINGS)
    with pytest.raises(ConfigError, match="has collapsed"):
        export(tmp_path, data, tmp_path / "checkpoint")


def test_what_was_measured_is_not_measured_again(codec, tmp_path):
    texts = [f"text number {place}" for place in range(20)]
    for folder in "ab":
        (tmp_path / folder).mkdir()
    whole = measure(codec, texts, 2, (0.0, 12.0), 5, tmp_path / "a")
    measure(codec, texts[:9], 2, (0.0, 12.0), 5, tmp_path / "b")
    codec.asked.clear()
    again = measure(codec, texts, 2, (0.0, 12.0), 5, tmp_path / "b")
    assert set(codec.asked) == set(texts[9:])
    assert all(np.array_equal(getattr(whole, name), getattr(again, name)) for name in Curves.__slots__)
    assert whole.quality.shape == (20, 2, len(SHARES)) and not (tmp_path / "b" / "curves.tmp").exists()


def test_patterns_lie_between_what_was_measured_and_never_rise():
    curve = np.array([0.1, 0.3, 0.2, 0.5, 0.6, 0.7, 0.9, 1.0], np.float32)
    quality = of_patterns(np.stack([curve, np.ones_like(curve)])[:, None])
    assert quality.shape == (2, 1, 64) and quality[0, 0, 0] == 1 and quality[0, 0, 63] < 0.1
    assert (np.diff(quality) <= 1e-6).all()
    assert quality[0, 0, 32] == pytest.approx(np.interp(0.5, mask_curves.SHARES[4:6], (0.6, 0.7)))


def test_an_unknown_codec_is_said(data, tmp_path):
    with pytest.raises(ConfigError, match="unknown codec 'ideal': use one of"):
        train(data, tmp_path, SETTINGS)
