import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.codecs.text_jscc import TOKENIZER
from semcom_ota.codecs.tokenizer import TextTokenizer
from semcom_ota.config import SHIPPED, ConfigError

TOKENS = TextTokenizer.load(SHIPPED / TOKENIZER)


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_any_text_comes_back_as_it_was(text):
    assert TOKENS.decode(TOKENS.encode(text).identities) == text
    assert TOKENS.decode(TOKENS.spell(text).identities) == text


def test_english_is_words_and_other_text_is_bytes():
    english = TOKENS.encode("A man in a red hat is walking down the street.")
    assert not english.literal and len(english.identities) <= 12
    others = (
        "Der Junge läuft.",
        "Ich bin hier.",
        "Der Hund ist im Park.",
        "El perro corre por la playa.",
        "🙂",
        "日本語",
    )
    for text in others:
        tokens = TOKENS.encode(text)
        assert tokens.literal and len(tokens.identities) == len(text.encode())


def test_bytes_that_are_not_utf8_are_marked_not_raised():
    first_of_two = TOKENS.spell("é").identities[:1]
    assert TOKENS.decode(first_of_two) == "�"


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ConfigError, match="not a tokenizer"):
        TextTokenizer.load(tmp_path / "tokenizer.json")
