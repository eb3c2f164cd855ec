"""`semcom trx` and `semcom score`: both ends of a transmission, in one process or from two run folders."""

from pathlib import Path
from typing import Annotated, Any

import typer

from semcom_ota.cli.application import (
    Device,
    Every,
    Frequency,
    GrantedSnr,
    LinkFile,
    Quiet,
    ReceiveGain,
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
    with_codecs,
    with_radio_options,
)


@clear_errors
def trx(
    link: LinkFile,
    text: Texts = None,
    input: TextFile = None,
    codec: SentCodecs = None,
    snr: GrantedSnr = None,
    repeat: Repeat = 1,
    every: Every = 0.0,
    device: Device = None,
    frequency: Frequency = None,
    tx_gain: TransmitGain = None,
    rx_gain: ReceiveGain = None,
    transmit: Transmit = False,
    out: RunFolder = None,
    json: Summary = None,
    quiet: Quiet = False,
) -> None:
    """Send sentences and receive them with one device."""
    from semcom_ota.config import load_link
    from semcom_ota.experiments.texts import gather
    from semcom_ota.experiments.transmit import plan

    told = with_radio_options(
        load_link(link),
        ends=("transmitter", "receiver"),
        device=device,
        frequency=frequency,
        transmit_gain=tx_gain,
        receive_gain=rx_gain,
    )
    check_permission(told, transmit)
    told = with_codecs(told, codec)
    planned = plan(gather(text or [], input), told.codec.names, repeat)
    _run(planned, told, snr, every, out, json, quiet)


def _run(
    planned: list[Any], link: Any, snr: float | None, every: float, out: Path | None, json: Path | None, quiet: bool
) -> None:
    from semcom_ota.experiments import console, run_folder, transceive
    from semcom_ota.experiments.report import write_report
    from semcom_ota.experiments.score_console import print_score
    from semcom_ota.phy.numerology import Numerology

    check_codecs(link.codec.names)
    Numerology(link.phy)  # an air interface that cannot work is refused before anything is opened
    if json:
        run_folder.check_writable(json)
    with transceive.opened(link) as transceiver:
        folder = run_folder.prepare(out or run_folder.default_folder())
        console.print_radio(transceiver.transmitter.settings)
        finished = transceive.run(planned, link, transceiver, folder, snr, every, quiet)
    report = write_report(folder, {}, link.phy.sample_rate / link.phy.fft_size)
    summary = finished.scored.summary
    if json:
        run_folder.write_json(json, summary)
    if not quiet:
        console.print_messages(finished.scored.messages)
    print_score(summary)
    typer.echo(f"report: {report}")
    end_of_run(summary, finished.stopped)


@clear_errors
def score(
    transmitter: Annotated[Path, typer.Argument(metavar="TX_RUN", help="the run folder of semcom tx")],
    receiver: Annotated[Path, typer.Argument(metavar="RX_RUN", help="the run folder of semcom rx")],
    out: RunFolder = None,
    json: Summary = None,
    quiet: Quiet = False,
) -> None:
    """Join what two ends say of a transmission: what was delivered, and why the rest was not."""
    from semcom_ota.experiments import console, run_folder
    from semcom_ota.experiments import score as experiment
    from semcom_ota.experiments.report import write_report
    from semcom_ota.experiments.score_console import print_score

    sent = experiment.read_transmitter(transmitter)
    scored = experiment.score(sent, experiment.read_receiver(receiver))
    if json:
        run_folder.check_writable(json)
    folder = run_folder.prepare(out or run_folder.default_folder())
    experiment.write(scored, sent.link, folder)
    report = write_report(folder, {}, sent.link.phy.sample_rate / sent.link.phy.fft_size)
    if json:
        run_folder.write_json(json, scored.summary)
    if not quiet:
        console.print_messages(scored.messages)
    print_score(scored.summary)
    typer.echo(f"report: {report}")
