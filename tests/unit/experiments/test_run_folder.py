import json
from pathlib import Path

import pytest

from semcom_ota.config import ConfigError
from semcom_ota.experiments.run_folder import check_folder, keep_line, kept_lines, write_json


def test_a_json_file_is_replaced_at_one_stroke(tmp_path):
    file, link = tmp_path / "deep" / "a.json", tmp_path / "link.json"
    write_json(file, {"a": 1})
    link.symlink_to(file)
    write_json(link, {"a": 2})
    assert json.loads(file.read_text()) == {"a": 2} and link.is_symlink()
    assert [found.name for found in file.parent.iterdir()] == ["a.json"]


def test_a_device_stays_one():
    write_json(Path("/dev/null"), {"a": 1})
    assert Path("/dev/null").is_char_device()


def test_what_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="choose another file"):
        write_json(tmp_path / "file" / "a.json", {})


def test_a_folder_is_checked_without_a_trace(tmp_path):
    check_folder(tmp_path / "deep" / "run")
    assert not list(tmp_path.iterdir())
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "config.json").write_text("{}")
    check_folder(kept)
    assert (kept / "config.json").read_text() == "{}"
    (kept / "summary.json").touch()
    with pytest.raises(ConfigError, match="already holds a run"):
        check_folder(kept)
    with pytest.raises(ConfigError, match="choose another --out"):
        check_folder(kept / "config.json" / "run")
    assert sorted(file.name for file in kept.iterdir()) == ["config.json", "summary.json"]


def test_lines_are_kept_and_one_that_was_cut_short_is_made_again(tmp_path):
    file = tmp_path / "new" / "kept.jsonl"
    assert kept_lines(file) == []
    for number in range(3):
        keep_line(file, {"number": number})
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    assert [one["number"] for one in kept_lines(file)] == [0, 1] and file.read_bytes() == whole[:-5]
    keep_line(file, {"number": 2})
    assert file.read_bytes() == whole
    file.write_bytes(whole[:-1])  # whole, but for its end
    keep_line(file, {"number": 3})
    assert [one["number"] for one in kept_lines(file)] == [0, 1, 2, 3]


@pytest.mark.parametrize("other", [b"my notes", b"my notes\n", b"3\n", b"3", b'{"number": 1}\n[]\n', b"\xff\n"])
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path, other):
    file = tmp_path / "kept.jsonl"
    file.write_bytes(other)
    for call in (kept_lines, lambda file: keep_line(file, {})):
        with pytest.raises(ConfigError, match="is not what is measured here: name another with --out"):
            call(file)
    assert file.read_bytes() == other
