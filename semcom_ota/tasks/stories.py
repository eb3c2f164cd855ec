"""Stories with questions, in the format of the bAbI tasks (Weston et al. 2015): read, found and written.

A line is `N sentence` or `N question<TAB>answer<TAB>numbers of the lines that support it`. N counts from 1, questions
included, and starts again at each story.
"""

import gzip
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from semcom_ota.config import ConfigError

MAX_FILE_BYTES = 128 * 2**20  # uncompressed: some four million lines
MAX_STORY_LINES = 65_536  # sentences and questions of one story
MAX_LINE = 1_000  # characters of a sentence, a question or an answer
_MAX_SUPPORTING = 4_096  # sentences that support one answer
_MAX_LISTED = 20_000  # files and folders, where one is searched for
_FAVOURITES = ("", "en", "en-valid", "en-10k", "en-valid-10k")  # folders of the original distribution, first one first
_DEPTH = 3  # folders below the one that was named


@dataclass(frozen=True, slots=True)
class Question:
    """Asked in a story after its first `place` sentences; only these may be used to answer it."""

    text: str
    answer: str  # several things are one answer, with commas: `apple,milk`
    supporting: tuple[int, ...]  # indices into the sentences of the story, all below `place`; may be empty
    place: int  # 0..number of sentences


@dataclass(frozen=True, slots=True)
class Story:
    """Sentences in order, and questions in the order in which they are asked."""

    lines: tuple[str, ...]
    questions: tuple[Question, ...]  # `place` never falls


def load_stories(source: Path, task: int | None = None, split: str = "test") -> list[Story]:
    """The stories of a file, or of the file of one task below a folder.

    Args:
        source: a file of stories, or a folder in which `find_stories` finds it; with or without gzip.
        task: number of the task, as in `qa1_single-supporting-fact_test.txt`; not used for a file.
        split: `train`, `valid` or `test`; not used for a file.

    Raises:
        ConfigError: there is no such file, it is not in this format, or it is larger than the bounds of this module.
    """
    if source.is_dir():
        if task is None:
            raise ConfigError(f"'{source}' is a folder: say the number of the task, or name a file")
        source = find_stories(source, task, split)
    try:
        with gzip.open(source) if source.suffix == ".gz" else source.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigError(f"'{source}' is not a whole gzip file ({error}): get it again, or unpack it") from error
    except OSError as error:
        raise ConfigError(f"cannot read '{source}' ({error.strerror}): check the path") from error
    return parse_stories(content, str(source))


def find_stories(folder: Path, task: int, split: str) -> Path:
    """The file of a task and split, for instance `en/qa1_single-supporting-fact_test.txt.gz`.

    Folders nearer to the named one come first, then those of English stories in the original distribution. A file that
    is not compressed comes before one that is.

    Raises:
        ConfigError: there is none, or which one is meant cannot be said.
    """
    named = re.compile(rf"qa{task}(_.*)?_{re.escape(split)}\.txt(\.gz)?")
    found: dict[tuple[int, int], dict[str, list[Path]]] = {}  # by nearness, then by folder: best first
    for path in _files_below(folder, _DEPTH):
        if named.fullmatch(path.name):
            own = path.parent.relative_to(folder)
            rank = _FAVOURITES.index(own.name) if own.name in _FAVOURITES else len(_FAVOURITES)
            found.setdefault((rank, len(own.parts)), {}).setdefault(str(own), []).append(path)
    if not found:
        raise ConfigError(f"no 'qa{task}_..._{split}.txt' (or .txt.gz) in or below '{folder}': check folder and task")
    folders = found[min(found)]
    files = sorted({path.name.removesuffix(".gz") for paths in folders.values() for path in paths})
    if len(folders) > 1 or len(files) > 1:
        several = sorted(str(path) for paths in folders.values() for path in paths)
        raise ConfigError(f"several files could be meant ('{several[0]}', '{several[1]}', ...): name one")
    (paths,) = folders.values()
    return min(paths)


def parse_stories(content: bytes, name: str) -> list[Story]:
    """The stories of a file that was read.

    Windows line ends, empty lines and a missing line end at the end are no error.

    Args:
        content: the file, uncompressed.
        name: what to call it in an error.

    Raises:
        ConfigError: it is not in the format, with the line where it is not.
    """
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"'{name}' has more than {MAX_FILE_BYTES} bytes: split it between two stories")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"'{name}' is not UTF-8 text (byte {error.start}): give a file of stories") from error
    stories: list[_OpenStory] = []
    for number, line in enumerate(text.split("\n"), 1):  # splitlines would cut at U+2028 and others too
        if not line.strip():
            continue
        where = f"'{name}', line {number}"
        count, _, rest = line.removesuffix("\r").partition(" ")
        if not (count.isascii() and count.isdigit() and len(count) < 8 and rest):
            raise ConfigError(f"{where}: a line is 'N sentence' or 'N question<TAB>answer<TAB>supporting lines'")
        if int(count) == 1:
            stories.append(_OpenStory())
        if not stories or int(count) != stories[-1].count + 1:
            wanted = f"{stories[-1].count + 1}, or 1 if a story begins" if stories else "1"
            raise ConfigError(f"{where}: it has number {count}, and {wanted} is next: number the lines of a story")
        stories[-1].add(rest, where)
    if not stories:
        raise ConfigError(f"'{name}' holds no story: give a file with 'N sentence' lines")
    return [story.closed() for story in stories]


def format_stories(stories: Iterable[Story]) -> str:
    """Stories as the text of a file, which `parse_stories` reads as the same stories.

    Raises:
        ConfigError: one of them would not be read as what it is.
    """
    return "".join(_format(story) for story in stories)


def write_stories(stories: Iterable[Story], file: Path) -> None:
    """Write stories to a file, compressed if its name ends in `.gz`: the same bytes for the same stories.

    Raises:
        ConfigError: the file cannot be written, or a story cannot be said in this format.
    """
    content = format_stories(stories).encode()
    try:
        file.write_bytes(gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)
    except OSError as error:
        raise ConfigError(f"cannot write '{file}' ({error.strerror}): check the path") from error


class _OpenStory:
    """A story that is being read."""

    def __init__(self) -> None:
        self.count = 0  # lines so far
        self._lines: list[str] = []
        self._questions: list[Question] = []
        self._sentence_at: dict[int, int] = {}  # line number -> index of the sentence

    def add(self, rest: str, where: str) -> None:
        """Take what follows the number of a line."""
        if self.count == MAX_STORY_LINES:
            raise ConfigError(f"{where}: the story has more than {MAX_STORY_LINES} lines: split it")
        self.count += 1
        text, *columns = (column.strip() for column in rest.split("\t"))
        for part in (text, *columns[:1]):
            if fault := _fault(part):
                raise ConfigError(f"{where}: a sentence, question or answer {fault}")
        if not columns:
            self._sentence_at[self.count] = len(self._lines)
            self._lines.append(text)
            return
        if len(columns) > 2:
            raise ConfigError(
                f"{where}: it has {len(columns)} tabs: a question has one before its answer, one after it"
            )
        numbers = columns[1].split() if len(columns) == 2 else []
        if len(numbers) > _MAX_SUPPORTING or not all(n.isascii() and n.isdigit() and len(n) < 8 for n in numbers):
            raise ConfigError(
                f"{where}: after the second tab stand the numbers of supporting lines, not '{rest[-30:]}'"
            )
        if missing := [n for n in numbers if int(n) not in self._sentence_at]:
            raise ConfigError(
                f"{where}: supporting line {missing[0]} is no sentence before it in this story: correct it"
            )
        supporting = tuple(self._sentence_at[int(n)] for n in numbers)
        self._questions.append(Question(text, columns[0], supporting, len(self._lines)))

    def closed(self) -> Story:
        """As it was read."""
        return Story(tuple(self._lines), tuple(self._questions))


def _files_below(folder: Path, depth: int) -> list[Path]:
    """Files in a folder and in the folders in it, `depth` levels down; what cannot be listed is left out."""
    files: list[Path] = []
    level, looked_at = [folder], 0
    for _ in range(depth + 1):
        below: list[Path] = []
        for parent in level:
            try:
                entries = sorted(islice(parent.iterdir(), _MAX_LISTED - looked_at))
            except OSError:
                continue
            looked_at += len(entries)
            files += [path for path in entries if path.is_file()]
            below += [path for path in entries if path.is_dir()]
        level = below
    return files


def _fault(text: str) -> str | None:
    """What is wrong with a sentence, a question or an answer; None if nothing is."""
    if not text:
        return "is missing: write it after the number or the tab"
    if len(text) > MAX_LINE:
        return f"has more than {MAX_LINE} characters: shorten it"
    return None if text.isprintable() else f"has a character that is no text ('{text[:30]!a}'): remove it"


def _format(story: Story) -> str:
    if not 0 < len(story.lines) + len(story.questions) <= MAX_STORY_LINES:
        raise ConfigError(f"a story has 1 to {MAX_STORY_LINES} lines, not {len(story.lines) + len(story.questions)}")
    places = [0, *(question.place for question in story.questions), len(story.lines)]
    if places != sorted(places):
        raise ConfigError("the questions of a story are in order, and none comes after more sentences than there are")
    for text in (*story.lines, *(part for q in story.questions for part in (q.text, q.answer))):
        fault = _fault(text) or ("begins or ends with a space: remove it" if text != text.strip() else None)
        if fault:
            raise ConfigError(f"'{text[:30]!a}' cannot be in a story: it {fault}")
    number_of: list[int] = []  # of each sentence, its line
    out: list[str] = []
    for question in (*story.questions, None):
        until = len(story.lines) if question is None else question.place
        while len(number_of) < until:
            out.append(story.lines[len(number_of)])
            number_of.append(len(out))
        if question:
            out.append(f"{question.text}\t{question.answer}\t{_numbers(question, number_of)}")
    return "".join(f"{number} {line}\n" for number, line in enumerate(out, 1))


def _numbers(question: Question, number_of: Sequence[int]) -> str:
    if len(question.supporting) > _MAX_SUPPORTING or not all(0 <= i < len(number_of) for i in question.supporting):
        raise ConfigError(f"'{question.text}' is supported by sentences that do not stand before it")
    return " ".join(str(number_of[i]) for i in question.supporting)
