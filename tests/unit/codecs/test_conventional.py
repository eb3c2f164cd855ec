import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom_ota.codecs.base import GAP, Codec, DoesNotFit
from semcom_ota.codecs.conventional import Header, Huffman, Utf8
from semcom_ota.coding.constellation import ORDERS
from semcom_ota.config import MAX_TEXT_BYTES, CodecConfig, DeviceConfig

CODECS = [kind(CodecConfig(), DeviceConfig()) for kind in (Utf8, Huffman)]
CAPTION = "Two dogs are running along the beach with a red ball."
GERMAN = "Ein kleines Mädchen klettert in ein Spielhaus aus Holz \N{PARTY POPPER}."


def receive(codec: Codec, symbols: np.ndarray, parameters: int, snr_db: float, seed: int):
    variance = 10 ** (-snr_db / 10)
    noise = np.random.default_rng(seed).standard_normal((symbols.size, 2)) @ [1, 1j] * np.sqrt(variance / 2)
    received = (symbols + noise).astype(np.complex64)
    return codec.decode(received, np.full(symbols.size, variance, np.float32), parameters)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@settings(max_examples=80, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_any_text_arrives_at_its_own_budget(codec: Codec, text: str) -> None:
    encoded = codec.encode(text)
    assert encoded.symbols.size == codec.symbol_count(text)
    assert 0 <= encoded.parameters < 2**24
    decoded = receive(codec, encoded.symbols, encoded.parameters, 16.0, 1)
    assert decoded.intact
    assert decoded.text == text
    assert decoded.confidence == 1.0


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_it_is_a_codec_with_its_number(codec: Codec) -> None:
    assert isinstance(codec, Codec)
    assert (codec.name, codec.number, codec.ordered_symbols) in [("utf8", 1, False), ("huffman", 2, False)]


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@pytest.mark.parametrize("n_symbols", [80, 95, 300, 2000])
@pytest.mark.parametrize("snr_db", [None, -6.0, 12.0, 30.0])
def test_exactly_the_symbols_asked_for_at_unit_mean_power(codec: Codec, n_symbols: int, snr_db: float | None) -> None:
    encoded = codec.encode(CAPTION, n_symbols=n_symbols, snr_db=snr_db)
    assert encoded.symbols.shape == (n_symbols,)
    assert encoded.symbols.dtype == np.complex64
    assert np.mean(np.abs(encoded.symbols) ** 2) == pytest.approx(1, abs=1e-6)
    assert receive(codec, encoded.symbols, encoded.parameters, 35.0, 2).text == CAPTION


def test_the_order_follows_the_room() -> None:
    orders = [CODECS[1].encode(CAPTION, n_symbols=n, snr_db=12.0).parameters >> 22 for n in (160, 60, 40, 27)]
    assert [ORDERS[index] for index in orders] == [4, 16, 64, 256]


def test_a_text_that_fits_no_order_is_named() -> None:
    with pytest.raises(DoesNotFit, match=r"utf8: 424 bits .* do not fit 50 symbols"):
        CODECS[0].encode(CAPTION, n_symbols=50)
    assert CODECS[1].encode(CAPTION, n_symbols=50)


def test_huffman_is_much_shorter_on_captions_and_never_longer() -> None:
    utf8, huffman = CODECS
    assert huffman.symbol_count(CAPTION) < 0.55 * utf8.symbol_count(CAPTION)
    for text in (GERMAN, "\N{PARTY POPPER}" * 40, "日本語のテキスト", "QJX#7~", "\x00\x01\x02"):
        assert huffman.symbol_count(text) <= utf8.symbol_count(text)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_longest_text(codec: Codec) -> None:
    text = "\x00ÿ~" * (MAX_TEXT_BYTES // 4)
    assert len(text.encode()) == MAX_TEXT_BYTES
    encoded = codec.encode(text, n_symbols=70_000, snr_db=20.0)
    decoded = receive(codec, encoded.symbols, encoded.parameters, 20.0, 3)
    assert decoded.intact
    assert decoded.text == text
    with pytest.raises(DoesNotFit, match="at most"):
        codec.encode(text + "a", n_symbols=70_000)
    with pytest.raises(ValueError, match="no text"):
        codec.encode("")


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_a_lost_part_is_a_gap_and_not_silence(codec: Codec) -> None:
    text = " ".join([CAPTION] * 60)
    encoded = codec.encode(text, n_symbols=14_000)
    variance = np.full(14_000, 0.05, np.float32)
    variance[6000:7000] = np.inf
    decoded = codec.decode(np.where(np.isinf(variance), 0, encoded.symbols), variance, encoded.parameters)
    assert not decoded.intact
    assert decoded.confidence == 0.0
    assert decoded.text.count(GAP) == 1
    head, tail = decoded.text.split(GAP)
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) > 1000
    assert (len(tail) > 1000) == (codec.name == "utf8"), "behind a gap, nobody knows where a Huffman code begins"


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_nothing_received(codec: Codec) -> None:
    encoded = codec.encode(CAPTION)
    nothing = np.zeros(encoded.symbols.size, np.complex64)
    decoded = codec.decode(nothing, np.full(nothing.size, np.inf, np.float32), encoded.parameters)
    assert decoded.text == GAP
    assert not decoded.intact


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@settings(max_examples=100, deadline=None)
@given(parameters=st.integers(0, 2**24 - 1), n_symbols=st.integers(0, 300), seed=st.integers(0, 99))
def test_nonsense_never_raises_and_is_never_intact(codec: Codec, parameters: int, n_symbols: int, seed: int) -> None:
    noise = (np.random.default_rng(seed).standard_normal((n_symbols, 2)) @ [1, 1j]).astype(np.complex64)
    assert not codec.decode(noise, np.full(n_symbols, 0.5, np.float32), parameters).intact


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@settings(max_examples=60, deadline=None)
@given(parameters=st.integers(0, 2**24 - 1))
def test_wrong_parameters_for_a_good_frame_never_raise(codec: Codec, parameters: int) -> None:
    encoded = codec.encode(CAPTION, n_symbols=95)
    decoded = receive(codec, encoded.symbols, parameters, 30.0, 4)
    assert not decoded.intact or decoded.text == CAPTION


@given(parameters=st.integers(0, 2**24 - 1))
def test_a_header_is_what_it_was_read_from(parameters: int) -> None:
    """But for bits that mean nothing: where there is room for more bytes than a text has."""
    header = Header.read(parameters)
    assert Header.read(header.parameters()) == header
    assert 1 <= header.n_bits <= 2**18


def test_most_of_a_short_texts_checksum_is_in_the_header() -> None:
    """All symbols are its own then, and any other header of the same text's size shows a checksum that fails."""
    for codec in CODECS:
        for text, n_symbols in ((CAPTION, 300), (CAPTION[:40], 90)):
            encoded = codec.encode(text, n_symbols=n_symbols)
            header = Header.read(encoded.parameters)
            assert header.short == (header.n_bits <= 360)
            for bit in range(7 if header.short else 0):
                assert not receive(codec, encoded.symbols, encoded.parameters ^ 1 << bit, 35.0, 5).intact


def test_same_input_same_output() -> None:
    for codec in CODECS:
        one, two = (codec.encode(GERMAN, n_symbols=200, snr_db=7.0) for _ in range(2))
        assert one.parameters == two.parameters
        assert np.array_equal(one.symbols, two.symbols)
