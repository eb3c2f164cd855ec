"""Text to a LAM's own tokens and back, without loss, or not at all.

Tokenizers of the BERT kind drop what a reader needs: capitals, and where there was a space. Here each of their tokens
has a written form that says both, so that the text comes back as it was; all other tokenizers must be lossless as they
are. A text that does not come back (unknown characters, two spaces in a row) is not for the LAM: the codec sends it
another way.
"""

import json
from dataclasses import dataclass

from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from semcom_ota.config import ConfigError

_CASES = (str, str.capitalize, str.upper)  # as the vocabulary has it, with a capital, in capitals
FORMS = 2 * len(_CASES)
"""Written forms of a token: a case, and whether a space comes before it (odd) or not."""


@dataclass(frozen=True, slots=True)
class LamTokens:
    """A text as a LAM's tokens; `forms` are all 0 where the tokenizer is lossless by itself."""

    identities: list[int]
    forms: list[int]


class LamTokenizer:
    """A Hugging Face fast tokenizer, made lossless."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocabulary: int):
        """`vocabulary`: tokens that the LAM has embeddings for. Raises ConfigError if the tokenizer has more."""
        self._tokenizer = tokenizer.backend_tokenizer
        self._tokenizer.encode_special_tokens = True  # a text that spells one out is only a text
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._vocabulary = vocabulary
        self.pieces = json.loads(self._tokenizer.to_str())["model"]["type"] == "WordPiece"
        if len(tokenizer) > vocabulary:
            raise ConfigError(
                f"the LAM's tokenizer has {len(tokenizer)} tokens, the LAM {vocabulary}: restore its folder"
            )

    @property
    def forms(self) -> int:
        """Written forms that a token may have; 1 says that there is nothing to tell."""
        return FORMS if self.pieces else 1

    def encode(self, text: str) -> LamTokens | None:
        """Tokens from which `decode` makes the very same text; None if there are none."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        tokens = LamTokens(list(encoding.ids), [0] * len(encoding.ids))
        if self.pieces:
            forms = self._forms(text, encoding.tokens, encoding.offsets)
            tokens = LamTokens(tokens.identities, forms)
        return tokens if tokens.identities and self.decode(tokens) == text else None

    def decode(self, tokens: LamTokens) -> str:
        """The text of any tokens; identities that the tokenizer lacks are left out."""
        if not self.pieces:
            return self._tokenizer.decode(tokens.identities, skip_special_tokens=False)
        parts = []
        for identity, form in zip(tokens.identities, tokens.forms, strict=True):
            piece = (self._tokenizer.id_to_token(identity) or "").removeprefix("##")
            parts.append(" " * (form % 2) + _CASES[form // 2 % len(_CASES)](piece))
        return "".join(parts)

    @staticmethod
    def _forms(text: str, pieces: list[str], offsets: list[tuple[int, int]]) -> list[int]:
        """The form of each token as it stands in the text; any, where no form fits."""
        forms, end = [], 0
        for piece, (first, last) in zip(pieces, offsets, strict=True):
            written = [case(piece.removeprefix("##")) for case in _CASES]
            case = written.index(text[first:last]) if text[first:last] in written else 0
            forms.append(2 * case + (first > end))
            end = last
        return forms
