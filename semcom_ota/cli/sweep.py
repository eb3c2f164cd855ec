"""`semcom sweep`: codecs compared over channels, SNRs and budgets."""

from pathlib import Path
from typing import Annotated

import typer

from semcom_ota.cli.application import Quiet, check_codecs, clear_errors


@clear_errors
def sweep(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML file of what to measure (sweeps/ has some)")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="sweep folder; one of the same sweep goes on  [default: runs/ and its name]"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=1024, help="units at a time; rows do not depend on it  [default: cores]"),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="measure on a Ray cluster: auto, local or ray://HOST:PORT; there, device auto is the CPU, cuda a GPU",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", envvar="SEMCOM_DATA", help="folder of the data sets (docs/data.md)")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Compare codecs over channels, SNRs, budgets and seeds; goes on where it was left.

    Every codec spends the same symbols and the same energy on every text, over the same channel and noise. Figures of
    it: semcom report DIR.
    """
    import os

    from semcom_ota.experiments import sweep as experiment
    from semcom_ota.experiments.sweep_config import load_sweep
    from semcom_ota.experiments.sweep_workers import LocalWorkers, RayWorkers, Workers

    config = load_sweep(file)
    check_codecs(dict.fromkeys(codec.name for codec in config.codecs))
    texts = experiment.texts_of(config.texts, data)
    folder = out or Path("runs") / config.name
    device = config.device

    def start() -> Workers:
        if ray is not None:
            return RayWorkers(ray, workers, device.device.startswith("cuda"), device.threads)
        # A unit in a flowgraph keeps three processes busy.
        cores = len(os.sched_getaffinity(0)) if config.level == "waveform" else 1
        return LocalWorkers(workers or max(1, cores // device.threads), device.threads)

    try:
        finished = experiment.run(config, texts, folder, start, quiet)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped: the same command goes on; figures so far: semcom report {folder}") from None
    typer.echo(
        f"{finished.rows} rows in {finished.units} units, {finished.measured} of them measured now; figures:"
        f" semcom report {folder}"
    )
    for lost in finished.given_up:
        typer.echo(f"semcom: not measured: {lost.unit}: {lost.reason}", err=True)
    if finished.given_up:
        typer.echo("semcom: the same command measures what is missing", err=True)
        raise SystemExit(1)
