"""`semcom bench phy`: the air interface measured beside its bound."""

from pathlib import Path
from typing import Annotated

import typer

from semcom_ota.cli.application import clear_errors, fail
from semcom_ota.experiments.bench.catalogue import PHY_FIGURES

bench = typer.Typer(help="Measure what is claimed, with 95 % intervals.", no_args_is_help=True, rich_markup_mode=None)

PHY_HELP = """Measure the air interface: headers, payload, speed, robustness, beside a genie and GNU Radio's OFDM.

Level waveform, preset indoor, CFO within one subcarrier, random delay. At the end it says of each claim whether it
holds. The figures, by name:

\b
""" + "\n".join(f"{name:<{max(map(len, PHY_FIGURES))}}  {what}" for name, what in PHY_FIGURES.items())


@bench.callback()
def _several() -> None:
    """Keeps `phy` a name of its own while it is the only bench."""


@bench.command(help=PHY_HELP)
@clear_errors
def phy(
    quick: Annotated[bool, typer.Option("--quick", help="few frames, wide intervals: two minutes")] = False,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="write the figures here, as they come")] = None,
    figures: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="only these (and what is measured with them)")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="of everything random")] = 0,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="processes; figures do not depend on it  [default: cores]")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="also draw the curves; .svg, .png or .pdf")] = None,
) -> None:
    """Measure, print, write; see PHY_HELP."""
    from rich.console import Console

    from semcom_ota.experiments import run_folder
    from semcom_ota.experiments.bench.phy import run

    if plot and plot.suffix not in (".svg", ".png", ".pdf"):
        fail(f"--plot '{plot}' must end with .svg, .png or .pdf")
    for file in (json, plot):
        if file:
            run_folder.check_writable(file)
    names = [name.strip() for name in (figures or "").split(",") if name.strip()]
    if figures is not None and not names:
        fail("--figures names no figure: 'semcom bench phy --help' lists them")
    found, failed = run(seed, quick, names, workers, json, Console())
    if plot:
        from semcom_ota.experiments.bench.pictures import draw

        draw(found, plot)
    if failed:
        typer.echo(f"semcom: {len(failed)} measurements failed: {'; '.join(failed)}", err=True)
        raise SystemExit(1)
