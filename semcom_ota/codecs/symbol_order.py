"""In which order the symbols of a text's tokens go out: any number of the first ones has to describe the whole text.

They go round by round: the first symbol of every token, then the second of every token, and so on. In a round tokens
come as they stand in the text (`consecutive`) or those first whose symbol of this round adds most to what is known of
the text (`importance`, docs/masking.md). Both ends know the order from the numbers of tokens and symbols alone.
"""

import json
import math
from pathlib import Path

import torch
from torch import Tensor

from semcom_ota.config import ConfigError

PLACES = 8
"""Where a token stands: first, in one of six stretches of equal length, last."""
FILE = "order.json"
_MAX_BYTES = 2**16


def symbol_positions(
    tokens: Tensor, symbols: Tensor, layers: int, worth: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Which symbols of the grid (token, layer) are sent.

    Args:
        tokens: (B,) tokens in each text.
        symbols: (B,) payload symbols to spend on each, at most `tokens * layers`.
        layers: symbols that a token has at most.
        worth: (layers, PLACES) of each round, what a symbol adds by its token's place; None is `consecutive`.

    Returns:
        order: (B, T, layers) int64, position of each grid element in its message's symbol stream.
        sent: (B, T, layers) bool, True where that position is below `symbols` and the token exists.
    """
    longest = int(tokens.max())
    token = torch.arange(longest, device=tokens.device)[None, :, None]
    layer = torch.arange(layers, device=tokens.device)[None, None, :]
    real = token < tokens[:, None, None]
    turn = token if worth is None else _turns(tokens, real, worth)
    order = layer * tokens[:, None, None] + turn
    return order, (order < symbols[:, None, None]) & real


def places(tokens: Tensor) -> Tensor:
    """(B, T) int64, 0..PLACES - 1: where each token of texts of `tokens` (B,) tokens stands."""
    token = torch.arange(int(tokens.max()), device=tokens.device)[None]
    inner = (tokens[:, None] - 2).clamp(min=1)
    stretch = 1 + ((token - 1) * (PLACES - 2)).div(inner, rounding_mode="floor")
    stretch = stretch.clamp(1, PLACES - 2)
    return torch.where(token == 0, 0, torch.where(token >= tokens[:, None] - 1, PLACES - 1, stretch))


def save_worth(folder: Path, worth: Tensor) -> None:
    """Write what symbols are worth, (layers, PLACES) in bits, beside a codec's weights."""
    rows = [[round(value, 3) for value in row] for row in worth.tolist()]
    lines = ",\n ".join(json.dumps(row) for row in rows)
    (folder / FILE).write_text(f"[{lines}]\n", encoding="utf-8")


def load_worth(folder: Path, layers: int) -> Tensor:
    """What symbols are worth, (layers, PLACES) float32 in bits, as `save_worth` wrote it.

    Raises:
        ConfigError: it was never measured for this checkpoint, or the file is damaged.
    """
    path = folder / FILE
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it is larger than {_MAX_BYTES} bytes")
        rows = json.loads(path.read_text(encoding="utf-8"))
        worth = torch.tensor(rows, dtype=torch.float32)
        if worth.shape != (layers, PLACES) or not all(math.isfinite(value) for value in worth.flatten().tolist()):
            raise ValueError(f"it does not hold {layers} rows of {PLACES} numbers")
    except FileNotFoundError as error:
        raise ConfigError(
            f"no {FILE} in '{folder}', so the importance of its symbols is not known: measure it with"
            " benchmarks/symbol_order.py, or set codec.order to consecutive"
        ) from error
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"'{path}' is damaged ({error}): measure it with benchmarks/symbol_order.py") from error
    return worth


def _turns(tokens: Tensor, real: Tensor, worth: Tensor) -> Tensor:
    """(B, T, layers) int64: when each token's turn is in each round."""
    value = worth.to(tokens.device).T[places(tokens)].masked_fill(~real, -torch.inf)
    return value.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
