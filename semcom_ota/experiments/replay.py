"""A recording goes through receiver and decoder once more, and what came of each message."""

import contextlib
import json
import math
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from semcom_ota.codecs import registry
from semcom_ota.config import CodecConfig, ConfigError, PhyConfig, ReceiverConfig
from semcom_ota.experiments import run_folder
from semcom_ota.experiments.reception import GrowingLines
from semcom_ota.experiments.replay_account import NOT_LOADED, account, frames_cut_off
from semcom_ota.phy.numerology import Numerology
from semcom_ota.recording.frame_log import read_log
from semcom_ota.recording.reading import Recording
from semcom_ota.recording.samples import SampleReader
from semcom_ota.services.process import SupervisedProcess, worker_process
from semcom_ota.transport.endpoint import ipc_endpoint

POLL_S = 0.1
RATE_TOLERANCE = 1e-4
"""Of two sample rates that are meant to be the same: what one radio's clock is off is the receiver's own concern."""

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay's files and figures."""

    folder: Path
    summary: Line
    messages: list[Line]
    scored: bool  # whether the recording knows what was sent


def air_interface(recording: Recording, given: PhyConfig | None) -> PhyConfig:
    """The recording's own air interface, or else the given one, or else `indoor`.

    Raises:
        ConfigError: the recording says another one, or was made at another sample rate.
    """
    own = recording.contents.phy
    if own is not None and given is not None and own != given:
        raise ConfigError("the recording says its own air interface, and --phy is another one: leave --phy out")
    phy = own or given or PhyConfig()
    rate = recording.sample_rate
    if rate is not None and not math.isclose(rate, phy.sample_rate, rel_tol=RATE_TOLERANCE):
        what_to_do = "choose with --phy the one that was on the air" if own is None else "correct its core:sample_rate"
        raise ConfigError(
            f"the recording has {rate:g} samples/s and the air interface {phy.sample_rate:g}: {what_to_do}"
        )
    Numerology(phy)
    return phy


def codec_names(recording: Recording) -> tuple[str, ...]:
    """The codecs that the recording names and that are installed; if there are none, those of a default link."""
    told = recording.contents.codecs.values()
    return tuple(name for name in registry.names() if name in told) or CodecConfig().names


def run(recording: Recording, receiver: ReceiverConfig, folder: Path, quiet: bool) -> Replayed:
    """Decode all messages of a recording, and write the run folder (all but the report).

    Args:
        recording: what its file says.
        receiver: codecs, air interface and all the rest.
        folder: a prepared run folder.
        quiet: no progress bar.

    Raises:
        ConfigError: the configuration cannot work, or the samples cannot be read.
        ServiceFailed: a process could not be started, or died for good.
    """
    samples = SampleReader(recording.samples).count  # what is wrong with the file is said before anything starts
    loaded = {registry.number(name): name for name in receiver.codec.names}
    (folder / "config.json").write_text(receiver.model_dump_json(indent=1) + "\n", encoding="utf-8")
    frames_file = folder / "frames.jsonl"
    results: list[Line] = []
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(_progress(quiet))
        task = bar.add_task("starting", total=samples)
        for line in _follow(recording, receiver, frames_file, stack):
            if "begun" in line:
                results.clear()
            elif "result" in line:
                results.append(line["result"])
            elif "position" in line:
                found = f"{len(results)} messages"
                bar.update(task, completed=min(line["position"], samples), description=found)

    frames = list(read_log(frames_file))
    messages = account(recording, receiver.phy.sample_rate, loaded, frames, results)
    lines = (
        json.dumps({"index": index, **message}, ensure_ascii=False) + "\n" for index, message in enumerate(messages)
    )
    (folder / "messages.jsonl").write_text("".join(lines), encoding="utf-8")
    simulation = recording.contents.simulation
    seed = simulation.seed if simulation else 0
    facts = {
        "recording": recording.samples.path.name,
        "seconds": samples / receiver.phy.sample_rate,
        "frames": len({frame.start for frame in frames}),
        "frames_cut_off": frames_cut_off(recording.frames, frames, samples),
        "not_loaded": dict(Counter(message["reason"] for message in messages if message["status"] == NOT_LOADED)),
    }
    described = run_folder.describe("flowgraph" if simulation else "recording", receiver, seed) | facts
    decoded = [message for message in messages if message["status"] != NOT_LOADED]
    scored = [message for message in decoded if message["sent"] is not None]
    if simulation is not None and scored:
        points = run_folder.points(scored, simulation.channel, receiver, seed, "none")
    else:
        points = _counts(decoded, receiver)
    summary = {"run": described, "points": points}
    run_folder.write_json(folder / "summary.json", summary)
    return Replayed(folder, summary, messages, bool(scored))


def _follow(
    recording: Recording, receiver: ReceiverConfig, frames_file: Path, stack: contextlib.ExitStack
) -> Iterator[Line]:
    """Start the two processes, keep them alive, and yield what the radio process writes, until it is done."""
    private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semcom-")))
    endpoint, results_file = ipc_endpoint(private, "decoder"), private / "results"
    receiver_file, missing_file = private / "receiver", private / "missing"
    receiver_file.write_text(receiver.model_dump_json(), encoding="utf-8")
    missing_file.write_text(json.dumps(recording.missing), encoding="utf-8")
    radio = [sys.executable, "-m", "semcom_flowgraphs.replay", "--config", str(receiver_file), "--decoder", endpoint]
    radio += ["--samples", str(recording.samples.path), "--datatype", recording.samples.datatype]
    radio += ["--missing", str(missing_file)]
    radio += ["--results", str(results_file), "--frames", str(frames_file)]
    failed = threading.Event()
    processes = [
        stack.enter_context(process)
        for process in (
            worker_process("decoder", endpoint, receiver, private, failed.set),
            SupervisedProcess(radio, "radio process", failed.set),
        )
    ]
    results = stack.enter_context(GrowingLines(results_file))
    while True:
        for process in processes:
            process.check()
        for told in results.read():
            if "done" in told:
                return
            yield told
        failed.wait(POLL_S)


def _counts(messages: Sequence[Line], receiver: ReceiverConfig) -> list[Line]:
    """A point for each codec of a recording that does not know what was sent."""
    groups: dict[str, list[Line]] = {}
    for message in messages:
        groups.setdefault(message["codec"], []).append(message)
    points = []
    for codec, group in groups.items():
        snrs = [message["snr_db_estimated"] for message in group if message["snr_db_estimated"] is not None]
        points.append({
            "codec": codec,
            "snr_db": sum(snrs) / len(snrs) if snrs else None,
            "task": "text",
            "memory": receiver.memory.label,
            "csi": "estimated",
            "messages": len(group),
            "delivered": sum(message["status"] == "delivered" for message in group),
            "corrupted": sum(message["status"] == "corrupted" for message in group),
            "failed": sum(message["failed"] for message in group),
        })  # fmt: skip
    return points


def _progress(quiet: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    return Progress(*columns, TimeRemainingColumn(), disable=quiet, transient=True)
