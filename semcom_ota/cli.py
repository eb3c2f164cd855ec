"""The `semcom` command. Everything heavy is imported by the command that needs it: `--help` answers at once."""

import shlex
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

app = typer.Typer(
    help="Large-model semantic communication on the air.", no_args_is_help=True, add_completion=False,
    rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip


def fail(sentence: object) -> NoReturn:
    """Say what was wrong in one sentence and end with exit status 2."""
    typer.echo(f"semcom: {sentence}", err=True)
    raise SystemExit(2)


def _clear_errors(command: Callable[..., None]) -> Callable[..., None]:
    """What a user did wrong becomes one sentence; a bug keeps its traceback."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        from semcom_ota.config import ConfigError
        from semcom_ota.services.process import ServiceFailed

        try:
            command(*args, **kwargs)
        except (ConfigError, ServiceFailed) as error:
            fail(error)
        except KeyboardInterrupt:
            typer.echo("semcom: stopped", err=True)
            raise SystemExit(130) from None

    return guarded


@app.command()
@_clear_errors
def loopback(
    text: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="a sentence to send; may be given several times")
    ] = None,
    input: Annotated[Path | None, typer.Option(metavar="FILE", help="a UTF-8 file, one sentence a line")] = None,
    codec: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="codecs; the first sets the symbols  [default: text-jscc,utf8,huffman]"),
    ] = None,
    snr: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Es/N0 of a data subcarrier in dB, such as --snr=-3,0,3  [default: 0,6,12]"),
    ] = None,
    channel: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="see semcom_ota/channels, or a YAML file  [default: awgn]")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="of the channel's realisations  [default: 0]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="run folder; by default a new one below runs/")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="also write the summary to this file")] = None,
    record: Annotated[bool, typer.Option("--record", help="keep the received IQ as SigMF")] = False,
    link: Annotated[
        Path | None, typer.Option(metavar="FILE", help="a link's YAML file for everything not said here")
    ] = None,
    checkpoint: Annotated[Path | None, typer.Option(metavar="DIR", help="folder of text-jscc weights")] = None,
    endpoints: Annotated[
        Path | None, typer.Option(metavar="DIR", help="folder of the ipc endpoints; by default a private one")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress bar, no table of messages")] = False,
) -> None:
    """Send sentences through GNU Radio and a simulated channel."""
    from semcom_ota.config import LinkConfig, load_channel, load_link
    from semcom_ota.experiments.texts import gather

    texts = gather(text or [], input)
    changes: dict[str, Any] = (load_link(link) if link else LinkConfig()).model_dump()
    changes["radio"]["messages_per_snr"] = len(texts)
    if codec is not None:
        changes["codec"]["names"] = _names(codec)
    if snr is not None:
        changes["radio"]["snr_db"] = _numbers(snr)
    if channel is not None or link is None:
        changes["radio"]["channel"] = load_channel(channel or "awgn").model_dump()
    if seed is not None:
        changes["radio"]["seed"] = seed
    if checkpoint is not None:
        changes["codec"]["checkpoint"] = checkpoint.resolve()
    if endpoints is not None:
        changes["transport"]["directory"] = endpoints.resolve()
    name = channel or (f"as in {link.name}" if link else "awgn")
    _run(texts, _validated(LinkConfig, changes), name, out, json, record, quiet)


@app.command()
@_clear_errors
def demo(
    quick: Annotated[bool, typer.Option("--quick", help="three sentences at one SNR")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="run folder; by default a new one below runs/")
    ] = None,
) -> None:
    """The main job on sentences that ship, beside a coded link."""
    from semcom_ota.experiments.texts import SENTENCES, read_lines

    lines = read_lines(SENTENCES / "demo.txt")
    loopback(
        text=lines[:3] if quick else lines, input=None, codec="text-jscc,utf8,huffman",
        snr="12" if quick else "0,6,12,18", channel="multipath", seed=1, out=out, json=None, record=not quick,
        link=None, checkpoint=None, endpoints=None, quiet=False,
    )  # fmt: skip


@app.command()
@_clear_errors
def doctor() -> None:
    """Check this machine, and say how to mend what is missing."""
    from semcom_ota import doctor as checks

    raise SystemExit(checks.main())


@app.command()
@_clear_errors
def codecs() -> None:
    """List the codecs that can be named with --codec."""
    from rich.console import Console
    from rich.table import Table

    from semcom_ota.codecs import registry
    from semcom_ota.config import CodecConfig, ConfigError, DeviceConfig

    table = Table("name", "number on the air", "ordered symbols", "what it is")
    for name in registry.names():
        try:
            codec = registry.load(name, CodecConfig(names=(name,)), DeviceConfig(device="cpu"))
        except ConfigError as error:
            table.add_row(name, "", "", f"cannot be loaded: {error}")
            continue
        summary = (type(codec).__doc__ or "").strip().splitlines()[0:1]
        table.add_row(name, str(codec.number), "yes" if codec.ordered_symbols else "no", "".join(summary))
    Console().print(table)


@app.command()
@_clear_errors
def train(
    recipe: Annotated[str, typer.Argument(help="which recipe: text-jscc")],
    data: Annotated[
        Path, typer.Option(metavar="DIR", envvar="SEMCOM_DATA", help="folder of the data sets (docs/data.md)")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="training folder; a run that is there goes on")],
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="YAML file of the recipe's settings")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="optimiser steps in all")] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1, ...")] = None,
    precision: Annotated[str | None, typer.Option(metavar="NAME", help="auto, fp32 or bf16")] = None,
    batch_tokens: Annotated[int | None, typer.Option(metavar="N", min=64, help="tokens in a batch")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="of everything random in training")] = None,
) -> None:
    """Train a codec by its recipe; writes checkpoint and model card."""
    if recipe != "text-jscc":
        fail(f"unknown recipe '{recipe}': there is text-jscc")
    from semcom_ota.config import read_yaml
    from semcom_ota.experiments.model_card import export
    from semcom_ota.training.corpus import load_test_captions
    from semcom_ota.training.text_jscc import TextTraining, train

    settings = (read_yaml(config) if config else {}) or {}
    if not isinstance(settings, dict):
        fail(f"'{config}' must hold settings by name, such as 'steps: 5000'")
    given = {"steps": steps, "device": device, "precision": precision, "batch_tokens": batch_tokens, "seed": seed}
    settings |= {name: value for name, value in given.items() if value is not None}
    load_test_captions(data)  # the model card needs them: better missed now than after the training
    train(data, out, _validated(TextTraining, settings))
    typer.echo(f"checkpoint and model card: {export(out, data)}")


@app.command(name="grc-path")
def grc_path() -> None:
    """Print the line that lets GNU Radio Companion find the blocks."""
    from importlib.util import find_spec

    spec = find_spec("semcom_grc")
    if spec is None or not spec.submodule_search_locations:
        fail("the GRC files are not installed: run 'pip install .' in the project's folder")
    folder = shlex.quote(next(iter(spec.submodule_search_locations)))
    typer.echo(f"export GRC_BLOCKS_PATH={folder}${{GRC_BLOCKS_PATH:+:$GRC_BLOCKS_PATH}}")


def _run(
    texts: list[str], link: Any, channel: str, out: Path | None, json: Path | None, record: bool, quiet: bool
) -> None:
    from semcom_ota.codecs import registry
    from semcom_ota.experiments import console, loopback, run_folder
    from semcom_ota.experiments.report import write_report

    for name in link.codec.names:
        if name not in registry.names():
            fail(f"unknown codec '{name}': use one of {', '.join(registry.names())}")
    if json:
        run_folder.check_writable(json)
    folder = run_folder.prepare(out or loopback.default_folder())
    finished = loopback.run(texts, link, channel, folder, record, quiet)
    report = write_report(folder, finished.captures, link.phy.sample_rate / link.phy.fft_size)
    if json:
        run_folder.write_json(json, finished.summary)
    if not quiet:
        console.print_messages(finished.messages)
        console.print_latency(finished.messages)
    console.print_points(finished.summary["points"])
    typer.echo(f"report: {report}")
    if "failure" in finished.summary["run"]:
        typer.echo(f"semcom: the run ended early: {finished.summary['run']['failure']}", err=True)
    if "failure" in finished.summary["run"] or any(point["failed"] for point in finished.summary["points"]):
        raise SystemExit(1)


def _numbers(text: str) -> list[float]:
    try:
        return list(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        fail(f"--snr '{text}' is not a list of numbers: write it as --snr=-3,0,3")


def _names(text: str) -> list[str]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        fail("--codec names no codec: see 'semcom codecs'")
    return list(dict.fromkeys(names))


def _validated(model: Any, values: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    from semcom_ota.config import first_problem

    try:
        return model.model_validate(values)
    except ValidationError as error:
        fail(f"{first_problem(error)}, not {error.errors()[0]['input']}")


def main() -> None:
    """Entry point of the `semcom` command. A request to terminate is met as Ctrl-C is: in order."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app(prog_name="semcom")


if __name__ == "__main__":
    main()
