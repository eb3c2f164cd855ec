"""`semcom report`: what a sweep or a run left behind, as tables and a page."""

from pathlib import Path
from typing import Annotated

import typer

from semcom_ota.cli.application import clear_errors, fail


@clear_errors
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder of a sweep, finished or not, or of a run")],
    encoder: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="sentence encoder: a folder or a hub name  [default: extra 'similarity']"),
    ] = None,
    device: Annotated[str, typer.Option(metavar="DEVICE", help="where the encoder runs: cpu, cuda, cuda:1")] = "cpu",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="of the bootstrap")] = 0,
) -> None:
    """Write summary.json, tables.md and report.html for a sweep; report.html for a run that has none."""
    from semcom_ota.experiments import sweep_reading

    if sweep_reading.is_sweep(folder):
        from semcom_ota.experiments import sweep_report

        summary = sweep_report.summarise(folder, encoder, device, seed)
        page = sweep_report.write(folder, summary)
        for note in summary["notes"]:
            typer.echo(note)
        typer.echo(f"tables: {folder / 'tables.md'}\nreport: {page}")
        return
    if not (folder / "summary.json").is_file() or not (folder / "messages.jsonl").is_file():
        fail(f"'{folder}' holds neither a sweep nor a run: name the folder that semcom sweep or semcom loopback wrote")
    page = folder / "report.html"
    if not page.is_file():  # one that is there shows captures, which nothing else has kept
        from semcom_ota.experiments.report import write_report

        page = write_report(folder, {}, 1.0)
    typer.echo(f"report: {page}")
