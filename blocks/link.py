"""Reads a link for flowgraphs drawn in GNU Radio Companion, whose parameters are plain strings and numbers."""

from pathlib import Path

from semcom_ota.config import LinkConfig, load_link


def read_link(file: str = "") -> LinkConfig:
    """The link described by a YAML file; '' is the default link.

    Raises:
        ConfigError: the file cannot be read, or does not describe a link.
    """
    return load_link(Path(file)) if file else LinkConfig()
