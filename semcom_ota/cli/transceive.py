"""`semcom score`: what came of a transmission, from the run folders of its two ends."""

from pathlib import Path
from typing import Annotated

import typer

from semcom_ota.cli.application import Quiet, RunFolder, Summary, clear_errors


@clear_errors
def score(
    transmitter: Annotated[Path, typer.Argument(metavar="TX_RUN", help="the run folder of semcom tx")],
    receiver: Annotated[Path, typer.Argument(metavar="RX_RUN", help="the run folder of semcom rx")],
    out: RunFolder = None,
    json: Summary = None,
    quiet: Quiet = False,
) -> None:
    """Join what two ends say of a transmission: what was delivered, and why the rest was not."""
    from semcom_ota.experiments import run_folder
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
    print_score(scored.summary)
    typer.echo(f"report: {report}")
