"""`semcom twin`: a lab of software USRPs."""

from pathlib import Path
from typing import Annotated

import typer

from semcom_ota.cli.application import Quiet, clear_errors, fail


@clear_errors
def twin(
    lab: Annotated[
        str, typer.Argument(metavar="[LAB.yml|NAME]", help="which lab: a YAML file, or pair, faulty")
    ] = "pair",
    folder: Annotated[
        Path | None, typer.Option("--lab", metavar="DIR", help="where programs find it  [default: a folder of yours]")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write what really happened to this file, as JSON lines")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Run software USRPs, for those who have none at hand.

    It does for programs what plugging in two radios does: run it in a terminal of its own, leave it open, and use the
    devices from another one, as it says when it starts. They have their own clocks and carriers, noise, a mixer's and a
    converter's faults, and they lose samples or bursts when the program is too slow, as real ones do. A lab may have
    a script of faults besides (try: semcom twin faulty). Ctrl-C unplugs all of it.
    """
    from semcom_ota.config import ConfigError
    from semcom_ota.twin.address import default_folder
    from semcom_ota.twin.lab_config import load_lab
    from semcom_ota.twin.lab_log import LabLog
    from semcom_ota.twin.server import LabServer

    config = load_lab(lab)
    where = folder if folder is not None else default_folder()
    try:
        truth = log.open("w") if log is not None else None
    except OSError as error:
        fail(f"cannot write to '{log}' ({error.strerror}): give another file with --log")
    try:
        with LabServer(config, where, LabLog(truth, None if quiet else typer.echo)) as server:
            if not quiet:
                _print_devices(server.addresses())
            server.wait()
    except KeyboardInterrupt:
        pass  # how a lab ends
    except BrokenPipeError as error:
        raise ConfigError("nobody reads what this lab prints: use --quiet") from error
    finally:
        if truth is not None:
            truth.close()


def _print_devices(addresses: list[tuple[str, str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("device", "oscillator", "use it with")
    for name, oscillator, address in addresses:
        table.add_row(name, oscillator, f"--device {address}", end_section=False)
    Console(soft_wrap=True).print(table)
    typer.echo("Leave this running; Ctrl-C ends it.")
