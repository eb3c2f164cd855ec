import gzip

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from semcom_ota.config import ConfigError
from semcom_ota.tasks import stories as module
from semcom_ota.tasks.stories import (
    Question,
    Story,
    find_stories,
    format_stories,
    load_stories,
    parse_stories,
    write_stories,
)

TEXT = """1 Mary went to the office.
2 Daniel moved to the garden.
3 Where is Mary?\toffice\t1
4 Mary got the milk there.
5 Where is the milk? \toffice\t4 1
6 What is Mary holding?\tmilk\t4
1 John went to the hall.
2 Where is John?\thall\t1
"""
STORIES = [
    Story(
        ("Mary went to the office.", "Daniel moved to the garden.", "Mary got the milk there."),
        (
            Question("Where is Mary?", "office", (0,), 2),
            Question("Where is the milk?", "office", (2, 0), 3),
            Question("What is Mary holding?", "milk", (2,), 3),
        ),
    ),
    Story(("John went to the hall.",), (Question("Where is John?", "hall", (0,), 1),)),
]
texts = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=30)
texts = texts.map(str.strip).filter(bool)


@st.composite
def any_story(draw):
    lines = tuple(draw(st.lists(texts, min_size=1, max_size=6)))
    questions = []
    for place in sorted(draw(st.lists(st.integers(0, len(lines)), max_size=4))):
        supporting = draw(st.lists(st.integers(0, place - 1), max_size=3)) if place else []
        questions.append(Question(draw(texts), draw(texts), tuple(supporting), place))
    return Story(lines, tuple(questions))


def test_sentences_and_questions_with_what_supports_them():
    assert parse_stories(TEXT.encode(), "x") == STORIES


@pytest.mark.parametrize(
    "content",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.removesuffix("\n"),
        "\ufeff" + TEXT,
        "\n" + TEXT.replace("\n1 ", "\n\n1 ") + " \n\n",
        TEXT.replace("Mary?\t", "Mary? \t"),
    ],
)
def test_other_line_ends_empty_lines_and_spaces_change_nothing(content):
    assert parse_stories(content.encode(), "x") == STORIES


def test_a_question_may_name_no_support():
    (story,) = parse_stories(b"1 A.\n2 B?\tyes\n3 C?\tno\t\n", "x")
    assert [question.supporting for question in story.questions] == [(), ()]


@given(st.lists(any_story(), min_size=1, max_size=4))
def test_what_is_written_is_read_again(stories):
    assert parse_stories(format_stories(stories).encode(), "x") == stories


@given(st.binary(max_size=200) | st.text("12 3\tab.?\n\r\x0c,\u2028", max_size=80).map(str.encode))
@example(TEXT.encode()[:-20])
def test_any_bytes_are_stories_or_one_clear_error(content):
    try:
        assert parse_stories(content, "x")
    except ConfigError as error:
        assert "\n" not in str(error) and "'x'" in str(error)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no story"),
        (b"\xff\xfe", "not UTF-8"),
        (b"1\n", "line 1: a line is"),
        (b"hello there\n", "line 1: a line is"),
        ("٣ A.\n".encode(), "line 1: a line is"),
        (b"2 A.\n", "line 1: it has number 2, and 1 is next"),
        (b"1 A.\n3 B.\n", "line 2: it has number 3, and 2, or 1"),
        (b"1 A.\n2 B?\t\t1\n", "line 2: a sentence, question or answer is missing"),
        (b"1 A\0.\n", "no text"),
        (b"1 A.\n2 B?\tyes\t1\t1\n", "has 3 tabs"),
        (b"1 A.\n2 B?\tyes\tone\n", "stand the numbers"),
        (b"1 A.\n2 B?\tyes\t2\n", "supporting line 2 is no sentence"),
        (b"1 A.\n2 B?\tyes\t1\n3 C?\tno\t2\n", "supporting line 2 is no sentence"),
        (b"1 " + b"x" * 1_001, "more than 1000 characters"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(content, sentence):
    with pytest.raises(ConfigError, match=sentence):
        parse_stories(content, "a.txt")


def test_long_stories_up_to_a_bound():
    lines = [f"{number} Mary went to the office." for number in range(1, module.MAX_STORY_LINES + 2)]
    (story,) = parse_stories("\n".join(lines[:-1]).encode(), "x")
    assert len(story.lines) == module.MAX_STORY_LINES >= 20_000
    with pytest.raises(ConfigError, match="more than 65536 lines"):
        parse_stories("\n".join(lines).encode(), "x")


def test_a_file_is_no_larger_than_its_bound_even_when_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 100)
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"1 A.\n" * 100))
    with pytest.raises(ConfigError, match="more than 100 bytes"):
        load_stories(tmp_path / "a.gz")


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_files_with_and_without_gzip(tmp_path, name):
    write_stories(STORIES, tmp_path / name)
    assert load_stories(tmp_path / name) == STORIES
    first = (tmp_path / name).read_bytes()
    write_stories(STORIES, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


def test_files_that_cannot_be_read_or_written(tmp_path):
    whole = gzip.compress(TEXT.encode())
    for name, content in (("a.gz", b"1 A.\n"), ("b.gz", whole[:-9]), ("c.gz", whole[:20] + b"\0\0\0" + whole[23:])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match="gzip"):
            load_stories(tmp_path / name)
    with pytest.raises(ConfigError, match="cannot read"):
        load_stories(tmp_path / "none.txt")
    with pytest.raises(ConfigError, match="cannot write"):
        write_stories(STORIES, tmp_path / "none" / "a.txt")


def test_stories_that_the_format_cannot_say():
    bad = [
        Story((), ()),
        Story(("A\tB.",), ()),
        Story((" A.",), ()),
        Story(("A.",), (Question("B?", "", (), 1),)),
        Story(("A.",), (Question("B?", "yes", (0,), 0),)),
        Story(("A.",), (Question("B?", "yes", (), 2),)),
        Story(("A.",), (Question("B?", "yes", (), 1), Question("C?", "yes", (), 0))),
    ]
    for story in bad:
        with pytest.raises(ConfigError):
            format_stories([story])


def test_the_file_of_a_task_is_found_by_its_name(tmp_path):
    for name in (
        "qa1_single-supporting-fact_test.txt.gz",
        "qa1_single-supporting-fact_train.txt",
        "qa11_basic-coreference_test.txt",
        "tasks/en/qa2_two-supporting-facts_test.txt",
        "tasks/en/qa2_two-supporting-facts_test.txt.gz",
        "tasks/en-10k/qa2_two-supporting-facts_test.txt",
        "tasks/hn/qa2_two-supporting-facts_test.txt",
        "en-valid/qa3_test.txt",
        "a/qa4_x_test.txt",
        "b/qa4_x_test.txt",
        "qa5_x_test.txt",
        "qa5_y_test.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_stories(STORIES, tmp_path / name)
    assert find_stories(tmp_path, 1, "test").name == "qa1_single-supporting-fact_test.txt.gz"
    assert find_stories(tmp_path, 2, "test") == tmp_path / "tasks/en/qa2_two-supporting-facts_test.txt"
    assert load_stories(tmp_path, 3) == STORIES
    for task in (4, 5):
        with pytest.raises(ConfigError, match="several files"):
            load_stories(tmp_path, task)
    with pytest.raises(ConfigError, match=r"no 'qa6_\.\.\._test"):
        load_stories(tmp_path, 6)
    with pytest.raises(ConfigError, match="number of the task"):
        load_stories(tmp_path)
