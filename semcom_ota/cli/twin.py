"""`semcom twin`: a lab of software USRPs."""

from pathlib import Path
from typing import Annotated

import typer

from semcom_ota.cli.application import clear_errors


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
    quiet: Annotated[bool, typer.Option("--quiet", help="say nothing")] = False,
) -> None:
    """Run software USRPs, for those who have none at hand.

    It does for programs what plugging in two radios does: run it in a terminal of its own, leave it open, and use the
    devices from another one, as it says when it starts. They have their own clocks and carriers, noise, a mixer's and a
    converter's faults, and they lose samples or bursts when the program is too slow, as real ones do. A lab may have
    a script of faults besides (try: semcom twin faulty). Ctrl-C unplugs all of it.
    """
    from semcom_ota.twin.address import default_folder
    from semcom_ota.twin.lab_config import load_lab
    from semcom_ota.twin.lab_log import LabLog
    from semcom_ota.twin.server import LabServer

    config = load_lab(lab)
    where = folder if folder is not None else default_folder()
    try:
        with LabServer(config, where, LabLog(log, None if quiet else typer.echo)) as server:
            if not quiet:
                _print_devices(server.addresses())
            server.wait()
    except KeyboardInterrupt:
        pass  # how a lab ends


def _print_devices(addresses: list[tuple[str, str, str]]) -> None:
    """Not in a frame: each address is there to be copied."""
    for name, oscillator, address in addresses:
        typer.echo(f"{name:<16} {oscillator:>10}   --device {address}")
    typer.echo("Leave this running and use the devices from another terminal; Ctrl-C ends it.")
