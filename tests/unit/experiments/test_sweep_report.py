import json
from html.parser import HTMLParser

import pytest
from fake_sweep import rows, write
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import ConfigError
from semcom_ota.experiments import similarity, sweep_pictures, sweep_report, sweep_tables


@pytest.fixture(autouse=True)
def _no_encoder(monkeypatch):
    monkeypatch.setattr(similarity, "PACKAGE", "no_such_package_here")


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)


def test_a_sweep_becomes_a_page_tables_and_a_summary(tmp_path):
    folder = write(
        tmp_path,
        [
            line | {"codec": line["codec"].replace("cliff", "<b>cliff|")}
            for line in rows(messages=35, channels=("awgn",))
        ],
    )
    done = CliRunner().invoke(app, ["report", str(folder)])
    assert done.exit_code == 0 and "No sentence similarity: there is no sentence encoder" in done.output
    page, tables = (folder / "report.html").read_text(), (folder / "tables.md").read_text()
    assert page.count("data:image/png;base64,") == 2 + 1
    assert "http://" not in page and "https://" not in page  # nothing is fetched
    assert "<b>cliff" not in page
    tags = Tags()
    tags.feed(page)
    assert tags.tags.count("table") == tables.count("\n| --- |")
    assert "&lt;b&gt;cliff\\|" in tables and "Reliability" in page
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["run"]["level"] == "waveform" and len(summary["points"]) == 8
    assert summary["unequal_messages"] == 0 and summary["run"]["reference"] == "graceful"
    assert summary == json.loads(json.dumps(sweep_report.summarise(folder)))  # the same figures each time


@pytest.mark.parametrize(
    "lines",
    [
        rows(messages=1, channels=("awgn",), snrs=(0.0,))[:1],
        [one for one in rows(messages=40, channels=("rayleigh",), snrs=(-4.0,)) if one["status"] == "lost"],
        rows(messages=40, channels=("awgn",), snrs=(0.0, 4.0))[:133],
    ],
    ids=["one row", "nothing arrived", "killed"],
)
def test_a_sweep_that_is_not_whole_has_a_report(tmp_path, lines):
    folder = write(tmp_path, lines, timed=False)
    page = sweep_report.write(folder, sweep_report.summarise(folder))
    assert "<table>" in page.read_text()
    json.loads((folder / "summary.json").read_text(), parse_constant=pytest.fail)  # no NaN, which is not JSON


def test_points_with_fewer_messages_and_unfair_ones_are_said(tmp_path):
    lines = rows(messages=40, channels=("awgn",), snrs=(0.0, 4.0))[:-20]
    folder = write(tmp_path, [lines[0] | {"energy": 200.0}, *lines[1:]], finished=False)
    notes = sweep_report.summarise(folder)["notes"]
    assert any("not finished: 140 rows of 140 at most" in note for note in notes)
    assert any("from 30 to 40 messages" in note for note in notes)
    assert any("1 messages did not cost the same" in note for note in notes)
    assert not any("commits" in note for note in notes)


def test_a_sweep_that_went_on_with_other_code_says_so(tmp_path):
    folder = write(tmp_path, rows(messages=1, channels=("awgn",), snrs=(0.0,)))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"commits": ["abc", "def-dirty"]}))
    assert any(
        "2 commits, whose code may differ: abc, def-dirty" in note for note in sweep_report.summarise(folder)["notes"]
    )


def test_a_sweep_of_several_machines_says_so(tmp_path):
    folder = write(tmp_path, rows(messages=1, channels=("awgn",), snrs=(0.0,)))
    manifest = json.loads((folder / "manifest.json").read_text())
    for machine, said in ((manifest.get("machine"), False), ({"processor": "another"}, True)):
        (folder / "manifest.json").write_text(json.dumps(manifest | {"earlier": [{"machine": machine}]}))
        assert any("more than one machine" in note for note in sweep_report.summarise(folder)["notes"]) == said


def test_a_folder_without_measurements_is_one_sentence(tmp_path):
    (tmp_path / "rows.jsonl").touch()
    for folder, said in ((tmp_path, "holds no measurement yet"), (tmp_path / "none", "neither a sweep nor a run")):
        done = CliRunner().invoke(app, ["report", str(folder)])
        assert done.exit_code == 2 and said in done.output
    with pytest.raises(ConfigError, match="no model 'no/such'"):
        write(tmp_path, rows(messages=1))
        sweep_report.summarise(tmp_path, encoder="no/such")


def test_bounds_are_said_as_such():
    one = {"at_least": 2.5, "at_most": 2.5, "low": 2.0, "high": None}
    assert sweep_tables.decibels(one) == "2.50 [2.00, open]"
    assert sweep_tables.decibels(one | {"at_most": None}) == "≥ 2.50 [2.00, open]"
    assert sweep_tables.decibels(one | {"at_least": None}) == "≤ 2.50 [2.00, open]"
    assert sweep_tables.decibels(one | {"at_least": None, "at_most": None}) == "unknown"
    assert sweep_tables.reached(one | {"at_most": None}, [0, 2.5]) == "not reached up to 2.5"
    assert sweep_tables.reached(one | {"at_least": None}, [2.5, 3]) == "above it from 2.5 on, the lowest measured"


def test_a_text_in_a_table_is_one_line():
    wrong = {"codec": "a", "channel": "awgn", "snr_db": 3.0, "confidence": 0.5, "sent": "x\n\u2028\x1by" + "z" * 200}
    table = sweep_tables.wrong_texts({"wrong_texts": [wrong | {"received": "<i>&|"}]})
    assert table.rows[0][4].startswith("x\\n\\u2028\\x1byz") and table.rows[0][4].endswith("z...")
    assert "<i>" not in table.html() and len(table.markdown().splitlines()) == 5


def test_every_curve_looks_different_and_keeps_its_colour():
    names = [f"codec {n}" for n in range(10)] + ["codec 3 (perfect CSI)"]
    looks = sweep_pictures.looks(names)
    assert len(set(looks.values())) == 10 and looks["codec 3"] == looks["codec 3 (perfect CSI)"]


def test_a_picture_has_the_same_bytes_each_time():
    points = [{"codec": "a", "snr_db": 0.0, "messages": 4, "delivered": 3, "wrong_delivered": 1, "corrupted": 1,
               "no_frame": 0, "does_not_fit": 0}]  # fmt: skip
    first, second = (sweep_pictures.picture(sweep_pictures.fates(points, "title"), "svg") for _ in range(2))
    assert first == second and b"<svg" in first
