"""How many payload symbols `text-jscc` spends on a text, and how a long text is cut into chunks."""

from semcom_ota.codecs.tokenizer import Tokens

LITERAL_SYMBOLS_PER_BYTE = 6
"""Spent on text that the vocabulary does not cover, where every byte has to be decodable by itself."""


def symbol_budget(tokens: Tokens, symbols_per_word: float, layers: int) -> int:
    """Payload symbols for a text.

    Args:
        tokens: the text.
        symbols_per_word: the nominal budget.
        layers: symbols that a token can have at most.

    Returns:
        `symbols_per_word` times its words, rounded down, or LITERAL_SYMBOLS_PER_BYTE a byte of a literal text; at least
        one and at most `layers` symbols a token.
    """
    length = len(tokens.identities)
    nominal = LITERAL_SYMBOLS_PER_BYTE * length if tokens.literal else int(symbols_per_word * tokens.words)
    return min(max(nominal, length), layers * length)


def chunks(tokens: int, symbols: int, max_tokens: int) -> list[tuple[int, int]]:
    """Cut a text into chunks of nearly equal size that are coded one by one.

    Both ends compute this from (tokens, symbols) alone; it needs nothing on the air.

    Returns:
        (tokens, symbols) of each chunk; they add up to the arguments.
    """
    count = -(-tokens // max_tokens)
    token_edges = [i * tokens // count for i in range(count + 1)]
    symbol_edges = [edge * symbols // tokens for edge in token_edges]
    return [(token_edges[i + 1] - token_edges[i], symbol_edges[i + 1] - symbol_edges[i]) for i in range(count)]
