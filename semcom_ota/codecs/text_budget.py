"""How many payload symbols `text-jscc` spends on a text, and how a long text is cut into chunks."""

LITERAL_SYMBOLS_PER_TOKEN = 10
"""Spent on text that the vocabulary does not cover (another language, emoji, codes): the model's knowledge of English
is no help there, so that every token has to be decodable by itself."""

TOKENS_PER_WORD_OF_ENGLISH = 2
"""More tokens a word than this, and a text is taken as literal."""


def symbol_budget(words: int, tokens: int, raw_bytes: bool, symbols_per_word: float, layers: int) -> int:
    """Payload symbols for a text.

    Args:
        words: its runs between white space.
        tokens: its tokens.
        raw_bytes: whether some character is spelt out in bytes.
        symbols_per_word: the nominal budget.
        layers: symbols that a token can have at most.

    Returns:
        `symbols_per_word * words`, rounded down, or LITERAL_SYMBOLS_PER_TOKEN a token where the vocabulary does not
        cover the text; at least one and at most `layers` symbols a token.
    """
    nominal = int(symbols_per_word * words)
    if raw_bytes or tokens > TOKENS_PER_WORD_OF_ENGLISH * max(words, 1):
        nominal = max(nominal, LITERAL_SYMBOLS_PER_TOKEN * tokens)
    return min(max(nominal, tokens), layers * tokens)


def chunks(tokens: int, symbols: int, max_tokens: int) -> list[tuple[int, int]]:
    """Cut a text into chunks of nearly equal size that are coded one by one.

    Both ends compute this from (tokens, symbols) alone; it needs nothing on the air.

    Returns:
        (tokens, symbols) of each chunk; they add up to the arguments.
    """
    count = -(-tokens // max_tokens)
    token_edges = [i * tokens // count for i in range(count + 1)]
    symbol_edges = [edge * symbols // tokens for edge in token_edges]
    return [
        (token_edges[i + 1] - token_edges[i], symbol_edges[i + 1] - symbol_edges[i]) for i in range(count)
    ]
