"""`semcom score` on run folders made by hand."""

import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import ConfigError, LinkConfig
from semcom_ota.experiments.score import read_receiver, read_transmitter, score
from semcom_ota.experiments.score_console import print_score
from semcom_ota.radio.health import Health
from semcom_ota.radio.settings import PortSettings, RadioSettings

PORT = PortSettings(device="B210", sample_rate=1e6)
TEXTS = ["A dog runs in the park.", "Two men talk.", "A cat sleeps.", "Rain falls on the sea."]


def settings(level: str = "air", **ends) -> str:
    return RadioSettings(kind="uhd", level=level, **ends).model_dump_json()


def write(folder: Path, radio: str, rows: list[dict], events: tuple[dict, ...] = ()) -> Path:
    folder.mkdir()
    (folder / "radio.json").write_text(radio)
    link = LinkConfig.model_validate({"radio": {"kind": "uhd"}, "codec": {"names": ["utf8"]}})
    (folder / "config.json").write_text(link.model_dump_json())
    for name, lines in (("messages.jsonl", rows), ("events.jsonl", events)):
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def sent(message: int, fate: str = "acknowledged") -> dict:
    burst = {"tx_time": [3 + message, 0.25], "samples": 4000, "fragment": 0, "fate": fate, "limited": 0}
    return {"index": message, "stream": 0, "message": message, "codec": "utf8", "sent": TEXTS[message],
            "status": fate, "reason": "", "bursts": [burst], "payload_symbols": 120, "overhead_symbols": 60,
            "air_samples": 3400, "mean_symbol_energy": 1.0,
            "health": {"late": message, "limited_samples": 5}}  # fmt: skip


ANSWER = {"intent": "ask", "answer": "<kitchen>", "answer_confidence": 0.75, "word_confidence": 0.5}


def received(message: int, **fields) -> dict:
    return {"index": message, "stream": 0, "message": message, "codec": "utf8", "received": TEXTS[message],
            "status": "delivered", "intact": True, "confidence": 1.0, "fragments": 1, "lost_fragments": [],
            "received_s": 1.5 + message, "snr_db_estimated": 11.0, "cfo_hz_estimated": 120.0, "sro_ppm_estimated": 1.0,
            "lost_samples": 0,
            "health": {"overflows": message, "limited_samples": 2, "of_tomorrow": 1}} | fields  # fmt: skip


OVERFLOW = {"kind": "overflow", "at_s": 3.505, "lost_samples": 6000, "cut": [None]}


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Message 1 came late, message 2 fell into a gap; the receiver also heard somebody else."""
    rows = [sent(0), sent(1, "late"), sent(2), sent(3)]
    transmitter = write(tmp_path / "tx", settings(transmitter=PORT), rows)
    arrived = [received(0), received(3, snr_db_estimated=13.0, **ANSWER), received(3, stream=9)]
    return transmitter, write(tmp_path / "rx", settings("flowgraph", receiver=PORT), arrived, (OVERFLOW,))


def test_two_runs_become_one(runs: tuple[Path, Path], tmp_path: Path):
    arguments = ["score", *map(str, runs), "--out", str(tmp_path / "both"), "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    summary = json.loads((tmp_path / "both" / "summary.json").read_text())
    assert summary == json.loads((tmp_path / "out.json").read_text())
    (point,) = summary["points"]
    assert {name: point[name] for name in ("messages", "delivered", "lost", "false", "snr_db")} == {
        "messages": 4, "delivered": 2, "lost": 2, "false": 0, "snr_db": 12.0,
    }  # fmt: skip
    assert point["causes"] == {"late": 1, "underflow": 0, "sequence_error": 0, "overflow": 1,
                               "dropped": 0, "not received": 0}  # fmt: skip
    assert point["words_right_low"] <= point["words_right"] == 11 / 17 <= point["words_right_high"]
    run = summary["run"]
    assert (run["level"], run["unmatched"], run["overflows"], run["lost_samples"]) == ("flowgraph", 1, 1, 6000)
    rows = [json.loads(line) for line in (tmp_path / "both" / "messages.jsonl").read_text().splitlines()]
    assert [row["cause"] for row in rows] == ["", "late", "overflow", ""]
    assert [row["answer"] for row in rows] == [None, None, None, "<kitchen>"] and ANSWER.items() <= rows[3].items()
    counted = [tuple(row["health"][name] for name in ("late", "overflows", "limited_samples")) for row in rows]
    assert counted == [(0, 0, 7), (1, 0, 5), (2, 0, 5), (3, 3, 7)]  # of the receiver, if it has a row of the message
    assert all(row["health"].keys() == Health().as_dict().keys() for row in rows)
    page = (tmp_path / "both" / "report.html").read_text()
    assert "Nobody knows the channel" in page and "<i>overflow</i>" in page
    assert page.count("<b>&lt;kitchen&gt;</b> 75%") == 1
    assert len((tmp_path / "both" / "unmatched.jsonl").read_text().splitlines()) == 1
    assert "1 row of the receiver belongs to no message" in " ".join(done.output.split())


def test_a_run_of_which_nothing_arrived_has_a_report_too(runs: tuple[Path, Path], tmp_path: Path):
    (runs[1] / "messages.jsonl").write_text("")
    done = CliRunner().invoke(app, ["score", *map(str, runs), "--out", str(tmp_path / "both")])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "both" / "summary.json").read_text())["points"][0]["snr_db"] is None


def test_a_line_that_a_kill_cut_off_is_left_out(runs: tuple[Path, Path]):
    with (runs[1] / "messages.jsonl").open("a") as stream:
        stream.write('{"index": 3, "str')
    assert len(read_receiver(runs[1]).rows) == 3


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda tx, rx: (rx, tx), "is no run of a transmitter: give first the transmitter's"),
        (lambda tx, rx: (tx, tx), "is no run of a receiver"),
        (lambda tx, rx: (tx.parent / "none", rx), "is no run folder"),
        (lambda tx, rx: (tx.parent, rx), r"cannot read '.*radio.json' \(No such file or directory\)"),
        (lambda tx, rx: ((tx / "messages.jsonl").write_text("7\n"), (tx, rx))[1], "else than JSON objects"),
        (lambda tx, rx: ((tx / "messages.jsonl").write_text("[" * 10**5 + "\n"), (tx, rx))[1], "else than JSON"),
        (lambda tx, rx: ((tx / "messages.jsonl").write_text("x" * 2**21), (tx, rx))[1], "line 1, is too long"),
        (lambda tx, rx: ((rx / "messages.jsonl").write_text('{"stream": 300}\n'), (tx, rx))[1], "stream: must be"),
        (lambda tx, rx: ((tx / "config.json").write_text('{"x": 1}'), (tx, rx))[1], "x: there is no such key"),
        (lambda tx, rx: ((tx / "messages.jsonl").write_text(""), (tx, rx))[1], "sent nothing"),
    ],
)
def test_what_is_no_run_is_one_sentence(runs: tuple[Path, Path], spoil, sentence: str):
    transmitter, receiver = spoil(*runs)
    with pytest.raises(ConfigError, match=sentence):
        score(read_transmitter(transmitter), read_receiver(receiver))
    done = CliRunner().invoke(app, ["score", str(transmitter), str(receiver)])
    assert done.exit_code == 2 and "Traceback" not in done.output


@pytest.mark.parametrize("health", [7, {"late": -1}, {"late": 2**60}, {"late": "often"}])
def test_counters_that_are_none_are_refused(runs: tuple[Path, Path], health: object):
    (runs[0] / "messages.jsonl").write_text(json.dumps(sent(0) | {"health": health}) + "\n")
    with pytest.raises(ConfigError, match=r"messages.jsonl', health.*no run of ours"):
        read_transmitter(runs[0])


def test_terminal_escapes_of_a_run_folder_are_not_printed(runs: tuple[Path, Path], capsys):
    scored = score(read_transmitter(runs[0]), read_receiver(runs[1]))
    scored.summary["points"][0]["codec"] = "\x1b[31mutf8"
    print_score(scored.summary, Console())
    assert "\x1b" not in capsys.readouterr().out
