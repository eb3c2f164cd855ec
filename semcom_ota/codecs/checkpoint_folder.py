"""A checkpoint of ours: a folder with sizes (JSON) and weights (safetensors). Nothing in it is trusted."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import load_file
from torch import Tensor

from semcom_ota.config import WEIGHTS, ConfigError

Sizes = TypeVar("Sizes")
MAX_SIZES_BYTES = 2**16


@contextmanager
def loading_checkpoint(what: str, folder: Path, instead: str) -> Iterator[None]:
    """Turns what goes wrong in loading into one sentence.

    Args:
        what: that is loaded, such as `checkpoint of text-jscc`.
        folder: where it should be.
        instead: what to do if it is not there.

    Raises:
        ConfigError: a file is missing, too large or damaged, or they do not belong together.
    """
    try:
        yield
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(f"no {what} in '{folder}' ({error.strerror}): {instead}") from error
    except Exception as error:  # a network of sizes that make no sense raises nearly everything
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"the {what} in '{folder}' is damaged ({reason}): restore it, or train again with 'semcom train'"
        ) from error


def read_checkpoint(
    folder: Path, sizes: str, described: Callable[..., Sizes], limits: Mapping[str, int]
) -> tuple[Sizes, dict[str, Tensor]]:
    """Sizes and weights (float32, on the CPU) of a folder, within `loading_checkpoint`.

    Args:
        folder: of the checkpoint.
        sizes: name of the file that holds them.
        described: what makes them of its fields, or raises ValueError or TypeError.
        limits: most bytes of the weights, and of any other file that has to be there.
    """
    for name, limit in {sizes: MAX_SIZES_BYTES, **limits}.items():
        if (folder / name).stat().st_size > limit:
            raise ValueError(f"{name} is larger than {limit} bytes")
    fields: Any = json.loads((folder / sizes).read_text(encoding="utf-8"))
    weights = load_file(folder / WEIGHTS)
    return described(**fields), {name: part.float() for name, part in weights.items()}
