"""Codecs by name. A user's own is one line in their pyproject, and is called as `Class(CodecConfig, DeviceConfig)`:

    [project.entry-points."semcom_ota.codecs"]
    my-codec = "my_package.my_module:MyCodec"

Nothing is imported before it is loaded, so that conventional codecs work without torch.
"""

import contextlib
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from semcom_ota.codecs.base import Codec
from semcom_ota.config import CodecConfig, ConfigError, DeviceConfig

GROUP = "semcom_ota.codecs"

_BUILT_IN = {
    "text-jscc": "semcom_ota.codecs.text_jscc:TextJscc",
    "utf8": "semcom_ota.codecs.conventional:Utf8",
    "huffman": "semcom_ota.codecs.conventional:Huffman",
    "lam-prior": "semcom_ota.codecs.lam_prior:LamPrior",
    "lam-compressed": "semcom_ota.codecs.lam_compressed:LamCompressed",
    "lam-jscc": "semcom_ota.codecs.lam_jscc:LamJscc",
    "lam-jscc-bert": "semcom_ota.codecs.lam_jscc_kinds:LamJsccBert",
    "lam-jscc-t5": "semcom_ota.codecs.lam_jscc_kinds:LamJsccT5",
}
_NUMBERS = {name: number for number, name in enumerate(_BUILT_IN)}
"""Of those that ship, so that whoever only wants a name for a number in a header need not import torch."""
PARAMETER_BITS = 24
_REASON_CHARACTERS = 300


def names() -> list[str]:
    """Names of all codecs: those that ship, then those that users installed."""
    return list(_found())


def load(name: str, codec: CodecConfig, device: DeviceConfig) -> Codec:
    """Import and construct a codec.

    Raises:
        ConfigError: no codec of this name, two of them, or it cannot be constructed (a missing package, a damaged
            checkpoint), with its reason in one sentence.
    """
    found = _found().get(name, [])
    if not found:
        raise ConfigError(f"unknown codec '{name}': use one of {', '.join(names())}")
    if len(found) > 1:
        raise ConfigError(f"two codecs are called '{name}': {' and '.join(point.value for point in found)}")
    try:
        made = found[0].load()(codec, device)
    except ConfigError:
        raise
    except Exception as error:  # a user's own code, a library's own errors: all of them end the start
        reason = " ".join(str(error).split())[:_REASON_CHARACTERS]
        raise ConfigError(f"codec '{name}' cannot be loaded: {type(error).__name__}: {reason}") from error
    if not isinstance(made, Codec) or made.name != name or not 0 <= made.number <= 255:
        raise ConfigError(f"'{found[0].value}' is not a codec called '{name}' (see semcom_ota/codecs/base.py)")
    return made


def number(name: str) -> int:
    """The number of a codec in the frame header, without constructing it where its class knows.

    Raises:
        ConfigError: as `load`.
    """
    found = _found().get(name, [])
    if name in _NUMBERS and len(found) == 1:
        return _NUMBERS[name]
    try:
        known = getattr(found[0].load(), "number", None) if len(found) == 1 else None
    except Exception:  # `load` says what is wrong
        known = None
    if isinstance(known, int):
        return known
    return load(name, CodecConfig(names=(name,)), DeviceConfig(device="cpu")).number


def origin(name: str) -> str | None:
    """The installed distribution that a codec of this name comes from, with its version; None if it ships."""
    points = _found().get(name, [])
    brought = [f"{point.dist.name} {point.dist.version}" for point in points if point.dist is not None]
    return " and ".join(brought) or None


def module_of(name: str) -> Path | None:
    """The file with the code of a codec that does not ship; None if it ships, or is not found."""
    points = _found().get(name, [])
    if len(points) != 1 or points[0].dist is None:
        return None
    try:
        spec = find_spec(points[0].module)
    except ImportError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def has_checksum(name: str) -> bool:
    """Whether a codec of this name is installed and says that it delivers nothing wrong, but for chance."""
    return _has(name, "has_checksum")


def has_memory(name: str) -> bool:
    """Whether a codec of this name is installed and decodes with what was heard before."""
    return _has(name, "decode_after")


def _has(name: str, what: str) -> bool:
    found = _found().get(name, [])
    with contextlib.suppress(Exception):  # `load` says what is wrong
        return len(found) == 1 and bool(getattr(found[0].load(), what, False))
    return False


def parameter_bits(name: str) -> int:
    """How many of the header's 24 parameter bits a codec of this name uses: all, unless its class has `parameter_bits`.

    Raises:
        ConfigError: no codec of this name, or it cannot be imported.
    """
    found = _found().get(name, [])
    try:
        return int(getattr(found[0].load(), "parameter_bits", PARAMETER_BITS))
    except Exception as error:
        raise ConfigError(f"codec '{name}' is not there, or cannot be imported: see 'semcom codecs'") from error


def name_of(wanted: int) -> str | None:
    """The name of the installed codec with this number in the frame header; those that are broken are passed over."""
    for name in names():
        with contextlib.suppress(ConfigError):
            if number(name) == wanted:
                return name
    return None


def load_all(codec: CodecConfig, device: DeviceConfig) -> dict[str, Codec]:
    """The codecs that a configuration names, by name.

    Raises:
        ConfigError: as `load`, or two of them have the same number in the frame header.
    """
    codecs = {name: load(name, codec, device) for name in codec.names}
    by_number: dict[int, str] = {}
    for name, made in codecs.items():
        if (other := by_number.setdefault(made.number, name)) != name:
            raise ConfigError(f"codecs '{other}' and '{name}' have the same number {made.number}")
    return codecs


def _found() -> dict[str, list[EntryPoint]]:
    built_in = [EntryPoint(name, value, GROUP) for name, value in _BUILT_IN.items()]
    found: dict[str, list[EntryPoint]] = {}
    for point in [*built_in, *entry_points(group=GROUP)]:
        found.setdefault(point.name, []).append(point)
    return found
