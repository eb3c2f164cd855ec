"""`semcom rx`: what a radio receives, as text."""

from pathlib import Path
from typing import Annotated, Any

import typer

from semcom_ota.cli.application import (
    Device,
    Frequency,
    Quiet,
    ReceiveGain,
    RunFolder,
    Summary,
    check_codecs,
    clear_errors,
    fail,
    with_codecs,
    with_radio_options,
)


@clear_errors
def rx(
    link: Annotated[Path, typer.Argument(metavar="LINK", help="b210, zmq, ... (those in links/), or a YAML file")],
    codec: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="codecs to load; each message says which it needs  [default: those of the link]"
        ),
    ] = None,
    seconds: Annotated[float | None, typer.Option(metavar="S", min=0, help="end after so long")] = None,
    messages: Annotated[int | None, typer.Option(metavar="N", min=1, help="end after so many messages")] = None,
    device: Device = None,
    frequency: Frequency = None,
    gain: ReceiveGain = None,
    record: Annotated[bool, typer.Option("--record", help="keep the received IQ as SigMF")] = False,
    out: RunFolder = None,
    json: Summary = None,
    quiet: Quiet = False,
) -> None:
    """Receive sentences with a radio, until Ctrl-C."""
    from semcom_ota.config import load_link

    told = with_radio_options(
        load_link(link), ends=("receiver",), device=device, frequency=frequency, receive_gain=gain
    )
    told = with_codecs(told, codec)
    _run(told, seconds, messages, record, out, json, quiet)


def _run(
    link: Any,
    seconds: float | None,
    messages: int | None,
    record: bool,
    out: Path | None,
    json: Path | None,
    quiet: bool,
) -> None:
    from semcom_ota.experiments import console, receive, receive_console, run_folder
    from semcom_ota.phy.numerology import Numerology

    check_codecs(link.codec.names)
    Numerology(link.phy)  # an air interface that cannot work is refused before anything is opened
    if json:
        run_folder.check_writable(json)
    folder = out or run_folder.default_folder()
    with receive.opened(link, folder, record) as receiver:
        run_folder.prepare(folder)
        console.print_radio(receiver.settings)
        if not quiet:
            typer.echo("Receiving; Ctrl-C ends it.")
        with receive_console.Screen(quiet) as screen:
            finished = receive.run(receiver, link, folder, screen, seconds, messages)
    if json:
        run_folder.write_json(json, finished.summary)
    receive_console.print_received(finished.summary)
    typer.echo(f"run folder: {folder}")
    if finished.failure:
        fail(finished.failure)
