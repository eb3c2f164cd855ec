"""The texts of a run: from the command line, a file, or the sentences that ship with the project."""

from collections.abc import Sequence
from pathlib import Path

from semcom_ota.config import MAX_TEXT_BYTES, ConfigError

SENTENCES = Path(__file__).parent / "sentences"
MAX_FILE_BYTES = 16 * 2**20


def gather(texts: Sequence[str], file: Path | None) -> list[str]:
    """Texts given one by one and the non-empty lines of a UTF-8 file, in that order.

    Raises:
        ConfigError: there is none, the file is not text, or one is too long.
    """
    gathered = [*texts, *(read_lines(file) if file else [])]
    gathered = [text for text in gathered if text.strip()]
    if not gathered and file:
        raise ConfigError(f"'{file}' holds no text: write one sentence a line")
    if not gathered:
        raise ConfigError("nothing to send: give a sentence with --text or a file of sentences with --input")
    for text in gathered:
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            raise ConfigError(f"'{text[:30]!a}' is not UTF-8 text: give --text in UTF-8") from error
        if size > MAX_TEXT_BYTES:
            raise ConfigError(
                f"a text of {size} bytes is too long ('{text[:30]}...'): at most {MAX_TEXT_BYTES}, split it"
            )
    return gathered


def read_lines(file: Path) -> list[str]:
    """Lines of a UTF-8 text file that hold text; raises ConfigError if it is not one."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read '{file}' ({error.strerror}): check the path") from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"'{file}' is larger than {MAX_FILE_BYTES} bytes: split it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"'{file}' is not UTF-8 text (byte {error.start}): save it as such, one sentence a line"
        ) from error
    if "\0" in text:
        raise ConfigError(f"'{file}' is a binary file: give one of UTF-8 text, one sentence a line")
    lines = (line.removesuffix("\r") for line in text.split("\n"))  # splitlines would cut at U+2028 and others too
    return [line for line in lines if line.strip()]
