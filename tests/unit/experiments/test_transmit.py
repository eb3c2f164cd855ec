"""What a transmit run sends, when, and what it writes down however it ends."""

import contextlib
import io
import json
import time
from pathlib import Path

import pytest
from fake_transmitter import CODECS, PORT, SETTINGS, FakeTransmitter, reply
from rich.console import Console
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.experiments import transmit
from semcom_ota.experiments.console import print_radio, print_transmitted
from semcom_ota.experiments.run_folder import prepare
from semcom_ota.radio.settings import RadioSettings
from semcom_ota.radio_config import KINDS
from semcom_ota.services.process import ServiceFailed
from semcom_ota.transport.radio import TransmitReply


def test_the_plan_is_that_of_a_loopback_and_repetitions_number_on():
    planned = transmit.plan(["a", "b"], CODECS, repeat=2)
    assert [(one.message, one.stream, one.codec, one.match, one.text) for one in planned] == [
        (0, 0, "text-jscc", None, "a"), (0, 1, "huffman", "text-jscc", "a"),
        (1, 0, "text-jscc", None, "b"), (1, 1, "huffman", "text-jscc", "b"),
        (2, 0, "text-jscc", None, "a"), (2, 1, "huffman", "text-jscc", "a"),
        (3, 0, "text-jscc", None, "b"), (3, 1, "huffman", "text-jscc", "b"),
    ]  # fmt: skip
    assert transmit.plan(["a"], ["utf8"], 65536)[-1].message == 65535
    with pytest.raises(ConfigError, match="send fewer"):
        transmit.plan(["a", "b"], ["utf8"], 32769)


def test_messages_leave_in_order_and_no_faster_than_they_are_to(monkeypatch: pytest.MonkeyPatch):
    planned = transmit.plan(["a", "b", "c"], CODECS)
    fake = FakeTransmitter([reply(one.stream, one.message) for one in planned])
    monkeypatch.setattr(time, "monotonic", lambda: fake.now)
    got = dict(transmit.exchange(planned, fake, 12.5, every_s=1.25))
    assert sorted(got) == list(range(6))
    assert [(fields["message"], fields["stream"]) for _, fields in fake.submitted] == [
        (one.message, one.stream) for one in planned
    ]
    assert [at for at, _ in fake.submitted] == pytest.approx([100.0, 100.0, 101.25, 101.25, 102.5, 102.5])
    assert all(fields["snr_db"] == 12.5 for _, fields in fake.submitted)
    assert [fields["match"] for _, fields in fake.submitted] == [None, "text-jscc"] * 3


def test_the_run_folder_says_what_became_of_each(tmp_path: Path):
    planned = transmit.plan(["a man", "b"], CODECS)
    replies = [
        reply(0, 0, "late", at=1),
        reply(1, 0, at=2),
        reply(0, 1, "late", at=1),  # shared the burst of message 0
        reply(1, 1, "sequence_error", at=3, reason="samples were lost"),
    ]
    folder = prepare(tmp_path / "run")
    finished = transmit.run(planned, LinkConfig(), FakeTransmitter(replies), folder, quiet=True)
    assert not finished.stopped
    rows = [json.loads(line) for line in (folder / "messages.jsonl").read_text().splitlines()]
    assert rows == json.loads(json.dumps(finished.messages))
    assert [row["status"] for row in rows] == ["late", "acknowledged", "late", "failed"]
    assert rows[0] == {
        "index": 0, "stream": 0, "message": 0, "codec": "text-jscc", "sent": "a man", "status": "late", "reason": "",
        "bursts": [{"tx_time": [7, 0.001], "samples": 2000, "fragment": 0, "fate": "late", "limited": 3}],
        "payload_symbols": 40, "overhead_symbols": 800, "air_samples": 1400, "mean_symbol_energy": 1.0,
        "masked_symbols": 0, "outlook": "", "snr_db_expected": None,
        "health": {"late": 1},
    }  # fmt: skip
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert events == [
        {"kind": "late", "tx_time": [7, 0.001], "stream": 0, "message": 0, "fragment": 0},
        {"kind": "sequence_error", "tx_time": [7, 0.003], "stream": 1, "message": 1, "fragment": 0},
    ]
    assert RadioSettings.model_validate_json((folder / "radio.json").read_text()) == SETTINGS
    assert LinkConfig.model_validate_json((folder / "config.json").read_text()) == LinkConfig()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == json.loads(json.dumps(finished.summary))
    assert (summary["run"]["level"], "failure" in summary["run"]) == ("air", False)
    jscc, huffman = summary["points"]
    assert (jscc["codec"], jscc["messages"], jscc["late"], jscc["acknowledged"]) == ("text-jscc", 2, 2, 0)
    assert (jscc["bursts"], jscc["limited_samples"], jscc["time_on_air_s"]) == (1, 3, 0.0)  # shared, and never sent
    assert (huffman["acknowledged"], huffman["failed"], huffman["time_on_air_s"]) == (1, 1, 0.002)
    assert (huffman["payload_symbols"], huffman["air_samples"], huffman["mean_symbol_energy"]) == (80, 2800, 1.0)


@pytest.mark.parametrize("error", [ServiceFailed, KeyboardInterrupt])
def test_a_run_that_ends_early_keeps_what_is_known(tmp_path: Path, error: type[BaseException]):
    planned = transmit.plan(["a", "b"], CODECS)
    fake = FakeTransmitter([reply(one.stream, one.message) for one in planned], break_after=3, error=error)
    finished = transmit.run(planned, LinkConfig(), fake, prepare(tmp_path / "run"), quiet=True)
    statuses = [message["status"] for message in finished.messages]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    if error is ServiceFailed:
        assert statuses == ["acknowledged"] * 3 + ["failed"]
        assert finished.messages[3]["reason"] == "not known to be sent: the device is gone"
        assert summary["run"]["failure"] == "the device is gone"
    else:
        assert statuses == ["acknowledged"] * 3
        assert finished.stopped and "failure" not in summary["run"]


@pytest.mark.parametrize(("answered", "status"), [(1, 2), (9, 1)])
def test_the_exit_status_tells_a_device_that_is_gone_from_a_message_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: int, status: int
):
    fake = FakeTransmitter([reply(0, 0), reply(0, 1, "sequence_error")], break_after=answered)
    monkeypatch.setattr(transmit, "opened", lambda link: contextlib.nullcontext(fake))
    (tmp_path / "link.yml").write_text("radio: {kind: zmq}")
    options = ["--text", "a", "--text", "b", "--codec", "text-jscc", "--quiet"]
    done = CliRunner().invoke(app, ["tx", str(tmp_path / "link.yml"), "--out", str(tmp_path / "run"), *options])
    assert done.exit_code == status
    assert done.stderr == ("semcom: the run ended early: the device is gone\n" if status == 2 else "")
    assert ("failure" in json.loads((tmp_path / "run" / "summary.json").read_text())["run"]) == (status == 2)


def test_a_process_that_fails_before_anything_is_sent_is_an_error(tmp_path: Path):
    planned = transmit.plan(["a"], CODECS)
    with pytest.raises(ServiceFailed, match="gone"):
        transmit.run(planned, LinkConfig(), FakeTransmitter([], break_after=0), prepare(tmp_path / "run"), quiet=True)


def test_a_text_that_the_encoder_refuses_has_failed_and_one_that_does_not_fit_has_not(tmp_path: Path):
    planned = transmit.plan(["a", "b"], ["huffman"])
    known = {"codec": "huffman", "stream": 0}
    replies = [
        TransmitReply(status="refused", message=0, reason="no such codec", **known),
        TransmitReply(status="does_not_fit", message=1, reason="too long", **known),
    ]
    finished = transmit.run(planned, LinkConfig(), FakeTransmitter(replies), prepare(tmp_path / "run"), quiet=True)
    assert [message["status"] for message in finished.messages] == ["failed", "does_not_fit"]
    (point,) = finished.summary["points"]
    assert (point["failed"], point["does_not_fit"], point["mean_symbol_energy"]) == (1, 1, 0.0)


def printed(show, *arguments: object) -> str:
    console = Console(file=io.StringIO(), width=80)
    show(*arguments, console)
    return console.file.getvalue()


def test_what_the_radio_is_set_to_is_printed_as_it_says_it():
    text = printed(print_radio, SETTINGS)
    for word in ("B210 [31F5A2C]", "2000000", "2450000000", "0 to 89.75", "clock from external", "ref_locked 1"):
        assert word in text
    assert "antenna" not in text and "receiver" not in text


@pytest.mark.parametrize(
    ("end", "tells_gaps", "times"), [("receiver", False, 1), ("receiver", True, 0), ("transmitter", False, 0)]
)
def test_a_receiver_that_cannot_tell_of_gaps_says_so_once(end: str, tells_gaps: bool, times: int):
    text = printed(print_radio, RadioSettings(kind="soapy", level="air", tells_gaps=tells_gaps, **{end: PORT}))
    assert text.count("cannot tell of samples that were lost") == times


def test_the_table_of_a_run_has_its_figures_and_the_reasons():
    planned = transmit.plan(["a"], CODECS)
    replies = [reply(0, 0, "late", reason="1 of 1 [bursts] came late"), reply(1, 0)]
    messages = [transmit._result(one, answer) for one, answer in zip(planned, replies, strict=True)]
    text = printed(print_transmitted, transmit.points(messages, SETTINGS), messages)
    lines = {line.strip()[:18].strip(): line.split()[-2:] for line in text.splitlines() if line.strip()}
    assert lines["messages"] == ["1", "1"]
    assert lines["late"] == ["1", "0"]
    assert lines["seconds on air"] == ["0.000", "0.001"]
    assert "do not fit" not in text
    assert "1 message: 1 of 1 [bursts] came late." in text


def test_only_what_has_a_device_radiates():
    radiates = {
        kind: LinkConfig.model_validate({"phy": "pluto", "radio": {"kind": kind}}).radio.radiates for kind in KINDS
    }
    assert radiates == {"loopback": False, "uhd": True, "soapy": True, "zmq": False, "file": False}
