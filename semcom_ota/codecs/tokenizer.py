"""Any UTF-8 text to token identities and back, without loss: byte-level BPE, trained by `training/text_jscc.py`."""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from semcom_ota.config import ConfigError


class TextTokenizer:
    """Byte-level byte-pair encoding: frequent words are one token, anything unseen falls back to its bytes."""

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        alphabet = set(pre_tokenizers.ByteLevel.alphabet())
        shown_as_itself = {chr(code) for code in range(0x21, 0x7F)} | {"Ġ"}
        vocabulary = tokenizer.get_vocab()
        self._raw_bytes = frozenset(vocabulary[letter] for letter in alphabet - shown_as_itself)

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

    def encode(self, text: str) -> list[int]:
        """Token identities of `text`; `decode` gives back the very same text."""
        return self._tokenizer.encode(text).ids

    def decode(self, tokens: list[int]) -> str:
        """Text of these tokens; bytes that are not UTF-8 become U+FFFD."""
        return self._tokenizer.decode(tokens)

    def has_raw_bytes(self, tokens: Iterable[int]) -> bool:
        """True if some character had to be spelt out in bytes outside ASCII."""
        return not self._raw_bytes.isdisjoint(tokens)
