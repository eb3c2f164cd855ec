"""Any UTF-8 text to token identities and back, without loss: byte-level BPE, trained by `training/text_jscc.py`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from semcom_ota.config import ConfigError

TOKENS_PER_WORD_OF_ENGLISH = 1.75
"""With more than this, and half of its words or more in pieces, a text is not covered by the vocabulary."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as token identities.

    `literal` texts are spelt out in bytes, one token each: another language, emoji, codes. The model's knowledge of
    English is no help there, and 256 tokens can be learned to perfection.
    """

    identities: list[int]
    words: int  # runs between white space
    literal: bool


class TextTokenizer:
    """Byte-level byte-pair encoding: frequent words are one token; text that it does not cover falls back to bytes."""

    def __init__(self, tokenizer: Tokenizer):
        """Use `train` or `load`."""
        self._tokenizer = tokenizer
        vocabulary = tokenizer.get_vocab()
        self._bytes = [vocabulary[letter] for letter in _byte_letters()]
        self._beyond_ascii = frozenset(self._bytes[0x80:])

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary: int) -> "TextTokenizer":
        """Learn `vocabulary` tokens, the 256 bytes among them."""
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    @classmethod
    def load(cls, file: Path) -> "TextTokenizer":
        """Read what `save` wrote; raises ConfigError if it is not such a file."""
        try:
            return cls(Tokenizer.from_file(str(file)))
        except Exception as error:  # the library raises plain Exception
            raise ConfigError(f"'{file}' is not a tokenizer ({error}): restore the checkpoint's folder") from error

    def save(self, file: Path) -> None:
        """Write the tokenizer as JSON."""
        self._tokenizer.save(str(file))

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return self._tokenizer.get_vocab_size()

    def encode(self, text: str) -> Tokens:
        """Tokens of `text`; `decode` gives back the very same text."""
        encoding, words = self._tokenizer.encode(text), len(text.split())
        spelt = not self._beyond_ascii.isdisjoint(encoding.ids)
        foreign = len(encoding.ids) >= TOKENS_PER_WORD_OF_ENGLISH * words and 2 * _whole_words(encoding.tokens) <= words
        return self.spell(text) if spelt or foreign else Tokens(encoding.ids, words, literal=False)

    def spell(self, text: str) -> Tokens:
        """`text` as its UTF-8 bytes, one token each."""
        return Tokens([self._bytes[byte] for byte in text.encode()], len(text.split()), literal=True)

    def decode(self, identities: list[int]) -> str:
        """Text of these tokens; bytes that are not UTF-8 become U+FFFD."""
        return self._tokenizer.decode(identities)


def _whole_words(tokens: list[str]) -> int:
    """Words that are one token. In byte-level BPE a token that begins a word begins with the letter for a space."""
    begins = [i == 0 or token[0] == "Ġ" for i, token in enumerate(tokens)]
    goes_on = [not first and token[0].isalnum() for first, token in zip(begins, tokens, strict=True)]
    return sum(
        first and token.strip("Ġ").isalnum() and not more
        for first, token, more in zip(begins, tokens, [*goes_on, False][1:], strict=True)
    )


def _byte_letters() -> list[str]:
    """The letter by which byte-level BPE writes each byte: itself if printable in Latin-1, else one from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]
