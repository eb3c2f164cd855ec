from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lams import TEXTS, save_lam

from semcom_ota.codecs.base import GAP, Codec, Decoded, DoesNotFit
from semcom_ota.codecs.conventional import Huffman
from semcom_ota.codecs.huffman_code import compress
from semcom_ota.codecs.lam_compressed import LONG, LamCompressed
from semcom_ota.coding.constellation import ORDERS
from semcom_ota.config import MAX_TEXT_BYTES, CodecConfig, ConfigError, DeviceConfig

SENTENCE = TEXTS[0]
LONGER = " ".join(TEXTS[:5])
OTHER = "Many children waited there."  # the model spells it letter by letter


def made(folder: Path) -> LamCompressed:
    return LamCompressed(CodecConfig(language_model=str(folder)), DeviceConfig(device="cpu"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_lam(tmp_path_factory.mktemp("lam"), "gpt2")


@pytest.fixture(scope="module")
def codec(folder: Path) -> LamCompressed:
    return made(folder)


def receive(codec: Codec, symbols: np.ndarray, parameters: int, snr_db: float, seed: int = 1) -> Decoded:
    variance = 10 ** (-snr_db / 10)
    noise = np.random.default_rng(seed).standard_normal((symbols.size, 2)) @ [1, 1j] * np.sqrt(variance / 2)
    received = (symbols + noise).astype(np.complex64)
    return codec.decode(received, np.full(symbols.size, variance, np.float32), parameters)


def by_model(parameters: int) -> bool:
    return bool(parameters >> 17 & 1)


def test_it_is_a_codec_with_its_number(codec: LamCompressed) -> None:
    assert isinstance(codec, Codec)
    assert (codec.name, codec.number, codec.ordered_symbols, codec.has_checksum) == ("lam-compressed", 4, False, True)


@settings(max_examples=10)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8))
def test_any_text_arrives_at_its_own_budget(codec: LamCompressed, text: str) -> None:
    encoded = codec.encode(text)
    assert encoded.symbols.size == codec.symbol_count(text)
    assert 0 <= encoded.parameters < 2**24
    assert receive(codec, encoded.symbols, encoded.parameters, 16.0) == Decoded(text, 1.0, True)


@pytest.mark.parametrize("text", [SENTENCE, LONGER, OTHER])
@pytest.mark.parametrize("snr_db", [None, -6.0, 12.0, 30.0])
def test_exactly_the_symbols_asked_for_at_unit_mean_power(
    codec: LamCompressed, text: str, snr_db: float | None
) -> None:
    for n_symbols in (110, 1500):
        encoded = codec.encode(text, n_symbols=n_symbols, snr_db=snr_db)
        assert by_model(encoded.parameters) == (text != OTHER)
        assert encoded.symbols.shape == (n_symbols,)
        assert encoded.symbols.dtype == np.complex64
        assert np.mean(np.abs(encoded.symbols) ** 2) == pytest.approx(1, abs=1e-6)
        assert receive(codec, encoded.symbols, encoded.parameters, 35.0) == Decoded(text, 1.0, True)


def test_the_order_follows_the_room(codec: LamCompressed) -> None:
    orders = [codec.encode(SENTENCE, n_symbols=n, snr_db=15.0).parameters >> 22 for n in (120, 26, 17, 11)]
    assert [ORDERS[index] for index in orders] == [4, 16, 64, 256]


def test_a_text_that_fits_no_order_is_named(codec: LamCompressed) -> None:
    with pytest.raises(DoesNotFit, match=r"lam-compressed: \d+ bits do not fit 5 symbols"):
        codec.encode(SENTENCE, n_symbols=5)
    with pytest.raises(DoesNotFit, match="at most"):
        codec.encode("a" * (MAX_TEXT_BYTES + 1))
    with pytest.raises(ValueError, match="no text"):
        codec.encode("")


def test_text_that_the_model_makes_longer_is_sent_as_huffman_does(codec: LamCompressed) -> None:
    huffman = Huffman(CodecConfig(), DeviceConfig(), short_form=False)
    for text in (OTHER, "Nobody knew when they would come back."):
        encoded, plain = codec.encode(text), huffman.encode(text)
        assert not by_model(encoded.parameters)
        assert np.array_equal(encoded.symbols, plain.symbols)
    assert codec.symbol_count(SENTENCE) < huffman.symbol_count(SENTENCE)


@pytest.mark.parametrize("text", ["\x00ÿ~" * (MAX_TEXT_BYTES // 4), "the end of it all " * (MAX_TEXT_BYTES // 18)])
def test_longest_text(codec: LamCompressed, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(codec, "_written", lambda _: None)  # the model would be asked for seconds, in vain
    assert len(text.encode()) > MAX_TEXT_BYTES - 20
    assert (compress(text.encode()).size > 2**16) == (text[0] == "\x00")
    encoded = codec.encode(text, n_symbols=70_000, snr_db=20.0)
    assert not by_model(encoded.parameters)
    assert receive(codec, encoded.symbols, encoded.parameters, 20.0).text == text


def test_the_header_holds_more_bits_than_a_short_texts(codec: LamCompressed) -> None:
    text = " ".join(TEXTS[:16])
    written = codec._written(text)
    assert written is not None
    assert 2**10 < written.bits.size <= LONG
    encoded = codec.encode(text, n_symbols=3000)
    assert receive(codec, encoded.symbols, encoded.parameters, 20.0).text == text


def test_with_another_model_at_the_receiver_no_checksum_holds(codec: LamCompressed, tmp_path: Path) -> None:
    other = made(save_lam(tmp_path, "gpt2", seed=1))
    for text in (SENTENCE, LONGER):
        encoded = codec.encode(text, n_symbols=800)
        assert receive(other, encoded.symbols, encoded.parameters, 30.0) == Decoded(GAP, 0.0, False)
        assert receive(codec, encoded.symbols, encoded.parameters, 30.0).text == text
    plain = codec.encode(OTHER)
    assert receive(other, plain.symbols, plain.parameters, 30.0).text == OTHER


def test_a_model_that_only_counts_otherwise_is_found_out_and_says_nothing(codec: LamCompressed, tmp_path: Path) -> None:
    """Right bits, another text, as on a machine whose sums are far off: never a made-up text."""
    other = made(save_lam(tmp_path, "gpt2", seed=1))
    other._turns = codec._turns
    encoded = codec.encode(SENTENCE)
    assert receive(other, encoded.symbols, encoded.parameters, 30.0) == Decoded(GAP, 0.0, False)


def test_a_lost_part_is_a_gap_and_what_stands_before_it_is_shown(codec: LamCompressed) -> None:
    text = " ".join(TEXTS[:12])
    encoded = codec.encode(text, n_symbols=2400)
    variance = np.full(2400, 0.05, np.float32)
    variance[1400:] = np.inf
    decoded = codec.decode(np.where(np.isinf(variance), 0, encoded.symbols), variance, encoded.parameters)
    assert (decoded.intact, decoded.confidence) == (False, 0.0)
    head, tail = decoded.text.split(GAP)
    assert text.startswith(head)
    assert len(head) > 0.2 * len(text)
    assert not tail


def test_nothing_received(codec: LamCompressed) -> None:
    encoded = codec.encode(SENTENCE)
    nothing = np.zeros(encoded.symbols.size, np.complex64)
    decoded = codec.decode(nothing, np.full(nothing.size, np.inf, np.float32), encoded.parameters)
    assert decoded == Decoded(GAP, 0.0, False)


@settings(max_examples=150)
@given(parameters=st.integers(0, 2**24 - 1), n_symbols=st.integers(0, 300), seed=st.integers(0, 99))
def test_nonsense_never_raises_and_is_never_intact(
    codec: LamCompressed, parameters: int, n_symbols: int, seed: int
) -> None:
    noise = (np.random.default_rng(seed).standard_normal((n_symbols, 2)) @ [1, 1j]).astype(np.complex64)
    assert not codec.decode(noise, np.full(n_symbols, 0.5, np.float32), parameters).intact


@settings(max_examples=60)
@given(parameters=st.integers(0, 2**24 - 1))
def test_wrong_parameters_for_a_good_frame_never_raise(codec: LamCompressed, parameters: int) -> None:
    encoded = codec.encode(SENTENCE, n_symbols=95)
    decoded = receive(codec, encoded.symbols, parameters, 30.0)
    assert not decoded.intact or decoded.text == SENTENCE


def test_one_wrong_bit_of_the_header_is_seen(codec: LamCompressed) -> None:
    encoded = codec.encode(SENTENCE, n_symbols=95, snr_db=0.0)
    for bit in range(24):
        decoded = receive(codec, encoded.symbols, encoded.parameters ^ 1 << bit, 30.0)
        assert decoded == Decoded(GAP, 0.0, False) or not decoded.intact


def test_a_scale_that_other_symbols_have_is_not_believed(codec: LamCompressed) -> None:
    encoded = codec.encode(SENTENCE, n_symbols=17, snr_db=15.0)
    assert ORDERS[encoded.parameters >> 22] == 64
    for other in (encoded.parameters + (1 << 18), encoded.parameters - (1 << 18)):
        assert receive(codec, encoded.symbols, other, 40.0) == Decoded(GAP, 0.0, False)


def test_same_input_same_output(folder: Path, codec: LamCompressed) -> None:
    one, two = (one.encode(LONGER, n_symbols=500, snr_db=7.0) for one in (codec, made(folder)))
    assert one.parameters == two.parameters
    assert np.array_equal(one.symbols, two.symbols)


def test_no_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no causal language model"):
        made(tmp_path)
