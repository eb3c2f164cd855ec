"""`semcom replay`: a capture decoded again."""

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
    validated,
)


@clear_errors
def replay(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="a SigMF recording, or bare samples such as .cf32, .ci16, .cu8")
    ],
    codec: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="codecs to load; each message says which it needs  [default: those that the recording names]",
        ),
    ] = None,
    checkpoint: Checkpoint = None,
    phy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="air interface, if the recording does not say it: as in loopback  [default: indoor]",
        ),
    ] = None,
    out: RunFolder = None,
    json: Summary = None,
    quiet: Quiet = False,
) -> None:
    """Decode a recording again, also one made elsewhere."""
    from semcom_ota.config import ReceiverConfig, load_phy
    from semcom_ota.experiments import console, replay, run_folder
    from semcom_ota.experiments.report import write_report
    from semcom_ota.recording.reading import read_recording
    from semcom_ota.recording.samples import SampleReader

    recording = read_recording(file)
    air = replay.air_interface(recording, load_phy(phy) if phy is not None else None)
    names = codec_names(codec) if codec is not None else list(replay.codec_names(recording))
    check_codecs(names)
    used: dict[str, Any] = {"names": names, "checkpoint": checkpoint.resolve() if checkpoint else None}
    if recording.contents.simulation is not None:
        used["symbols_per_word"] = recording.contents.simulation.symbols_per_word
    receiver = validated(ReceiverConfig, {"codec": used, "phy": air.model_dump()})
    if json:
        run_folder.check_writable(json)
    SampleReader(recording.samples)  # samples that cannot be read are refused before there is a folder
    folder = run_folder.prepare(out or run_folder.default_folder())
    done = replay.run(recording, receiver, folder, quiet)
    if json:
        run_folder.write_json(json, done.summary)
    if not quiet:
        console.print_replayed(done.messages)
    console.print_replay_summary(done.summary)
    if not done.summary["run"]["frames"]:
        typer.echo(
            f"No frame was found at {air.sample_rate:g} samples/s with {air.used_carriers} of {air.fft_size} carriers:"
            " --phy must be the air interface that was on the air."
        )
    if done.scored:
        typer.echo(f"report: {write_report(folder, {}, air.sample_rate / air.fft_size)}")
    else:
        typer.echo(f"run folder: {folder}")
    if any(point["failed"] for point in done.summary["points"]):
        raise SystemExit(1)
