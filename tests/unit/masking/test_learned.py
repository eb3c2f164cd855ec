from types import SimpleNamespace

import numpy as np
import pytest
import torch

from semcom_ota.config import ConfigError
from semcom_ota.masking.learned import (
    BUCKETS,
    MOST_WORDS,
    LearnedMask,
    RateNet,
    load_rate_net,
    save_rate_net,
    seen,
)
from semcom_ota.masking.outlook import UNKNOWN, Outlook
from semcom_ota.masking.rates import PATTERNS, kept_by

CODEC = SimpleNamespace(name="letters")


@pytest.fixture
def net():
    torch.manual_seed(0)
    made = RateNet(8).eval()
    torch.nn.init.normal_(made.to_rate[-1].weight, std=0.1)  # as after training
    return made


def tensors(one):
    return [torch.from_numpy(array) for array in (one.words, one.there, one.scalars)]


def test_what_is_padded_does_not_count(net):
    short, long = "A dog runs.", "A very long sentence about nothing at all."
    alone = net(*tensors(seen([short], [40], [6.0], [1.0])))
    beside = net(*tensors(seen([long, short], [80, 40], [6.0, 6.0], [1.0, 1.0])))
    assert torch.allclose(alone[0], beside[1], atol=1e-5)


def test_words_sizes_and_channel_are_seen(net):
    base = ("A dog runs.", 40, 6.0, 1.0)
    changed = [("A cat runs.", 40, 6.0, 1.0), ("A dog runs.", 20, 6.0, 1.0), ("A dog runs.", 40, 9.0, 1.0)]
    logits = net(*tensors(seen(*map(list, zip(base, *changed, strict=True)))))
    assert logits.shape == (4, PATTERNS)
    assert all(not torch.allclose(logits[0], other) for other in logits[1:])


@pytest.mark.parametrize("text", ["", " ", "4711 !?", "word " * 500, "日本語"])
def test_any_text_has_logits(net, text):
    one = seen([text], [1], [-30.0], [0.0])
    assert one.words.shape[1] <= MOST_WORDS and one.words.max() < BUCKETS
    assert torch.isfinite(net(*tensors(one))).all()


def test_the_likeliest_pattern_is_applied(net):
    with torch.no_grad():
        net.to_rate[-1].weight[:] = 0
        net.to_rate[-1].bias[:] = torch.tensor([40 / 63 - 0.035 * 12 + 0.05, 0.0])
    mask = LearnedMask({"letters": net})
    assert mask.keep(CODEC, "A dog runs.", 64, Outlook("reported", 12.0)) == (kept_by(40, 64), 40) == (24, 40)


def test_without_news_of_the_channel_nothing_is_masked(net):
    assert LearnedMask({"letters": net}).keep(CODEC, "A dog runs.", 64, UNKNOWN) == (64, 0)


def test_a_checkpoint_is_read_back(net, tmp_path):
    save_rate_net(tmp_path, net, "letters", 8)
    again = load_rate_net(tmp_path, "letters")
    one = tensors(seen(["A dog runs."], [40], [6.0], [1.0]))
    assert torch.allclose(net(*one).softmax(-1), again(*one).softmax(-1), atol=1e-3)


def test_a_missing_damaged_or_foreign_checkpoint_is_said(net, tmp_path):
    with pytest.raises(ConfigError, match=r"no learned mask of 'letters' in .*: name its folder with mask.checkpoint"):
        load_rate_net(tmp_path / "none", "letters")
    with pytest.raises(ConfigError, match="no learned mask of 'letters'"):
        load_rate_net(None, "letters")
    save_rate_net(tmp_path, net, "letters", 8)
    with pytest.raises(ConfigError, match="is a mask of 'letters', not of 'huffman'"):
        load_rate_net(tmp_path, "huffman")
    (tmp_path / "mask.json").write_text('{"codec": "letters", "width": 9}')
    with pytest.raises(ConfigError, match="is damaged"):
        load_rate_net(tmp_path, "letters")
    (tmp_path / "mask.json").write_bytes(b" " * 2**17)
    with pytest.raises(ConfigError, match="is larger than 65536 bytes"):
        load_rate_net(tmp_path, "letters")


def test_gradients_reach_the_words(net):
    logits = net.train()(*tensors(seen(["A dog runs."], [40], [6.0], [1.0])))
    (torch.nn.functional.gumbel_softmax(logits)[0] * torch.arange(PATTERNS)).sum().backward()
    assert np.count_nonzero(net.words.weight.grad.abs().sum(1)) == 3
