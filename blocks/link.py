"""Links and channels for flowgraphs drawn in GNU Radio Companion, whose parameters are plain strings and numbers."""

from importlib.util import find_spec
from pathlib import Path

from semcom_ota.config import ChannelConfig, ConfigError, LinkConfig, load_channel, load_link


def read_link(name_or_file: str = "") -> LinkConfig:
    """A link by the name of one that ships (`zmq`, `b210`, ...) or by its YAML file; '' is the default link.

    Raises:
        ConfigError: there is no such name or file, or it does not describe a link.
    """
    if not name_or_file:
        return LinkConfig()
    named = _shipped()
    file = named.get(name_or_file, Path(name_or_file))
    if name_or_file not in named and not file.suffix:
        raise ConfigError(
            f"unknown link '{name_or_file}': use one of {', '.join(sorted(named))}, or the path of a YAML file"
        )
    return load_link(file)


def read_channel(name_or_file: str, max_cfo_subcarriers: float | None = None) -> ChannelConfig:
    """A channel by name or YAML file; with a carrier frequency offset of one's own choice, if one is given.

    Raises:
        ConfigError: there is no such name or file, or it does not describe a channel.
    """
    channel = load_channel(name_or_file)
    if max_cfo_subcarriers is None:
        return channel
    return ChannelConfig(**channel.model_dump() | {"max_cfo_subcarriers": max_cfo_subcarriers})


def _shipped() -> dict[str, Path]:
    """The YAML files of links/, by name."""
    spec = find_spec("semcom_links")
    folders = spec.submodule_search_locations if spec else None
    return {file.stem: file for folder in folders or () for file in Path(folder).glob("*.yml")}
