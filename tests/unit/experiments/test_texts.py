import pytest

from semcom_ota.config import MAX_TEXT_BYTES, ConfigError
from semcom_ota.experiments.texts import gather


def test_texts_and_the_lines_of_a_file_in_order(tmp_path):
    file = tmp_path / "in.txt"
    file.write_text("two\n\nthrée\n", encoding="utf-8")
    assert gather(["one"], file) == ["one", "two", "thrée"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "holds no text"), (b"\x89PNG\xff", "not UTF-8"), (b"a\0b", "binary"), (b"x" * 100_000, "too long")],
)
def test_a_bad_file_is_one_clear_sentence(tmp_path, content, sentence):
    file = tmp_path / "in"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=sentence):
        gather([], file)


def test_no_file_no_text_and_text_too_long(tmp_path):
    for texts, file in (([], tmp_path / "none"), ([], None), (["  "], None), (["x" * (MAX_TEXT_BYTES + 1)], None)):
        with pytest.raises(ConfigError):
            gather(texts, file)


def test_only_line_feeds_cut_and_a_byte_order_mark_is_not_text(tmp_path):
    file = tmp_path / "in"
    file.write_bytes("\ufeffone\u2028still one\r\ntwo\n".encode())
    assert gather([], file) == ["one\u2028still one", "two"]
