"""`semcom loopback` and `semcom demo`: sentences through GNU Radio and a simulated channel."""

from pathlib import Path
from typing import Annotated, Any

import typer

from semcom_ota.cli.application import (
    Checkpoint,
    Quiet,
    RunFolder,
    Summary,
    check_codecs,
    clear_errors,
    codec_names,
    decibels,
    fail,
    validated,
)


@clear_errors
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
        typer.Option(
            metavar="LIST",
            help="Es/N0 of a data subcarrier in dB, one after the other, such as --snr=0,12,0  [default: 0,6,12]",
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="such as awgn, rayleigh, tdl-a, radios; or a YAML file  [default: awgn]"
        ),
    ] = None,
    phy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="air interface, such as indoor, wide5, pluto; or a YAML file  [default: indoor]",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="of the channel's realisations  [default: 0]")
    ] = None,
    out: RunFolder = None,
    json: Summary = None,
    mask: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="which symbols are left out: none, fixed, theory, learned  [default: none]"),
    ] = None,
    cut_reports: Annotated[
        list[str] | None,
        typer.Option(metavar="A:B", help="no link report comes back of these messages; may be given several times"),
    ] = None,
    kill_decoder: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="kill the decoder once message N is answered; may be given several times"),
    ] = None,
    record: Annotated[bool, typer.Option("--record", help="keep the received IQ as SigMF")] = False,
    link: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="a link's YAML file, or the name of one, for everything not said here"),
    ] = None,
    checkpoint: Checkpoint = None,
    endpoints: Annotated[
        Path | None, typer.Option(metavar="DIR", help="folder of the ipc endpoints; by default a private one")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Send sentences through GNU Radio and a simulated channel."""
    from semcom_ota.config import LinkConfig, load_channel, load_link, load_phy
    from semcom_ota.experiments.texts import gather

    texts = gather(text or [], input)
    told = load_link(link) if link else LinkConfig()
    changes: dict[str, Any] = told.model_dump()
    changes["radio"]["messages_per_snr"] = len(texts)
    if codec is not None:
        changes["codec"]["names"] = codec_names(codec)
    if snr is not None:
        changes["radio"]["snr_db"] = decibels(snr)
    if channel is None and "channel" not in told.loopback.model_fields_set:
        channel = "awgn"
    if channel is not None:
        changes["radio"]["channel"] = load_channel(channel).model_dump()
    if phy is not None:
        changes["phy"] = load_phy(phy).model_dump()
    if seed is not None:
        changes["radio"]["seed"] = seed
    if mask is not None:
        changes["mask"]["kind"] = mask
    if cut_reports is not None:
        changes["radio"]["faults"]["reports_cut"] = [_range(part) for part in cut_reports]
    if kill_decoder is not None:
        changes["radio"]["faults"]["decoder_killed"] = kill_decoder
    if checkpoint is not None:
        changes["codec"]["checkpoint"] = checkpoint.resolve()
    if endpoints is not None:
        changes["transport"]["directory"] = endpoints.resolve()
    name = channel or f"as in {link.name if link else ''}"
    _run(texts, validated(LinkConfig, changes), name, out, json, record, quiet)


@clear_errors
def demo(
    quick: Annotated[bool, typer.Option("--quick", help="three sentences at one SNR")] = False,
    out: RunFolder = None,
) -> None:
    """The main job on sentences that ship, beside a coded link."""
    from semcom_ota.experiments.texts import SENTENCES, read_lines

    lines = read_lines(SENTENCES / "demo.txt")
    loopback(
        text=lines[:3] if quick else lines, input=None, codec="text-jscc,utf8,huffman",
        snr="12" if quick else "0,6,12,18", channel="multipath", phy=None, seed=1, out=out, json=None, record=not quick,
        link=None, mask=None, cut_reports=None, kill_decoder=None, checkpoint=None, endpoints=None, quiet=False,
    )  # fmt: skip


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition(":")
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        fail(f"--cut-reports '{text}' is no range of messages: write it as --cut-reports 20:30")
    return int(first), int(last)


def _run(
    texts: list[str], link: Any, channel: str, out: Path | None, json: Path | None, record: bool, quiet: bool
) -> None:
    from semcom_ota.experiments import console, loopback, run_folder
    from semcom_ota.experiments.report import write_report
    from semcom_ota.phy.numerology import Numerology

    check_codecs(link.codec.names)
    _warn_of_long_paths(link)
    Numerology(link.phy)  # an air interface that cannot work is refused before there is a folder,
    loopback.plan(texts, link)  # and so are faults of messages that are not there
    if json:
        run_folder.check_writable(json)
    folder = run_folder.prepare(out or run_folder.default_folder())
    finished = loopback.run(texts, link, channel, folder, record, quiet)
    report = write_report(folder, finished.captures, link.phy.sample_rate / link.phy.fft_size)
    if json:
        run_folder.write_json(json, finished.summary)
    if not quiet:
        console.print_messages(finished.messages)
        console.print_latency(finished.messages)
    console.print_points(finished.summary["points"], f"channel {channel}")
    typer.echo(f"report: {report}")
    if "failure" in finished.summary["run"]:
        typer.echo(f"semcom: the run ended early: {finished.summary['run']['failure']}", err=True)
    if "failure" in finished.summary["run"] or any(point["failed"] for point in finished.summary["points"]):
        raise SystemExit(1)


def _warn_of_long_paths(link: Any) -> None:
    channel = link.loopback.channel
    spread_us = 1e6 * (channel.longest_delay_s - min(channel.tap_delays_s))  # a tdl profile begins at 0, as its taps do
    prefix_us = 1e6 * link.phy.cp_length / link.phy.sample_rate
    if spread_us > prefix_us:
        typer.echo(
            f"semcom: the channel's last path comes {spread_us:.3g} us after the first, the cyclic prefix is"
            f" {prefix_us:.3g} us long: expect interference between OFDM symbols",
            err=True,
        )
