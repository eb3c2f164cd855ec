"""`semcom doctor`, `codecs` and `grc-path`: what this machine has."""

import shlex

import typer

from semcom_ota.cli.application import clear_errors, fail


@clear_errors
def doctor() -> None:
    """Check this machine, and say how to mend what is missing."""
    from semcom_ota import doctor as checks

    raise SystemExit(checks.main())


@clear_errors
def codecs() -> None:
    """List the codecs that can be named with --codec."""
    from rich.console import Console
    from rich.table import Table

    from semcom_ota.codecs import registry
    from semcom_ota.config import CodecConfig, ConfigError, DeviceConfig

    table = Table("name", "number on the air", "ordered symbols", "what it is")
    for name in registry.names():
        try:
            codec = registry.load(name, CodecConfig(names=(name,)), DeviceConfig(device="cpu"))
        except ConfigError as error:
            table.add_row(name, "", "", f"cannot be loaded: {error}")
            continue
        summary = (type(codec).__doc__ or "").strip().splitlines()[0:1]
        table.add_row(name, str(codec.number), "yes" if codec.ordered_symbols else "no", "".join(summary))
    Console().print(table)


def grc_path() -> None:
    """Print the line that lets GNU Radio Companion find the blocks."""
    from importlib.util import find_spec

    spec = find_spec("semcom_grc")
    if spec is None or not spec.submodule_search_locations:
        fail("the GRC files are not installed: run 'pip install .' in the project's folder")
    folder = shlex.quote(next(iter(spec.submodule_search_locations)))
    typer.echo(f"export GRC_BLOCKS_PATH={folder}${{GRC_BLOCKS_PATH:+:$GRC_BLOCKS_PATH}}")
