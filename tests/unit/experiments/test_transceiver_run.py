"""`semcom trx` with a radio process of the test's own: what it writes is read while messages are sent."""

import contextlib
import json
from pathlib import Path

import pytest
from fake_transmitter import CODECS, PORT, FakeTransmitter, reply
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import LinkConfig
from semcom_ota.experiments import radio_process, transceive, transmit
from semcom_ota.experiments.reception import GrowingLines, Reception
from semcom_ota.experiments.run_folder import prepare
from semcom_ota.radio.health import Health
from semcom_ota.radio.settings import RadioSettings
from semcom_ota.services.process import ServiceFailed

SETTINGS = RadioSettings(kind="uhd", level="flowgraph", transmitter=PORT, receiver=PORT)
LINK = LinkConfig.model_validate({"codec": {"names": ["text-jscc"]}})
PLANNED = transmit.plan(["a", "b", "c"], CODECS[:1])


def look(at_s: float, **counts: int) -> dict:
    return {"health": Health(**counts).as_dict(), "at_s": at_s, "level_dbfs": -20.25, "peak_dbfs": -9.0,
            "gain_db": 30.0, "snr_db": 12.5}  # fmt: skip


class Transmitter(FakeTransmitter):
    """Its receiver loses samples after each answer, and writes that down; it says at once that it is done."""

    file: Path
    done = True

    def poll(self, timeout: float) -> list:
        answers = super().poll(timeout)
        lines = [look(float(self.answered), overflows=self.answered, lost_samples=100 * self.answered)]
        lines += [{"done": True}] if self.done and self.answered == len(PLANNED) else []
        with self.file.open("a") as stream:
            stream.writelines(json.dumps(line) + "\n" for line in lines)
        return answers


@contextlib.contextmanager
def transceiver(folder: Path, **changes):
    fake = Transmitter([reply(one.stream, one.message) for one in PLANNED], settings=SETTINGS, **changes)
    fake.file = folder / "results"
    with GrowingLines(fake.file) as lines:
        yield transceive.Transceiver(
            fake, fake.file, lines, [{"radio": SETTINGS.model_dump(mode="json"), "recorded": 0}]
        )


@pytest.fixture(autouse=True)
def nothing_more_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The radio process looks at its stream no more when all is sent."""
    monkeypatch.setattr(radio_process, "FINISH_S", 0.2)


def test_what_is_received_is_told_while_messages_are_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    told = []
    run = transmit.run

    def listening(*arguments):
        *others, listen = arguments
        return run(*others, lambda: told.append(listen()) or told[-1])

    monkeypatch.setattr(transmit, "run", listening)
    with transceiver(tmp_path) as given:
        transceive.run(PLANNED, LINK, given, prepare(tmp_path / "run"), quiet=True)
    assert told == [
        "level -20.2 dBFS, SNR 12.5 dB\n1 overflow, 100 lost samples",
        "level -20.2 dBFS, SNR 12.5 dB\n2 overflows, 200 lost samples",
        "level -20.2 dBFS, SNR 12.5 dB\n3 overflows, 300 lost samples",
    ]


def test_a_radio_process_that_never_finishes_ends_the_run(tmp_path: Path):
    with transceiver(tmp_path) as given:
        given.transmitter.done = False
        finished = transceive.run(PLANNED, LINK, given, prepare(tmp_path / "run"), quiet=True)
    assert "not done with what it received in 0.2 s" in finished.scored.summary["run"]["failure"]
    assert (tmp_path / "run" / "summary.json").exists()


def test_it_is_waited_for_no_longer_once_it_was_asked_to_finish(tmp_path: Path):
    with transceiver(tmp_path) as given, Reception(tmp_path, LINK.codec.names) as reception:
        with pytest.raises(ServiceFailed, match=r"not done with what it received in 0.2 s"):
            transceive._hear_the_rest(given, reception, sent=0)
        assert (tmp_path / "results.finish").exists()


def test_a_device_that_is_gone_is_exit_status_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transceive, "opened", lambda link: transceiver(tmp_path, break_after=1))
    (tmp_path / "link.yml").write_text("radio: {kind: zmq}")
    options = ["--text", "a", "--text", "b", "--codec", "text-jscc", "--quiet", "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, ["trx", str(tmp_path / "link.yml"), *options])
    assert (done.exit_code, done.stderr) == (2, "semcom: the run ended early: the device is gone\n")
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["run"]["failure"] == "the device is gone"
    assert (tmp_path / "run" / "report.html").exists()
