"""What a link's receiver hears: a radio process that only listens, what it measured, and what that means."""

import contextlib
import csv
import hashlib
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.experiments import plots, provenance, run_folder
from semcom_ota.experiments.reception import GrowingLines, Line
from semcom_ota.radio.settings import PortSettings, RadioSettings
from semcom_ota.radio.survey import Spectra, Survey
from semcom_ota.radio.verdicts import Verdict, judge
from semcom_ota.services.process import SupervisedProcess

MAX_SAMPLES = 2**25
"""A quarter of a gibibyte: samples are kept while they come, so that nothing holds up the device."""
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe found."""

    link: LinkConfig
    settings: RadioSettings  # with the gain at which the survey was made
    survey: Survey
    spectra: Spectra
    verdicts: list[Verdict]
    readings: list[Line]  # `gain_search.Reading`, one for each gain that was tried
    choice: Line | None  # gain_db (None: none can be named), judged_by, sentence; None: no search
    summary: Line

    @property
    def receiver(self) -> PortSettings:
        """The end that listened."""
        assert self.settings.receiver is not None
        return self.settings.receiver


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


def run(link: LinkConfig, seconds: float, find_gain: bool, quiet: bool) -> Probed:
    """Listen and judge.

    Args:
        link: the whole link, of which the receiver is opened.
        seconds: how long, once the gain is set.
        find_gain: try the gains first.
        quiet: no progress bar.

    Raises:
        ConfigError: the configuration cannot work.
        ServiceFailed: the radio cannot be opened, delivers nothing, or was lost; one sentence says so.
    """
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
                if all(one["gain_db"] != line["reading"]["gain_db"] for one in readings):  # judged by the first look
                    readings.append(line["reading"])
                bar.update(task, description=f"gain {line['reading']['gain_db']:g} dB")
            elif "progress" in line:
                bar.update(task, description="listening", completed=line["progress"])
            else:
                told |= line
    choice: Line | None = told.get("choice")
    settings = RadioSettings.model_validate(told["radio"])
    receiver = settings.receiver
    assert receiver is not None  # it was opened to receive
    if choice is not None and choice["gain_db"] is not None:
        receiver = receiver.model_copy(update={"gain_db": choice["gain_db"]})
        settings = settings.model_copy(update={"receiver": receiver})
    survey = Survey.model_validate(told["survey"])
    verdicts = judge(survey, receiver, link)
    spectra = _spectra(told["spectra"])
    summary = {
        "run": {
            "level": settings.level,
            "commit": provenance.commit(),
            "config_sha256": hashlib.sha256(link.model_dump_json().encode()).hexdigest(),
            "versions": provenance.versions(("semcom-ota", "numpy")),
        },
        "radio": settings.model_dump(mode="json"),
        "survey": survey.model_dump() | {"noise_dbfs_per_hz": survey.noise_dbfs_per_hz},
        "verdicts": [asdict(verdict) for verdict in verdicts],
        "gain": None if choice is None else choice | {"readings": sorted(readings, key=lambda one: one["gain_db"])},
    }
    return Probed(link, settings, survey, spectra, verdicts, readings, choice, summary)


def write(done: Probed, folder: Path) -> None:
    """Write what was found to a prepared run folder: as JSON, and the spectra as a table and a picture.

    Raises:
        ConfigError: it cannot be written.
    """
    run_folder.write_json(folder / "config.json", done.link.model_dump(mode="json"))
    run_folder.write_json(folder / "radio.json", done.settings.model_dump(mode="json"))
    run_folder.write_json(folder / "summary.json", done.summary)
    phy, spectra = done.link.phy, done.spectra
    edge_hz = phy.used_carriers / 2 * phy.sample_rate / phy.fft_size
    carrier_hz = done.receiver.frequency_hz
    picture = plots.power_spectra(spectra.frequency_hz, spectra.quiet, spectra.busy, edge_hz, carrier_hz)
    (folder / "spectrum.png").write_bytes(picture)
    with (folder / "spectrum.csv").open("w", encoding="utf-8", newline="") as file:
        columns = {"frequency_hz": spectra.frequency_hz, "quiet_dbfs_per_hz": spectra.quiet}
        columns |= {} if spectra.busy is None else {"busy_dbfs_per_hz": spectra.busy}
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(zip(*(map("{:.2f}".format, column) for column in columns.values()), strict=True))


def _follow(link: LinkConfig, seconds: float, find_gain: bool, stack: contextlib.ExitStack) -> Iterator[Line]:
    """Start the radio process, and yield what it writes, until it is done."""
    private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semcom-")))
    results_file, link_file = private / "results", private / "link"
    link_file.write_text(link.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "semcom_flowgraphs.probe", "--config", str(link_file)]
    command += ["--results", str(results_file), "--seconds", repr(seconds), *(["--find-gain"] if find_gain else [])]
    failed = threading.Event()
    process = stack.enter_context(SupervisedProcess(command, "radio process", failed.set))
    results = stack.enter_context(GrowingLines(results_file))
    while True:
        process.check()
        for told in results.read():
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


def _progress(quiet: bool) -> Progress:
    unseen = quiet or not Console().is_terminal  # where nobody looks, it would leave an empty line
    return Progress(TextColumn("{task.description}"), BarColumn(), disable=unseen, transient=True)
