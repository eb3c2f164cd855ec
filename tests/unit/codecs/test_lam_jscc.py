import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lams import KINDS, TEXTS, save_lam
from safetensors.torch import load_file, save_file

from semcom_ota.codecs.base import GAP, BatchCodec, DoesNotFit, Received
from semcom_ota.codecs.lam_bits import LITERAL
from semcom_ota.codecs.lam_checkpoint import fingerprint_of, save_checkpoint
from semcom_ota.codecs.lam_jscc import LamJscc
from semcom_ota.codecs.lam_loading import load_backbone
from semcom_ota.codecs.lam_model import LamConfig, LamTransceiver
from semcom_ota.codecs.lam_tokenizer import FORMS, LamTokenizer
from semcom_ota.config import CHECKPOINTS, CodecConfig, ConfigError, DeviceConfig

TEXT = "A red dog runs in the park."


def checkpoint(folder, family, **changes):
    """An untrained one: what a codec promises, it promises whatever its weights."""
    lam_folder = save_lam(folder / "from", family)
    lam, _ = load_backbone(lam_folder, KINDS[family])
    torch.manual_seed(1)
    config = LamConfig(**{"kind": KINDS[family], "forms": FORMS if family == "bert" else 1, "max_tokens": 16} | changes)
    fingerprint = fingerprint_of(lam)
    save_checkpoint(folder, LamTransceiver(config, lam), fingerprint, lam_folder)
    shutil.rmtree(lam_folder)
    return folder


def load(folder):
    return LamJscc(CodecConfig(lam_checkpoint=folder), DeviceConfig(device="cpu"))


VARIANTS = {
    "bert": ("bert", {}),
    "gpt2": ("gpt2", {}),
    "gpt2-attention": ("gpt2", {"conditioning": "cross-attention"}),
    "t5-full": ("t5", {"adaptation": "full"}),
    "llama-separate": ("llama", {"design": "separate", "adaptation": "frozen"}),
}


@pytest.fixture(scope="module", params=VARIANTS)
def codec(request, tmp_path_factory):
    family, changes = VARIANTS[request.param]
    return load(checkpoint(tmp_path_factory.mktemp(request.param), family, **changes))


@pytest.mark.parametrize("text", [TEXT, "A", "naïve 東京 🙂", " ".join([TEXT] * 9), "two  spaces"])
def test_unit_power_and_an_honest_symbol_count_and_the_same_again(codec, text):
    encoded = codec.encode(text)
    assert encoded.symbols.dtype == np.complex64 and 0 <= encoded.parameters < 2**24
    assert len(encoded.symbols) == codec.symbol_count(text)
    assert np.mean(np.abs(encoded.symbols) ** 2) == pytest.approx(1, abs=1e-4)
    assert np.array_equal(encoded.symbols, codec.encode(text).symbols)


@pytest.mark.parametrize("name", sorted(folder.name for folder in CHECKPOINTS.glob("lam-jscc*")))
def test_what_ships_is_called_by_its_name_and_reads_what_it_sends(name):
    codec = load(Path(name))
    encoded = codec.encode(TEXT)
    variance = np.full(len(encoded.symbols), 0.01, np.float32)
    decoded = codec.decode(encoded.symbols, variance, encoded.parameters)
    assert (decoded.text, decoded.intact) == (TEXT, True) and decoded.confidence > 0.9


@pytest.mark.parametrize("n_symbols", [40, 64, 100])
def test_spends_exactly_what_it_is_told(codec, n_symbols):
    encoded = codec.encode(TEXT, n_symbols=n_symbols, snr_db=6)
    assert len(encoded.symbols) == n_symbols
    assert np.mean(np.abs(encoded.symbols) ** 2) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("times", "n_symbols"), [(30, 2), (1, 0), (1, 1)])
def test_what_cannot_be_carried_is_refused(codec, times, n_symbols):
    with pytest.raises(DoesNotFit):
        codec.encode(" ".join([TEXT] * times), n_symbols=n_symbols)


def test_text_that_the_lam_cannot_spell_goes_byte_for_byte(codec):
    for text in ("naïve 東京 🙂", "x1y2z3 q9"):
        encoded = codec.encode(text)
        assert encoded.parameters & LITERAL
        decoded = codec.decode(encoded.symbols, np.full(len(encoded.symbols), 0.05, np.float32), encoded.parameters)
        assert (decoded.text, decoded.confidence, decoded.intact) == (text, 1.0, True)


def test_a_batch_is_decoded_as_one_by_one(codec):
    rng = np.random.default_rng(0)
    messages = []
    for text in (TEXT, "A cat", " ".join([TEXT] * 5), "🙂"):
        encoded = codec.encode(text)
        noise = 0.1 * rng.standard_normal((len(encoded.symbols), 2)) @ (1, 1j)
        variance = np.full(len(noise), 0.02, np.float32)
        messages.append(Received((encoded.symbols + noise).astype(np.complex64), variance, encoded.parameters))
    assert isinstance(codec, BatchCodec)
    together = codec.decode_batch(messages)
    for message, decoded in zip(messages, together, strict=True):
        alone = codec.decode(message.symbols, message.noise_variance, message.parameters)
        assert alone.text == decoded.text and alone.confidence == pytest.approx(decoded.confidence, abs=1e-3)


def test_nothing_received_is_nothing_but_a_gap(codec):
    encoded = codec.encode(TEXT)
    nothing = np.full(len(encoded.symbols), np.inf, np.float32)
    decoded = codec.decode(np.zeros_like(encoded.symbols), nothing, encoded.parameters)
    assert (decoded.text, decoded.confidence, decoded.intact) == (GAP, 0.0, False)


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parameters=st.integers(0, 2**24 - 1), tokens=st.integers(1, 40), count=st.integers(0, 90), seed=st.integers(0, 9)
)
def test_nonsense_from_the_air_never_raises_and_is_never_intact(codec, parameters, tokens, count, seed):
    rng = np.random.default_rng(seed)
    symbols = (10.0 ** rng.integers(-3, 9, count) * (rng.standard_normal((count, 2)) @ (1, 1j))).astype(np.complex64)
    variance = rng.choice([0, 1e-9, 1, 1e9, np.inf, np.nan, -1], count).astype(np.float32)
    for header in (parameters, parameters & ~(LITERAL | 1023 << 7) | (tokens - 1) << 7):  # the latter is possible
        decoded = codec.decode(symbols, variance, header)
        assert 0 <= decoded.confidence <= 1 and not decoded.intact


@pytest.fixture
def folder(tmp_path):
    return checkpoint(tmp_path, "gpt2")


def test_another_lam_is_noticed_if_only_one_layer_of_it_was_trained_on(folder):
    weights = load_file(folder / "lam" / "model.safetensors")
    weights["transformer.h.1.mlp.c_fc.weight"] *= 1.01
    save_file(weights, folder / "lam" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match="is not the one that"):
        load(folder)


@pytest.mark.parametrize("damage", ["truncated", "of another model", "sizes", "no json"])
def test_a_damaged_checkpoint_is_one_clear_sentence(folder, damage):
    weights = folder / "model.safetensors"
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:5000])
    elif damage == "of another model":
        save_file(dict(list(load_file(weights).items())[:-1]), weights)
    elif damage == "sizes":
        sizes = json.loads((folder / "lam.json").read_text())
        (folder / "lam.json").write_text(json.dumps(sizes | {"layers_per_token": 8}))
    else:
        (folder / "lam.json").write_text("[")
    with pytest.raises(ConfigError, match="damaged") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_bits_that_are_channel_coded_have_no_order(tmp_path):
    folder = checkpoint(tmp_path, "llama", design="separate", adaptation="frozen")
    with pytest.raises(ConfigError, match=r"it has no order of symbols, leave codec\.order out"):
        LamJscc(CodecConfig(lam_checkpoint=folder, order="importance"), DeviceConfig(device="cpu"))


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no checkpoint of lam-jscc"):
        load(tmp_path)


def test_texts_of_the_tests_are_for_the_lam(folder):
    codec = load(folder)
    assert not any(codec.encode(text).parameters & LITERAL for text in TEXTS)


def test_a_lam_that_ships_with_the_project_is_named_and_not_copied(tmp_path):
    lam, loaded = load_backbone(CHECKPOINTS / "language-model", "decoder")
    fingerprint, forms = fingerprint_of(lam), LamTokenizer(loaded, lam.vocabulary).forms
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "own", LamTransceiver(LamConfig(forms=forms), lam), fingerprint, "language-model")
    assert sorted(file.name for file in (tmp_path / "own").iterdir()) == ["lam.json", "model.safetensors"]
    codec = LamJscc(CodecConfig(lam_checkpoint=tmp_path / "own"), DeviceConfig(device="cpu"))
    assert codec.encode("A dog runs.").symbols.size == codec.symbol_count("A dog runs.")
