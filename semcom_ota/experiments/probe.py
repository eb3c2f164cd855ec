"""What a link's receiver hears: a radio process that only listens, what it measured, and what that means."""

import contextlib
import csv
import hashlib
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.experiments import plots, provenance, run_folder
from semcom_ota.radio.settings import PortSettings, RadioSettings
from semcom_ota.radio.survey import Spectra, Survey
from semcom_ota.radio.verdicts import Verdict, judge
from semcom_ota.services.process import SupervisedProcess

MAX_SAMPLES = 2**25
"""A quarter of a gibibyte: samples are kept while they come, so that nothing holds up the device."""
POLL_S = 0.1

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe found, and where it is written down."""

    folder: Path
    settings: RadioSettings
    receiver: PortSettings  # with the gain at which the survey was made
    survey: Survey
    spectra: Spectra
    verdicts: list[Verdict]
    readings: list[Line]  # `gain_search.Reading`, one for each gain that was tried
    choice: Line | None  # gain_db, judged_by, sentence
    summary: Line


def check_length(seconds: float, link: LinkConfig) -> None:
    """Refuse to listen for longer than the samples can be kept.

    Raises:
        ConfigError: it is too long, or no time at all.
    """
    most = MAX_SAMPLES / link.phy.sample_rate
    if not 0 < seconds <= most:
        raise ConfigError(
            f"--seconds must be above 0 and at most {most:.3g} at this link's sample rate, not {seconds:g}"
        )


def run(link: LinkConfig, seconds: float, find_gain: bool, folder: Path, quiet: bool) -> Probed:
    """Listen, judge, and write the run folder.

    Args:
        link: the whole link, of which the receiver is opened.
        seconds: how long, once the gain is set.
        find_gain: try the gains first.
        folder: a prepared run folder.
        quiet: no progress bar.

    Raises:
        ConfigError: the configuration cannot work.
        ServiceFailed: the radio cannot be opened, delivers nothing, or was lost; one sentence says so.
    """
    (folder / "config.json").write_text(link.model_dump_json(indent=1) + "\n", encoding="utf-8")
    told: Line = {}
    readings: list[Line] = []
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(_progress(quiet))
        task = bar.add_task("opening the radio", total=1.0)
        for line in _follow(link, seconds, find_gain, stack):
            if "begun" in line:
                told.clear()
                readings.clear()
            elif "reading" in line:
                readings.append(line["reading"])
                bar.update(task, description=f"gain {line['reading']['gain_db']:g} dB")
            elif "progress" in line:
                bar.update(task, description="listening", completed=line["progress"])
            else:
                told |= line
    settings = RadioSettings.model_validate(told["radio"])
    choice: Line | None = told.get("choice")
    receiver = settings.receiver
    assert receiver is not None  # it was opened to receive
    if choice is not None:
        receiver = receiver.model_copy(update={"gain_db": choice["gain_db"]})
    survey = Survey.model_validate(told["survey"])
    verdicts = judge(survey, receiver, link)
    spectra = _spectra(told["spectra"])
    radio = settings.model_dump() | {"receiver": receiver.model_dump()}
    summary = {
        "run": {
            "level": settings.level,
            "commit": provenance.commit(),
            "config_sha256": hashlib.sha256(link.model_dump_json().encode()).hexdigest(),
            "versions": provenance.versions(("semcom-ota", "numpy")),
        },
        "radio": radio,
        "survey": survey.model_dump() | {"noise_dbfs_per_hz": survey.noise_dbfs_per_hz},
        "verdicts": [asdict(verdict) for verdict in verdicts],
        "gain": None if choice is None else choice | {"readings": sorted(readings, key=lambda one: one["gain_db"])},
    }
    run_folder.write_json(folder / "radio.json", radio)
    run_folder.write_json(folder / "summary.json", summary)
    _write_spectra(folder, spectra, receiver, link)
    return Probed(folder, settings, receiver, survey, spectra, verdicts, readings, choice, summary)


def _follow(link: LinkConfig, seconds: float, find_gain: bool, stack: contextlib.ExitStack) -> Iterator[Line]:
    """Start the radio process, and yield what it writes, until it is done."""
    private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semcom-")))
    results_file, link_file = private / "results", private / "link"
    link_file.write_text(link.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "semcom_flowgraphs.probe", "--config", str(link_file)]
    command += ["--results", str(results_file), "--seconds", repr(seconds), *(["--find-gain"] if find_gain else [])]
    failed = threading.Event()
    process = stack.enter_context(SupervisedProcess(command, "radio process", failed.set))
    results_file.touch()
    results = stack.enter_context(results_file.open("rb"))
    unfinished = b""
    while True:
        process.check()
        *lines, unfinished = (unfinished + results.read()).split(b"\n")
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError):  # cut when the process was killed, or empty
                told = json.loads(line)
                if "done" in told:
                    return
                yield told
        failed.wait(POLL_S)


def _spectra(told: Line) -> Spectra:
    busy = told["busy"]
    return Spectra(
        np.array(told["frequency_hz"], np.float32),
        np.array(told["quiet"], np.float32),
        None if busy is None else np.array(busy, np.float32),
    )


def _write_spectra(folder: Path, spectra: Spectra, receiver: PortSettings, link: LinkConfig) -> None:
    edge_hz = link.phy.used_carriers / 2 * link.phy.sample_rate / link.phy.fft_size
    picture = plots.power_spectra(spectra.frequency_hz, spectra.quiet, spectra.busy, edge_hz, receiver.frequency_hz)
    (folder / "spectrum.png").write_bytes(picture)
    with (folder / "spectrum.csv").open("w", encoding="utf-8", newline="") as file:
        columns = {"frequency_hz": spectra.frequency_hz, "quiet_dbfs_per_hz": spectra.quiet}
        columns |= {} if spectra.busy is None else {"busy_dbfs_per_hz": spectra.busy}
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(zip(*(map("{:.2f}".format, column) for column in columns.values()), strict=True))


def _progress(quiet: bool) -> Progress:
    unseen = quiet or not Console().is_terminal  # where nobody looks, it would leave an empty line
    return Progress(TextColumn("{task.description}"), BarColumn(), disable=unseen, transient=True)
