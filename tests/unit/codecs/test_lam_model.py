import pytest
import torch
from lams import KINDS, save_lam

from semcom_ota.codecs.lam_loading import load_backbone
from semcom_ota.codecs.lam_model import LORA_SHARE, Context, LamConfig, LamTransceiver
from semcom_ota.codecs.symbol_order import symbol_positions

CONDITIONINGS = [
    (family, way) for family in KINDS for way in ("aligned", "cross-attention") if (family, way) != ("llama", "aligned")
]


def transceiver(folder, family="gpt2", width=32, **changes):
    lam, _ = load_backbone(save_lam(folder, family, width=width), KINDS[family])
    torch.manual_seed(1)
    model = LamTransceiver(LamConfig(**{"kind": KINDS[family], "max_tokens": 16} | changes), lam).eval()
    if model.attention is not None:
        torch.nn.init.ones_(model.attention.gate)  # as if trained: it begins nearly closed
    return model


def batch():
    torch.manual_seed(2)
    lengths, symbols = torch.tensor([6, 4]), torch.tensor([30, 64])
    mask = torch.arange(6) < lengths[:, None]
    tokens = torch.randint(5, 40, (2, 6))
    return tokens, torch.zeros_like(tokens), mask, symbol_positions(lengths, symbols, 16)[1]


def through(model, noise=0.1, context=None):
    tokens, forms, mask, sent = batch()
    symbols = model.encode(tokens, forms, mask, sent)
    torch.manual_seed(3)
    received = torch.where(sent, symbols + 0.3 * torch.randn_like(symbols), 0)
    return tokens, mask, model.hear(received, torch.where(sent, noise, torch.inf), mask, context)


def some_context(mask_value=True):
    return Context(torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(4)), torch.full((2, 3), mask_value))


@pytest.mark.parametrize(("family", "conditioning"), CONDITIONINGS)
@torch.no_grad()
def test_search_scores_a_text_as_the_logits_do(tmp_path, family, conditioning):
    """So cache, positions and hypotheses that change rows are all in order, with context too."""
    model = transceiver(tmp_path, family, conditioning=conditioning)
    for context in (None, some_context()):
        _, mask, heard = through(model, context=context)
        tokens, chances = model.search(heard, beams=4)
        assert (chances.sum(-1).diff(dim=1) <= 1e-4).all()  # likeliest first
        for beam in range(4):
            expected = model.logits(heard, tokens[:, beam]).log_softmax(-1).gather(-1, tokens[:, beam, :, None])[..., 0]
            assert torch.allclose(chances[:, beam][mask], expected[mask], atol=1e-3)


@pytest.mark.parametrize(("family", "conditioning"), CONDITIONINGS)
@torch.no_grad()
def test_symbols_variances_and_context_all_reach_the_lam(tmp_path, family, conditioning):
    model = transceiver(tmp_path, family, conditioning=conditioning)
    tokens, mask, heard = through(model)
    expected = model.logits(heard, tokens)[mask]
    others = [
        through(model, noise=1.0)[2],
        through(model, context=some_context())[2],
    ]
    assert all(not torch.allclose(model.logits(other, tokens)[mask], expected, atol=1e-4) for other in others)
    masked = through(model, context=some_context(False))[2]
    assert torch.allclose(model.logits(masked, tokens)[mask], expected, atol=1e-4)


@torch.no_grad()
def test_symbols_have_unit_mean_power_whatever_is_sent(tmp_path):
    model = transceiver(tmp_path)
    tokens, forms, mask, sent = batch()
    grid = model.encode(tokens, forms, mask, sent)
    assert torch.allclose(grid.abs().square().sum((1, 2)) / sent.sum((1, 2)), torch.ones(2), atol=1e-4)
    assert not grid[~sent].any()
    model = transceiver(tmp_path / "bits", design="separate")
    corners = model.encode(tokens, forms, mask, sent)[sent]
    assert torch.allclose(torch.view_as_real(corners).abs(), torch.tensor(0.5**0.5))


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5"])
def test_what_is_trained_of_the_lam(tmp_path, family):
    shares = {}
    for adaptation in ("frozen", "lora", "full"):
        model = transceiver(tmp_path / adaptation, family, width=64, adaptation=adaptation)
        tokens, mask, heard = through(model)
        model.logits(heard, tokens)[mask].log_softmax(-1)[:, 3].sum().backward()
        moved = {name for name, part in model.named_parameters() if part.grad is not None and part.grad.any()}
        assert moved <= model.trained_names
        assert any(name.startswith("writer.") for name in moved)  # gradients pass through the channel
        assert any(".lora_B.transmitter." in name for name in moved) == (adaptation == "lora")
        assert any(".lora_B.receiver." in name for name in moved) == (adaptation == "lora")
        shares[adaptation] = model.trained_of_lam / model.lam_parameters
    assert shares["frozen"] == 0 and shares["full"] > 1  # one for each end
    assert shares["lora"] > 0


def test_lora_trains_at_most_its_share_of_the_lam_both_ends_added_up(tmp_path):
    model = transceiver(tmp_path, width=256)
    assert 0.5 * LORA_SHARE < model.trained_of_lam / model.lam_parameters <= LORA_SHARE


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5"])
def test_words_may_have_a_lora_of_the_receivers(tmp_path, family):
    model = transceiver(tmp_path, family, width=64, lora_rank=1, lora_head_rank=3)
    plain = transceiver(tmp_path / "plain", family, width=64, lora_rank=1)
    more = model.trained_of_lam - plain.trained_of_lam
    assert more == 3 * (model.writing_lam.vocabulary + 64)
    named = {name: part for name, part in model.named_parameters() if "lm_head.lora_" in name}
    assert len(named) == 2 and all(".receiver." in name for name in named)
    tokens, _, heard = through(model)
    before = model.logits(heard, tokens), model.encode(*batch())
    with torch.no_grad():
        for part in named.values():
            part.normal_()
    assert not torch.allclose(model.logits(heard, tokens), before[0], atol=1e-3)
    assert torch.equal(model.encode(*batch()), before[1])


def test_with_one_for_words_it_is_no_larger_a_share(tmp_path):
    model = transceiver(tmp_path, "gpt2", width=256, lora_head_rank=4)
    assert 0.5 * LORA_SHARE < model.trained_of_lam / model.lam_parameters <= LORA_SHARE


def test_a_lam_without_an_output_layer_has_none_for_words(tmp_path):
    with pytest.raises(ValueError, match="lora_head_rank has to be 0"):
        transceiver(tmp_path, "bert", lora_head_rank=2)


@torch.no_grad()
def test_each_end_has_a_lora_of_its_own(tmp_path):
    model = transceiver(tmp_path, width=64)
    tokens, _, heard = through(model)
    before = model.logits(heard, tokens), model.encode(*batch())
    for name, part in model.named_parameters():
        if "lora_B.receiver" in name:
            part.fill_(0.1)
    assert not torch.allclose(model.logits(heard, tokens), before[0], atol=1e-3)
    assert torch.equal(model.encode(*batch()), before[1])


def test_a_lam_that_is_too_short_is_refused(tmp_path):
    with pytest.raises(ValueError, match="positions"):
        transceiver(tmp_path, max_tokens=100)
