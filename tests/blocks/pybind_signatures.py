"""Calls of ours held against the signatures that pybind writes into docstrings, and what notes our calls."""

import re
import sys
from typing import Any

TYPES = {"float": (int, float), "int": (int,), "str": (str,), "bool": (bool,)}
Call = tuple[str, tuple[Any, ...]]


def parameters(method: Any) -> list[list[tuple[str, str, str | None]]]:
    """Of each overload of a pybind method: name, type and default (None if it has none) of what comes after self."""
    name = method.__name__
    lines = re.findall(rf"^(?:\d+\. )?{name}\(self: [^,)]+(.*)\) -> ", method.__doc__, re.MULTILINE)
    pattern = re.compile(r", (\w+): ([^,=]+?)(?: = ([^,]*))?(?=, \w+:|$)")
    return [[(name, kind, default or None) for name, kind, default in pattern.findall(line)] for line in lines]


def fits(value: Any, kind: str) -> bool:
    own = kind.rpartition(".")[2].removesuffix("_t")
    if own == "device_addr":
        return isinstance(value, str)
    return isinstance(value, TYPES[kind]) if kind in TYPES else type(value).__name__ == own


def accepts(block: Any, name: str, arguments: tuple[Any, ...]) -> bool:
    """Whether gr-uhd's class has this method and an overload of it that takes these arguments."""
    method = getattr(block, name, None)
    return method is not None and any(
        len(arguments) <= len(wanted)
        and all(fits(value, kind) for value, (_, kind, _) in zip(arguments, wanted, strict=False))
        and all(default is not None for _, _, default in wanted[len(arguments) :])
        for wanted in parameters(method)
    )


class Recorder:
    """Base in front of a block: notes which of its methods are called from certain modules."""

    calls: list[Call]
    callers: tuple[str, ...]

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        here = sys._getframe()
        if here.f_back is None or not callable(value):  # GNU Radio's scheduler asks, which is no Python
            return value
        if here.f_back.f_globals["__name__"] not in type(self).callers:
            return value

        def noted(*arguments: Any) -> Any:
            type(self).calls.append((name, arguments))
            return value(*arguments)

        return noted
