"""`semcom probe`: what a link's receiver hears."""

from pathlib import Path
from typing import Annotated

import typer

from semcom_ota.cli.application import (
    Device,
    Frequency,
    Quiet,
    RunFolder,
    Summary,
    clear_errors,
    with_radio_options,
)


@clear_errors
def probe(
    link_file: Annotated[Path, typer.Argument(metavar="LINK", help="the link's YAML file, such as links/b210.yml")],
    seconds: Annotated[float, typer.Option(metavar="S", help="how long to listen")] = 3.0,
    device: Device = None,
    frequency: Frequency = None,
    gain: Annotated[float | None, typer.Option(metavar="DB", help="the receiver's gain")] = None,
    find_gain: Annotated[
        bool, typer.Option("--find-gain", help="try the gains first, and listen at the best one")
    ] = False,
    out: RunFolder = None,
    json: Summary = None,
    quiet: Quiet = False,
) -> None:
    """Listen for a few seconds: spectrum, level, noise, frames, and what to do about them. Nothing is decoded."""
    from semcom_ota.config import load_link
    from semcom_ota.experiments import probe, probe_console, run_folder

    said_gain = None if gain is None else str(gain)
    link = with_radio_options(
        load_link(link_file), ends=("receiver",), device=device, frequency=frequency, receive_gain=said_gain
    )
    probe.check_length(seconds, link)
    if json:
        run_folder.check_writable(json)
    if out:
        run_folder.check_folder(out)
    done = probe.run(link, seconds, find_gain, quiet)
    folder = run_folder.prepare(out or run_folder.default_folder())
    probe.write(done, folder)
    if json:
        run_folder.write_json(json, done.summary)
    if done.choice is not None and not quiet:
        probe_console.print_readings(done.readings, done.choice)
    if not quiet:
        probe_console.print_probe(done)
    probe_console.print_verdicts(done)
    if done.choice is not None:
        typer.echo(f"{done.choice['sentence']}.")
        if done.choice["gain_db"] is not None:
            typer.echo(f"In the link file: receiver: {{gain_db: {done.choice['gain_db']:g}}}")
    typer.echo(f"run folder: {folder}")
    if done.choice is not None and done.choice["gain_db"] is None:
        raise typer.Exit(1)
