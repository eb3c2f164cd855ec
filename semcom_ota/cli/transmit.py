"""`semcom tx`: sentences onto a radio."""

from pathlib import Path
from typing import Any

import typer

from semcom_ota.cli.application import (
    Device,
    Every,
    Frequency,
    GrantedSnr,
    LinkFile,
    Quiet,
    Repeat,
    RunFolder,
    SentCodecs,
    Summary,
    TextFile,
    Texts,
    Transmit,
    TransmitGain,
    check_codecs,
    check_permission,
    clear_errors,
    end_of_run,
    fail,
    with_codecs,
    with_radio_options,
)


@clear_errors
def tx(
    link: LinkFile,
    text: Texts = None,
    input: TextFile = None,
    codec: SentCodecs = None,
    snr: GrantedSnr = None,
    repeat: Repeat = 1,
    every: Every = 0.0,
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
    told = with_codecs(told, codec)
    planned = experiment.plan(gather(text or [], input), told.codec.names, repeat)
    _run(planned, told, snr, every, out, json, quiet)


def _run(
    planned: list[Any], link: Any, snr: float | None, every: float, out: Path | None, json: Path | None, quiet: bool
) -> None:
    from semcom_ota.experiments import console, run_folder, transmit
    from semcom_ota.phy.numerology import Numerology

    check_codecs(link.codec.names)
    if link.mask.follows and link.reports.subscribe is None:
        fail(
            "the mask follows the channel, and nothing comes back from the receiver: say where that publishes its link"
            " reports (reports.subscribe), or choose the mask fixed or none"
        )
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
    end_of_run(finished.summary, finished.stopped)
