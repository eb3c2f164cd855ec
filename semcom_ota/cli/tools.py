"""`semcom doctor` and `grc-path`: what this machine has."""

import shlex

import typer

from semcom_ota.cli.application import clear_errors, fail


@clear_errors
def doctor() -> None:
    """Check this machine, and say how to mend what is missing."""
    from semcom_ota import doctor as checks

    raise SystemExit(checks.main())


def grc_path() -> None:
    """Print the line that lets GNU Radio Companion find the blocks."""
    from importlib.util import find_spec

    spec = find_spec("semcom_grc")
    if spec is None or not spec.submodule_search_locations:
        fail("the GRC files are not installed: run 'pip install .' in the project's folder")
    folder = shlex.quote(next(iter(spec.submodule_search_locations)))
    typer.echo(f"export GRC_BLOCKS_PATH={folder}${{GRC_BLOCKS_PATH:+:$GRC_BLOCKS_PATH}}")
