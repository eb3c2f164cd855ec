"""`semcom tx`: sentences onto a radio."""

from pathlib import Path
from typing import Annotated, Any

import typer

from semcom_ota.cli.application import (
    Device,
    Frequency,
    Quiet,
    RunFolder,
    Summary,
    Transmit,
    TransmitGain,
    check_permission,
    clear_errors,
    codec_names,
    fail,
    validated,
    with_radio_options,
)


@clear_errors
def tx(
    link: Annotated[Path, typer.Argument(metavar="LINK", help="a link's YAML file")],
    text: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="a sentence to send; may be given several times")
    ] = None,
    input: Annotated[Path | None, typer.Option(metavar="FILE", help="a UTF-8 file, one sentence a line")] = None,
    codec: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="codecs; the first sets the symbols  [default: those of the link]"),
    ] = None,
    snr: Annotated[
        float | None,
        typer.Option(
            metavar="DB", min=-30, max=60, help="what coded codecs take for granted of the link  [default: 10]"
        ),
    ] = None,
    repeat: Annotated[int, typer.Option(metavar="N", min=1, help="send everything so many times")] = 1,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="at least so long from one message to the next")
    ] = 0.0,
    device: Device = None,
    frequency: Frequency = None,
    gain: TransmitGain = None,
    transmit: Transmit = False,
    out: RunFolder = None,
    json: Summary = None,
    quiet: Quiet = False,
) -> None:
    """Send sentences with a radio."""
    from semcom_ota.config import load_link
    from semcom_ota.experiments import transmit as experiment
    from semcom_ota.experiments.texts import gather

    told = with_radio_options(
        load_link(link), ends=("transmitter",), device=device, frequency=frequency, transmit_gain=gain
    )
    check_permission(told, transmit)
    if codec is not None:
        changes: dict[str, Any] = told.model_dump()
        changes["codec"]["names"] = codec_names(codec)
        told = validated(type(told), changes)
    planned = experiment.plan(gather(text or [], input), told.codec.names, repeat)
    _run(planned, told, snr, every, out, json, quiet)


def _run(
    planned: list[Any], link: Any, snr: float | None, every: float, out: Path | None, json: Path | None, quiet: bool
) -> None:
    from semcom_ota.codecs import registry
    from semcom_ota.experiments import console, run_folder, transmit
    from semcom_ota.phy.numerology import Numerology

    for name in link.codec.names:
        if name not in registry.names():
            fail(f"unknown codec '{name}': use one of {', '.join(registry.names())}")
    Numerology(link.phy)  # an air interface that cannot work is refused before anything is opened
    if json:
        run_folder.check_writable(json)
    with transmit.opened(link) as transmitter:
        folder = run_folder.prepare(out or run_folder.default_folder())
        console.print_radio(transmitter.settings)
        finished = transmit.run(planned, link, transmitter, folder, snr, every, quiet)
    if json:
        run_folder.write_json(json, finished.summary)
    console.print_transmitted(finished.summary["points"], finished.messages)
    typer.echo(f"run folder: {folder}")
    if finished.stopped:
        raise KeyboardInterrupt
    if "failure" in finished.summary["run"]:
        typer.echo(f"semcom: the run ended early: {finished.summary['run']['failure']}", err=True)
    if "failure" in finished.summary["run"] or any(point["failed"] for point in finished.summary["points"]):
        raise SystemExit(1)
