"""A run of `semcom trx`: one process transmits and receives with one device, and hears itself.

The run folder holds those of a transmitter and of a receiver, and what `semcom score` makes of the two.
"""

import contextlib
import functools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from semcom_ota.config import LinkConfig
from semcom_ota.experiments import radio_process, run_folder, score, transmit
from semcom_ota.experiments.receive_console import brief
from semcom_ota.experiments.reception import GrowingLines, Line, Reception
from semcom_ota.experiments.transmit import Transmission, Transmitter
from semcom_ota.radio.settings import RadioSettings
from semcom_ota.services.process import ServiceFailed, SupervisedProcess, worker_process
from semcom_ota.transport.sockets import RequestClient

POLL_S = 0.05
TAIL_S, TAIL_SAMPLES = 1.0, 300_000
"""How much of the received stream may still hold the last message when the radio says that it is sent: what is in the
air, in the device, and in buffers."""


@dataclass(frozen=True, slots=True)
class Transceiver:
    """A radio process with an open radio that transmits and receives, and what it writes down."""

    transmitter: Transmitter
    results: Path
    lines: GrowingLines
    first: list[Line]  # those that have been read


@dataclass(frozen=True, slots=True)
class Finished:
    """A run's figures."""

    scored: score.Scored
    stopped: bool  # by the user, before all was sent


@contextlib.contextmanager
def opened(link: LinkConfig) -> Iterator[Transceiver]:
    """Start the radio process, wait until its radio is open, and start both workers.

    Raises:
        ServiceFailed: the radio cannot be opened; the sentence is the radio's.
        ConfigError: the folder of the endpoints cannot be used.
    """
    with contextlib.ExitStack() as stack:
        private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semcom-")))
        endpoints = radio_process.endpoints(link, private, ("encoder", "decoder", "radio"))
        link_file, results = private / "link.json", private / "results"
        link_file.write_text(link.model_dump_json(), encoding="utf-8")
        command = [sys.executable, "-m", "semcom_flowgraphs.trx", "--endpoint", endpoints["radio"]]
        command += ["--config", str(link_file), "--results", str(results), "--frames", str(private / "frames")]
        command += ["--encoder", endpoints["encoder"], "--decoder", endpoints["decoder"]]
        client = stack.enter_context(RequestClient(endpoints["radio"], link.transport))
        lines = stack.enter_context(GrowingLines(results))
        radio = stack.enter_context(SupervisedProcess(command, name="radio process", on_failure=client.wake))
        first: list[Line] = []
        while not any("radio" in line for line in first):
            radio.check()
            time.sleep(POLL_S)
            first += lines.read()
        settings = next(RadioSettings.model_validate(line["radio"]) for line in first if "radio" in line)
        encoder = worker_process("encoder", endpoints["encoder"], link.transmitter, private, client.wake)
        decoder = worker_process("decoder", endpoints["decoder"], link.receiver, private, client.wake)
        processes = [radio, *(stack.enter_context(worker) for worker in (encoder, decoder))]
        yield Transceiver(Transmitter(settings, client, processes), results, lines, first)


def run(
    transmissions: Sequence[Transmission],
    link: LinkConfig,
    transceiver: Transceiver,
    folder: Path,
    snr_db: float | None = None,
    every_s: float = 0.0,
    quiet: bool = False,
) -> Finished:
    """Send everything, hear it, and write the run folder (all but the report). Arguments as those of `transmit.run`.

    Raises:
        ServiceFailed: a process was given up before anything was sent.
    """
    sent, heard = folder / "transmitter", folder / "receiver"
    for part in (sent, heard):
        part.mkdir(exist_ok=True)
    with Reception(heard, link.codec.names) as reception:
        _take(transceiver.first, reception)
        listen = functools.partial(_listen, transceiver, reception)
        transmitter = transceiver.transmitter
        transmitted = transmit.run(transmissions, link, transmitter, sent, snr_db, every_s, quiet, listen)
        failure = str(transmitted.summary["run"].get("failure", ""))
        try:
            _hear_the_rest(transceiver, reception, len(transmitted.messages))
        except ServiceFailed as error:
            failure = failure or str(error)
    settings = transceiver.transmitter.settings
    run_folder.write_json(heard / "radio.json", settings.model_dump(mode="json"))
    scored = score.score(score.read_transmitter(sent), score.read_receiver(heard))
    if failure:
        scored.summary["run"]["failure"] = failure
    score.write(scored, link, folder)
    run_folder.write_json(folder / "radio.json", settings.model_dump(mode="json"))
    return Finished(scored, transmitted.stopped)


def _listen(transceiver: Transceiver, reception: Reception) -> str:
    """Take what was written since; the newest look at the receiver, for people."""
    _take(transceiver.lines.read(), reception)
    seen = _last_look(reception)
    return brief(seen) if seen else ""


def _hear_the_rest(transceiver: Transceiver, reception: Reception, sent: int) -> None:
    """Until all is there, or the stream has gone on for so long that no more can come, or it stands still."""
    port = transceiver.transmitter.settings.receiver
    tail_s = TAIL_S + (TAIL_SAMPLES / port.sample_rate if port else 0.0)
    _wait(transceiver, reception)
    states: list[tuple[float, int]] = []  # of the stream and of what came of it, at each look since all was sent
    while reception.messages < sent:
        _wait_until(functools.partial(_newer, reception, _last_look(reception)), transceiver, reception)
        states.append((reception.looks[-1]["at_s"], reception.messages))
        if states[-1][0] - states[0][0] >= tail_s or states[-1] in states[:-1]:
            break
    transceiver.results.with_name(transceiver.results.name + ".finish").touch()
    _wait_until(lambda: reception.done, transceiver, reception)


def _newer(reception: Reception, seen: Line | None) -> bool:
    return _last_look(reception) is not seen


def _last_look(reception: Reception) -> Line | None:
    """Not how many there are: only the newest are kept."""
    return reception.looks[-1] if reception.looks else None


def _wait_until(there: Callable[[], bool], transceiver: Transceiver, reception: Reception) -> None:
    """Until something is there that the radio process writes.

    Raises:
        ServiceFailed: it has not been there for `FINISH_S`, or a process was given up.
    """
    deadline = time.monotonic() + radio_process.FINISH_S
    while not there():
        if time.monotonic() > deadline:
            raise ServiceFailed(f"radio process: not done with what it received in {radio_process.FINISH_S:g} s")
        _wait(transceiver, reception)


def _wait(transceiver: Transceiver, reception: Reception) -> None:
    """A moment, for what the radio process writes."""
    transceiver.transmitter.check()
    time.sleep(POLL_S)
    _take(transceiver.lines.read(), reception)


def _take(lines: Sequence[Line], reception: Reception) -> None:
    for line in lines:
        reception.take(line)
