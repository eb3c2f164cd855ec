from dataclasses import replace

import numpy as np
import pytest
import torch
from lams import TEXTS, save_lam

from semcom_ota.codecs import lam_prior
from semcom_ota.codecs.base import BatchCodec, DoesNotFit, MemoryCodec, Received, Remembered
from semcom_ota.codecs.lam_prior import MAX_STEPS, LamPrior
from semcom_ota.codecs.lam_prior_header import Parameters
from semcom_ota.codecs.lam_search import Candidates, search
from semcom_ota.config import CodecConfig, DeviceConfig
from semcom_ota.experiments.statistics import word_errors
from semcom_ota.experiments.texts import SENTENCES, read_lines

LONG = " ".join(TEXTS[:20])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_lam(tmp_path_factory.mktemp("lam"), "gpt2")


def load(folder, **settings):
    return LamPrior(CodecConfig(language_model=str(folder), **{"beams": 8} | settings), DeviceConfig(device="cpu"))


@pytest.fixture(scope="module")
def codec(folder):
    return load(folder)


def received(encoded, variance=0.01, seed=0):
    noise = np.random.default_rng(seed).standard_normal((len(encoded.symbols), 2)).view(np.complex128).ravel()
    symbols = encoded.symbols + noise * np.sqrt(variance / 2)
    return Received(symbols.astype(np.complex64), np.full(len(symbols), variance, np.float32), encoded.parameters)


@pytest.mark.parametrize("text", [TEXTS[0], "?", "Call 0171 555-0199 at 6:45!", "Zażółć gęślą jaźń 🐘", LONG])
def test_texts_come_back_and_are_known_to_be_right(codec, text):
    encoded = codec.encode(text, snr_db=20)
    assert len(encoded.symbols) == codec.symbol_count(text)
    assert np.mean(np.abs(encoded.symbols) ** 2) == pytest.approx(1, rel=1e-4)
    (decoded,) = codec.decode_batch([received(encoded)])
    assert decoded.text == text and decoded.intact and decoded.confidence > 0.9


@pytest.mark.parametrize("prior", ["unigram", "uniform"])
def test_with_little_noise_any_prior_will_do(folder, prior):
    codec = load(folder, prior=prior)
    assert codec.decode(*parts(received(codec.encode(TEXTS[4], snr_db=20)))).text == TEXTS[4]


def parts(message):
    return message.symbols, message.noise_variance, message.parameters


def test_the_better_the_channel_the_more_depends_on_history(codec):
    modes = [Parameters.unpack(codec.encode(TEXTS[0], snr_db=snr_db).parameters).mode for snr_db in (0, 5, 10, 30)]
    assert modes == sorted(modes) and modes[0] < modes[-1]


def test_messages_together_are_what_they_are_alone(codec):
    messages = [received(codec.encode(text, snr_db=6), 0.3, seed) for seed, text in enumerate(TEXTS[:4])]
    messages.insert(2, Received(messages[0].symbols[:1], messages[0].noise_variance[:1], messages[0].parameters))
    together = codec.decode_batch(messages)
    assert isinstance(codec, BatchCodec)
    for message, decoded in zip(messages, together, strict=True):
        alone = codec.decode(*parts(message))
        assert (alone.text, alone.intact) == (decoded.text, decoded.intact)
        assert alone.confidence == pytest.approx(decoded.confidence, abs=1e-3)
    assert not together[2].intact and together[2].text == ""


def test_so_many_are_searched_together_as_memory_is_meant_for(codec, monkeypatch):
    """A header may speak of 33 chunks."""
    messages = [received(codec.encode(text, snr_db=6), 0.3) for text in (LONG, *TEXTS[:6])]
    together = codec.decode_batch(messages)
    groups = []

    def searched(model, codebook, observations, *others):
        groups.append(sum(8 * (observation.tokens + 1) for observation in observations))
        return search(model, codebook, observations, *others)

    monkeypatch.setattr(lam_prior, "search", searched)
    monkeypatch.setattr(lam_prior, "MAX_POSITIONS", most := 128 * 20)
    for one, other in zip(together, codec.decode_batch(messages), strict=True):
        assert (one.text, one.intact) == (other.text, other.intact)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-3)
    assert len(groups) > 1 and max(groups) <= most


def widths(codec, message, monkeypatch):
    """Beams of each search for a message, one after the other."""
    seen = []

    def searched(model, codebook, observations, *others):
        seen.extend(observation.beams for observation in observations)
        return search(model, codebook, observations, *others)

    with monkeypatch.context() as patch:
        patch.setattr(lam_prior, "search", searched)
        codec.decode(*parts(message))
    return seen


def test_a_search_widens_until_a_text_is_found_and_where_that_is_not_in_vain(folder, monkeypatch):
    codec = load(folder, beams=32)
    good = received(codec.encode(TEXTS[3], snr_db=20))
    assert widths(codec, good, monkeypatch) == [2]
    wrong_checksum = replace(good, parameters=good.parameters ^ 1)
    assert widths(codec, wrong_checksum, monkeypatch) == [2, 8, 32]
    drowned = replace(wrong_checksum, noise_variance=np.full_like(good.noise_variance, 100))
    assert widths(codec, drowned, monkeypatch) == [2, 8]
    assert widths(load(folder, beams=1), drowned, monkeypatch) == [1]


def test_what_is_shown_of_a_doubtful_text_has_the_most_tokens_right():
    """Its likeliest version stands alone; three others, together likelier, agree on all but their last token."""
    tokens = torch.tensor([[9, 9, 9, 9], [1, 2, 3, 4], [1, 2, 3, 5], [1, 2, 3, 6]])
    found = Candidates(tokens, torch.tensor([0.4, 0.25, 0.2, 0.15], dtype=torch.float64))
    assert lam_prior._most_alike(found) == 1
    assert lam_prior._agreed(found, 1) == pytest.approx(0.75 * (0.2 + 0.15) / (0.4 + 0.2 + 0.15))


def test_a_wrong_checksum_is_never_intact(codec):
    encoded = codec.encode(TEXTS[7], snr_db=20)
    message = received(encoded)
    decoded = codec.decode(message.symbols, message.noise_variance, encoded.parameters ^ 1)
    assert decoded.text == TEXTS[7] and not decoded.intact and decoded.confidence < 0.5


def test_a_scale_that_is_another_texts_is_never_intact(codec):
    encoded = codec.encode(TEXTS[10], snr_db=20)  # one whose scale is not near the edge of a step
    said = Parameters.unpack(encoded.parameters)
    message = received(encoded)
    assert 0 < said.scale_step < 31 and codec.decode(*parts(message)).intact
    for step in (said.scale_step - 1, said.scale_step + 1):
        other = replace(said, scale_step=step).pack()
        decoded = codec.decode(message.symbols, message.noise_variance, other)
        assert decoded.text == TEXTS[10] and not decoded.intact and decoded.confidence == 0


def test_tokens_that_no_transmitter_makes_are_never_intact(codec, monkeypatch):
    encoded = codec.encode(TEXTS[7], snr_db=20)
    message, spelt = received(encoded), codec._model.tokens
    monkeypatch.setattr(codec._model, "tokens", lambda text: [*spelt(text), 5])
    assert not codec.decode(*parts(message)).intact


def test_confidence_is_low_where_the_text_is_wrong(codec):
    """An untrained language model in a lot of noise: hardly anything can be right, and nothing may claim to be."""
    messages = [received(codec.encode(text, n_symbols=30, snr_db=0), 1.0, seed) for seed, text in enumerate(TEXTS)]
    decoded = codec.decode_batch(messages)
    wrong = [each for each, text in zip(decoded, TEXTS, strict=True) if each.text != text]
    assert len(wrong) > len(TEXTS) / 2
    assert np.mean([each.confidence for each in wrong]) < 0.3


def test_noise_alone_is_not_intact(codec):
    generator = np.random.default_rng(1)
    for bits in generator.integers(2**24, size=20).tolist():
        count = int(generator.integers(1, 60))
        noise = generator.standard_normal((count, 2)).view(np.complex128).ravel().astype(np.complex64)
        decoded = codec.decode(noise, np.full(count, 1.0, np.float32), bits)
        assert not decoded.intact and 0 <= decoded.confidence <= 1


def test_what_cannot_be_carried_is_refused(codec):
    with pytest.raises(DoesNotFit, match="tokens"):
        codec.encode(TEXTS[0], n_symbols=1)
    with pytest.raises(DoesNotFit, match="tokens"):
        codec.encode("a", n_symbols=1000)
    with pytest.raises(DoesNotFit, match=r"beyond 20 symbols at this SNR .* give it \d+ symbols"):
        codec.encode(TEXTS[0], n_symbols=20, snr_db=-10)
    with pytest.raises(ValueError, match="no text"):
        codec.encode("")


def test_the_longer_a_text_the_fewer_beginnings_are_followed(folder):
    wide = load(folder, beams=1024)
    for tokens in (8, 100, 4000):
        header = Parameters(tokens, 10, 0, 0).pack()
        parts = wide._observations(Received(np.ones(tokens, np.complex64), np.ones(tokens, np.float32), header), 1024)
        assert sum(part.tokens for part in parts) == tokens
        assert all(part.beams >= 1 and part.beams * tokens <= MAX_STEPS for part in parts)
        assert parts[0].beams == (1024 if tokens == 8 else MAX_STEPS // tokens)


def test_what_was_heard_before_is_understood_in_more_noise(codec):
    noisy = [received(codec.encode(TEXTS[0], snr_db=0), 3.0, seed) for seed in range(8)]
    before = [Remembered(text, 1.0) for text in (TEXTS[3], *[TEXTS[0]] * 3, "\u0000" * 9)]
    assert isinstance(codec, MemoryCodec)
    alone, knowing = [codec.decode(*parts(one)) for one in noisy], [codec.decode_after(one, before) for one in noisy]
    right, more = (sum(one.text == TEXTS[0] for one in found) for found in (alone, knowing))
    assert right < 4 and more >= right + 3
    assert [codec.decode_after(one, []) for one in noisy] == alone
    assert [codec.decode_after(one, [Remembered(TEXTS[0], 0.0)]) for one in noisy] == alone


def test_a_text_that_is_cut_is_decoded_without_memory(codec):
    message = received(codec.encode(LONG, snr_db=0), 1.0)
    assert codec.decode_after(message, [Remembered(TEXTS[0], 1.0)] * 4) == codec.decode(*parts(message))


def test_of_a_doubtful_text_as_many_words_are_trusted_as_were_heard():
    """With the language model that ships: how far its texts agree is a matter of what it expects."""
    codec = LamPrior(CodecConfig(beams=8), DeviceConfig(device="cpu"))
    captions, trusted = read_lines(SENTENCES / "captions.txt")[:16], []
    for variance in (1e30, 6.0):  # nothing at all was heard; then -8 dB
        sent = [received(codec.encode(text, snr_db=0), variance, seed) for seed, text in enumerate(captions)]
        found = [(text, one) for text, one in zip(captions, codec.decode_batch(sent), strict=True) if not one.intact]
        right = sum(word_errors(text, one.text)[1] for text, one in found)
        trusted.append(np.mean([one.trust for _, one in found]))
        assert len(found) > 8
        assert -0.2 < trusted[-1] - right / sum(len(text.split()) for text, _ in found) < 0.1
    assert trusted[0] < 1e-6 < 0.1 < trusted[1]


def test_of_a_text_that_is_cut_no_words_are_trusted_but_with_the_whole(codec):
    one = codec.decode(*parts(received(codec.encode(LONG, snr_db=0), 4.0)))
    assert (one.intact, one.word_confidence, one.trust) == (False, None, 0)
