"""`semcom codecs`: which there are, and whether one keeps its promises."""

import contextlib
from pathlib import Path
from typing import Annotated, Any

import typer

from semcom_ota.cli.application import clear_errors, fail

codecs = typer.Typer(help="List the codecs, or check one (docs/codecs.md).", rich_markup_mode=None)

CodecsLink = Annotated[
    Path | None, typer.Option("--link", metavar="LINK", help="take the settings of codecs and device from this link")
]


@codecs.callback(invoke_without_command=True)
def _nothing_said(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_all()


@codecs.command("list")
@clear_errors
def list_all(link: CodecsLink = None) -> None:
    """List the codecs that can be named with --codec: those that ship, then those that were installed."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from semcom_ota.codecs import registry
    from semcom_ota.config import ConfigError

    table, told = Table("name", "number", "ordered", "checksum", "weights", "from", box=SIMPLE, pad_edge=False), []
    for name in registry.names():
        origin = registry.origin(name) or "ships"
        try:
            codec = _load(name, link)
        except ConfigError as error:
            table.add_row(name, "?", "?", "?", "?", origin)
            told.append(f"{name}: {error}")
            continue
        marks = ("yes" if value else "no" for value in (codec.ordered_symbols, registry.has_checksum(name)))
        table.add_row(name, str(codec.number), *marks, _weights(codec), origin)
        told += [f"{name}: {line}" for line in (type(codec).__doc__ or "").strip().splitlines()[:1]]
    Console().print(table)
    typer.echo("checksum: one of 16 bits says what arrived whole; without, the receiver's own estimate does.")
    for sentence in told:
        typer.echo(sentence)


@codecs.command()
@clear_errors
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="of the codec")],
    link: CodecsLink = None,
    text: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="a sentence that it is meant for, in place of plain English; several times"),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="of everything random")] = 0,
    bound: Annotated[float, typer.Option(metavar="SECONDS", min=0.001, help="no call may take longer")] = 30.0,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="also write what was found to this file")] = None,
) -> None:
    """Check one codec against the contract of all codecs, promise by promise; exit status 1 if it breaks one."""
    from rich.console import Console

    from semcom_ota.codecs import contract, registry
    from semcom_ota.codecs.contract_subject import TEXTS, Terms
    from semcom_ota.experiments import run_folder

    if json:
        run_folder.check_writable(json)
    if text and not all(text):
        fail("--text '' is no sentence: give one that the codec is meant for")
    origin = registry.origin(name)
    terms = Terms(tuple(text or TEXTS), seed, bound, origin is None, _others(name))
    findings, status = [], Console(stderr=True).status("")

    def begins(promise: str) -> None:
        status.update(f"checking: {promise}")
        status.start()

    try:
        for finding in contract.check(lambda: _load(name, link), terms, on_begin=begins):
            status.stop()  # a status that is shown takes over stdout
            findings.append(finding)
            typer.echo(_line(finding))
    finally:
        status.stop()
    broken = [finding.check for finding in findings if not finding.passed]
    if json:
        run_folder.write_json(json, _document(name, origin, terms, findings))
    if broken:
        typer.echo(f"{name} breaks {len(broken)} of {len(findings)} promises: {', '.join(broken)}")
        raise SystemExit(1)
    typer.echo(f"{name} keeps all {len(findings)} promises")


def _load(name: str, link: Path | None) -> Any:
    from semcom_ota.codecs import registry
    from semcom_ota.config import CodecConfig, DeviceConfig, load_link

    if link is None:
        return registry.load(name, CodecConfig(names=(name,)), DeviceConfig(device="cpu"))
    told = load_link(link)
    return registry.load(name, told.codec, told.device)


def _others(name: str) -> dict[int, str]:
    """Names of the other installed codecs, by number; those that are broken are passed over."""
    from semcom_ota.codecs import registry
    from semcom_ota.config import ConfigError

    found = {}
    for other in registry.names():
        if other != name:
            with contextlib.suppress(ConfigError):
                found[registry.number(other)] = other
    return found


def _weights(codec: Any) -> str:
    """In millions; empty for a codec that has none, and where there is no torch that could tell."""
    try:
        from semcom_ota.experiments.model_size import parameters
    except ImportError:
        return ""
    count = parameters(codec)
    return f"{count / 1e6:.1f} M" if count else ""


def _line(finding: Any) -> str:
    verdict = "passed" if finding.passed else "FAILED"
    advice = f"; what to do: {finding.advice}" if finding.advice else ""
    return f"{verdict}  {finding.check:<21}  {finding.seen}{advice}"


def _document(name: str, origin: str | None, terms: Any, findings: list[Any]) -> dict[str, Any]:
    from dataclasses import asdict

    from semcom_ota.experiments import provenance

    return {
        "run": {
            "codec": name,
            "from": origin or "ships",
            "seed": terms.seed,
            "bound_s": terms.bound_s,
            "texts": list(terms.texts),
            "commit": provenance.commit(),
            "versions": provenance.versions(("semcom-ota", "numpy", "torch")),
        },
        "checks": [asdict(finding) for finding in findings],
    }
