"""A receive run: a radio process, a decoder worker, and what comes out of them, until somebody has had enough."""

import contextlib
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from semcom_ota.config import LinkConfig
from semcom_ota.experiments import live_recording, plots, radio_process, run_folder
from semcom_ota.experiments.reception import GrowingLines, Line, Reception
from semcom_ota.radio.settings import RadioSettings
from semcom_ota.recording.frame_log import read_log
from semcom_ota.services.process import ServiceFailed, SupervisedProcess, worker_process

POLL_S = 0.05


class Screen(Protocol):
    """Who is shown what happens."""

    def show(self, row: Line) -> None:
        """A row of `messages.jsonl` or of `events.jsonl`."""
        ...

    def look(self, line: Line, messages: int) -> None:
        """The newest line about counters and level, and how many messages there are."""
        ...


@dataclass(frozen=True, slots=True)
class Receiver:
    """A radio process with an open radio, and its decoder worker."""

    settings: RadioSettings
    told: list[Line]  # by the radio process before the radio was open
    lines: GrowingLines
    processes: list[SupervisedProcess]
    failed: threading.Event
    finish: Path  # once this file is there, the radio process takes no more samples and decodes what it has

    def check(self) -> None:
        """Raise `ServiceFailed` if one of the processes was given up."""
        for process in self.processes:
            process.check()


@dataclass(frozen=True, slots=True)
class Finished:
    """A run's figures."""

    summary: dict[str, Any]
    failure: str  # why it ended before its time; empty if it did not


@contextlib.contextmanager
def opened(link: LinkConfig, folder: Path, record: bool) -> Iterator[Receiver]:
    """Start the radio process, wait until its radio is open, and start the decoder worker.

    Args:
        link: the whole link.
        folder: the run folder, which is created when the radio is open.
        record: keep the received samples there.

    Raises:
        ServiceFailed: the radio cannot be opened; the sentence is the radio's.
        ConfigError: the folder holds a run already, or that of the endpoints cannot be used.
    """
    run_folder.check_unused(folder)
    with contextlib.ExitStack() as stack:
        private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semcom-")))
        endpoints = radio_process.endpoints(link, private, ("decoder",))
        link_file, results_file = private / "link.json", private / "results"
        link_file.write_text(link.model_dump_json(), encoding="utf-8")
        command = [sys.executable, "-m", "semcom_flowgraphs.rx", "--config", str(link_file)]
        command += ["--decoder", endpoints["decoder"], "--results", str(results_file)]
        command += ["--frames", str(folder / "frames.jsonl")]
        command += ["--record", str(folder / live_recording.DATA_FILE)] if record else []
        failed = threading.Event()
        lines = stack.enter_context(GrowingLines(results_file))
        radio = stack.enter_context(SupervisedProcess(command, "radio process", failed.set))
        told: list[Line] = []
        while not any("radio" in line for line in told):
            radio.check()
            failed.wait(POLL_S)
            told += lines.read()
        settings = RadioSettings.model_validate(next(line["radio"] for line in told if "radio" in line))
        decoder = stack.enter_context(
            worker_process("decoder", endpoints["decoder"], link.receiver, private, failed.set)
        )
        finish = results_file.with_name(results_file.name + ".finish")
        yield Receiver(settings, told, lines, [radio, decoder], failed, finish)


def run(
    receiver: Receiver,
    link: LinkConfig,
    folder: Path,
    screen: Screen,
    seconds: float | None = None,
    messages: int | None = None,
) -> Finished:
    """Receive until the samples have an end, Ctrl-C, or enough has come; write the run folder.

    Args:
        receiver: with its radio open.
        link: the whole link.
        folder: a prepared run folder.
        screen: is shown what comes.
        seconds: of reception; None has no end.
        messages: that are enough; None: none ever are.
    """
    (folder / "config.json").write_text(link.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / "radio.json").write_text(receiver.settings.model_dump_json(indent=1) + "\n", encoding="utf-8")
    failure = ""
    with _interruptions() as asked_to_end, Reception(folder, link.codec.names) as reception:
        try:
            _follow(receiver, reception, screen, asked_to_end, seconds, messages)
        except ServiceFailed as error:
            failure = str(error)
            _take(receiver.lines.read(), reception, screen)
    data_file = folder / live_recording.DATA_FILE
    if data_file.exists():
        live_recording.describe(data_file, link, receiver.settings)
    if reception.looks or reception.snrs:
        (folder / "signal.png").write_bytes(plots.signal_over_time(reception.snrs, reception.looks, reception.events))
    described = run_folder.describe(receiver.settings.level, link, seed=0) | {
        "seconds": reception.looks[-1]["at_s"] if reception.looks else 0.0,
        "frames": len({frame.start for frame in read_log(folder / "frames.jsonl")}),
        "health": reception.health.as_dict(),
    }
    described |= {"failure": failure} if failure else {}
    summary = {"run": described, "points": reception.points()}
    run_folder.write_json(folder / "summary.json", summary)
    return Finished(summary, failure)


def _follow(
    receiver: Receiver,
    reception: Reception,
    screen: Screen,
    asked_to_end: threading.Event,
    seconds: float | None,
    messages: int | None,
) -> None:
    """Take what the radio process writes, until it is done.

    Raises:
        ServiceFailed: a process was given up.
    """
    _take(receiver.told, reception, screen)
    started = deadline = None
    while not reception.done:
        _take(receiver.lines.read(), reception, screen)
        receiver.check()
        now = time.monotonic()
        if started is None and reception.looks:
            started = now
        enough = messages is not None and reception.messages >= messages
        enough |= seconds is not None and started is not None and now - started >= seconds
        if deadline is None and (enough or asked_to_end.is_set()):
            receiver.finish.touch()
            deadline = now + radio_process.FINISH_S
        if deadline is not None and now > deadline:
            return
        receiver.failed.wait(POLL_S)


def _take(lines: list[Line], reception: Reception, screen: Screen) -> None:
    for line in lines:
        row = reception.take(line)
        if row is not None:
            screen.show(row)
        elif "health" in line:
            screen.look(reception.looks[-1], reception.messages)


@contextlib.contextmanager
def _interruptions() -> Iterator[threading.Event]:
    """Set when the user, or whoever ends processes, wants an end; the second time is met as ever."""
    asked = threading.Event()

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
