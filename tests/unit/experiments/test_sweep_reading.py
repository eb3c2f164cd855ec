import json

import pytest
from fake_sweep import rows, write
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from semcom_ota.config import ConfigError
from semcom_ota.experiments import sweep_reading
from semcom_ota.experiments.sweep_reading import (
    Row,
    digest,
    is_sweep,
    pack_rows,
    read_manifest,
    read_rows,
    read_timings,
)

LINES = rows(messages=2, channels=("awgn",), snrs=(0.0,))
ROW = TypeAdapter(Row)


def test_rows_come_back_as_they_were_written(tmp_path):
    found = read_rows(write(tmp_path, LINES))
    assert [(row.codec, row.message, row.received) for row in found] == [
        (line["codec"], line["message"], line["received"]) for line in LINES
    ]
    timings = read_timings(tmp_path)
    assert len(timings) == len(LINES) and timings[0].encode_ms == 2.0
    assert read_manifest(tmp_path)["name"] == "make-believe"
    assert is_sweep(tmp_path) and len(digest(tmp_path)) == 64


def test_packed_rows_are_the_same_rows(tmp_path):
    many = rows(messages=200, channels=("awgn",), snrs=(0.0, 3.0))
    folder, packed = write(tmp_path / "folder", many), tmp_path / "results" / "packed"
    pack_rows(folder, packed)
    assert is_sweep(packed) and not (packed / "rows.jsonl").exists()
    assert read_rows(packed) == read_rows(folder) and digest(packed) == digest(folder)
    assert read_manifest(packed) == read_manifest(folder) and read_timings(packed) == []
    pack_rows(packed, tmp_path / "again")
    assert (tmp_path / "again" / "rows.jsonl.xz").read_bytes() == (packed / "rows.jsonl.xz").read_bytes()
    write(packed, LINES)
    assert len(read_rows(packed)) == len(LINES)  # a sweep that goes on there has rows of its own


def test_what_is_not_finished_or_another_sweep_is_not_packed(tmp_path):
    pack_rows(write(tmp_path / "one", LINES), tmp_path / "kept")
    packed = (tmp_path / "kept" / "rows.jsonl.xz").read_bytes()
    with pytest.raises(ConfigError, match="is not finished"):
        pack_rows(write(tmp_path / "begun", LINES, finished=False), tmp_path / "kept")
    other = write(tmp_path / "other", LINES) / "manifest.json"
    other.write_text(json.dumps(json.loads(other.read_text()) | {"config_sha256": "another"}))
    with pytest.raises(ConfigError, match="keeps another sweep"):
        pack_rows(tmp_path / "other", tmp_path / "kept")
    assert (tmp_path / "kept" / "rows.jsonl.xz").read_bytes() == packed


def test_damaged_packed_rows_are_one_sentence(tmp_path, monkeypatch):
    pack_rows(write(tmp_path / "folder", LINES), packed := tmp_path / "packed")
    file = packed / "rows.jsonl.xz"
    content = file.read_bytes()
    for damaged in (content[:-40], content[:20], b"", b"not xz at all", content[:100] + b"XXXX" + content[104:]):
        file.write_bytes(damaged)
        with pytest.raises(ConfigError, match=r"rows\.jsonl\.xz' is damaged .*: get it again"):
            read_rows(packed)
    file.write_bytes(content)
    monkeypatch.setattr(sweep_reading, "MAX_UNPACKING_BYTES", 2**16)
    with pytest.raises(ConfigError, match="is damaged"):
        digest(packed)


def test_a_line_that_a_kill_cut_is_passed_over(tmp_path):
    file = write(tmp_path, LINES) / "rows.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    assert len(read_rows(tmp_path)) == len(LINES) - 1


def test_a_damaged_line_is_named(tmp_path):
    file = write(tmp_path, LINES) / "rows.jsonl"
    content = file.read_text().splitlines()
    for damage in ('{"codec": 1}', "[]", "not JSON", json.dumps(LINES[1] | {"energy": -1.0})):
        file.write_text("\n".join([content[0], damage, content[2]]) + "\n")
        with pytest.raises(ConfigError, match=r"line 2, is damaged .*: measure again"):
            read_rows(tmp_path)


def test_what_is_no_sweep_is_refused(tmp_path, monkeypatch):
    assert not is_sweep(tmp_path)
    with pytest.raises(ConfigError, match="cannot read"):
        read_rows(tmp_path)
    (tmp_path / "rows.jsonl").touch()
    with pytest.raises(ConfigError, match="holds no measurement yet"):
        read_rows(tmp_path)
    assert read_timings(tmp_path) == [] and read_manifest(tmp_path) == {}
    for damaged in ('{"commits": 3}', '{"earlier": [1]}', '{"config": []}'):
        (tmp_path / "manifest.json").write_text(damaged)
        with pytest.raises(ConfigError, match="is damaged"):
            read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_manifest(tmp_path)
    write(tmp_path, LINES)
    for name, value in (("MAX_LINE_BYTES", 100), ("MAX_ROWS", 2)):
        with monkeypatch.context() as patch:
            patch.setattr(sweep_reading, name, value)
            with pytest.raises(ConfigError, match="too large at line"):
                read_rows(tmp_path)


@given(
    st.binary(max_size=200) | st.fixed_dictionaries({key: st.none() | st.integers() | st.text() for key in LINES[0]})
)
def test_no_line_does_anything_but_be_read_or_refused(line):
    content = line if isinstance(line, bytes) else json.dumps(line).encode()
    try:
        row = ROW.validate_json(content)
    except ValidationError:
        return
    assert isinstance(row, Row) and row.payload_symbols >= 0
