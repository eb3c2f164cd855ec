"""A loopback run: sentences through encoder worker, radio process and decoder worker, and what came of each of them."""

import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from numpy.typing import NDArray

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.experiments import loopback_recording, mask_following, radio_process, run_folder
from semcom_ota.experiments.radio_process import MAX_MESSAGES
from semcom_ota.experiments.statistics import word_errors
from semcom_ota.services.process import ServiceFailed, SupervisedProcess, worker_process
from semcom_ota.transport.radio import MessageReply, RadioReply, RadioRequest
from semcom_ota.transport.sockets import Reply, RequestClient
from semcom_ota.transport.wire import Packet
from semcom_ota.types import Task

CARRIED_OVER = {
    "confidence", "word_confidence", "snr_db_estimated", "snr_db_effective", "cfo_hz_estimated", "fragments",
    "lost_fragments", "payload_symbols", "overhead_symbols", "air_samples", "mean_symbol_energy", "masked_symbols",
    "outlook", "snr_db_expected", "latency_ms", "intent", "answer", "answer_confidence", "remembered",
}  # fmt: skip
"""What a line of `messages.jsonl` takes from the radio process's reply as it is."""

EVENTS = "events.jsonl"
Event = dict[str, Any]
Captures = dict[tuple[float, str], dict[str, NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class Transmission:
    """One text with one codec at one SNR.

    The same `message` is the same channel realisation for every codec, unless messages share frames and one of them,
    which does not fit with some codec, leaves the others with another frame.
    """

    message: int
    stream: int
    codec: str
    match: str | None  # spend as many payload symbols as this codec would
    snr_db: float
    text: str
    n_symbols: int | None = None  # payload symbols to spend, whatever `match` says
    task: int = Task.AUTO


@dataclass(frozen=True, slots=True)
class Finished:
    """A run's files and figures."""

    folder: Path
    summary: dict[str, Any]
    messages: list[dict[str, Any]]
    captures: Captures


def plan(texts: Sequence[str], link: LinkConfig) -> list[Transmission]:
    """Every text at every SNR with every codec, codecs interleaved frame by frame. The first codec sets the symbols."""
    codecs, snrs = link.codec.names, link.loopback.snr_db
    if len(texts) * len(snrs) > MAX_MESSAGES:
        raise ConfigError(f"{len(texts)} texts at {len(snrs)} SNRs are more than {MAX_MESSAGES} messages: send fewer")
    end, faults = len(texts) * len(snrs), link.loopback.faults
    struck = (*(last for _, last in faults.reports_cut), *faults.decoder_killed)
    if beyond := [message for message in struck if message >= end]:
        raise ConfigError(
            f"no reports of message {beyond[0]} can be cut, nor the decoder killed behind it: the run has {end},"
            " numbered from 0"
        )
    return [
        Transmission(step * len(texts) + index, stream, codec, codecs[0] if stream else None, snr_db, text)
        for step, snr_db in enumerate(snrs)
        for index, text in enumerate(texts)
        for stream, codec in enumerate(codecs)
    ]


def together(transmissions: Sequence[Transmission], link: LinkConfig) -> list[tuple[int, ...]]:
    """Indices of what is sent in one request: up to `messages_per_frame` in a row, of a codec, task and SNR."""
    batches: dict[tuple[int, int, int, int], list[int]] = {}
    for index, transmission in enumerate(transmissions):
        step, place = divmod(transmission.message, link.loopback.messages_per_snr)
        key = step, place // link.phy.messages_per_frame, transmission.stream, transmission.task
        batches.setdefault(key, []).append(index)
    return [tuple(indices) for indices in batches.values()]


def run(texts: Sequence[str], link: LinkConfig, channel: str, folder: Path, record: bool, quiet: bool) -> Finished:
    """Send every text, wait for what becomes of each, and write the run folder (all but the report).

    Processes that die are started again, and what they had not answered is sent again. If one of them gives up for
    good, the run ends, and every message without a result is written down as lost, with the reason.

    Args:
        texts: what to send.
        link: `radio.messages_per_snr` must be the number of texts.
        channel: the channel's name, for people.
        folder: a prepared run folder.
        record: keep the channel's output as SigMF.
        quiet: no progress bar.

    Raises:
        ConfigError: the configuration cannot work.
        ServiceFailed: a process could not be started at all.
    """
    transmissions = plan(texts, link)
    (folder / "config.json").write_text(link.model_dump_json(indent=1) + "\n", encoding="utf-8")
    captures: Captures = {}
    results: dict[int, dict[str, Any]] = {}
    data_file = folder / "capture.sigmf-data" if record else None
    failure: ServiceFailed | None = None
    faults = link.loopback.faults
    events: list[Event] = [
        {"kind": "reports_cut", "message": first, "until": last} for first, last in faults.reports_cut
    ]

    with contextlib.ExitStack() as stack:
        stream = stack.enter_context((folder / "messages.jsonl").open("w", encoding="utf-8"))
        bar = stack.enter_context(radio_process.progress(quiet))
        task = bar.add_task("starting", total=len(transmissions))
        try:
            for index, result, arrays in exchange(transmissions, link, data_file, stack, events.append):
                results[index] = result
                stream.write(json.dumps({"index": index, **result}, ensure_ascii=False) + "\n")
                stream.flush()
                if arrays:
                    captures.setdefault((result["snr_db"], result["codec"]), arrays)
                bar.update(task, advance=1, description=f"{result['snr_db']:g} dB")
        except ServiceFailed as error:
            if not results:
                raise
            failure = error

    for index, transmission in enumerate(transmissions):
        if index not in results:
            results[index] = _result(transmission, f"not sent: {failure}")
    messages = [results[index] for index in range(len(transmissions))]
    lines = (
        json.dumps({"index": index, **message}, ensure_ascii=False) + "\n" for index, message in enumerate(messages)
    )
    (folder / "messages.jsonl").write_text("".join(lines), encoding="utf-8")  # in order, however they arrived
    if events:
        (folder / EVENTS).write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    seed = link.loopback.seed
    described = run_folder.describe("flowgraph", link, seed) | ({"failure": str(failure)} if failure else {})
    points = run_folder.points(messages, channel, link, seed, link.mask.kind, len(texts))
    summary: dict[str, Any] = {"run": described, "points": points}
    if link.mask.follows:
        shared = link.phy.messages_per_frame
        summary["mask"] = mask_following.following(messages, link.mask.in_flight, shared)
    run_folder.write_json(folder / "summary.json", summary)
    if data_file and data_file.exists() and data_file.stat().st_size:
        loopback_recording.describe(data_file, link, channel, messages)
    return Finished(folder, summary, messages, captures)


def exchange(
    transmissions: Sequence[Transmission],
    link: LinkConfig,
    data_file: Path | None,
    stack: contextlib.ExitStack,
    tell: Callable[[Event], None] = lambda _: None,
) -> Iterator[tuple[int, dict[str, Any], dict[str, NDArray[Any]]]]:
    """Start the three processes, keep them alive, and yield (index, result, arrays) as results arrive.

    Args:
        transmissions: what to send.
        link: its `radio.faults` say which processes die, and when.
        data_file: for the channel's output.
        stack: ends the processes.
        tell: is told of each process that was killed.
    """
    private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semcom-")))
    endpoints = radio_process.endpoints(link, private, ("encoder", "decoder", "radio"))
    link_file = private / "link.json"
    link_file.write_text(link.model_dump_json(), encoding="utf-8")
    radio = [sys.executable, "-m", "semcom_flowgraphs.loopback", "--endpoint", endpoints["radio"]]
    radio += ["--config", str(link_file), "--encoder", endpoints["encoder"], "--decoder", endpoints["decoder"]]
    radio += ["--record", str(data_file)] if data_file else []
    client = stack.enter_context(RequestClient(endpoints["radio"], link.transport))
    decoder = worker_process("decoder", endpoints["decoder"], link.receiver, private, client.wake)
    processes = [
        stack.enter_context(process)
        for process in (
            worker_process("encoder", endpoints["encoder"], link.transmitter, private, client.wake),
            decoder,
            SupervisedProcess(radio, name="radio process", on_failure=client.wake),
        )
    ]
    fatal = set(link.loopback.faults.decoder_killed)
    pictured: set[tuple[float, str]] = set()
    waiting = dict(enumerate(transmissions))
    unsent = iter(together(transmissions, link))
    following = next(unsent, None)
    while waiting:
        for process in processes:
            process.check()
        while following:
            first = transmissions[following[0]]
            picture = (first.snr_db, first.codec)
            if not client.submit(following, _request([transmissions[i] for i in following], picture not in pictured)):
                break
            pictured.add(picture)
            following = next(unsent, None)
        for reply in client.poll(timeout=0.5):
            indices = cast(tuple[int, ...], reply.key)
            for place, (index, answer) in enumerate(zip(indices, _read(reply, len(indices)), strict=True)):
                transmission = waiting.pop(index)
                if transmission.message in fatal:
                    fatal.remove(transmission.message)
                    with contextlib.suppress(ProcessLookupError):  # it is being started again already
                        os.kill(decoder.pid, signal.SIGKILL)
                    tell({"kind": "decoder_killed", "message": transmission.message})
                yield index, _result(transmission, answer), {} if place else reply.packet.arrays


def _request(batch: Sequence[Transmission], want_arrays: bool) -> Packet:
    """A transmitter's link adaptation is granted the channel's true mean SNR, the receiving side is told nothing.

    Where a mask follows the channel, the encoder goes by the link reports instead.
    """
    first, *followers = batch
    request = RadioRequest(
        text=first.text,
        followers=[transmission.text for transmission in followers],
        codec=first.codec,
        stream=first.stream,
        message=first.message,
        match=first.match,
        snr_db=first.snr_db,
        n_symbols=first.n_symbols,
        task=first.task,
        want_arrays=want_arrays,
    )
    return Packet("transmit", request.model_dump())


def _read(reply: Reply, count: int) -> Sequence[MessageReply | str]:
    """What the radio process says of each of `count` messages, or the reason why it says nothing."""
    first = radio_process.answer(reply, RadioReply)
    if isinstance(first, str):
        return [first] * count
    known = [first, *first.followers]
    return known if len(known) == count else [first.reason or "unreadable reply"] * count


def _result(transmission: Transmission, reply: MessageReply | str) -> dict[str, Any]:
    """One line of `messages.jsonl`.

    `delivered`: a text came out that its receiver takes for whole (a codec without a checksum: no frame is missing);
    `corrupted`: something arrived, but the receiver knows that it is not whole; `lost`: nothing arrived. A lost message
    may be so because it did not fit, or because some process failed at it.
    """
    reason = reply if isinstance(reply, str) else ""
    if isinstance(reply, str):
        reply = MessageReply(
            status="refused", codec=transmission.codec, stream=transmission.stream, message=transmission.message
        )
    decoded = "delivered" if reply.intact else "corrupted"
    errors, right = word_errors(transmission.text, reply.text)
    return {
        "message": transmission.message,
        "stream": transmission.stream,
        "codec": transmission.codec,
        "snr_db": transmission.snr_db,
        "status": decoded if reply.status == "decoded" else "lost",
        "does_not_fit": reply.status == "does_not_fit",
        "failed": reply.status not in ("decoded", "lost", "does_not_fit"),
        "reason": reason or reply.reason,
        "sent": transmission.text,
        "received": reply.text,
        "words": len(transmission.text.split()),
        "words_right": right,
        "word_errors": errors,
        **reply.model_dump(include=CARRIED_OVER),
    }
