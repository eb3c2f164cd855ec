"""`semcom doctor` and `grc-path`: what this machine has. `semcom keys`: what lets another one in."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from semcom_ota.cli.application import clear_errors, fail


@clear_errors
def doctor() -> None:
    """Check this machine, and say how to mend what is missing."""
    from semcom_ota import doctor as checks

    raise SystemExit(checks.main())


@clear_errors
def keys(
    name: Annotated[Path, typer.Argument(metavar="NAME", help="of the pair of files, such as lab")],
) -> None:
    """Make a pair of keys, for link reports that go to another machine."""
    from semcom_ota.transport.keys import make_keys

    secret, public = make_keys(name)
    typer.echo(f"{secret}: for the receiver (reports.secret), and for nobody else")
    typer.echo(f"{public}: copy it to the transmitter (reports.public)")


def grc_path() -> None:
    """Print the line that lets GNU Radio Companion find the blocks."""
    from importlib.util import find_spec

    spec = find_spec("semcom_grc")
    if spec is None or not spec.submodule_search_locations:
        fail("the GRC files are not installed: run 'pip install .' in the project's folder")
    folder = shlex.quote(next(iter(spec.submodule_search_locations)))
    typer.echo(f"export GRC_BLOCKS_PATH={folder}${{GRC_BLOCKS_PATH:+:$GRC_BLOCKS_PATH}}")
