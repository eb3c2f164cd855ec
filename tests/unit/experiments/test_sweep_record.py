import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom_ota.config import ConfigError
from semcom_ota.experiments.sweep_config import SweepConfig
from semcom_ota.experiments.sweep_plan import Measured, plan
from semcom_ota.experiments.sweep_record import Journal, SweepRecord

LINES_OF = {unit: 2 + unit % 3 for unit in range(6)}
SWEEP = {"texts": {"set": "demo"}, "codecs": ["utf8"], "channels": ["awgn"], "snr_db": [3], "unit_messages": 2}
UNITS = plan(SweepConfig.model_validate(SWEEP), 6)
MANIFEST = {"config_sha256": "one", "commit": "abc"}


def lines(unit):
    return [{"unit": unit, "text": f"ünit\u2028\r {unit}", "line": line} for line in range(LINES_OF[unit])]


def measured(unit):
    own = [{"unit": unit, "message": message} for message in UNITS[unit].messages]
    return Measured(unit, own, [row | {"ms": 1.5} for row in own])


def record(folder, manifest=MANIFEST):
    return SweepRecord(folder, manifest, UNITS, 1)


@settings(max_examples=20)  # each waits for the disk
@given(st.permutations(list(LINES_OF)), st.integers(0, 2000))
def test_what_is_whole_survives_a_cut_anywhere(tmp_path_factory, order, cut):
    file = tmp_path_factory.mktemp("journal") / "rows.jsonl"
    journal = Journal(file, LINES_OF)
    ends = []
    for unit in order:
        journal.append(unit, lines(unit))
        ends.append(file.stat().st_size)
    journal.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:cut])
    again = Journal(file, LINES_OF)
    kept = [unit for unit, end in zip(order, ends, strict=True) if end <= cut]
    assert list(again.places) == kept
    for unit in order[len(kept) :]:
        again.append(unit, lines(unit))
    again.close()
    assert file.read_bytes() == whole


def test_units_are_put_in_order_and_others_left_out(tmp_path):
    journal = Journal(tmp_path / "rows.jsonl", LINES_OF)
    for unit in (3, 0, 5, 1):
        journal.append(unit, lines(unit))
    journal.keep([0, 1, 3])
    journal.append(2, lines(2))
    assert [json.loads(line)["unit"] for line in (tmp_path / "rows.jsonl").read_bytes().split(b"\n")[:-1]] == [
        *[0] * 2, *[1] * 3, *[3] * 2, *[2] * 4,
    ]  # fmt: skip
    assert journal.read(2) == lines(2)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:40] + b"\xff" + content[41:],
        lambda content: b"[]\n" + content,
        lambda content: content.replace(b'"unit": 1', b'"unit": 77', 1),
        lambda content: content + content,
    ],
    ids=["a byte", "another line", "an unknown unit", "twice"],
)
def test_a_file_that_no_kill_leaves_is_refused(tmp_path, spoil):
    journal = Journal(tmp_path / "rows.jsonl", LINES_OF)
    for unit in (0, 1, 2):
        journal.append(unit, lines(unit))
    journal.close()
    (tmp_path / "rows.jsonl").write_bytes(spoil((tmp_path / "rows.jsonl").read_bytes()))
    with pytest.raises(ConfigError, match="is damaged behind byte"):
        Journal(tmp_path / "rows.jsonl", LINES_OF)


def test_a_folder_goes_on_where_it_was_left(tmp_path):
    with record(tmp_path) as kept:
        kept.add(measured(2))
        kept.add(measured(0))
    with (tmp_path / "timings.jsonl").open("a") as stream:  # killed between the two files
        stream.writelines(json.dumps(timing) + "\n" for timing in measured(1).timings)
    with record(tmp_path, MANIFEST | {"commit": "def"}) as kept:
        assert kept.units == {0, 2}
        kept.add(measured(1))
        kept.finish([0, 1])
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    timings = [json.loads(line) for line in (tmp_path / "timings.jsonl").read_text().splitlines()]
    assert rows == measured(0).rows + measured(1).rows and timings == measured(0).timings + measured(1).timings
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest.pop("earlier") == [{"commit": "abc", "machine": None, "versions": None}]
    assert manifest == {"config_sha256": "one", "commit": "def", "commits": ["abc", "def"], "finished": True}


def test_who_measures_nothing_has_no_part_in_it(tmp_path):
    with record(tmp_path) as kept:
        kept.add(measured(0))
        kept.finish([0])
    before = (tmp_path / "manifest.json").read_bytes()
    for commit in ("def", "ghi"):
        with record(tmp_path, MANIFEST | {"commit": commit}) as kept:
            kept.finish([0])
        assert (tmp_path / "manifest.json").read_bytes() == before


def test_packed_rows_are_not_gone_on_with(tmp_path):
    with record(tmp_path / "sweep") as kept:
        kept.add(measured(0))
        kept.finish([0])
    (tmp_path / "sweep" / "rows.jsonl").rename(tmp_path / "sweep" / "rows.jsonl.xz")
    with pytest.raises(ConfigError, match="whose rows are packed"):
        record(tmp_path / "sweep")
    assert not (tmp_path / "sweep" / "rows.jsonl").exists()


def test_a_folder_is_not_shared(tmp_path):
    with record(tmp_path), pytest.raises(ConfigError, match="in use: another 'semcom sweep' writes there"):
        record(tmp_path)
    record(tmp_path).__exit__()


def test_what_is_no_sweep_or_another_one_is_left_alone(tmp_path):
    with record(tmp_path / "sweep"):
        pass
    with pytest.raises(ConfigError, match="holds another sweep"):
        record(tmp_path / "sweep", MANIFEST | {"config_sha256": "two"})
    (tmp_path / "sweep" / "manifest.json").write_text("[]")
    with pytest.raises(ConfigError, match="is no manifest of a sweep"):
        record(tmp_path / "sweep")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(ConfigError, match=r"holds something else \('thesis.tex'\)"):
        record(tmp_path / "other")
    assert [file.name for file in (tmp_path / "other").iterdir()] == ["thesis.tex"]
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write to"):
        record(tmp_path / "file")
