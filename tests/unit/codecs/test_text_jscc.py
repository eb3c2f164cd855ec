import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom_ota.codecs import text_candidates
from semcom_ota.codecs.base import GAP, BatchCodec, DoesNotFit, Received
from semcom_ota.codecs.text_candidates import LONGEST
from semcom_ota.codecs.text_jscc import TextJscc
from semcom_ota.config import SHIPPED, WEIGHTS, CodecConfig, ConfigError, DeviceConfig
from semcom_ota.experiments.statistics import word_errors
from semcom_ota.experiments.texts import SENTENCES, read_lines

CAPTION = "A brown dog is chasing a red ball across the grass."


@pytest.fixture(scope="module")
def codec():
    return TextJscc(CodecConfig(), DeviceConfig(device="cpu"))


def noisy(codec, text, snr_db, seed=0, symbols=None):
    encoded = codec.encode(text, n_symbols=symbols)
    rng = np.random.default_rng(seed)
    variance = 10 ** (-snr_db / 10)
    noise = (rng.standard_normal((len(encoded.symbols), 2)) @ (1, 1j)) * np.sqrt(variance / 2)
    variances = np.full(len(noise), variance, np.float32)
    return Received((encoded.symbols + noise).astype(np.complex64), variances, encoded.parameters)


def through_awgn(codec, text, snr_db, seed=0, symbols=None):
    message = noisy(codec, text, snr_db, seed, symbols)
    return codec.decode(message.symbols, message.noise_variance, message.parameters)


def test_is_a_codec_with_unit_power_and_an_honest_symbol_count(codec):
    assert isinstance(codec, BatchCodec)
    for text in (CAPTION, "Hello", "Grüße an alle!", "word " * 200):
        encoded = codec.encode(text)
        assert encoded.symbols.dtype == np.complex64
        assert len(encoded.symbols) == codec.symbol_count(text)
        assert np.mean(np.abs(encoded.symbols) ** 2) == pytest.approx(1, abs=1e-4)


def test_a_caption_takes_eight_symbols_a_word(codec):
    assert codec.symbol_count(CAPTION) == 8 * len(CAPTION.split())


def test_same_input_same_symbols(codec):
    assert np.array_equal(codec.encode(CAPTION).symbols, codec.encode(CAPTION).symbols)


@pytest.mark.parametrize("n_symbols", [40, 88, 150])
def test_spends_exactly_what_it_is_told(codec, n_symbols):
    assert len(codec.encode(CAPTION, n_symbols=n_symbols).symbols) == n_symbols


def test_refuses_what_cannot_carry_the_text(codec):
    with pytest.raises(DoesNotFit, match="take 12 to 3072 payload symbols, not 3"):
        codec.encode(CAPTION, n_symbols=3)
    with pytest.raises(DoesNotFit, match="payload symbols, not 3073"):
        codec.encode(CAPTION, n_symbols=3073)
    with pytest.raises(DoesNotFit, match=f"of at most {LONGEST}"):
        codec.encode("é" * (LONGEST // 2 + 1))


def test_of_doubtful_texts_it_knows_how_many_words_are_right(codec):
    captions = read_lines(SENTENCES / "captions.txt")
    for snr_db in (-3.0, 0.0):
        found = [(text, through_awgn(codec, text, snr_db, seed)) for seed, text in enumerate(captions)]
        doubtful = [(text, one) for text, one in found if not one.intact]
        right = sum(word_errors(text, one.text)[1] for text, one in doubtful)
        share = right / sum(len(text.split()) for text, _ in doubtful)
        assert np.mean([one.trust for _, one in doubtful]) == pytest.approx(share, abs=0.15)
        assert len(doubtful) > 8


def test_more_symbols_than_a_text_has_carry_it_through_more_noise(codec):
    captions = read_lines(SENTENCES / "captions.txt")[:10]
    right = {}
    for symbols in (192, 193, 576):
        texts = [through_awgn(codec, text, -3.0, seed, symbols) for seed, text in enumerate(captions)]
        right[symbols] = sum(word_errors(text, one.text)[1] for text, one in zip(captions, texts, strict=True))
    assert right[576] > right[193] > 0.9 * right[192] > 0
    assert np.mean(np.abs(codec.encode(CAPTION, n_symbols=1000).symbols) ** 2) == pytest.approx(1, rel=1e-4)


def test_captions_survive_12_db_and_lose_more_at_0_db(codec):
    captions = read_lines(SENTENCES / "captions.txt")

    def share_right(snr_db):
        right = [
            word_errors(text, through_awgn(codec, text, snr_db, seed).text)[1] for seed, text in enumerate(captions)
        ]
        return sum(right) / sum(len(text.split()) for text in captions)

    high, low = share_right(12), share_right(0)
    assert high > 0.92
    assert 0.5 < low < high


@pytest.mark.parametrize("text", ["Der kleine Junge spielt im grünen Garten.", "🙂", "naïve café, 東京 42"])
def test_other_text_is_exact_at_12_db(codec, text):
    assert all(through_awgn(codec, text, 12, seed).text == text for seed in range(5))


@pytest.fixture(scope="module")
def captions_in_noise(codec):
    """(sent, `Received`), at SNRs where some arrive and some do not."""
    captions = read_lines(SENTENCES / "captions.txt")
    return [(text, noisy(codec, text, snr_db, seed)) for snr_db in (0, 4) for seed, text in enumerate(captions)]


def test_what_is_intact_is_right_and_what_is_not_has_no_confidence(codec, captions_in_noise):
    decoded = codec.decode_batch([message for _, message in captions_in_noise])
    intact = [found.intact for found in decoded]
    assert 0.3 < np.mean(intact) < 0.9
    for (sent, _), found in zip(captions_in_noise, decoded, strict=True):
        assert (found.text == sent) == found.intact
        assert found.confidence > 0.9 if found.intact else found.confidence < 0.1


def test_the_checksum_finds_texts_that_are_not_the_likeliest(codec, captions_in_noise, monkeypatch):
    messages = [message for _, message in captions_in_noise]
    listed = sum(found.intact for found in codec.decode_batch(messages))
    monkeypatch.setattr(text_candidates, "CANDIDATES", 1)
    alone = sum(found.intact for found in codec.decode_batch(messages))
    assert listed >= 1.2 * alone > 0


def test_a_text_that_the_checksum_does_not_belong_to_is_not_intact(codec):
    encoded = codec.encode(CAPTION)
    variance = np.full(len(encoded.symbols), 0.01, np.float32)
    assert codec.decode(encoded.symbols, variance, encoded.parameters).intact
    for bit in range(16):
        decoded = codec.decode(encoded.symbols, variance, encoded.parameters ^ 1 << bit)
        assert (decoded.text, decoded.intact) == (CAPTION, False) and decoded.confidence < 0.01


def test_a_batch_is_decoded_as_one_by_one(codec, captions_in_noise):
    messages = [message for _, message in captions_in_noise[::3]]
    messages.append(noisy(codec, " ".join([CAPTION] * 12), 12))
    messages.append(Received(messages[0].symbols, messages[0].noise_variance, 2**24 - 1))
    for message, found in zip(messages, codec.decode_batch(messages), strict=True):
        alone = codec.decode(message.symbols, message.noise_variance, message.parameters)
        assert (found.text, found.intact) == (alone.text, alone.intact)
        assert found.confidence == pytest.approx(alone.confidence, abs=1e-4)


def test_a_long_text_arrives_whole(codec):
    text = " ".join([CAPTION] * 12)
    decoded = through_awgn(codec, text, 18)
    assert (decoded.text, decoded.intact) == (text, True)


def test_a_lost_part_shows_as_a_gap(codec):
    text = " ".join([CAPTION] * 12)
    encoded = codec.encode(text)
    variance = np.full(len(encoded.symbols), 0.01, np.float32)
    third = len(variance) // 3
    variance[third : 2 * third] = np.inf
    symbols = np.where(np.isfinite(variance), encoded.symbols, 0).astype(np.complex64)
    decoded = codec.decode(symbols, variance, encoded.parameters)
    assert GAP in decoded.text and not decoded.intact
    assert decoded.text.startswith("A brown dog") and decoded.text.endswith("grass.")


def test_nothing_received_is_nothing_but_a_gap(codec):
    encoded = codec.encode(CAPTION)
    decoded = codec.decode(
        np.zeros_like(encoded.symbols), np.full(len(encoded.symbols), np.inf, np.float32), encoded.parameters
    )
    assert (decoded.text, decoded.confidence, decoded.intact) == (GAP, 0.0, False)


@settings(deadline=None, max_examples=30)
@given(parameters=st.integers(0, 2**24 - 1), count=st.integers(0, 200), seed=st.integers(0, 9))
def test_nonsense_from_the_air_never_raises(codec, parameters, count, seed):
    rng = np.random.default_rng(seed)
    symbols = (1e3 * rng.standard_normal((count, 2)) @ (1, 1j)).astype(np.complex64)
    decoded = codec.decode(symbols, rng.choice([0, 1e-9, 1, 1e9, np.inf], count).astype(np.float32), parameters)
    assert 0 <= decoded.confidence <= 1


def test_a_truncated_checkpoint_is_one_clear_sentence(tmp_path):
    folder = shutil.copytree(SHIPPED, tmp_path / "checkpoint")
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) // 2])
    with pytest.raises(ConfigError, match="damaged") as caught:
        TextJscc(CodecConfig(checkpoint=folder), DeviceConfig())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "sizes",
    [
        {"encoder_layers": 10**9 + 7, "decoder_layers": -(10**9)},
        {"encoder_layers": 4, "decoder_layers": 3},
        {"heads": 0},
        {"heads": 4.5},
        {"heads": "4"},
        {"heads": 7},
        {"max_tokens": 64.5},
        {"max_tokens": 10**9},
        {"another": 1},
    ],
)
def test_sizes_that_are_not_those_of_the_weights_are_one_clear_sentence(tmp_path, sizes):
    folder = shutil.copytree(SHIPPED, tmp_path / "checkpoint")
    known = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(known | sizes))
    with pytest.raises(ConfigError, match="damaged") as caught:
        TextJscc(CodecConfig(checkpoint=folder), DeviceConfig())
    assert "\n" not in str(caught.value)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no checkpoint"):
        TextJscc(CodecConfig(checkpoint=tmp_path), DeviceConfig())
