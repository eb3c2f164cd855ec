"""A transmit run: sentences through the encoder worker and the radio process, and what the radio said of each."""

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.experiments import radio_process, run_folder
from semcom_ota.experiments.radio_process import MAX_MESSAGES
from semcom_ota.radio.settings import RadioSettings
from semcom_ota.services.process import ServiceFailed, SupervisedProcess, worker_process
from semcom_ota.transport.radio import MessageTransmitted, RadioRequest, TransmitReply
from semcom_ota.transport.sockets import RequestClient
from semcom_ota.transport.wire import Packet

STATUSES = ("acknowledged", "unacknowledged", "late", "underflow", "does_not_fit", "failed")
TROUBLE = ("late", "underflow", "sequence_error")
LOOK_S = 0.05

CARRIED_OVER = {
    "bursts", "payload_symbols", "overhead_symbols", "air_samples", "mean_symbol_energy", "masked_symbols", "outlook",
    "snr_db_expected", "health",
}  # fmt: skip
"""What a line of `messages.jsonl` takes from the radio process's reply as it is."""


@dataclass(frozen=True, slots=True)
class Transmission:
    """One text with one codec."""

    message: int
    stream: int
    codec: str
    match: str | None  # spend as many payload symbols as this codec would
    text: str


@dataclass(slots=True)
class Transmitter:
    """A radio process with an open radio, its encoder worker, and a client of it."""

    settings: RadioSettings
    client: RequestClient
    processes: list[SupervisedProcess]

    def check(self) -> None:
        """Raise `ServiceFailed` if one of the processes was given up."""
        for process in self.processes:
            process.check()


@dataclass(frozen=True, slots=True)
class Finished:
    """A run's figures."""

    summary: dict[str, Any]
    messages: list[dict[str, Any]]
    stopped: bool  # by the user, before all was sent


def plan(texts: Sequence[str], codecs: Sequence[str], repeat: int = 1) -> list[Transmission]:
    """Every text with every codec, codecs interleaved frame by frame; the first codec sets the symbols.

    Args:
        texts: what to send; the number of a message is its place among them.
        codecs: by name; the number of a stream is its place among them.
        repeat: send the texts so many times; numbers go on.

    Raises:
        ConfigError: there are more messages than numbers.
    """
    if len(texts) * repeat > MAX_MESSAGES:
        raise ConfigError(f"{len(texts)} texts {repeat} times are more than {MAX_MESSAGES} messages: send fewer")
    return [
        Transmission(turn * len(texts) + index, stream, codec, codecs[0] if stream else None, text)
        for turn in range(repeat)
        for index, text in enumerate(texts)
        for stream, codec in enumerate(codecs)
    ]


@contextlib.contextmanager
def opened(link: LinkConfig) -> Iterator[Transmitter]:
    """Start the radio process, wait until its radio is open, and start the encoder worker.

    Raises:
        ServiceFailed: the radio cannot be opened; the sentence is the radio's.
        ConfigError: the folder of the endpoints cannot be used.
    """
    with contextlib.ExitStack() as stack:
        private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semcom-")))
        endpoints = radio_process.endpoints(link, private, ("encoder", "radio"))
        link_file, settings_file = private / "link.json", private / "radio.json"
        link_file.write_text(link.model_dump_json(), encoding="utf-8")
        command = [sys.executable, "-m", "semcom_flowgraphs.tx", "--endpoint", endpoints["radio"]]
        command += ["--config", str(link_file), "--encoder", endpoints["encoder"], "--radio", str(settings_file)]
        client = stack.enter_context(RequestClient(endpoints["radio"], link.transport))
        radio = stack.enter_context(SupervisedProcess(command, name="radio process", on_failure=client.wake))
        while not settings_file.exists():
            radio.check()
            time.sleep(LOOK_S)
        settings = RadioSettings.model_validate_json(settings_file.read_bytes())
        encoder = worker_process("encoder", endpoints["encoder"], link.transmitter, private, client.wake)
        yield Transmitter(settings, client, [radio, stack.enter_context(encoder)])


def exchange(
    transmissions: Sequence[Transmission],
    transmitter: Transmitter,
    snr_db: float | None,
    every_s: float,
    meanwhile: Callable[[], None] | None = None,
) -> Iterator[tuple[int, MessageTransmitted | str]]:
    """Send everything, and yield each one's index and what became of it as that is known.

    Args:
        transmissions: what to send, in this order.
        transmitter: with its radio open.
        snr_db: what the sender takes for granted, for link adaptation.
        every_s: at least so many seconds from one message number to the next.
        meanwhile: is called about twice a second, and whenever answers have come.

    Raises:
        ServiceFailed: a process was given up.
    """
    numbers = list(dict.fromkeys(transmission.message for transmission in transmissions))
    turns = {message: turn for turn, message in enumerate(numbers)}
    unsent, answered = iter(enumerate(transmissions)), 0
    following = next(unsent, None)
    started: float | None = None  # when the first one was taken
    while answered < len(transmissions):
        transmitter.check()
        pause = 0.5
        while following:
            index, transmission = following
            now = time.monotonic()
            due = now if started is None else started + turns[transmission.message] * every_s
            if due > now:
                pause = min(pause, due - now)
                break
            if not transmitter.client.submit(index, _request(transmission, snr_db)):
                break
            started = started or now
            following = next(unsent, None)
        for reply in transmitter.client.poll(pause):
            answered += 1
            yield cast(int, reply.key), radio_process.answer(reply, TransmitReply)
        if meanwhile:
            meanwhile()


def run(
    transmissions: Sequence[Transmission],
    link: LinkConfig,
    transmitter: Transmitter,
    folder: Path,
    snr_db: float | None = None,
    every_s: float = 0.0,
    quiet: bool = False,
    listen: Callable[[], str] | None = None,
) -> Finished:
    """Send everything and write the run folder. If the user stops it, or a process gives up, the folder says so.

    Args:
        transmissions: what to send.
        link: as the transmitter was opened with.
        transmitter: with its radio open.
        folder: a prepared run folder.
        snr_db: see `exchange`, as is `every_s`.
        every_s: ...
        quiet: no progress bar.
        listen: is called as `meanwhile` of `exchange`; what it returns is shown beside the counters.

    Raises:
        ServiceFailed: a process was given up before anything was sent.
    """
    (folder / "config.json").write_text(link.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / "radio.json").write_text(transmitter.settings.model_dump_json(indent=1) + "\n", encoding="utf-8")
    results: dict[int, dict[str, Any]] = {}
    failure: ServiceFailed | None = None
    stopped = False
    with contextlib.ExitStack() as stack:
        files = (folder / name for name in ("messages.jsonl", "events.jsonl"))
        book = _Book(*(stack.enter_context(file.open("w", encoding="utf-8")) for file in files))
        bar = stack.enter_context(radio_process.progress(quiet))
        task = bar.add_task("waiting for the radio", total=len(transmissions))
        status = ["waiting for the radio", ""]  # of the transmitter, and what `listen` says

        def meanwhile() -> None:
            status[1] = listen() if listen else ""
            bar.update(task, completed=len(results), description="\n".join(filter(None, status)))

        try:
            for index, reply in exchange(transmissions, transmitter, snr_db, every_s, meanwhile):
                results[index] = book.add(index, _result(transmissions[index], reply))
                status[0] = _description(results[index]["health"])
        except KeyboardInterrupt:
            stopped = True
        except ServiceFailed as error:
            if not results:
                raise
            failure = error
    if failure:
        for index, transmission in enumerate(transmissions):
            results.setdefault(index, _result(transmission, f"not known to be sent: {failure}"))
    messages = [{"index": index, **results[index]} for index in sorted(results)]
    lines = (json.dumps(message, ensure_ascii=False) + "\n" for message in messages)
    (folder / "messages.jsonl").write_text("".join(lines), encoding="utf-8")  # in order, however they arrived
    described = run_folder.describe(transmitter.settings.level, link, seed=0)
    described |= {"failure": str(failure)} if failure else {}
    summary = {"run": described, "points": points(messages, transmitter.settings)}
    run_folder.write_json(folder / "summary.json", summary)
    return Finished(summary, messages, stopped)


def points(messages: Sequence[dict[str, Any]], settings: RadioSettings) -> list[dict[str, Any]]:
    """A point for each codec, in the order in which they were sent: how many met what, and what was spent."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for message in messages:
        groups.setdefault(message["codec"], []).append(message)
    rate = settings.transmitter.sample_rate if settings.transmitter else 0.0
    return [{"codec": codec} | _point(group, rate) for codec, group in groups.items()]


def _point(group: Sequence[dict[str, Any]], sample_rate: float) -> dict[str, Any]:
    statuses = [message["status"] for message in group]
    bursts = {tuple(burst["tx_time"]): burst for message in group for burst in message["bursts"]}  # some are shared
    symbols = sum(message["payload_symbols"] for message in group)
    energy = sum(message["mean_symbol_energy"] * message["payload_symbols"] for message in group)
    on_air = sum(burst["samples"] for burst in bursts.values() if burst["fate"] != "late")
    return {
        "messages": len(group),
        **{status: statuses.count(status) for status in STATUSES},
        "bursts": len(bursts),
        "payload_symbols": symbols,
        "overhead_symbols": sum(message["overhead_symbols"] for message in group),
        "air_samples": sum(message["air_samples"] for message in group),
        "mean_symbol_energy": energy / symbols if symbols else 0.0,
        "limited_samples": sum(burst["limited"] for burst in bursts.values()),
        "time_on_air_s": on_air / sample_rate if sample_rate else 0.0,
    }


class _Book:
    """The files that grow while a run goes on."""

    def __init__(self, messages: TextIO, events: TextIO):
        self.messages, self.events = messages, events
        self.told: set[tuple[Any, ...]] = set()  # bursts that messages share are told of once

    def add(self, index: int, result: dict[str, Any]) -> dict[str, Any]:
        """Write a message down, and the trouble that its bursts met; the message."""
        self._write(self.messages, {"index": index, **result})
        for burst in result["bursts"]:
            at = tuple(burst["tx_time"])
            if burst["fate"] in TROUBLE and at not in self.told:
                self.told.add(at)
                whose = {"stream": result["stream"], "message": result["message"], "fragment": burst["fragment"]}
                self._write(self.events, {"kind": burst["fate"], "tx_time": burst["tx_time"], **whose})
        return result

    def _write(self, file: TextIO, line: dict[str, Any]) -> None:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()


def _request(transmission: Transmission, snr_db: float | None) -> Packet:
    request = RadioRequest(
        text=transmission.text,
        codec=transmission.codec,
        stream=transmission.stream,
        message=transmission.message,
        match=transmission.match,
        snr_db=snr_db,
    )
    return Packet("transmit", request.model_dump())


def _result(transmission: Transmission, reply: MessageTransmitted | str) -> dict[str, Any]:
    """One line of `messages.jsonl`."""
    reason = reply if isinstance(reply, str) else reply.reason
    if isinstance(reply, str):
        known = {"codec": transmission.codec, "stream": transmission.stream, "message": transmission.message}
        reply = MessageTransmitted.model_validate({"status": "failed"} | known)
    return {
        "stream": transmission.stream,
        "message": transmission.message,
        "codec": transmission.codec,
        "sent": transmission.text,
        "status": "failed" if reply.status == "refused" else reply.status,
        "reason": reason,
        **reply.model_dump(mode="json", include=CARRIED_OVER),
    }


def _description(health: dict[str, int]) -> str:
    return f"late {health.get('late', 0)}, underflows {health.get('underflows', 0)}"
