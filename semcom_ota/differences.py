"""What became of a sentence, word by word, for people to see."""

from collections.abc import Iterator
from difflib import SequenceMatcher


def differences(sent: str, received: str) -> Iterator[tuple[str, bool]]:
    """`received` in runs of words, and whether each run is as it was sent.

    A run that is empty and not as it was sent stands where words are missing. Of nothing received there are no runs.
    """
    if not received:
        return
    reference, words = sent.split(" "), received.split(" ")
    for kind, _, _, start, stop in SequenceMatcher(None, reference, words, autojunk=False).get_opcodes():
        yield " ".join(words[start:stop]), kind == "equal"
